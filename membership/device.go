package membership

import (
	"muster.example/internal/keys"
	"muster.example/membership/authority"
)

// Device is the event by which an account adds a device: signed by an active device of it or by the recovery key, and by
// the new one. [ROLL-24]
type Device struct {
	Add keys.PublicKey `cbor:"1,keyasint"`
}

func (*Device) kind() *kind                        { return &deviceKind }
func (*Device) form() error                        { return nil }
func (d *Device) cosigner() (keys.PublicKey, bool) { return d.Add, true }
func (d *Device) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Add, Device: d.Add}
}
func (d *Device) account(_ *State, c *change) *account { return c.owner }

var deviceKind = kind{
	rules: []rule{sequenced, byAccount, counted, deviceKey, allowed},
	apply: func(s *State, c *change) {
		s.keys[c.event.Device.Add] = holding{use: useDevice, account: c.target}
		s.act(c)
	},
}

// deviceKey: a device's key is new to the organization; no key comes back and none is two members'. [ROLL-8] [ROLL-9]
func deviceKey(s *State, c *change) error { return s.newKeys(c.event.Device.Add) }

// Bar is the event that bars a device: by itself, by a senior of it, by the account's recovery key, or by an admin.
// [ROLL-73] [ROLL-74]
type Bar struct {
	plain
	Device keys.PublicKey `cbor:"1,keyasint"`
	// After is the position of the roll from which on what the device did is void, and what it introduced barred.
	// Absent in a device's bar of itself and in an admin's, which void nothing.
	After uint64 `cbor:"2,keyasint,omitzero"`
	// Keep names devices that it introduced since and that are good, by this bar.
	Keep keyList `cbor:"3,keyasint,omitempty"`
	// Records is how many of the device's history records count, one more than that: 0 stands for all of them.
	Records uint64 `cbor:"4,keyasint,omitzero"`
	// Wipe asks the device to remove the organization's data, if its owner has told it to obey the signer.
	Wipe bool `cbor:"5,keyasint,omitzero"`
}

func (*Bar) kind() *kind { return &barKind }

func (b *Bar) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Bar, Device: b.Device, After: b.After, Keep: b.Keep}
}

func (b *Bar) account(s *State, _ *change) *account { return s.accountOf(b.Device) }

var barKind = kind{
	rules: []rule{sequenced, byAccountOrAdmin, counted, positioned, barAllowed},
	apply: func(s *State, c *change) {
		bar := c.event.Bar
		o := order{by: c.by.Signer, at: s.size, time: c.now, records: bar.Records, wipe: bar.Wipe, recovery: c.recovery}
		if c.author != c.target {
			o.admin = c.author
		}
		c.target.addOrder(bar.Device, o)
		s.act(c)
		if c.as == authority.AsAdmin {
			s.decide(c, decision{expelled: bar.Device})
		} else {
			s.reach(c.target)
		}
	},
}

// positioned: only the bars of seniors and of the recovery key have a position, and keep devices. [ROLL-73]
func positioned(_ *State, c *change) error {
	bar := c.event.Bar
	if (c.as == authority.AsAdmin || c.by.Signer == bar.Device) && (bar.After != 0 || len(bar.Keep) != 0) {
		return refuse(ReasonMalformed, "the bar has no position and keeps nothing")
	}
	return nil
}

// barAllowed asks the account, unless another admin confirms that a device is barred. [ROLL-73] [ROLL-97]
func barAllowed(s *State, c *change) error {
	err := allowed(s, c)
	if c.as != authority.AsAdmin || c.target == nil {
		return err
	}
	expelled := c.event.Bar.Device
	if s.confirms(c, func(d *decision) (bool, bool) { return d.expelled == expelled, true }) {
		return nil
	}
	return err
}

// Freeze is the event by which a device stops the adding and barring of devices for a while. [ROLL-75]
type Freeze struct{ plain }

func (*Freeze) kind() *kind                          { return &freezeKind }
func (*Freeze) act(*State, *change) authority.Act    { return authority.Act{Kind: authority.Freeze} }
func (*Freeze) account(_ *State, c *change) *account { return c.owner }

// Lift is the event by which the recovery key ends a freeze or, if it names a device, has it wipe nothing. [ROLL-77]
type Lift struct {
	plain
	Wipe keys.PublicKey `cbor:"1,keyasint,omitzero"`
}

func (*Lift) kind() *kind                          { return &liftKind }
func (*Lift) act(*State, *change) authority.Act    { return authority.Act{Kind: authority.Lift} }
func (*Lift) account(_ *State, c *change) *account { return c.owner }

// Order is the event by which the recovery key puts devices in a new order of seniority. [ROLL-78]
type Order struct {
	plain
	Devices keyList `cbor:"1,keyasint"`
}

func (*Order) kind() *kind { return &orderKind }
func (o *Order) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Order, Order: o.Devices}
}
func (*Order) account(_ *State, c *change) *account { return c.owner }

func (o *Order) form() error {
	if len(o.Devices) > MaxListed {
		return refuse(ReasonMalformed, "%d devices in an order, at most %d are allowed", len(o.Devices), MaxListed)
	}
	return nil
}

// Recovery is the event by which the recovery key puts another in its place, which signs too. [ROLL-77]
type Recovery struct {
	Key keys.PublicKey `cbor:"1,keyasint"`
}

func (*Recovery) kind() *kind                          { return &recoveryKind }
func (*Recovery) form() error                          { return nil }
func (r *Recovery) cosigner() (keys.PublicKey, bool)   { return r.Key, true }
func (*Recovery) account(_ *State, c *change) *account { return c.owner }
func (r *Recovery) act(*State, *change) authority.Act {
	return authority.Act{Kind: authority.Replace, Recovery: r.Key}
}

var (
	freezeKind = kind{rules: []rule{sequenced, byAccount, counted, allowed}, apply: (*State).act}
	orderKind  = kind{
		rules: []rule{sequenced, byAccount, counted, allowed},
		apply: func(s *State, c *change) {
			s.act(c)
			s.reach(c.target) // how far bars reach has changed
		},
	}
	liftKind = kind{
		rules: []rule{sequenced, byAccount, counted, liftable},
		apply: func(s *State, c *change) {
			if wipe := c.event.Lift.Wipe; !wipe.IsZero() {
				for i := range c.owner.orders[wipe] {
					c.owner.orders[wipe][i].wipe = false
				}
				return
			}
			s.act(c)
		},
	}
	recoveryKind = kind{
		rules: []rule{sequenced, byAccount, counted, recoveryKey, allowed},
		apply: func(s *State, c *change) {
			s.keys[c.event.Recovery.Key] = holding{use: useRecovery, account: c.owner}
			s.act(c)
		},
	}
)

// liftable: the recovery key lifts a freeze that there is, or cancels a wipe that was asked for. [ROLL-77]
func liftable(s *State, c *change) error {
	wipe := c.event.Lift.Wipe
	if wipe.IsZero() {
		return allowed(s, c)
	}
	if !c.recovery {
		return refuse(ReasonKeyRole, "only the recovery key cancels a wipe")
	}
	if o, _ := c.owner.order(wipe); !o.wipe {
		return refuse(ReasonUnknown, "no wipe of %s was asked for", wipe.Short())
	}
	return nil
}

// recoveryKey: a recovery key is new to the organization. [ROLL-8] [ROLL-9]
func recoveryKey(s *State, c *change) error { return s.newKeys(c.event.Recovery.Key) }

// Cancel is the event that does nothing but use its signer's counter up: whatever the signer had signed under it and
// nobody sequenced is dead. [ROLL-14]
type Cancel struct{ plain }

func (*Cancel) kind() *kind { return &cancelKind }

var cancelKind = kind{
	rules: []rule{sequenced, byAnybody, counted},
	apply: func(*State, *change) {},
}
