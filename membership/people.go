package membership

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership/authority"
)

// Ahead is who joins ahead of a roll, as JudgeEarly found them. It is never changed; the zero value holds nobody.
type Ahead struct {
	members map[keys.MemberID]EarlyJoin
	devices map[keys.PublicKey]keys.MemberID
}

// NewAhead gathers judged joins.
func NewAhead(joins []EarlyJoin) Ahead {
	a := Ahead{make(map[keys.MemberID]EarlyJoin, len(joins)), make(map[keys.PublicKey]keys.MemberID, len(joins))}
	for _, join := range joins {
		a.members[join.Member], a.devices[join.Device] = join, join.Member
	}
	return a
}

// People is whom one may meet and write to, one to one: the members by a roll, and those who join ahead of it. It is no state of the roll:
// what has to do with groups, carriers, guests or leave to change anything asks the State, where they are not. Of whoever the roll knows,
// it has the last word. [ROLL-197]
type People struct {
	state *State
	ahead Ahead
}

// With returns the members of the roll together with who joins ahead of it.
func (s *State) With(ahead Ahead) People { return People{s, ahead} }

// Ahead returns the join of a member whom the roll does not have.
func (p People) Ahead(member keys.MemberID) (EarlyJoin, bool) {
	join, ok := p.ahead.members[member]
	if !ok || p.state.members[member] != nil || p.state.keys[join.Device].use != 0 {
		return EarlyJoin{}, false
	}
	return join, true
}

// IsAhead reports whether a device is one of somebody who joins ahead of the roll.
func (p People) IsAhead(device keys.PublicKey) bool {
	member, ok := p.ahead.devices[device]
	if ok {
		_, ok = p.Ahead(member)
	}
	return ok
}

// AheadDevices returns the devices of all who join ahead of the roll, in the order of their keys.
func (p People) AheadDevices() (devices []keys.PublicKey) {
	for device := range p.ahead.devices {
		if p.IsAhead(device) {
			devices = append(devices, device)
		}
	}
	slices.SortFunc(devices, keys.PublicKey.Compare)
	return devices
}

// MemberOf returns whose active device a key is, as State.MemberOf does.
func (p People) MemberOf(device keys.PublicKey) (keys.MemberID, bool) {
	if p.IsAhead(device) {
		return p.ahead.devices[device], true
	}
	return p.state.MemberOf(device)
}

// Devices returns the active devices of an account, as State.Devices does.
func (p People) Devices(member keys.MemberID) []keys.PublicKey {
	if join, ok := p.Ahead(member); ok {
		return []keys.PublicKey{join.Device}
	}
	return p.state.Devices(member)
}

// Member returns an account, as State.Member does. Who joins ahead of the roll is shown as the member that they would be.
func (p People) Member(id keys.MemberID) (Member, bool) {
	join, ok := p.Ahead(id)
	if !ok {
		return p.state.Member(id)
	}
	return Member{
		ID: id, Name: join.Name, Role: RoleMember, Recovery: join.Recovery, Invitation: join.Invitation,
		Devices: []MemberDevice{{Device: authority.Device{Key: join.Device}, Standing: StandingActive}},
	}, true
}

// MemberByName returns the account with a name, as State.MemberByName does; of those who join ahead of the roll none whose name could not
// be on it beside another's of them.
func (p People) MemberByName(name string) (Member, bool) {
	if m, ok := p.state.MemberByName(name); ok {
		return m, true
	}
	var found Member
	alike := 0
	for id := range p.ahead.members {
		m, ok := p.Member(id)
		if _, ahead := p.Ahead(id); !ok || !ahead || !p.state.AreAlike(m.Name, name) {
			continue
		}
		if alike++; sameName(m.Name, name) {
			found = m
		}
	}
	return found, alike == 1 && !found.ID.IsZero()
}

// Role returns the role of a member in good standing, as State.Role does.
func (p People) Role(member keys.MemberID) Role {
	if _, ok := p.Ahead(member); ok {
		return RoleMember
	}
	return p.state.Role(member)
}

// MayContact returns how one may begin to write to another by their roles, as State.MayContact does. [ROLL-27]
func (p People) MayContact(from, to keys.MemberID) Contact {
	one, known := p.Member(from)
	other := p.Role(to)
	if !known || one.Role == 0 || other == 0 {
		return ContactRefused
	}
	return p.state.policy.Contact.Get(one.Role, other)
}
