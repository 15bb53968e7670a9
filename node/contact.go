package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// acquaintanceWait is how long Introduce and Accept wait for the other side's rendezvous node, or device, to know.
const acquaintanceWait = 5 * time.Second

// signGrantLocked signs the next open grant to a member. Callers hold mu.
func (o *organization) signGrantLocked(to keys.MemberID, contact history.Contact) []byte {
	return membership.SignGrant(membership.Grant{
		Org: o.org, From: o.member, To: to, Number: o.nextGrantLocked(contact), Open: true,
	}, o.self)
}

// nextGrantLocked returns the number of the next grant to a contact. One that does not stand any more does not count if
// its number leaves no room: a stolen device may have used up all numbers. Callers hold mu.
func (o *organization) nextGrantLocked(contact history.Contact) uint64 {
	last := numberOf(contact.Given)
	if last >= membership.MaxGrantNumber {
		last = o.givenLocked(contact).Number
	}
	return max(last, o.grantFloorLocked()) + 1
}

// Accept lets a member who introduced themselves write, and tells them. It returns when the rendezvous node knows.
func (n *Node) Accept(ctx context.Context, request api.AcceptRequest) (api.AcceptResult, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.AcceptResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.AcceptResult{}, err
	}
	from := members[0]
	already, err := o.accept(from)
	if err != nil {
		return api.AcceptResult{}, err
	}
	if client := o.connection(); client != nil && !already {
		if err := o.publishGrants(ctx, client); err != nil {
			return api.AcceptResult{}, refusal("telling the rendezvous node", err)
		}
		wake(o.wakeSeal)
		o.await(ctx, acquaintanceWait, func() bool { return o.connection() == nil || !o.leaveHeld(from) })
	}
	contact, _ := o.contact(from)
	return api.AcceptResult{Contact: contact, Already: already}, nil
}

func (o *organization) accept(from keys.MemberID) (already bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(from)
	switch {
	case known && o.blocksLocked(contact):
		return false, api.Errorf(api.CodeRefused, "you have blocked %s", o.personText(from)).WithHint("let them write with `muster unblock`")
	case known && contact.State == history.ContactAccepted && !o.sleepsLocked(contact):
		return true, nil
	case !known || contact.State != history.ContactAsking && contact.State != history.ContactDeclined && !o.sleepsLocked(contact):
		return false, api.Errorf(api.CodeNotFound, "%s has not introduced themselves", o.personText(from)).
			WithHint("`muster contacts` shows who waits; introduce yourself with `muster introduce`")
	}
	return false, o.leaveToLocked(from, contact)
}

// give gives a member leave, unless they have it: as accepting does, of somebody who has not asked.
func (o *organization) give(to keys.MemberID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(to)
	contact.Member = to
	if known && contact.State == history.ContactAccepted && o.givenLocked(contact).Open && !o.sleepsLocked(contact) {
		return nil
	}
	return o.leaveToLocked(to, contact)
}

// leaveToLocked signs and stores a grant to a member, and has it told to them and to the rendezvous node. Callers hold mu.
func (o *organization) leaveToLocked(from keys.MemberID, contact history.Contact) error {
	contact.Given, contact.GivenAt = o.signGrantLocked(from, contact), o.roll.Size()
	contact.State, contact.Time = history.ContactAccepted, o.now().UnixMilli()
	expires := o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
	effects := newEffects()
	err := o.node.store.Update(func(tx *store.Tx) error {
		if err := o.putContact(tx, contact, &effects); err != nil {
			return err
		}
		if err := tx.PutGrant(o.org, from, contact.Given); err != nil {
			return err
		}
		return o.addJob(tx, store.Job{
			Place: o.with(from), Last: 1, Expires: expires,
			Kind: uint8(history.KindLeave), Body: wire.Encode(history.Leave{Grant: contact.Given}),
		})
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// takeGrantOf takes a grant that a member gave this one face to face.
func (o *organization) takeGrantOf(from keys.MemberID, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	grant, err := membership.OpenGrant(data, o.roll.State(), o.roll.Size())
	if err != nil || grant.From != from || grant.To != o.member || !grant.Open {
		return fmt.Errorf("%w: a grant that is not leave from the other", errUnopened)
	}
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error {
		if err := o.takeLeave(tx, data, from, &effects); err != nil {
			return err
		}
		o.bear = true // the other may reach the rendezvous node later than this device
		return tx.PutOrganization(o.keptLocked())
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// leaveHeld reports whether the news of a grant has not reached any device of the member yet.
func (o *organization) leaveHeld(to keys.MemberID) bool {
	held := false
	mine := func(kind uint8, place envelope.Place) bool {
		return history.Kind(kind) == history.KindLeave && o.other(place) == to
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		err := tx.Jobs(o.org, func(j store.Job) (bool, error) {
			held = held || mine(j.Kind, j.Place)
			return !held, nil
		})
		if err != nil || held {
			return err
		}
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			held = held || mine(w.BodyKind, w.Place)
			return !held, nil
		})
	})
	return err == nil && held
}

// publishGrants gives the rendezvous node the grants that it has not taken yet. One that it refuses stays for a later try
// and does not hold up the others: the refusal, a wire.Status, is returned at the end.
func (o *organization) publishGrants(ctx context.Context, client *rvclient.Client) error {
	var due map[keys.MemberID][]byte
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		due, err = tx.Grants(o.org)
		return err
	})
	if err != nil {
		return err
	}
	var refused error
	for to, grant := range due {
		err := client.PutGrant(ctx, grant)
		switch status, answered := errors.AsType[wire.Status](err); {
		case err == nil, status == wire.StatusStale: // it has a higher one already
		case answered:
			o.log.Warn("the rendezvous node refused a grant", "to", to.Short(), "reason", status)
			refused = fmt.Errorf("publishing a grant: %w", err)
			continue
		default:
			return fmt.Errorf("publishing a grant: %w", err)
		}
		o.mu.Lock()
		err = o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteGrant(o.org, to) })
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return refused
}

// unlessRefused returns an error of the network or the store, and nil for a refusal: a session goes on without what the
// rendezvous node refused, and asks again at its next beginning.
func unlessRefused(err error) error {
	if _, answered := errors.AsType[wire.Status](err); answered {
		return nil
	}
	return err
}

// Contacts lists the contacts of an organization, or of all.
func (n *Node) Contacts(_ context.Context, query api.ContactsQuery) ([]api.Contact, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Contact
	for _, o := range named {
		listed := o.contacts(query.All)
		if query.All {
			if err := o.addFormer(listed); err != nil {
				return nil, err
			}
		}
		all = append(all, listed...)
	}
	return all, nil
}

func (o *organization) contacts(members bool) []api.Contact {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []api.Contact
	for _, contact := range o.view.Contacts() {
		if contact.State != history.ContactRefused || members {
			all = append(all, o.contactLocked(contact))
		}
	}
	if members {
		for _, n := range o.newcomersLocked() {
			if _, known := o.view.Contact(n.Member); !known && n.Member != o.member {
				all = append(all, o.contactLocked(history.Contact{Member: n.Member}))
			}
		}
		for _, m := range o.roll.State().Members() {
			if _, known := o.view.Contact(m.ID); !known && m.ID != o.member && o.showsLocked(m.ID) {
				all = append(all, o.contactLocked(history.Contact{Member: m.ID}))
			}
		}
	}
	slices.SortFunc(all, func(a, b api.Contact) int { return strings.Compare(a.Name+a.Member, b.Name+b.Member) })
	return all
}

func (o *organization) contact(member keys.MemberID) (api.Contact, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, known := o.view.Contact(member)
	contact.Member = member
	return o.contactLocked(contact), known
}

// contactLocked describes a contact. Callers hold mu.
func (o *organization) contactLocked(c history.Contact) api.Contact {
	states := map[history.ContactState]api.ContactState{
		history.ContactAsked: api.ContactIntroduced, history.ContactAsking: api.ContactAsks, history.ContactAccepted: api.ContactAcquainted,
		history.ContactBlocked: api.ContactBlocked, history.ContactDeclined: api.ContactDeclined,
	}
	described := api.Contact{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), Member: c.Member.String(), Name: o.memberNameLocked(c.Member),
		State: api.ContactMember, Archived: o.roll.State().Archived(c.Member),
	}
	if m, ok := o.allPeopleLocked().Member(c.Member); ok {
		described.Role = m.Role.String()
	}
	described.Contact = o.allPeopleLocked().MayContact(o.member, c.Member).String()
	described.Unconfirmed = o.unconfirmedLocked(c.Member)
	if mark, marked := o.view.Verification(c.Member); marked {
		why, err := o.fallenLocked(mark)
		described.Verified, described.Warning = err == nil && why == "", why
	}
	if state, ok := states[c.State]; ok {
		described.State, described.Since = state, time.UnixMilli(c.Time).UTC()
	}
	switch {
	case o.sleepsLocked(c):
		described.State = api.ContactReadmitted
	case c.State == history.ContactAccepted && o.givenLocked(c).Open && !o.acquaintedLocked(c):
		described.State = api.ContactAllowed
	case o.blocksLocked(c):
		described.State = api.ContactBlocked
	}
	if c.State == history.ContactAsking || c.State == history.ContactDeclined {
		described.Introduction = c.Text
	}
	return described
}
