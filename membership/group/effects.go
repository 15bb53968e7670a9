package group

import "muster.example/internal/keys"

// take has an act take effect, or marks it void.
func (g *Group) take(j *judged) {
	j.void = !g.rules.again(g, j)
	if j.Kind == Create {
		g.admission, g.gone = j.Admission, j.void
		g.writers = append(g.writers, setting{j.Index, j.Writers})
	}
	if !j.void {
		g.rules.effect[j.Kind](g, j)
	}
}

func applyCreate(g *Group, j *judged) {
	g.enter(j.Author, j.Index)
	g.moderate(j.Author, j.Index, true)
	applyAsk(g, j)
}

func applyEdit(g *Group, j *judged) {
	if j.Admission != 0 {
		g.admission = j.Admission
	}
	if j.Writers != 0 {
		g.writers = append(g.writers, setting{j.Index, j.Writers})
	}
}

func applyAsk(g *Group, j *judged) {
	for _, invited := range j.Members {
		if status, _ := g.Status(invited); status == Outside {
			g.move(invited, IsInvited)
		}
	}
}

func applyEnter(g *Group, j *judged) {
	switch status := g.status(j); {
	case status == Outside && g.admission == Moderated:
		g.move(j.Author, IsApplied)
	case status != IsApplied:
		g.enter(j.Author, j.Index)
	}
}

func applyAdmit(g *Group, j *judged) { g.enter(j.about(), j.Index) }

// applyLeave also closes a group whose last member goes. [ROLL-145]
func applyLeave(g *Group, j *judged) {
	before := g.members
	g.leave(j.about(), j.Index)
	if before > 0 && g.members == 0 {
		applyClose(g, j)
	}
}

func applyModerate(g *Group, j *judged) { g.moderate(j.about(), j.Index, j.On) }

func applyClose(g *Group, j *judged) { g.closed, g.closedAt = true, j.Index }

// applyEnd is for who reads nothing of the group any more: a removed member, who also comes in no more, or one who was
// re-admitted with new keys. [ROLL-147] [ROLL-148]
func applyEnd(g *Group, j *judged) {
	g.leave(j.about(), j.Index)
	p := g.people[j.about()]
	if p == nil && j.On {
		p = &person{}
		g.people[j.about()] = p
	}
	if p != nil {
		p.left, p.out = 0, p.out || j.On
	}
}

// enter makes somebody a member who is none.
func (g *Group) enter(member keys.MemberID, index uint64) {
	if status, _ := g.Status(member); status == IsMember {
		return
	}
	if p := g.move(member, IsMember); p.status == IsMember {
		p.since = index
		p.in = append(p.in, span{from: index})
	}
}

// moderate makes a member a moderator, or one no more.
func (g *Group) moderate(member keys.MemberID, index uint64, on bool) {
	p := g.people[member]
	if p == nil || p.status != IsMember || p.moderator == on {
		return
	}
	p.moderator = on
	if on {
		g.moderators++
		p.moderated = append(p.moderated, span{from: index})
	} else {
		g.moderators--
		p.moderated[len(p.moderated)-1].to = index + 1
	}
}

// leave ends whatever somebody is to the group.
func (g *Group) leave(member keys.MemberID, index uint64) {
	p := g.people[member]
	if p == nil || p.status == Outside {
		return
	}
	if p.status == IsMember {
		g.moderate(member, index, false)
		p.in[len(p.in)-1].to = index + 1
	}
	g.move(member, Outside)
	p.since, p.left = 0, index+1
}

// move gives somebody a status, and counts. Who is out for good keeps theirs.
func (g *Group) move(member keys.MemberID, to Status) *person {
	p := g.people[member]
	if p == nil {
		p = &person{}
		g.people[member] = p
	}
	if p.out {
		return p
	}
	for _, c := range []struct {
		status Status
		by     int
	}{{p.status, -1}, {to, 1}} {
		switch c.status {
		case IsInvited:
			g.invited += c.by
		case IsApplied:
			g.applied += c.by
		case IsMember:
			g.members += c.by
		}
	}
	p.status = to
	return p
}
