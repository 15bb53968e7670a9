package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// textFault says to a person what is wrong with a text that envelope.CheckText refused.
func textFault(err error) string {
	return strings.TrimPrefix(err.Error(), envelope.ErrText.Error()+": ")
}

// Introduce sends an introduction to a member, with the grant that lets them answer.
func (n *Node) Introduce(ctx context.Context, request api.IntroduceRequest) (api.IntroduceResult, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.IntroduceResult{}, err
	}
	if err := envelope.CheckText(request.Text); err != nil {
		return api.IntroduceResult{}, api.Errorf(api.CodeUsage, "the introduction cannot be sent: %s", textFault(err)).
			WithHint("plain text of at most 140 characters, without control characters")
	}
	if err := o.mayAct(); err != nil {
		return api.IntroduceResult{}, err
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

// askAgain is how long nobody asks again, or is heard again: who introduced themselves and was not answered, and who was
// declined.
const askAgain = 7 * 24 * time.Hour

// introduce saves the contact and hands the introduction to the sealer. It reports whether nothing was to be done:
// both may write, or the introduction is on its way, and not so old that asking again is in order.
func (o *organization) introduce(to keys.MemberID, text string) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.sendingLocked(); err != nil {
		return false, err
	}
	if _, why := o.mayContactLocked(to); why != "" {
		return false, api.Errorf(api.CodeRefused, "%s: %s", o.personText(to), why)
	}
	if early, ahead := o.aheadAtLocked(o.with(to)); ahead {
		return false, api.Errorf(api.CodeRefused, "%s is not confirmed by the roll yet", o.personText(early)).
			WithHint("an introduction goes by the rendezvous node: introduce yourself once `muster contacts --all` does not say so any more")
	}
	contact, _ := o.view.Contact(to)
	switch {
	case o.blocksLocked(contact):
		return false, api.Errorf(api.CodeRefused, "you have blocked %s", o.personText(to)).WithHint("let them write with `muster unblock`")
	case contact.State == history.ContactAsking, contact.State == history.ContactDeclined:
		return false, api.Errorf(api.CodeRefused, "%s has introduced themselves already", o.personText(to)).
			WithHint("let them write with `muster accept`")
	case contact.State == history.ContactAccepted && (o.acquaintedLocked(contact) || o.sleepsLocked(contact)),
		contact.State == history.ContactAsked && isWithin(contact.Time, o.now(), askAgain):
		return true, nil
	}
	contact.Member, contact.State, contact.Text, contact.Time = to, history.ContactAsked, envelope.NormalText(text), o.now().UnixMilli()
	contact.Given, contact.GivenAt = o.signGrantLocked(to, contact), o.roll.Size() // what they gave stays
	if o.gotLocked(contact).Open {
		contact.State = history.ContactAccepted
	}
	expires := o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error {
		if err := o.putContact(tx, contact, &effects); err != nil {
			return err
		}
		if err := tx.PutGrant(o.org, to, contact.Given); err != nil {
			return err
		}
		return o.addJob(tx, store.Job{
			Place: o.with(to), Last: 1, Kind: jobIntroduction, Body: []byte(contact.Text), Expires: expires,
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
			held = held || j.Kind == jobIntroduction && o.other(j.Place) == to
			return !held, nil
		})
		if err != nil || held {
			return err
		}
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			held = held || envelope.Kind(w.Kind) == envelope.KindIntroduction && o.other(w.Place) == to && !w.Accepted
			return !held, nil
		})
	})
	return err == nil && held
}

// introductionRefused takes back what an introduction changed here when the rendezvous node refuses it.
func (o *organization) introductionRefused(tx *store.Tx, w store.Waiting, status wire.Status, effects *effects) error {
	contact, known := o.contactNow(o.other(w.Place), effects)
	if !known || contact.State != history.ContactAsked {
		return nil
	}
	why := status.Error()
	if status == wire.StatusLimit {
		why = o.overLimitLocked()
	}
	contact.State, contact.Text, contact.Time = history.ContactRefused, why, o.now().UnixMilli()
	return o.putContact(tx, contact, effects)
}

// overLimitLocked says what the allowance of introductions is: it is spent before anything is asked about the receiver, so
// the answer says nothing of them. Callers hold mu.
func (o *organization) overLimitLocked() string {
	policy := o.roll.State().Policy()
	return fmt.Sprintf("the allowance is used up: %d introductions a day to all, %d to one member; a new day begins at midnight UTC",
		policy.IntroductionsPerDay, policy.IntroductionsPerPair)
}

// introductionFault returns why the last introduction to a member was refused, or nil.
func (o *organization) introductionFault(to keys.MemberID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(to)
	if !known || contact.State != history.ContactRefused {
		return nil
	}
	return api.Errorf(api.CodeRefused, "the introduction to %s was refused: %s", o.personText(to), contact.Text)
}

// sealIntroduction seals a job's introduction to the receiving member's devices and the own other ones.
func (o *organization) sealIntroduction(ctx context.Context, client *rvclient.Client, job store.Job) error {
	o.mu.Lock()
	devices := o.devicesLocked(job.Place)
	o.mu.Unlock()
	prekeys, err := o.fetchPrekeys(ctx, client, devices)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	to := o.other(job.Place)
	archiveSlot, service, archived, err := o.archiveSlotLocked(to)
	if err != nil {
		return err
	}
	room := envelope.IntroductionSlots
	if archived {
		room--
	}
	var slots []envelope.Prekey
	var pending []keys.PublicKey
	for _, member := range []keys.MemberID{to, o.member} { // the receiver's devices first: slots are few
		for _, device := range o.activeLocked(member) {
			prekey, ok := prekeys[device]
			if ok && o.entitledLocked(job.Place, job.Written, device) && len(slots) < room {
				slots, pending = append(slots, prekey), append(pending, device)
			}
		}
	}
	if len(slots) == 0 {
		later := job
		later.NotBefore = o.now().Add(jitter(missingPrekeyPause)).UnixMilli()
		return o.node.store.Update(func(tx *store.Tx) error { return tx.PutJob(o.org, later) })
	}
	if archived {
		slots, pending = append(slots, archiveSlot), append(pending, service)
	}
	contact, _ := o.view.Contact(to)
	if !o.givenLocked(contact).Open { // blocked meanwhile, who must not learn of it
		return o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteJob(o.org, job) })
	}
	sealed, err := envelope.SealIntroduction(rand.Reader, o.self, envelope.Introduction{
		Org: o.org, From: o.member, To: to, Text: string(job.Body), Grant: contact.Given, Head: o.headLocked(),
	}, slots, o.metaLocked(job))
	if err != nil {
		return err
	}
	err = o.node.store.Update(func(tx *store.Tx) error {
		err := o.addWaiting(tx, store.Waiting{
			Pending: pending, Place: job.Place, Kind: uint8(envelope.KindIntroduction),
			Expires: job.Expires, Attempt: job.Attempt, BodyKind: jobIntroduction, Body: job.Body,
			Written: job.Written, Archive: service,
		}, sealed)
		if err != nil {
			return err
		}
		return tx.DeleteJob(o.org, job)
	})
	wake(o.wakePost)
	return err
}
