package membership

import (
	"cmp"
	"slices"

	"muster.example/internal/keys"
)

// State is what the entries of a roll amount to: the same for everybody who folded the same entries. Only a Roll
// changes it. What its methods return is the caller's own.
type State struct {
	org     keys.OrgID
	orgName string
	root    keys.PublicKey
	policy  Policy
	size    uint64
	stamps  []int64 // of each entry, Unix milliseconds

	members     map[keys.MemberID]*Member
	names       map[string]*Member // by foldName
	keys        map[keys.PublicKey]holding
	invitations map[keys.PublicKey]*Issued
	sequencer   *Rendezvous // nil before the second entry
}

// Member is an account.
type Member struct {
	ID       keys.MemberID
	Name     string
	Role     Role
	Recovery keys.PublicKey
	Devices  []MemberDevice // in the order in which they were added
	Joined   uint64         // the index of the entry that admitted the member
}

// MemberDevice is an active device of an account.
type MemberDevice struct {
	Key   keys.PublicKey
	By    keys.PublicKey // the device that introduced it, zero for the first
	Since uint64         // the index of the entry that added it
}

func newState(org keys.OrgID) *State {
	return &State{
		org:         org,
		members:     make(map[keys.MemberID]*Member),
		names:       make(map[string]*Member),
		keys:        make(map[keys.PublicKey]holding),
		invitations: make(map[keys.PublicKey]*Issued),
	}
}

// Org returns the organization's name: the hash of its founding event.
func (s *State) Org() keys.OrgID { return s.org }

// OrgName returns what people call the organization, "" before it is founded.
func (s *State) OrgName() string { return s.orgName }

// RootKey returns the organization's root key.
func (s *State) RootKey() keys.PublicKey { return s.root }

// Policy returns the policy in force.
func (s *State) Policy() Policy { return s.policy.clone() }

// Size returns the number of entries folded.
func (s *State) Size() uint64 { return s.size }

// Time returns the stamp of the last entry in Unix milliseconds, 0 for an empty roll. A sequencer whose clock is behind
// stamps with this.
func (s *State) Time() int64 {
	if len(s.stamps) == 0 {
		return 0
	}
	return s.stamps[len(s.stamps)-1]
}

// Sequencer returns the node that orders the roll, or false before the roll names one.
func (s *State) Sequencer() (Rendezvous, bool) {
	if s.sequencer == nil {
		return Rendezvous{}, false
	}
	return s.sequencer.clone(), true
}

// Member returns an account.
func (s *State) Member(id keys.MemberID) (Member, bool) { return s.members[id].copied() }

// MemberByName returns the account with a name, in any case.
func (s *State) MemberByName(name string) (Member, bool) { return s.names[foldName(name)].copied() }

// Members returns all accounts in the order of their names, without regard to case.
func (s *State) Members() []Member {
	type named struct {
		fold   string
		member *Member
	}
	all := make([]named, 0, len(s.names))
	for fold, member := range s.names {
		all = append(all, named{fold, member})
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Compare(a.fold, b.fold) })
	members := make([]Member, len(all))
	for i, n := range all {
		members[i], _ = n.member.copied()
	}
	return members
}

// MemberOf returns whose active device a key is, or false if it is nobody's: a recovery key, a node's or an
// invitation's speaks for no account.
func (s *State) MemberOf(device keys.PublicKey) (keys.MemberID, bool) {
	held, ok := s.keys[device]
	if !ok || held.use != useDevice {
		return keys.MemberID{}, false
	}
	return held.member.ID, true
}

// Devices returns the active devices of an account in the order in which they were added; none for a stranger.
func (s *State) Devices(member keys.MemberID) []keys.PublicKey {
	m, ok := s.members[member]
	if !ok {
		return nil
	}
	devices := make([]keys.PublicKey, len(m.Devices))
	for i, device := range m.Devices {
		devices[i] = device.Key
	}
	return devices
}

// NextCounter returns the counter that the next event signed by key must have: 1 for a key that has signed none.
func (s *State) NextCounter(key keys.PublicKey) uint64 { return s.keys[key].counter + 1 }

// Invitation returns the invitation with the public key, used up or expired or not, or false if there is none.
func (s *State) Invitation(key keys.PublicKey) (Issued, bool) {
	issued, ok := s.invitations[key]
	if !ok {
		return Issued{}, false
	}
	return *issued, true
}

// copied returns a copy that shares nothing with the state; false for nil.
func (m *Member) copied() (Member, bool) {
	if m == nil {
		return Member{}, false
	}
	member := *m
	member.Devices = slices.Clone(m.Devices)
	return member, true
}
