package membershiptest

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// Each kind of event has a pair: …Event makes the event, signed by any key, with the counter and size that it could have
// next; the step without that ending appends it and fails the test if it is refused.

// sign returns an event that fill gives its kind, with the counter for its audience.
func (o *Org) sign(by keys.PrivateKey, cosigner *keys.PrivateKey, fill func(*membership.Event)) membership.SignedEvent {
	e := o.Event(by)
	fill(&e)
	audience := o.Roll.AudienceOf(membership.SignEvent(e, by, cosigner))
	e.Counter = o.Roll.State().NextCounterFor(audience, by.Public()) // 1 of an audience that the event itself makes
	return membership.SignEvent(e, by, cosigner)
}

// BarEvent returns the bar of a device with a position of the roll (0 for the bars that have none, of a device by itself
// and by an admin) and the devices that it keeps.
func (o *Org) BarEvent(by keys.PrivateKey, device keys.PublicKey, after uint64, keep ...keys.PublicKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.Bar = &membership.Bar{Device: device, After: after, Keep: keep}
	})
}

// Bar appends BarEvent.
func (o *Org) Bar(by keys.PrivateKey, device keys.PublicKey, after uint64, keep ...keys.PublicKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.BarEvent(by, device, after, keep...))
}

// FreezeEvent returns a freeze of the account of a device.
func (o *Org) FreezeEvent(by keys.PrivateKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Freeze = &membership.Freeze{} })
}

// Freeze appends FreezeEvent.
func (o *Org) Freeze(by keys.PrivateKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.FreezeEvent(by))
}

// LiftEvent returns the lift of a freeze or, for a key that is not zero, of the order that this device wipe itself.
func (o *Org) LiftEvent(by keys.PrivateKey, wipe keys.PublicKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Lift = &membership.Lift{Wipe: wipe} })
}

// Lift appends the LiftEvent of a freeze.
func (o *Org) Lift(by keys.PrivateKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.LiftEvent(by, keys.PublicKey{}))
}

// OrderEvent returns a new order of seniority, the most senior device first.
func (o *Org) OrderEvent(by keys.PrivateKey, devices ...keys.PublicKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Order = &membership.Order{Devices: devices} })
}

// Order appends OrderEvent.
func (o *Org) Order(by keys.PrivateKey, devices ...keys.PublicKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.OrderEvent(by, devices...))
}

// ReplaceRecoveryEvent returns the event that puts next in the place of a recovery key.
func (o *Org) ReplaceRecoveryEvent(by, next keys.PrivateKey) membership.SignedEvent {
	return o.sign(by, &next, func(e *membership.Event) { e.Recovery = &membership.Recovery{Key: next.Public()} })
}

// ReplaceRecovery gives an account a fresh recovery key, signed by the one it had.
func (o *Org) ReplaceRecovery(m *Member) membership.Entry {
	o.t.Helper()
	next := o.Key()
	entry := o.Append(o.ReplaceRecoveryEvent(m.Recovery, next))
	m.Recovery = next
	return entry
}

// AddBy adds a device to an account, signed by any key.
func (o *Org) AddBy(m *Member, by keys.PrivateKey) keys.PrivateKey {
	o.t.Helper()
	device := o.Key()
	o.Append(o.DeviceEvent(by, device))
	m.Devices = append(m.Devices, device)
	return device
}

// SetRoleEvent returns the event that gives a member another role.
func (o *Org) SetRoleEvent(by keys.PrivateKey, m *Member, role membership.Role) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Role = &membership.RoleChange{Member: m.ID, Role: role} })
}

// SetRole appends SetRoleEvent.
func (o *Org) SetRole(by keys.PrivateKey, m *Member, role membership.Role) membership.Entry {
	o.t.Helper()
	return o.Append(o.SetRoleEvent(by, m, role))
}

// SuspendEvent returns the suspension of a member.
func (o *Org) SuspendEvent(by keys.PrivateKey, m *Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Suspend = &membership.Suspend{Member: m.ID} })
}

// Suspend appends SuspendEvent.
func (o *Org) Suspend(by keys.PrivateKey, m *Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.SuspendEvent(by, m))
}

// ReinstateEvent returns the end of a suspension.
func (o *Org) ReinstateEvent(by keys.PrivateKey, m *Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Reinstate = &membership.Reinstate{Member: m.ID} })
}

// Reinstate appends ReinstateEvent.
func (o *Org) Reinstate(by keys.PrivateKey, m *Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.ReinstateEvent(by, m))
}

// RemoveEvent returns the end of a membership.
func (o *Org) RemoveEvent(by keys.PrivateKey, m *Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Remove = &membership.Remove{Member: m.ID} })
}

// Remove appends RemoveEvent.
func (o *Org) Remove(by keys.PrivateKey, m *Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.RemoveEvent(by, m))
}

// ReadmitEvent returns the re-admission of a member with a new device and recovery key; rooted has the root key cosign.
func (o *Org) ReadmitEvent(
	by keys.PrivateKey, m *Member, device, recovery keys.PublicKey, rooted bool,
) membership.SignedEvent {
	readmit := &membership.Readmit{Member: m.ID, Device: device, Recovery: recovery}
	var cosigner *keys.PrivateKey
	if rooted {
		readmit.Root, cosigner = o.Root.Public(), &o.Root
	}
	return o.sign(by, cosigner, func(e *membership.Event) { e.Readmit = readmit })
}

// Readmit appends ReadmitEvent and returns its name, which Enter and Refuse take.
func (o *Org) Readmit(by keys.PrivateKey, m *Member, device, recovery keys.PublicKey, rooted bool) keys.EventID {
	o.t.Helper()
	event := o.ReadmitEvent(by, m, device, recovery, rooted)
	o.Append(event)
	return event.ID()
}

// EnterEvent returns the event by which a device takes the account that a re-admission gives it.
func (o *Org) EnterEvent(device keys.PrivateKey, readmission keys.EventID) membership.SignedEvent {
	return o.sign(device, nil, func(e *membership.Event) { e.Enter = &membership.Enter{Readmission: readmission} })
}

// Enter appends EnterEvent.
func (o *Org) Enter(device keys.PrivateKey, readmission keys.EventID) membership.Entry {
	o.t.Helper()
	return o.Append(o.EnterEvent(device, readmission))
}

// Wait moves the clock past the delay of a re-admission.
func (o *Org) Wait() { o.After(o.Roll.State().Policy().ReadmitDelay) }

// RefuseEvent returns the refusal of a re-admission.
func (o *Org) RefuseEvent(by keys.PrivateKey, readmission keys.EventID) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Refuse = &membership.Refuse{Readmission: readmission} })
}

// Refuse appends RefuseEvent.
func (o *Org) Refuse(by keys.PrivateKey, readmission keys.EventID) membership.Entry {
	o.t.Helper()
	return o.Append(o.RefuseEvent(by, readmission))
}

// RenameEvent returns the event that gives a member a name: another's, or with nil the signer's own.
func (o *Org) RenameEvent(by keys.PrivateKey, m *Member, name string) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.Name = &membership.NameChange{Name: name}
		if m != nil {
			e.Name.Member = m.ID
		}
	})
}

// Rename appends RenameEvent.
func (o *Org) Rename(by keys.PrivateKey, m *Member, name string) membership.Entry {
	o.t.Helper()
	return o.Append(o.RenameEvent(by, m, name))
}

// ReplaceRootEvent returns the event that puts next in the place of the root key.
func (o *Org) ReplaceRootEvent(by, next keys.PrivateKey) membership.SignedEvent {
	return o.sign(by, &next, func(e *membership.Event) { e.Root = &membership.RootChange{Key: next.Public()} })
}

// ReplaceRoot gives the organization a fresh root key, signed by the one it had.
func (o *Org) ReplaceRoot() membership.Entry {
	o.t.Helper()
	next := o.Key()
	entry := o.Append(o.ReplaceRootEvent(o.Root, next))
	o.Root = next
	return entry
}

// CancelEvent returns the event that uses its signer's counter up.
func (o *Org) CancelEvent(by keys.PrivateKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Cancel = &membership.Cancel{} })
}

// Cancel appends CancelEvent.
func (o *Org) Cancel(by keys.PrivateKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.CancelEvent(by))
}

// RevokeEvent returns the event that takes an invitation back.
func (o *Org) RevokeEvent(by keys.PrivateKey, invitation keys.PublicKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Revoke = &membership.Revoke{Key: invitation} })
}

// Revoke appends RevokeEvent.
func (o *Org) Revoke(by keys.PrivateKey, invitation keys.PublicKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.RevokeEvent(by, invitation))
}

// Refused fails the test unless the rules refuse an event now for the reason, and nothing changes by it.
func (o *Org) Refused(event membership.SignedEvent, reason membership.Reason) {
	o.t.Helper()
	size := o.Roll.Size()
	root := o.RootAt(size)
	entry := o.Entry(event)
	dry, err := o.Roll.Check(event, entry.Time), o.Roll.Append(entry)
	if !errors.Is(err, reason) || !errors.Is(dry, reason) {
		o.t.Errorf("Append says %v and Check %v, want %v", err, dry, reason)
	}
	if err != nil && (o.Roll.Size() != size || o.RootAt(size) != root) {
		o.t.Errorf("refused, but the roll has changed: %v", err)
	}
}
