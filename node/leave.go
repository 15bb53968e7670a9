package node

import (
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// maxAsking is how many introductions wait for an answer here at most: fresh members who all ask cannot fill the disk.
const maxAsking = 1000

// takeIntroduction notes that a member asks to write, or that another device of this account has asked one. What its author
// knows of the time counts for nothing: an introduction comes when it comes, and again only under a higher number.
func (o *organization) takeIntroduction(tx *store.Tx, e envelope.Envelope, effects *effects) error {
	introduction, err := envelope.OpenIntroduction(e, o.org, o.device, o.prekeysLocked(), o.memberOfLocked)
	if err != nil {
		return fmt.Errorf("%w: introduction: %w", errUnopened, err)
	}
	contact, _ := o.contactNow(introduction.From, effects)
	if o.blocksLocked(contact) {
		return errSilent
	}
	grant, err := membership.OpenGrant(introduction.Grant, o.roll.State(), o.roll.Size())
	switch {
	case err != nil || grant.From != introduction.From || grant.To != introduction.To || !grant.Open:
		return fmt.Errorf("%w: introduction: its grant is not leave from its sender to its receiver", errUnopened)
	case time.Unix(e.ParsedHeader().Expires, 0).Add(lateFor).Before(o.sober()):
		return fmt.Errorf("%w: introduction: it expired", errUnopened)
	case o.roll.State().MayContact(introduction.From, introduction.To) == membership.ContactRefused:
		return fmt.Errorf("%w: introduction: the policy lets its sender not write to its receiver", errUnopened)
	}
	effects.heads = append(effects.heads, spoken{introduction.Head, introduction.From})
	o.attestLocked(e, introduction.ContentID(), introduction.From, o.with(introduction.From), effects)
	if introduction.From == o.member {
		return o.noteIntroduction(tx, introduction, grant.Number, effects)
	}
	return o.hearIntroduction(tx, contact, introduction, grant, effects)
}

// lateFor is how long after its end an introduction is still taken: clocks differ.
const lateFor = 24 * time.Hour

// hearIntroduction notes that a member asks to write.
func (o *organization) hearIntroduction(tx *store.Tx, contact history.Contact, in envelope.Introduction, grant membership.Grant,
	effects *effects) error {
	got := o.gotLocked(contact)
	now := o.now()
	switch {
	case got.Number >= grant.Number,
		contact.State == history.ContactAsking && got.Open,
		contact.State == history.ContactDeclined && isWithin(contact.Time, now, askAgain):
		return nil // who asks again too soon leaves no further trace
	}
	agreed := o.givenLocked(contact).Open
	if !agreed && !o.sleepsLocked(contact) {
		if contact.State != history.ContactDeclined && o.askingLocked(effects) >= maxAsking {
			return fmt.Errorf("%w: introduction: %d others wait for an answer", errUnopened, maxAsking)
		}
		contact.State, contact.Text = history.ContactAsking, in.Text
		effects.introduced[in.From] = true
	}
	contact.Member, contact.Time = in.From, now.UnixMilli()
	contact.Got, contact.GotAt = in.Grant, o.roll.Size()
	if agreed { // both asked, or they were let in before: that is agreement
		contact.State = history.ContactAccepted
		if err := o.retell(tx, contact, effects); err != nil {
			return err
		}
	}
	return o.putContact(tx, contact, effects)
}

// askingLocked counts the introductions that wait for an answer. Callers hold mu.
func (o *organization) askingLocked(effects *effects) int {
	asking := len(effects.introduced)
	for _, contact := range o.view.Contacts() {
		if contact.State == history.ContactAsking {
			asking++
		}
	}
	return asking
}

// noteIntroduction notes what another device of this account has sent.
func (o *organization) noteIntroduction(tx *store.Tx, in envelope.Introduction, number uint64, effects *effects) error {
	contact, _ := o.contactNow(in.To, effects)
	if numberOf(contact.Given) >= number {
		return nil
	}
	contact.Member, contact.Time = in.To, o.now().UnixMilli()
	contact.Given, contact.GivenAt = in.Grant, o.roll.Size()
	contact.State, contact.Text = history.ContactAsked, in.Text
	if o.gotLocked(contact).Open {
		contact.State = history.ContactAccepted
	}
	return o.putContact(tx, contact, effects)
}

// takeLeaveAt takes a grant that came at a place: where the two are alone, or, of this account's own, where its devices are.
// Sharing a group, a desk or a conversation of several is leave to write there, and to give no other. [HIST-9]
func (o *organization) takeLeaveAt(tx *store.Tx, data []byte, member keys.MemberID, place envelope.Place, effects *effects) error {
	grant, err := membership.DecodeGrant(data)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errUnopened, err)
	case member == o.member && place.Equal(o.with()):
	case member == o.member && place.Equal(o.with(grant.To)):
	case member != o.member && place.Equal(o.with(member)):
	default:
		return fmt.Errorf("%w: a grant at a place where the two are not alone", errUnopened)
	}
	return o.takeLeave(tx, data, member, effects)
}

// takeLeave stores a grant that another member gave this one, or that another device of this account gave: leave, or a
// block.
func (o *organization) takeLeave(tx *store.Tx, data []byte, member keys.MemberID, effects *effects) error {
	grant, err := membership.OpenGrant(data, o.roll.State(), o.roll.Size())
	if err != nil || grant.From != member {
		return fmt.Errorf("%w: a grant that is not its sender's", errUnopened)
	}
	other, own := member, member == o.member
	if own {
		other = grant.To
	} else if grant.To != o.member {
		return fmt.Errorf("%w: a grant to somebody else", errUnopened)
	}
	contact, known := o.contactNow(other, effects)
	if !known && !own {
		return nil // by the policy they need no leave to say so: nothing was agreed with them
	}
	kept, heard := &contact.Got, &contact.GotAt
	if own {
		kept, heard = &contact.Given, &contact.GivenAt
	}
	if o.grantLocked(*kept, *heard).Number >= grant.Number {
		return nil
	}
	*kept, *heard = data, o.roll.Size()
	contact.Member, contact.Time = other, o.now().UnixMilli()
	switch {
	case own && !grant.Open:
		contact.State = history.ContactBlocked
	case !known,
		own && (contact.State == history.ContactAsking || contact.State == history.ContactDeclined || contact.State == history.ContactBlocked),
		o.gotLocked(contact).Open && o.givenLocked(contact).Open:
		contact.State = history.ContactAccepted
	}
	return o.putContact(tx, contact, effects)
}
