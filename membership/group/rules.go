package group

import "muster.example/internal/keys"

// rule refuses an act or lets it pass. It changes nothing.
type rule func(*Group, *judged) error

// ruleset is what is allowed and what it does. There is one, strict; the proofs loosen copies of it.
type ruleset struct {
	stands  [kinds][]rule              // asked when an act is taken in, and of all acts when they are folded again
	changes [kinds][]rule              // asked when it is taken in: that it is about somebody, and changes something
	room    func(*Group, *judged) int  // how many places the act takes
	again   func(*Group, *judged) bool // the act counts when all are folded again
	effect  [kinds]func(*Group, *judged)
}

const kinds = End + 1

// strict are the rules of a group. [ROLL-140] to [ROLL-148]
var strict = ruleset{
	stands: [kinds][]rule{
		Edit: {open, byModerator}, Ask: {open, byModerator}, Enter: {open, letIn}, Admit: {open, byModerator, asked},
		Leave: {open}, Expel: {open, byModerator}, Moderate: {open, byModerator}, Close: {open, byModerator},
	},
	changes: [kinds][]rule{
		Ask: {outside}, Enter: {notYet}, Admit: {notMember}, Leave: {there, moderated}, Expel: {there, moderated},
		Moderate: {isMember, otherwise, moderated},
	},
	room:  places,
	again: counts,
	effect: [kinds]func(*Group, *judged){
		Create: applyCreate, Edit: applyEdit, Ask: applyAsk, Enter: applyEnter, Admit: applyAdmit, Leave: applyLeave,
		Expel: applyLeave, Moderate: applyModerate, Close: applyClose, End: applyEnd,
	},
}

// Check returns nil if the rules allow the act in a group of at most size members and invited ones, and as many applicants,
// else one of the errors of this package. It changes nothing. A Create and an End need no leave of the group. [ROLL-141]
func (g *Group) Check(act Act, size int) error {
	j := judged{Act: act, admin: act.Admin}
	for _, rules := range [][]rule{g.rules.stands[act.Kind], g.rules.changes[act.Kind]} {
		if err := g.ask(rules, &j); err != nil {
			return err
		}
	}
	return g.fits(&j, size)
}

func (g *Group) ask(rules []rule, j *judged) error {
	for _, allow := range rules {
		if err := allow(g, j); err != nil {
			return err
		}
	}
	return nil
}

// counts: no bar reaches the act, and so folded its author still has the right to it. [ROLL-147]
func counts(g *Group, j *judged) bool { return !j.cut && g.ask(g.rules.stands[j.Kind], j) == nil }

// status returns what the one is to the group whom an act is about.
func (g *Group) status(j *judged) Status {
	status, _ := g.Status(j.about())
	return status
}

// open: nobody acts in a group that is closed, or whose creation counts no more. [ROLL-141]
func open(g *Group, _ *judged) error {
	if g.Closed() {
		return ErrClosed
	}
	return nil
}

// byModerator: the author is a moderator of the group, or an admin. [ROLL-141]
func byModerator(g *Group, j *judged) error {
	if !j.admin && !g.Moderator(j.Author) {
		return ErrModerator
	}
	return nil
}

// letIn: who was invited enters, others where the group lets them enter or apply. [ROLL-144]
func letIn(g *Group, j *judged) error {
	if g.status(j) == Outside && g.admission == Invited {
		return ErrNotInvited
	}
	return nil
}

// asked: a moderator admits who has applied; an admin anybody. [ROLL-144]
func asked(g *Group, j *judged) error {
	if about := g.status(j); about != IsApplied && about != IsMember && !j.admin {
		return ErrUnknown
	}
	return nil
}

// outside: who is invited is not in the group, invited or an applicant. [ROLL-143]
func outside(g *Group, j *judged) error {
	for _, invited := range j.Members {
		if status, _ := g.Status(invited); status != Outside {
			return ErrAlready
		}
	}
	return nil
}

func notYet(g *Group, j *judged) error {
	if about := g.status(j); about == IsMember || about == IsApplied {
		return ErrAlready
	}
	return nil
}

func notMember(g *Group, j *judged) error {
	if g.status(j) == IsMember {
		return ErrAlready
	}
	return nil
}

func there(g *Group, j *judged) error {
	if g.status(j) == Outside {
		return ErrUnknown
	}
	return nil
}

func isMember(g *Group, j *judged) error {
	if g.status(j) != IsMember {
		return ErrUnknown
	}
	return nil
}

func otherwise(g *Group, j *judged) error {
	if g.Moderator(j.about()) == j.On {
		return ErrAlready
	}
	return nil
}

// moderated: the only moderator does not leave others behind, and only an admin's act ends their part. [ROLL-145]
func moderated(g *Group, j *judged) error {
	if !g.lastModerator(j.about()) || j.admin && j.Kind != Leave || j.Kind != Moderate && g.members == 1 {
		return nil
	}
	return ErrLastModerator
}

func (g *Group) lastModerator(member keys.MemberID) bool {
	return g.moderators == 1 && g.Moderator(member)
}

// fits: nobody comes in beyond what the group holds. [ROLL-146]
func (g *Group) fits(j *judged, size int) error {
	if applies := j.Kind == Enter && g.status(j) == Outside && g.admission == Moderated; applies && g.applied >= size {
		return ErrLimit
	}
	if added := g.rules.room(g, j); added > 0 && g.members+g.invited+added > size {
		return ErrLimit
	}
	return nil
}

// places: who is invited has a place; who applies has none. [ROLL-146]
func places(g *Group, j *judged) int {
	switch about := g.status(j); {
	case j.Kind == Ask:
		return len(j.Members)
	case j.Kind == Admit && about != IsInvited, j.Kind == Enter && about == Outside && g.admission != Moderated:
		return 1
	}
	return 0
}
