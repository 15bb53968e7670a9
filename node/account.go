package node

import (
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// grantStep is how many grants a device can give one member before the numbers of a later device of the account begin: a
// device that came back without the older ones' history numbers its grants above theirs.
const grantStep = 1 << 20

// grantFloorLocked returns the number above which this device's grants are. Callers hold mu.
func (o *organization) grantFloorLocked() uint64 {
	self, _ := o.roll.State().Member(o.member)
	for _, d := range self.Devices {
		if d.Key == o.device && d.Since > self.Joined {
			return d.Since * grantStep
		}
	}
	return 0
}

// sleepsLocked reports whether a contact was accepted, and has been re-admitted since without being confirmed. Callers
// hold mu.
func (o *organization) sleepsLocked(contact history.Contact) bool {
	m, ok := o.roll.State().Member(contact.Member)
	return ok && contact.State == history.ContactAccepted && m.Entered > 0 && !o.givenLocked(contact).Open
}

// retell tells a contact's device, which may be new, of the leave that it has already, and of the key to lock for.
func (o *organization) retell(tx *store.Tx, contact history.Contact, effects *effects) error {
	effects.seal = true
	if err := o.introduceLockKey(tx, contact.Member, effects); err != nil {
		return err
	}
	return o.addJob(tx, store.Job{
		Place: o.with(contact.Member), Last: 1, Kind: uint8(history.KindLeave),
		Body:    wire.Encode(history.Leave{Grant: contact.Given}),
		Expires: o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix(),
	})
}

// sighted notes that another device was heard of: one of the own account at most once an hour, one of another's once a day.
func (o *organization) sighted(tx *store.Tx, device keys.PublicKey) error {
	member, ok := o.roll.State().AccountOf(device)
	if !ok || device == o.device {
		return nil
	}
	every := heardEvery
	if member == o.member {
		every = time.Hour
	}
	now := o.now()
	if at, err := tx.Sighting(o.org, device); err != nil || now.Sub(time.UnixMilli(at)).Abs() < every {
		return err
	}
	return tx.PutSighting(o.org, device, now.UnixMilli())
}

// noteAccountsLocked acts on what new entries of the roll say of accounts: a person is told what may be somebody else's
// doing, and what waits for devices that ended is given up. Callers hold mu.
func (o *organization) noteAccountsLocked(added []membership.Entry) {
	ended, moved := false, false
	for _, entry := range added {
		event, err := membership.ReadEvent(entry.Event)
		if err != nil { // not for this member to read
			continue
		}
		ended = ended || event.Bar != nil || event.Remove != nil || event.Enter != nil
		moved = moved || event.GroupLeave != nil || event.GroupRemove != nil || event.GroupClose != nil || event.Role != nil
		o.tellOfAccountLocked(event)
	}
	if ended || moved {
		changes, err := o.settlePlaces()
		if err != nil {
			o.log.Error("giving up what waits for devices that take no part any more", "error", err)
		}
		o.publishLocked(changes)
	}
	if !ended {
		return
	}
	changes, err := o.endDevices()
	if err != nil {
		o.log.Error("giving up what waits for devices that ended", "error", err)
	}
	o.publishLocked(changes)
}

// tellOfAccountLocked tells a person of one event about their own account or a contact's. Callers hold mu.
func (o *organization) tellOfAccountLocked(event membership.Event) {
	state := o.roll.State()
	switch {
	case event.Readmit != nil && event.Readmit.Member == o.member && event.Signer != o.device:
		o.alarmLocked(store.Alarm{Kind: "readmission", Text: fmt.Sprintf(
			"%s gives your account to device %s, unless it is refused in time: `muster device refuse`",
			o.signerTextLocked(event.Signer), event.Readmit.Device.Short())})
	case event.Device != nil && event.Signer != o.device && event.Device.Add != o.device:
		if member, ok := state.AccountOf(event.Device.Add); ok && member == o.member {
			o.noticeLocked(o.member, fmt.Sprintf("%s added device %s to your account: if that was not you, `muster device bar`",
				o.signerTextLocked(event.Signer), event.Device.Add.Short()))
		}
	case event.Recovery != nil:
		if member, ok := state.IsRecoveryKey(event.Signer); ok && o.knowsLocked(member) {
			o.noticeLocked(member, o.memberNameLocked(member)+" has a new recovery key: make sure that it is still them, with `muster verify`")
		}
	case event.Enter != nil:
		if member, ok := state.AccountOf(event.Signer); ok && o.knowsLocked(member) {
			name := o.memberNameLocked(member)
			o.noticeLocked(member, fmt.Sprintf("%s was re-admitted with a new device by an admin: make sure that it is still them, then `muster accept %q`",
				name, name))
		}
	}
}

// knowsLocked reports whether a member is a contact who was accepted. Callers hold mu.
func (o *organization) knowsLocked(member keys.MemberID) bool {
	contact, ok := o.view.Contact(member)
	return ok && member != o.member && contact.State == history.ContactAccepted
}

// gone reports whether a device can never receive anything again.
func gone(state *membership.State, device keys.PublicKey) bool {
	switch state.Standing(device) {
	case membership.StandingBarred, membership.StandingRemoved, membership.StandingEnded:
		return true
	}
	return false
}

// endDevices gives up what waits for devices that are gone. Callers hold mu.
func (o *organization) endDevices() (changes []change, err error) {
	state := o.roll.State()
	isGone := func(d keys.PublicKey) bool { return gone(state, d) }
	var waiting []store.Waiting
	var messages []keys.MessageID
	err = o.node.store.View(func(tx *store.Tx) error {
		err := tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if len(filter(w.Pending, isGone)) > 0 {
				waiting = append(waiting, w)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			if j.Message != nil {
				messages = append(messages, *j.Message)
			}
			return true, nil
		})
	})
	for _, w := range waiting {
		if err != nil {
			return changes, err
		}
		err = o.node.store.Update(func(tx *store.Tx) error {
			for _, device := range filter(w.Pending, isGone) {
				w, waits, err := o.waitingFor(tx, w.ID, device)
				if err != nil || !waits {
					return err
				}
				reason, _ := goneFor(state, device)
				made, err := o.giveUp(tx, w, []keys.PublicKey{device}, reason)
				if err != nil {
					return err
				}
				changes = append(changes, made...)
			}
			return nil
		})
	}
	for _, message := range messages {
		if err != nil {
			return changes, err
		}
		err = o.node.store.Update(func(tx *store.Tx) error {
			all, err := tx.Deliveries(o.org, message)
			for _, d := range all {
				if err == nil && isGone(d.Device) && !d.State.Final() {
					var c change
					reason, _ := goneFor(state, d.Device)
					c, err = o.setState(tx, message, d, store.StateReturned, reason)
					changes = append(changes, c)
				}
			}
			return err
		})
	}
	return changes, err
}
