package membership

import (
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/membership/names"
)

// NameChange is the event that gives a member another name: the member's own, or an admin's of somebody else. A guest's
// is for desks only. [ROLL-33]
type NameChange struct {
	plain
	Member keys.MemberID `cbor:"1,keyasint,omitzero"` // zero for the author
	Name   string        `cbor:"2,keyasint"`
}

func (*NameChange) kind() *kind { return &nameKind }

func (n *NameChange) form() error { return checkNameSize("name", n.Name) }

var nameKind = kind{
	rules: []rule{sequenced, byDeviceOrRoot, nameTarget, counted, newName},
	apply: func(s *State, c *change) { s.rename(c.target, c.event.Name.Name, c.now) },
}

// nameTarget: a member names themself, an admin somebody else too. [ROLL-33]
func nameTarget(s *State, c *change) error {
	id := c.event.Name.Member
	switch {
	case id.IsZero() && c.author != nil:
		c.target = c.author
		return nil
	case c.author != nil && c.author.role != RoleAdmin:
		return refuse(ReasonRole, "only an admin names somebody else")
	}
	if c.target = s.members[id]; c.target == nil {
		return refuse(ReasonUnknown, "no member %s", id.Short())
	}
	return c.target.stays()
}

func (a *account) stays() error {
	if a.removed {
		return refuse(ReasonRemoved, "")
	}
	return nil
}

// newName: the policy lets the member have it. [ROLL-32]
func newName(s *State, c *change) error {
	if c.event.Name.Name == c.target.name {
		return refuse(ReasonAlready, "")
	}
	given := c.root || c.author.role == RoleAdmin
	return s.mayBeNamed(c.target, c.event.Name.Name, given, c.now)
}

// former is a name that somebody gave up.
type former struct {
	account *account
	until   int64 // stamp
}

// mayBeNamed checks a name for an account, nil for somebody who joins. given says that an admin gives it. [ROLL-30]
// [ROLL-31] [ROLL-32] [ROLL-34] [ROLL-35]
func (s *State) mayBeNamed(account *account, name string, given bool, now int64) error {
	if err := checkName(name, s.policy.Tables); err != nil {
		return err
	}
	if !given {
		if err := s.mayName(name); err != nil {
			return err
		}
	}
	guest := account != nil && account.role == RoleGuest
	for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
		holder := s.names[skeleton]
		if holder == nil && guest {
			holder = s.guests[skeleton]
		}
		if holder != nil && holder != account {
			return refuse(ReasonNameTaken, "%q is %q, or looks like it", name, holder.name)
		}
		if g := s.groupNames[skeleton]; g != nil {
			return refuse(ReasonNameTaken, "%q is the group %q, or looks like it", name, g.name)
		}
		if f := s.former[skeleton]; !given && f.account != nil && f.account != account && now < f.until {
			return refuse(ReasonNameHeld, "%q", name)
		}
	}
	return nil
}

// mayName checks a name that a member chose against the policy. [ROLL-32]
func (s *State) mayName(name string) error {
	switch {
	case s.policy.NameRule == NamesApproved:
		return refuse(ReasonNameRule, "an admin gives names here")
	case s.policy.NameRule == NamesByClaim:
		return refuse(ReasonNameRule, "the login provider gives names here")
	case s.policy.NameRule == NamesByPattern && !names.Match(s.policy.NamePattern, name):
		return refuse(ReasonNameRule, "it does not match %q", s.policy.NamePattern)
	case s.isReserved(name):
		return refuse(ReasonNameReserved, "%q", name)
	}
	return nil
}

// enrolledName: who joins by an enrolment key has the name that the provider says, if that is the rule, and else one that a
// member may choose. [ROLL-32] [ROLL-184]
func (s *State) enrolledName(e *enrolment, c *change) error {
	name := c.event.Join.Name
	if s.policy.NameRule != NamesByClaim {
		return s.mayBeNamed(nil, name, false, c.now)
	}
	switch held := s.nameHeld(name, c.now); {
	case e.Terms.Claim == "":
		return refuse(ReasonNameRule, "names are a provider's claim here, and the enrolment key names none")
	case s.isReserved(name):
		return refuse(ReasonNameReserved, "%q", name)
	case held:
		return refuse(ReasonNameHeld, "%q", name)
	}
	return s.mayBeNamed(nil, name, true, c.now)
}

// nameHeld reports whether a name was another's until lately. [ROLL-34]
func (s *State) nameHeld(name string, now int64) bool {
	return slices.ContainsFunc(names.Skeletons(name, s.policy.Tables), func(skeleton string) bool {
		f := s.former[skeleton]
		return f.account != nil && now < f.until
	})
}

// isReserved reports whether a name is, or looks like, one that the policy reserves.
func (s *State) isReserved(name string) bool {
	return slices.ContainsFunc(names.Skeletons(name, s.policy.Tables), func(skeleton string) bool { return s.reserved[skeleton] })
}

// rename gives an account a name that is free. [ROLL-34]
func (s *State) rename(account *account, name string, now int64) {
	index := s.names
	if account.role == RoleGuest {
		index = s.guests
	}
	if account.name != "" && account.role != RoleGuest {
		s.holdFew(account)
	}
	for _, skeleton := range names.Skeletons(account.name, s.policy.Tables) {
		if account.name != "" && index[skeleton] == account {
			delete(index, skeleton)
			if account.role != RoleGuest {
				s.former[skeleton] = former{account: account, until: now + int64(s.policy.NameHold)*1000}
			}
		}
	}
	account.name = name
	if name == "" {
		return
	}
	account.formers = slices.DeleteFunc(account.formers, func(f string) bool { return f == name })
	for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
		index[skeleton] = account
		if s.former[skeleton].account == account {
			delete(s.former, skeleton)
		}
	}
}

// maxHeld is how many former names of an account are held.
const maxHeld = 2

// holdFew makes room for the name that an account gives up among those that are held: the oldest is freed. [ROLL-34]
func (s *State) holdFew(a *account) {
	a.formers = append(a.formers, a.name)
	if len(a.formers) <= maxHeld {
		return
	}
	freed := a.formers[0]
	a.formers = slices.Clone(a.formers[1:])
	held := make(map[string]bool)
	for _, name := range a.formers {
		for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
			held[skeleton] = true
		}
	}
	for _, skeleton := range names.Skeletons(freed, s.policy.Tables) {
		if s.former[skeleton].account == a && !held[skeleton] {
			delete(s.former, skeleton)
		}
	}
}

// CheckName returns nil if the rule allows name for a member or an organization, else a *Refusal with ReasonNameRule.
// [ROLL-30]
func CheckName(name string) error { return checkName(name, names.Tables) }

func checkName(name string, tables uint64) error {
	if err := names.Check(name, tables); err != nil {
		return refuse(ReasonNameRule, "%s", strings.TrimPrefix(err.Error(), "names: "))
	}
	return notAnID(name)
}

// notAnID: a name that reads as the id of a member or device could catch what is meant for them.
func notAnID(name string) error {
	_, errID := keys.ParseID[keys.Member](strings.ToLower(name))
	_, errKey := keys.ParsePublicKey(name)
	if errID == nil || errKey == nil {
		return refuse(ReasonNameRule, "it reads as the id of a member or device")
	}
	return nil
}

// sameName reports whether two names differ at most in case.
func sameName(a, b string) bool { return a == b || strings.EqualFold(a, b) }
