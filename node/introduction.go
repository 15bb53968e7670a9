package node

import (
	"context"
	"crypto/rand"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// Introduce sends an introduction to a member, with the grant that lets them answer.
func (n *Node) Introduce(ctx context.Context, request api.IntroduceRequest) (api.IntroduceResult, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.IntroduceResult{}, err
	}
	if err := envelope.CheckText(request.Text); err != nil {
		return api.IntroduceResult{}, api.Errorf(api.CodeUsage, "the introduction cannot be sent: %v", err).
			WithHint("plain text of at most 140 characters, without control characters")
	}
	to := members[0]
	already, err := o.introduce(to, request.Text)
	if err != nil {
		return api.IntroduceResult{}, err
	}
	if !already {
		wake(o.wakeSeal)
		o.await(ctx, acquaintanceWait, func() bool { return o.connection() == nil || !o.introductionHeld(to) })
	}
	if why := o.introductionFault(to); why != nil && !already {
		return api.IntroduceResult{}, why
	}
	contact, _ := o.contact(to)
	return api.IntroduceResult{Contact: contact, Already: already}, nil
}

// introduce saves the contact and hands the introduction to the sealer. It reports whether nothing was to be done:
// both may write, or the introduction is on its way.
func (o *organization) introduce(to keys.MemberID, text string) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(to)
	if known && (contact.State == history.ContactAccepted || contact.State == history.ContactAsked) {
		return true, nil
	}
	if known && contact.State == history.ContactAsking {
		return false, api.Errorf(api.CodeRefused, "%s has introduced themselves already", o.memberNameLocked(to)).
			WithHint("let them write with `muster accept`")
	}
	contact = history.Contact{
		Member: to, State: history.ContactAsked, Text: envelope.NormalText(text), Time: time.Now().UnixMilli(),
		Given: o.signGrantLocked(to, contact),
	}
	expires := time.Now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error {
		if err := o.putContact(tx, contact, &effects); err != nil {
			return err
		}
		if err := tx.PutGrant(o.org, to, contact.Given); err != nil {
			return err
		}
		return tx.AddJob(o.org, store.Job{
			Members: []keys.MemberID{o.member, to}, Last: 1, Kind: jobIntroduction, Body: []byte(contact.Text), Expires: expires,
		})
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return false, err
}

// introductionHeld reports whether an introduction has not reached a rendezvous node yet.
func (o *organization) introductionHeld(to keys.MemberID) bool {
	held := false
	err := o.node.store.View(func(tx *store.Tx) error {
		err := tx.Jobs(o.org, func(j store.Job) (bool, error) {
			held = held || j.Kind == jobIntroduction && j.Members[1] == to
			return !held, nil
		})
		if err != nil || held {
			return err
		}
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			held = held || envelope.Kind(w.Kind) == envelope.KindIntroduction && w.Members[1] == to && !w.Accepted
			return !held, nil
		})
	})
	return err == nil && held
}

// introductionRefused takes back what an introduction changed here when the rendezvous node refuses it.
func (o *organization) introductionRefused(tx *store.Tx, w store.Waiting, status wire.Status, effects *effects) error {
	contact, known := o.contactNow(w.Members[1], effects)
	if !known || contact.State != history.ContactAsked {
		return nil
	}
	contact.State, contact.Text, contact.Time = history.ContactRefused, status.Error(), time.Now().UnixMilli()
	return o.putContact(tx, contact, effects)
}

// introductionFault returns why the last introduction to a member was refused, or nil.
func (o *organization) introductionFault(to keys.MemberID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(to)
	if !known || contact.State != history.ContactRefused {
		return nil
	}
	return api.Errorf(api.CodeRefused, "the introduction to %s was refused: %s", o.memberNameLocked(to), contact.Text)
}

// sealIntroduction seals a job's introduction to the receiving member's devices and the own other ones.
func (o *organization) sealIntroduction(ctx context.Context, client *rvclient.Client, job store.Job) error {
	o.mu.Lock()
	devices := o.devicesLocked(job.Members)
	o.mu.Unlock()
	prekeys, err := o.fetchPrekeys(ctx, client, devices)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	to := job.Members[1]
	var slots []envelope.Prekey
	var pending []keys.PublicKey
	for _, member := range []keys.MemberID{to, o.member} { // the receiver's devices first: slots are few
		for _, device := range o.roll.State().Devices(member) {
			if prekey, ok := prekeys[device]; ok && len(slots) < envelope.IntroductionSlots {
				slots, pending = append(slots, prekey), append(pending, device)
			}
		}
	}
	if len(slots) == 0 {
		later := job
		later.NotBefore = time.Now().Add(jitter(missingPrekeyPause)).UnixMilli()
		return o.node.store.Update(func(tx *store.Tx) error { return tx.PutJob(o.org, later) })
	}
	contact, _ := o.view.Contact(to)
	size, root := o.headLocked()
	sealed, err := envelope.SealIntroduction(rand.Reader, o.self, envelope.Introduction{
		Org: o.org, From: o.member, To: to, Text: string(job.Body), Grant: contact.Given, HeadSize: size, HeadRoot: root,
	}, slots, o.metaLocked(job))
	if err != nil {
		return err
	}
	err = o.node.store.Update(func(tx *store.Tx) error {
		err := o.addWaiting(tx, store.Waiting{
			Pending: pending, Members: job.Members, Kind: uint8(envelope.KindIntroduction),
			Expires: job.Expires, Attempt: job.Attempt, BodyKind: jobIntroduction, Body: job.Body,
		}, sealed)
		if err != nil {
			return err
		}
		return tx.DeleteJob(o.org, job)
	})
	wake(o.wakePost)
	return err
}
