package node

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Block ends a member's leave to write here: at this device at once, at the rendezvous node when it is reached, and at the
// own other devices. The member is told nothing. It returns when the rendezvous node knows, if there is a connection.
// [HIST-19]
func (n *Node) Block(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return n.stand(ctx, request, (*organization).block)
}

// Unblock lets a member write again who was blocked.
func (n *Node) Unblock(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return n.stand(ctx, request, (*organization).unblock)
}

// Decline puts an introduction away without an answer. Who is declined may ask again after a while, and `accept` still
// lets them write.
func (n *Node) Decline(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return n.stand(ctx, request, (*organization).decline)
}

// stand changes how this account stands with a member.
func (n *Node) stand(ctx context.Context, request api.ContactRequest,
	change func(o *organization, member keys.MemberID) (already bool, err error)) (api.ContactResult, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.ContactResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.ContactResult{}, err
	}
	already, err := change(o, members[0])
	if err != nil {
		return api.ContactResult{}, err
	}
	result := api.ContactResult{Already: already}
	if client := o.connection(); client != nil && !already {
		if err := o.publishGrants(ctx, client); err != nil { // it holds here, and is told at the next connection
			o.log.Warn("a grant waits for the rendezvous node", "error", err)
		}
		wake(o.wakeSeal)
	}
	result.Contact, _ = o.contact(members[0])
	return result, nil
}

func (o *organization) block(member keys.MemberID) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, _ := o.view.Contact(member)
	if contact.State == history.ContactBlocked {
		return true, nil
	}
	if contact.State != history.ContactAsking && contact.State != history.ContactDeclined {
		contact.Text = "" // what is left says that the member was never let in
	}
	contact.State = history.ContactBlocked
	return false, o.giveLocked(member, contact, false, nil)
}

func (o *organization) unblock(member keys.MemberID) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(member)
	switch {
	case known && contact.State == history.ContactAccepted && o.givenLocked(contact).Open:
		return true, nil
	case !known || !o.blocksLocked(contact):
		return false, api.Errorf(api.CodeNotFound, "%s is not blocked", o.personText(member)).WithHint("`muster contacts` shows who is")
	}
	// Who could write before the block has never heard of its end, and so hears nothing of this: the number of the new
	// grant would tell. Who only asked is told now that they may write.
	var tell []keys.MemberID
	if contact.Text != "" {
		tell = []keys.MemberID{member}
	}
	contact.State, contact.Text = history.ContactAccepted, ""
	return false, o.giveLocked(member, contact, true, tell)
}

func (o *organization) decline(member keys.MemberID) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(member)
	switch {
	case known && contact.State == history.ContactDeclined:
		return true, nil
	case !known || contact.State != history.ContactAsking:
		return false, api.Errorf(api.CodeNotFound, "no introduction of %s waits for an answer", o.personText(member)).
			WithHint("`muster contacts` shows who waits; to hear nothing more of somebody: muster block")
	}
	contact.State, contact.Time = history.ContactDeclined, o.now().UnixMilli()
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error { return o.putContact(tx, contact, &effects) })
	if err == nil {
		o.applyLocked(effects)
	}
	return false, err
}

// giveLocked signs the next grant to a member, open or not, stores it with the contact, has it told to the rendezvous node
// and the own other devices, and to those named in tell. Callers hold mu.
func (o *organization) giveLocked(member keys.MemberID, contact history.Contact, open bool, tell []keys.MemberID) error {
	contact.Member, contact.Time = member, o.now().UnixMilli()
	contact.Given = membership.SignGrant(membership.Grant{
		Org: o.org, From: o.member, To: member, Number: o.lastWordLocked(contact), Open: open,
	}, o.self)
	contact.GivenAt = o.roll.Size()
	effects := newEffects()
	err := o.node.store.Update(func(tx *store.Tx) error {
		if err := o.putContact(tx, contact, &effects); err != nil {
			return err
		}
		if err := tx.PutGrant(o.org, member, contact.Given); err != nil {
			return err
		}
		if !open {
			if err := o.recallIntroduction(tx, member); err != nil {
				return err
			}
		}
		place := envelope.Among(append([]keys.MemberID{o.member}, tell...)...)
		if len(o.devicesLocked(place)) == 0 {
			return nil
		}
		return o.addJob(tx, store.Job{
			Place: place, Last: 1, Kind: uint8(history.KindLeave), Body: wire.Encode(history.Leave{Grant: contact.Given}),
			Expires: o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix(),
		})
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// recallIntroduction drops an own introduction to a member that was not sealed yet.
func (o *organization) recallIntroduction(tx *store.Tx, member keys.MemberID) error {
	var recalled []store.Job
	err := tx.Jobs(o.org, func(j store.Job) (bool, error) {
		if j.Kind == jobIntroduction && j.Place.Has(member) {
			recalled = append(recalled, j)
		}
		return true, nil
	})
	for _, job := range recalled {
		err = errors.Join(err, tx.DeleteJob(o.org, job))
	}
	return err
}

// lastWordLocked returns a number for a grant that no grant of another device of this account has reached, whether this
// device has heard of it or not: a block must not come too late. [HIST-19] Callers hold mu.
func (o *organization) lastWordLocked(contact history.Contact) uint64 {
	number := max(o.nextGrantLocked(contact), o.roll.Size()*grantStep)
	if number > membership.MaxGrantNumber {
		return o.nextGrantLocked(contact)
	}
	return number
}

// blocksLocked reports whether this account has ended a contact's leave. It stays so when the device that blocked them is
// barred: who had it may have had a reason. Callers hold mu.
func (o *organization) blocksLocked(contact history.Contact) bool {
	if contact.State == history.ContactBlocked {
		return true
	}
	if given, err := membership.DecodeGrant(contact.Given); err != nil || given.Open { // whether it stands or not
		return false
	}
	given := o.givenLocked(contact)
	return given.Number > 0 && !given.Open
}

// blockedLocked reports whether this account has ended a member's leave. Callers hold mu.
func (o *organization) blockedLocked(member keys.MemberID) bool {
	contact, known := o.view.Contact(member)
	return known && o.blocksLocked(contact)
}

// blocked is who is blocked, by a roll of some size.
type blocked struct {
	roll    *membership.Roll
	size    uint64
	members map[keys.MemberID]bool
}

// blockedMembersLocked returns all members who are blocked. Nobody may change the map. Callers hold mu.
func (o *organization) blockedMembersLocked() map[keys.MemberID]bool {
	if b := o.blocked; b == nil || b.roll != o.roll || b.size != o.roll.Size() {
		o.blocked = &blocked{roll: o.roll, size: o.roll.Size(), members: make(map[keys.MemberID]bool)}
		for _, contact := range o.view.Contacts() {
			if o.blocksLocked(contact) {
				o.blocked.members[contact.Member] = true
			}
		}
	}
	return o.blocked.members
}

// acquaintedLocked reports whether contacts have let each other write, or need not by the policy. Callers hold mu.
func (o *organization) acquaintedLocked(contact history.Contact) bool {
	got := o.gotLocked(contact)
	mine := got.Open || got.Number == 0 && o.roll.State().MayContact(o.member, contact.Member) == membership.ContactFree
	return mine && o.mayWriteLocked(contact.Member)
}

// direct reports whether a conversation is between two members.
func direct(place envelope.Place) bool { return len(place.Members) > 0 && len(place.Members) <= 2 }
