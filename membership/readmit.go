package membership

import (
	"muster.example/internal/keys"
	"muster.example/membership/authority"
)

// Readmit is the event by which an admin gives a member who lost everything their account again: a new device and a new
// recovery key, after a delay in which the account can refuse. If the root key signs too, only the recovery key and
// devices that nobody barred can. [ROLL-80] [ROLL-81]
type Readmit struct {
	Member   keys.MemberID  `cbor:"1,keyasint"`
	Device   keys.PublicKey `cbor:"2,keyasint"`
	Recovery keys.PublicKey `cbor:"3,keyasint"`
	Root     keys.PublicKey `cbor:"4,keyasint,omitzero"` // the root key, if it cosigns
}

func (*Readmit) kind() *kind { return &readmitKind }
func (*Readmit) form() error { return nil }

func (r *Readmit) cosigner() (keys.PublicKey, bool) { return r.Root, !r.Root.IsZero() }

func (r *Readmit) act(_ *State, c *change) authority.Act {
	return authority.Act{
		Kind: authority.Readmit, Device: r.Device, Recovery: r.Recovery, Event: c.by.Event, Rooted: c.root || !r.Root.IsZero(),
	}
}

func (r *Readmit) account(s *State, _ *change) *account { return s.members[r.Member] }

var readmitKind = kind{
	rules: []rule{sequenced, byAdmin, counted, readmitKeys, notRemoved, allowed},
	apply: func(s *State, c *change) {
		readmit := c.event.Readmit
		s.keys[readmit.Device] = holding{use: usePromised, account: c.target}
		s.keys[readmit.Recovery] = holding{use: usePromised, account: c.target}
		s.act(c)
	},
}

// readmitKeys: the new device and recovery key are new, and a root key that cosigns is the organization's. [ROLL-80]
func readmitKeys(s *State, c *change) error {
	readmit := c.event.Readmit
	if !readmit.Root.IsZero() && readmit.Root != s.root {
		return refuse(ReasonKeyRole, "%s is not the root key", readmit.Root.Short())
	}
	return s.newKeys(readmit.Device, readmit.Recovery)
}

// Enter is the event by which the device that a re-admission names takes the account, once the delay is over. [ROLL-80]
type Enter struct {
	plain
	Readmission keys.EventID `cbor:"1,keyasint"`
}

func (*Enter) kind() *kind { return &enterKind }

func (e *Enter) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Enter, Event: e.Readmission}
}

func (e *Enter) account(_ *State, c *change) *account { return c.owner }

var enterKind = kind{
	rules: []rule{sequenced, byPromised, counted, notRemoved, allowed, stillGiven},
	apply: func(s *State, c *change) {
		readmission, _ := c.target.devices.Readmission(c.event.Enter.Readmission)
		s.keys[readmission.Device] = holding{use: useDevice, account: c.target}
		s.keys[readmission.Recovery] = holding{use: useRecovery, account: c.target}
		s.act(c)
		s.endInGroups(c.target, false)
	},
}

// stillGiven: a re-admission ends with the power of the admin or root key that made it. [ROLL-80]
func stillGiven(s *State, c *change) error {
	readmission, ok := c.target.devices.Readmission(c.event.Enter.Readmission)
	if !ok {
		return refuse(ReasonUnknown, "no such re-admission waits")
	}
	if s.keys[readmission.By].use == useRoot {
		if readmission.By != s.root {
			return refuse(ReasonKeyRole, "the root key that re-admitted the member was replaced")
		}
		return nil
	}
	admin := s.accountOf(readmission.By)
	if admin.devices.Void(readmission.By, readmission.Index) || !admin.governs() {
		return refuse(ReasonRole, "who re-admitted the member is no admin any more")
	}
	return nil
}

// Refuse is the event by which an account refuses a re-admission. [ROLL-81]
type Refuse struct {
	plain
	Readmission keys.EventID `cbor:"1,keyasint"`
}

func (*Refuse) kind() *kind { return &refuseKind }

func (r *Refuse) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Refuse, Event: r.Readmission}
}

func (*Refuse) account(_ *State, c *change) *account { return c.owner }

var refuseKind = kind{rules: []rule{sequenced, byRefuser, counted, allowed}, apply: (*State).act}
