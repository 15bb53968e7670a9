package membership

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/membership/authority"
	"muster.example/membership/group"
)

// account is a member as the fold keeps it.
type account struct {
	id      keys.MemberID
	name    string // "" for a guest whose name is not for us to read
	role    Role
	removed bool
	joined  uint64 // the index of the entry that admitted the member
	entered uint64 // the index of the entry of the last re-admission, 0 for none
	// invitation is by which the member joined, zero for the founder.
	invitation keys.PublicKey
	devices    *authority.Account
	orders     map[keys.PublicKey][]order // of the bars of each device, in the order of the roll; nil before the first
	first      Role                       // the role before any decision: member for who joined with a higher one
	suspended  []absence                  // by the decisions that are not void, in the order of the roll
	formers    []string                   // names that it gave up and that are held, the oldest first
	decides    bool                       // a device of it made a decision that a bar can void
	decided    []int                      // the places of those about it among all decisions
	// groups are those in which it acted, or of whose acts it was the subject.
	groups map[keys.GroupID]*heldGroup
}

// absence is a time in which a member was suspended: from an index to the one that ended it, 0 while it lasts.
type absence struct{ from, to uint64 }

// order is what a bar of a device says beside ending it.
type order struct {
	by       keys.PublicKey
	admin    *account // whose device by is; nil if it is of the account itself, or the root key
	recovery bool     // by is the account's recovery key
	at       uint64
	time     int64
	records  uint64 // as in Bar
	wipe     bool
	void     bool // if admin: the decision counts no more
}

// Standing is what a device is to the organization.
type Standing uint8

// The standings.
const (
	StandingNone      Standing = iota // no member's device, now or ever
	StandingActive                    // may act for its member
	StandingBarred                    // by itself, a senior, the recovery key or an admin, or along with another
	StandingSuspended                 // its member is suspended
	StandingRemoved                   // its member was removed
	StandingEnded                     // its member was re-admitted with another
)

var standingText = [...]string{
	StandingNone: "unknown", StandingActive: "active", StandingBarred: "barred", StandingSuspended: "suspended",
	StandingRemoved: "removed", StandingEnded: "ended",
}

// String returns a word.
func (s Standing) String() string { return standingText[s] }

// Member is an account.
type Member struct {
	ID           keys.MemberID
	Name         string // "" for a guest whose name is not for this reader
	Role         Role
	Recovery     keys.PublicKey
	Devices      []MemberDevice // all, in the order in which they were added
	Joined       uint64         // the index of the entry that admitted the member
	Entered      uint64         // the index of the entry by which a re-admission took effect, 0 for none
	Invitation   keys.PublicKey // by which the member joined, zero for the founder
	Suspended    bool
	Removed      bool
	FrozenUntil  int64 // stamp until which the account is frozen, Unix milliseconds; in the past if it is not
	Readmissions []authority.Readmission
}

// MemberDevice is a device that an account has or had.
type MemberDevice struct {
	authority.Device
	Standing Standing
	BarredBy keys.PublicKey // who signed the bar of this very device that counts, see account.order; zero for none
	BarredAt int64          // its stamp, Unix milliseconds
	Records  uint64         // how many of its history records count, one more than that; 0: all
	Wipe     bool           // that bar asks it to remove the organization's data
	WipeKey  bool           // and that bar is by the account's recovery key
}

// standing returns what a device of the account is.
func (a *account) standing(d authority.Device) Standing {
	switch {
	case a.removed:
		return StandingRemoved
	case d.Ended:
		return StandingEnded
	case !d.Active():
		return StandingBarred
	case a.devices.Suspended():
		return StandingSuspended
	}
	return StandingActive
}

// snapshot returns a copy that shares nothing with the state; false for nil.
func (a *account) snapshot() (Member, bool) {
	if a == nil {
		return Member{}, false
	}
	m := Member{
		ID: a.id, Name: a.name, Role: a.role, Recovery: a.devices.Recovery(), Joined: a.joined, Entered: a.entered,
		Invitation: a.invitation,
		Suspended:  a.devices.Suspended(), Removed: a.removed, Readmissions: a.devices.Readmissions(),
	}
	m.FrozenUntil, _, _ = a.devices.Frozen(0)
	for _, d := range a.devices.Devices() {
		o, _ := a.order(d.Key)
		m.Devices = append(m.Devices, MemberDevice{
			Device: d, Standing: a.standing(d), BarredBy: o.by, BarredAt: o.time, Records: o.records, Wipe: o.wipe, WipeKey: o.recovery,
		})
	}
	return m, true
}

// order returns what counts of what the bars of a device said: the last by the recovery key or, if there is none, the last
// one that is not void. false if none counts. [ROLL-74]
func (a *account) order(device keys.PublicKey) (*order, bool) {
	var last *order
	orders := a.orders[device]
	for i := range orders {
		if o := &orders[i]; o.recovery || (last == nil || !last.recovery) && !a.void(o) {
			last = o
		}
	}
	if last == nil {
		return &order{}, false
	}
	return last, true
}

// void reports whether a bar that an order came with counts no more.
func (a *account) void(o *order) bool {
	if o.admin != nil {
		return o.void
	}
	return a.devices.Void(o.by, o.at)
}

// voidOrders has what an admin's bar says count as long as its decision.
func (a *account) voidOrders(d *decision) {
	orders := a.orders[d.expelled]
	for i := range orders {
		if orders[i].at == d.index {
			orders[i].void = d.void
		}
	}
}

// addOrder takes in what a bar says.
func (a *account) addOrder(device keys.PublicKey, added order) {
	if a.orders == nil {
		a.orders = make(map[keys.PublicKey][]order)
	}
	a.orders[device] = append(a.orders[device], added)
}

// keyList is a list of keys that travels as an array and may not be empty where it is there.
type keyList []keys.PublicKey

// acting is a body that acts on one account, by the rules of package authority.
type acting interface {
	act(*State, *change) authority.Act
	account(*State, *change) *account
}

// allowed asks the account that an event acts on. [ROLL-70]
func allowed(s *State, c *change) error {
	says := c.event.says().(acting)
	if c.target = says.account(s, c); c.target == nil {
		return refuse(ReasonUnknown, "")
	}
	c.action = says.act(s, c)
	c.action.As, c.action.Signer = c.as, c.by.Signer
	return refusalOf(c.target.devices.Check(c.action, s.policy.moment(s.size, c.now)))
}

// act does what allowed let pass.
func (s *State) act(c *change) {
	c.target.devices.Apply(c.action, s.policy.moment(s.size, c.now))
	if c.action.Kind == authority.Enter {
		c.target.entered = s.size
	}
}

// reasons are what the errors of packages authority and group mean here.
var reasons = map[error]Reason{
	authority.ErrSigner: ReasonBarred, authority.ErrCapacity: ReasonKeyRole, authority.ErrSenior: ReasonSenior,
	authority.ErrFrozen: ReasonFrozen, authority.ErrCooling: ReasonCooling, authority.ErrNotFrozen: ReasonAlready,
	authority.ErrSuspended: ReasonSuspended, authority.ErrUnknown: ReasonUnknown, authority.ErrAlready: ReasonAlready,
	authority.ErrPosition: ReasonFuture, authority.ErrLimit: ReasonLimit, authority.ErrEarly: ReasonEarly,
	authority.ErrList: ReasonMalformed,

	group.ErrModerator: ReasonRole, group.ErrLastModerator: ReasonLastModerator, group.ErrClosed: ReasonGroupClosed,
	group.ErrNotInvited: ReasonNotInvited, group.ErrUnknown: ReasonUnknown, group.ErrAlready: ReasonAlready,
	group.ErrLimit: ReasonLimit,
}

func refusalOf(err error) error {
	if err == nil {
		return nil
	}
	for known, reason := range reasons {
		if errors.Is(err, known) {
			return refuse(reason, "%v", err)
		}
	}
	return refuse(ReasonMalformed, "%v", err)
}
