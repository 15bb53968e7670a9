package node

import (
	"errors"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/router"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// What a device carries for others at most, of one organization. [CAR-7]
const (
	maxCarriedBytes    = 256 << 20
	maxCarriedCount    = 16384
	maxCarriedAge      = 30 * 24 * time.Hour
	maxCarriedReceipts = 16384
)

// carriedBounds is what may be carried.
type carriedBounds struct {
	bytes uint64
	count int
	age   time.Duration
}

// activeSenderLocked reports whether a device is a member's that may act, by the own roll and the bars ahead of it: of no other
// anything is carried, taken in or handed on. [CAR-2] [CAR-20] Callers hold mu.
func (o *organization) activeSenderLocked(device keys.PublicKey) bool {
	_, ok := o.memberOfLocked(device)
	return ok
}

// activeAmongLocked returns those of devices that are members' and may act, and the archive in force. [CAR-8] [CAR-20] Callers hold mu.
func (o *organization) activeAmongLocked(devices []keys.PublicKey) []keys.PublicKey {
	return filter(devices, func(d keys.PublicKey) bool { return o.activeSenderLocked(d) || o.isArchiveLocked(d) })
}

// isArchiveLocked reports whether a key is that of the archive's service that is in force. Callers hold mu.
func (o *organization) isArchiveLocked(key keys.PublicKey) bool {
	_, inForce := o.roll.State().IsArchive(key)
	return inForce
}

// rollNodesLocked returns the rendezvous nodes whose word counts for what they hand on. [CAR-2] Callers hold mu.
func (o *organization) rollNodesLocked() []keys.PublicKey {
	named := []keys.PublicKey{o.at.Key}
	for _, node := range o.roll.State().AllNodes() {
		named = append(named, node.Key)
	}
	return named
}

// meantByLocked reports whether this account is one of those that an envelope for a whole group is for. Callers hold mu.
func (o *organization) meantByLocked(leave envelope.Leave) bool {
	if leave.Kind != envelope.LeaveGroup {
		return false
	}
	_, in := o.roll.State().InGroup(keys.GroupID(leave.ID), o.member)
	return in
}

// carry keeps an envelope for others until they, or a rendezvous node, have it; false if it is kept already, or was. [CAR-7]
func (o *organization) carry(tx *store.Tx, c envelope.Carried, taken int64) (kept bool, err error) {
	is, was, err := tx.CarriedBefore(o.org, c.Label.ID)
	if err != nil || was {
		return false, err
	}
	if is {
		return false, o.widenCarry(tx, c)
	}
	return true, tx.PutCarry(o.org, store.Carry{
		ID: c.Label.ID, Sender: c.Envelope.ParsedHeader().Sender, Expires: c.Label.Expires, Taken: taken,
		Wanted: c.Label.Wanted, Whole: len(c.Label.Wanted) == 0, Sealed: uint64(len(c.EnvelopeBytes())),
	}, c.Bytes())
}

// widenCarry adds the devices of another label to those that an envelope is carried for. Who gave a receipt since gives it again.
func (o *organization) widenCarry(tx *store.Tx, c envelope.Carried) error {
	have, err := tx.Carry(o.org, c.Label.ID)
	if err != nil || have.Whole {
		return err
	}
	more := difference(c.Label.Wanted, have.Wanted)
	if len(more) == 0 || len(have.Wanted)+len(more) > envelope.MaxWanted {
		return nil
	}
	have.Wanted = union(have.Wanted, more)
	return tx.SetCarry(o.org, have)
}

// cancelCarried takes a device off what is carried for it, by its receipt. [CAR-5]
func (o *organization) cancelCarried(tx *store.Tx, r envelope.Receipt) error {
	for _, id := range slices.Concat(r.Opened, r.Failed) {
		if err := tx.PutReceipted(o.org, id, r.Device, o.now().UnixMilli()); err != nil { // [MSH-51]
			return err
		}
		c, err := tx.Carry(o.org, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if c.Whole || c.Sender != r.Sender || !slices.Contains(c.Wanted, r.Device) {
			continue
		}
		c.Wanted = difference(c.Wanted, []keys.PublicKey{r.Device})
		if len(c.Wanted) == 0 {
			err = tx.DeleteCarry(o.org, c)
		} else {
			err = tx.SetCarry(o.org, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepReceipt keeps a verified receipt on its way back to its sender; false if it is kept already. [CAR-6]
func (o *organization) keepReceipt(tx *store.Tx, signed []byte, sender keys.PublicKey, now int64) (kept bool, err error) {
	return o.keepReceiptAs(tx, signed, store.CarriedReceipt{Sender: sender, Kept: now})
}

// updateReceipts runs a change that keeps receipts, and has neighbours told once they are durable: who looks before that finds nothing new,
// and does not look again.
func (o *organization) updateReceipts(change func(tx *store.Tx) (kept bool, err error)) error {
	kept := false
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		kept, err = change(tx)
		return err
	})
	if err == nil && kept {
		o.carriers.stir()
	}
	return err
}

// keepReceiptAs is keepReceipt with what is known of the receipt.
func (o *organization) keepReceiptAs(tx *store.Tx, signed []byte, r store.CarriedReceipt) (kept bool, err error) {
	id := rvproto.ReceiptID(signed)
	has, err := tx.HasCarriedReceipt(o.org, id)
	if err != nil || has {
		return false, err
	}
	r.Bytes = signed
	return true, tx.PutCarriedReceipt(o.org, id, r)
}

// errRefusedReceipt means that a receipt is of, or for, a device that may not act.
var errRefusedReceipt = errors.New("a receipt of or for a device that may not act")

// passReceipt keeps a verified receipt for another device on its way there, and ends its signer's claim to what is carried here; false if
// that was done before. [CAR-5] [CAR-6]
func (o *organization) passReceipt(signed []byte, r envelope.Receipt) (kept bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.activeSenderLocked(r.Sender) || !o.activeSenderLocked(r.Device) {
		return false, errRefusedReceipt
	}
	err = o.updateReceipts(func(tx *store.Tx) (bool, error) {
		if kept, err = o.keepReceipt(tx, signed, r.Sender, o.now().UnixMilli()); err != nil {
			return false, err
		}
		return kept, o.cancelCarried(tx, r)
	})
	return kept, err
}

// keepCarriedWithin lets go what is carried beyond the bounds: what is over or of no use any more, what is too old, and where room is
// short what the router says. It returns how many envelopes went that somebody could still have wanted. [CAR-7] [MSH-52]
func (o *organization) keepCarriedWithin() (dropped int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []store.Carry
	err = o.node.store.View(func(tx *store.Tx) (err error) { all, err = tx.Carries(o.org); return err })
	if err != nil {
		return 0, err
	}
	now, sober, own, bounds := o.now(), o.sober().Unix(), o.node.bounds, o.boundsLocked()
	var gone []store.Carry
	of := make(map[keys.EnvelopeID]store.Carry)
	var items []router.Item
	for _, c := range all {
		useless := c.Expires < sober || !o.activeSenderLocked(c.Sender) || !c.Whole && len(o.activeAmongLocked(c.Wanted)) == 0
		old := now.Sub(time.UnixMilli(c.Taken)) > own.age || c.Since != 0 && now.Sub(time.UnixMilli(c.Since)) > bounds.Age
		if useless || old {
			gone = append(gone, c)
			if !useless {
				dropped++
			}
			continue
		}
		of[c.ID] = c
		items = append(items, o.itemOfLocked(c, nil, now))
	}
	within := router.Router{Bounds: router.Bounds{Bytes: bounds.Bytes, Count: bounds.Count, Age: own.age + 1}}
	for _, item := range within.Excess(items) {
		gone, dropped = append(gone, of[item.ID]), dropped+1
	}
	return dropped, inParts(gone, func(part []store.Carry) error {
		return o.node.store.Update(func(tx *store.Tx) error {
			for _, c := range part {
				if err := tx.DeleteCarry(o.org, c); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// tidyCarried lets go receipts that nobody came for and notes of what is over.
func (o *organization) tidyCarried() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	sober := o.sober()
	oldest, landed := sober.Add(-maxCarriedAge).UnixMilli(), sober.Add(-o.boundsLocked().Age).UnixMilli()
	var gone []keys.EnvelopeID
	var kept []int64
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.CarriedReceipts(o.org, func(id keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			if r.Kept < oldest || r.Landed && r.Kept < landed || !o.activeSenderLocked(r.Sender) {
				gone = append(gone, id)
			} else {
				kept = append(kept, r.Kept)
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	if len(kept) > maxCarriedReceipts {
		slices.Sort(kept)
		before := kept[len(kept)-maxCarriedReceipts]
		err = o.node.store.View(func(tx *store.Tx) error {
			return tx.CarriedReceipts(o.org, func(id keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
				if r.Kept < before && r.Kept >= oldest && o.activeSenderLocked(r.Sender) {
					gone = append(gone, id)
				}
				return true, nil
			})
		})
		if err != nil {
			return err
		}
	}
	err = inParts(gone, func(part []keys.EnvelopeID) error {
		return o.node.store.Update(func(tx *store.Tx) error {
			for _, id := range part {
				if err := tx.DeleteCarriedReceipt(o.org, id); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return o.node.store.Update(func(tx *store.Tx) error {
		_, err := tx.ForgetCarriedBefore(o.org, o.sober().Unix(), forgetAtOnce)
		return err
	})
}

// knowPrekey keeps the newest prekey of another device, to seal to when no rendezvous node can be asked; false if it says
// nothing new. Callers hold mu.
func (o *organization) knowPrekey(tx *store.Tx, device keys.PublicKey, signed []byte) (kept bool, err error) {
	fresh, err := envelope.OpenPrekey(signed, o.org, device, o.now())
	if _, ok := o.personOfLocked(device); err != nil || device == o.device || !ok {
		return false, nil //nolint:nilerr // what is none, or of nobody, is passed over
	}
	held, err := tx.KnownPrekey(o.org, device)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if err == nil {
		if old, err := envelope.OpenPrekey(held, o.org, device, o.now()); err == nil && old.LastSealing >= fresh.LastSealing {
			return false, nil
		}
	}
	return true, tx.PutKnownPrekey(o.org, device, signed)
}

// knownPrekeys answers from what is kept of other devices' prekeys, and else from what those have handed over that are in reach: where a
// clock is wrong by years, and nobody says so, none of those that are kept seems to be of now. [ENV-13] [MSH-70]
func (o *organization) knownPrekeys(devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) {
	found := o.mesh.prekeysInHand(devices)
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, device := range devices {
			signed, err := tx.KnownPrekey(o.org, device)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if prekey, err := envelope.OpenPrekey(signed, o.org, device, o.now()); err == nil {
				found[device] = prekey
			}
		}
		return nil
	})
	return found, err
}

// readsAllLocked reports whether everybody of some members reads what is for an audience. [CAR-19] Callers hold mu.
func (o *organization) readsAllLocked(members []keys.MemberID, audience membership.Audience, index uint64) bool {
	if audience == (membership.Audience{}) {
		return true
	}
	for _, member := range members {
		if !o.roll.State().Reads(member, audience, index) {
			return false
		}
	}
	return len(members) > 0
}

// eachDeviceLocked visits the devices of all members. Callers hold mu.
func (o *organization) eachDeviceLocked(visit func(device keys.PublicKey) error) error {
	for _, member := range o.roll.State().Members() {
		for _, device := range o.activeLocked(member.ID) {
			if err := visit(device); err != nil {
				return err
			}
		}
	}
	return nil
}
