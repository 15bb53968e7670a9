package membership

import "muster.example/membership/authority"

// identify says whose key the signer is. Whether the key may do what the event says is for the rules after it: they ask
// for one of the capacities below. [ROLL-13]
func (s *State) identify(c *change) error {
	held := s.keys[c.by.Signer]
	c.author, c.owner, c.recovery, c.root, c.enrolment = nil, nil, false, false, nil
	switch held.use {
	case useDevice:
		c.author, c.owner = held.account, held.account
	case useRecovery:
		if held.account.devices.Recovery() != c.by.Signer {
			return refuse(ReasonKeyRole, "the recovery key was replaced")
		}
		c.owner, c.recovery = held.account, true
	case useRoot:
		if s.root != c.by.Signer {
			return refuse(ReasonKeyRole, "the root key was replaced")
		}
		c.root = true
	case usePromised:
		c.owner = held.account
	case useEnrolment:
		c.enrolment = s.enrolments[c.by.Signer]
	default:
		return refuse(ReasonNotMember, "%s", c.by.Signer.Short())
	}
	return nil
}

// activeDevice: the signer is an active device of a member who is in. [ROLL-13]
func (s *State) activeDevice(c *change) error {
	if c.author == nil {
		return refuse(ReasonNotMember, "%s is no device", c.by.Signer.Short())
	}
	switch device, _ := c.author.devices.Device(c.by.Signer); c.author.standing(device) {
	case StandingActive:
		c.as = authority.AsDevice
		return nil
	case StandingSuspended:
		return refuse(ReasonSuspended, "")
	case StandingRemoved:
		return refuse(ReasonRemoved, "")
	}
	return refuse(ReasonBarred, "%s", c.by.Signer.Short())
}

// byDevice: an active device of a member signed. [ROLL-13]
func byDevice(s *State, c *change) error {
	if err := s.identify(c); err != nil {
		return err
	}
	return s.activeDevice(c)
}

// byRoot: the organization's root key signed. [ROLL-15]
func byRoot(s *State, c *change) error {
	if err := s.identify(c); err != nil {
		return err
	}
	if !c.root {
		return refuse(ReasonKeyRole, "only the root key does this")
	}
	return nil
}

// byDeviceOrRoot: the root key may do what every member may. [ROLL-15]
func byDeviceOrRoot(s *State, c *change) error {
	if err := s.identify(c); err != nil || c.root {
		return err
	}
	return s.activeDevice(c)
}

// byAdmin: an admin's device or the root key signed. [ROLL-15]
func byAdmin(s *State, c *change) error {
	if err := byDeviceOrRoot(s, c); err != nil {
		return err
	}
	if !c.root && c.author.role != RoleAdmin {
		return refuse(ReasonRole, "only an admin may do this")
	}
	c.as = authority.AsAdmin
	return s.notOverself(c)
}

// notOverself: a re-admission by an admin is not of the admin's own account. [ROLL-94]
func (s *State) notOverself(c *change) error {
	if c.event.Readmit != nil && c.author != nil && s.members[c.event.Readmit.Member] == c.author {
		return refuse(ReasonOwnAccount, "")
	}
	return nil
}

// byAdminOrRecovery: an admin's device, the root key or a recovery key signed. [ROLL-92]
func byAdminOrRecovery(s *State, c *change) error {
	if err := s.identify(c); err != nil || c.recovery {
		return err
	}
	return byAdmin(s, c)
}

// byAccount: an active device or the recovery key of an account signed. [ROLL-70]
func byAccount(s *State, c *change) error {
	if err := s.identify(c); err != nil {
		return err
	}
	if c.recovery {
		c.as = authority.AsRecovery
		return c.ownerStays()
	}
	return s.activeDevice(c)
}

// byAccountOrAdmin: a device or recovery key bars in its own account; an admin elsewhere. [ROLL-70] [ROLL-94]
func byAccountOrAdmin(s *State, c *change) error {
	if err := s.identify(c); err != nil {
		return err
	}
	target := s.accountOf(c.event.Bar.Device)
	if target == nil {
		return refuse(ReasonUnknown, "%s is no device", c.event.Bar.Device.Short())
	}
	c.as = c.capacityOver(target)
	switch {
	case c.recovery && c.owner != target:
		return refuse(ReasonKeyRole, "a recovery key speaks for its own account")
	case c.recovery:
		return c.ownerStays()
	case c.root:
		return nil
	}
	as := c.as
	if err := s.activeDevice(c); err != nil {
		return err
	}
	c.as = as
	if as == authority.AsAdmin && c.author.role != RoleAdmin {
		return refuse(ReasonRole, "only an admin bars another member's device")
	}
	return nil
}

// byRefuser: a device of the account, whatever an admin did to it, or its recovery key signed; package authority says
// which. [ROLL-81]
func byRefuser(s *State, c *change) error {
	if err := s.identify(c); err != nil {
		return err
	}
	switch {
	case c.recovery:
		c.as = authority.AsRecovery
	case c.author != nil:
		c.as = authority.AsDevice
	default:
		return refuse(ReasonKeyRole, "only the account refuses a re-admission of it")
	}
	return c.ownerStays()
}

// byPromised: the device that a re-admission names signed. [ROLL-80]
func byPromised(s *State, c *change) error {
	if s.keys[c.by.Signer].use != usePromised {
		return refuse(ReasonUnknown, "no re-admission waits for %s", c.by.Signer.Short())
	}
	c.as = authority.AsNewcomer
	return s.identify(c)
}

// byAnybody: a key that has a counter signed. [ROLL-14]
func byAnybody(s *State, c *change) error {
	if err := s.identify(c); err != nil || c.root {
		return err
	}
	if c.recovery {
		return c.ownerStays()
	}
	if c.enrolment != nil {
		return s.counts(c.enrolment)
	}
	return s.activeDevice(c)
}

func (c *change) ownerStays() error {
	if c.owner.removed {
		return refuse(ReasonRemoved, "")
	}
	return nil
}
