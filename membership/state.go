package membership

import (
	"cmp"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/membership/authority"
	"muster.example/membership/names"
)

// State is what the entries of a roll amount to: the same for everybody who folded the same entries. Only a Roll
// changes it. What its methods return is the caller's own.
type State struct {
	org      keys.OrgID
	orgName  string
	root     keys.PublicKey
	roots    []keys.PublicKey // all that there were, the last is root
	policy   Policy
	skin     Skin
	reserved map[string]bool // skeletons of the policy's reserved names
	size     uint64
	stamps   []int64 // of each entry, Unix milliseconds; of one for an audience that of the entry before
	counters authority.Counters
	// tagged are those of events for each audience, of which only its readers know.
	tagged map[Audience]authority.Counters

	members     map[keys.MemberID]*account
	names       map[string]*account // by skeleton
	guests      map[string]*account // by skeleton, as far as this reader knows
	former      map[string]former   // by skeleton
	keys        map[keys.PublicKey]holding
	invitations map[keys.PublicKey]*Issued
	enrolments  map[keys.PublicKey]*enrolment
	decisions   []decision
	vouches     map[keys.EventID][]vouch // for joins that wait
	terms       []Term                   // of sequencing
	sequencer   *Rendezvous              // nil before the second entry
	nodes       []NodeAddress            // further ones, by their keys; replaced as a whole

	archives   []NamedArchive                  // all that there were, the last is in force
	archived   map[keys.MemberID][]Designation // in the order of the roll
	designated int                             // accounts that are designated now

	groups     map[keys.GroupID]*heldGroup
	groupList  []*heldGroup          // in the order of the roll
	groupNames map[string]*heldGroup // of listed ones, by skeleton
}

func newState(org keys.OrgID) *State {
	return &State{
		org:         org,
		counters:    make(authority.Counters),
		tagged:      make(map[Audience]authority.Counters),
		members:     make(map[keys.MemberID]*account),
		names:       make(map[string]*account),
		guests:      make(map[string]*account),
		former:      make(map[string]former),
		keys:        make(map[keys.PublicKey]holding),
		invitations: make(map[keys.PublicKey]*Issued),
		enrolments:  make(map[keys.PublicKey]*enrolment),
		groups:      make(map[keys.GroupID]*heldGroup),
		groupNames:  make(map[string]*heldGroup),
		vouches:     make(map[keys.EventID][]vouch),
		archived:    make(map[keys.MemberID][]Designation),
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

// Member returns an account, removed or not.
func (s *State) Member(id keys.MemberID) (Member, bool) { return s.members[id].snapshot() }

// MemberByName returns the account with a name, in any case. A name that only looks like it finds nobody.
func (s *State) MemberByName(name string) (Member, bool) {
	for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
		for _, index := range []map[string]*account{s.names, s.guests} {
			if a := index[skeleton]; a != nil && sameName(a.name, name) {
				return a.snapshot()
			}
		}
	}
	return Member{}, false
}

// Members returns all accounts, removed ones too, in the order of their names without regard to case, then of their ids.
func (s *State) Members() []Member {
	members := make([]Member, 0, len(s.members))
	for _, a := range s.members {
		m, _ := a.snapshot()
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), a.ID.Compare(b.ID))
	})
	return members
}

// Count returns how many accounts there are that were not removed.
func (s *State) Count() (n int) {
	for _, a := range s.members {
		if !a.removed {
			n++
		}
	}
	return n
}

// MemberOf returns whose active device a key is, or false if nobody's who is in: a recovery key, a node's or an
// invitation's speaks for no account, nor does a device that is barred, or whose member is suspended or removed.
func (s *State) MemberOf(device keys.PublicKey) (keys.MemberID, bool) {
	a := s.accountOf(device)
	if a == nil {
		return keys.MemberID{}, false
	}
	if d, _ := a.devices.Device(device); a.standing(d) != StandingActive {
		return keys.MemberID{}, false
	}
	return a.id, true
}

// AccountOf returns whose device a key is or was, or false if nobody's.
func (s *State) AccountOf(device keys.PublicKey) (keys.MemberID, bool) {
	a := s.accountOf(device)
	if a == nil {
		return keys.MemberID{}, false
	}
	return a.id, true
}

// MemberByRecovery returns the account whose recovery key a key is now.
func (s *State) MemberByRecovery(key keys.PublicKey) (Member, bool) {
	held := s.keys[key]
	if held.use != useRecovery || held.account.devices.Recovery() != key {
		return Member{}, false
	}
	return held.account.snapshot()
}

// PromisedTo returns the account that a waiting re-admission gives to a device.
func (s *State) PromisedTo(device keys.PublicKey) (keys.MemberID, authority.Readmission, bool) {
	held := s.keys[device]
	if held.use != usePromised {
		return keys.MemberID{}, authority.Readmission{}, false
	}
	for _, waiting := range held.account.devices.Readmissions() {
		if waiting.Device == device {
			return held.account.id, waiting, true
		}
	}
	return keys.MemberID{}, authority.Readmission{}, false
}

// Standing returns what a device is to the organization.
func (s *State) Standing(device keys.PublicKey) Standing {
	a := s.accountOf(device)
	if a == nil {
		return StandingNone
	}
	d, _ := a.devices.Device(device)
	return a.standing(d)
}

// Devices returns the active devices of an account in the order in which they were added; none for a stranger, and none
// for a member who is suspended or removed.
func (s *State) Devices(member keys.MemberID) (devices []keys.PublicKey) {
	a, ok := s.members[member]
	if !ok {
		return nil
	}
	for _, d := range a.devices.Devices() {
		if a.standing(d) == StandingActive {
			devices = append(devices, d.Key)
		}
	}
	return devices
}

// EveryDevice returns the devices that an account has or had, whatever became of them, in the order in which they were added.
func (s *State) EveryDevice(member keys.MemberID) (devices []keys.PublicKey) {
	a, ok := s.members[member]
	if !ok {
		return nil
	}
	for _, d := range a.devices.Devices() {
		devices = append(devices, d.Key)
	}
	return devices
}

// ActiveDevices returns the active devices of all members, in no order.
func (s *State) ActiveDevices() (devices []keys.PublicKey) {
	for _, a := range s.members {
		for _, d := range a.devices.Devices() {
			if a.standing(d) == StandingActive {
				devices = append(devices, d.Key)
			}
		}
	}
	return devices
}

// Senior reports whether a device stands above another of the same account. [ROLL-71]
func (s *State) Senior(above, below keys.PublicKey) bool {
	a := s.accountOf(below)
	return a != nil && a.devices.Senior(above, below)
}

// Outcome returns which active devices an event that Check allows would end, and which it would bring back: what to show
// before it is signed. It says nothing of decisions that a bar voids.
func (s *State) Outcome(event Event, now int64) (ended, returned []keys.PublicKey) {
	c := &change{event: event, by: Principal{Org: s.org, Signer: event.Signer}, now: now}
	says := event.bodies()
	if len(says) != 1 {
		return nil, nil
	}
	if _, ok := says[0].(acting); !ok {
		return nil, nil // it changes no account's devices
	}
	for _, allow := range says[0].kind().rules {
		if err := allow(s, c); err != nil {
			return nil, nil
		}
	}
	if c.action.Kind == 0 {
		return nil, nil
	}
	return c.target.devices.Outcome(c.action, s.policy.moment(s.size, now))
}

// Role returns the role of a member in good standing; 0 for others, and for who is none.
func (s *State) Role(member keys.MemberID) Role {
	a := s.members[member]
	if a == nil || a.removed || a.devices.Suspended() {
		return 0
	}
	return a.role
}

// MayContact returns how one member may begin to write to another, by their roles. [ROLL-27]
func (s *State) MayContact(from, to keys.MemberID) Contact {
	writer, reader := s.members[from], s.members[to]
	if writer == nil || reader == nil || reader.removed || reader.devices.Suspended() {
		return ContactRefused
	}
	return s.policy.Contact.Get(writer.role, reader.role)
}

// NextCounter returns the counter that the next event for everybody signed by key must have: 1 for a key that has signed
// none.
func (s *State) NextCounter(key keys.PublicKey) uint64 { return s.counters.Next(key) }

// NextCounterFor returns that of the next event for an audience, as far as this reader knows. [ROLL-14]
func (s *State) NextCounterFor(audience Audience, key keys.PublicKey) uint64 {
	if audience == (Audience{}) {
		return s.NextCounter(key)
	}
	return s.tagged[audience].Next(key)
}

// Invitation returns the invitation with the public key, used up, expired, revoked or not, or false if there is none.
func (s *State) Invitation(key keys.PublicKey) (Issued, bool) {
	issued, ok := s.invitations[key]
	if !ok {
		return Issued{}, false
	}
	return *issued, true
}

// Invitations returns those by which somebody may still join at a stamp, in the order of the roll.
func (s *State) Invitations(now int64) (open []Issued) {
	for _, issued := range s.invitations {
		if issued.Used < issued.Uses && issued.unexpired(now) == nil && s.stands(issued) == nil {
			open = append(open, *issued)
		}
	}
	slices.SortFunc(open, func(a, b Issued) int { return cmp.Compare(a.Since, b.Since) })
	return open
}

// AllInvitations returns every invitation that there ever was, in the order of the roll.
func (s *State) AllInvitations() []Issued {
	all := make([]Issued, 0, len(s.invitations))
	for _, issued := range s.invitations {
		all = append(all, *issued)
	}
	slices.SortFunc(all, func(a, b Issued) int { return cmp.Compare(a.Since, b.Since) })
	return all
}

// Usable returns nil if somebody may join by an invitation at a stamp, else a *Refusal.
func (s *State) Usable(key keys.PublicKey, now int64) error {
	return invited(s, &change{event: Event{Join: &Join{Invitation: key}}, now: now})
}

// accountOf returns whose device a key is or was, nil for none.
func (s *State) accountOf(device keys.PublicKey) *account {
	held, ok := s.keys[device]
	if !ok || held.use != useDevice {
		return nil
	}
	return held.account
}
