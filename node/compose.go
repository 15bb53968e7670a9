package node

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// sendWait is how long Send waits for the message to reach a rendezvous node's disk before it answers "held".
const sendWait = 5 * time.Second

// Send saves a message in the history, has it sealed and sent, and returns how it stands with each device.
func (n *Node) Send(ctx context.Context, request api.SendRequest) (api.SendResult, error) {
	o, to, err := n.target(request)
	if err != nil {
		return api.SendResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.SendResult{}, err
	}
	uploads, err := n.uploads(request.Attachments)
	if err != nil {
		return api.SendResult{}, err
	}
	if err := n.lockText(&request, o, uploads); err != nil {
		return api.SendResult{}, err
	}
	draft, err := o.draft(request, to, uploads)
	if err != nil {
		return api.SendResult{}, err
	}
	if err := draft.hold(request); err != nil {
		return api.SendResult{}, err
	}
	if err := o.save(draft, uploads); err != nil {
		return api.SendResult{}, err
	}
	n.locks.drop(request.Lock)
	if draft.writing != nil {
		n.dropUploadsOf(*draft.writing)
	}
	if draft.delay > 0 {
		return o.sendResult(draft)
	}
	wake(o.wakeSeal)
	o.await(ctx, sendWait, func() bool { return o.connection() == nil || !o.anyHeld(draft.message.ID()) })
	return o.sendResult(draft)
}

// draft is a message that passed the checks, before it is saved.
type draft struct {
	message history.Message
	place   envelope.Place
	refused []api.Undelivered

	delay   time.Duration         // for so long it can be taken back
	unsent  *history.DraftContent // what it is then
	writing *store.DraftID        // the draft that it was written as
}

// draft checks leave and builds the message. Recipients who gave no leave are named; if none did, nothing is sent. Of a
// conversation of several nobody is left out: what is for those who take no part yet is held.
func (o *organization) draft(request api.SendRequest, to target, uploads []store.Upload) (draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var d draft
	if err := o.sendingLocked(); err != nil {
		return d, err
	}
	if err := o.addressLocked(&d, to); err != nil {
		return d, err
	}
	text := o.textTo(d.place)
	text.Subject, text.Text, text.Time = request.Subject, request.Text, o.now().UnixMilli()
	rand.Read(text.Nonce[:])
	for _, upload := range uploads {
		text.Files = append(text.Files, history.File{Nonce: upload.Nonce, Name: upload.Name, Size: upload.Size, Hash: upload.Hash})
	}
	if err := o.enrichLocked(&text, d.place, request); err != nil {
		return d, err
	}
	return d, o.completeLocked(&d, text)
}

// completeLocked checks a text and makes it the message of a draft. Callers hold mu.
func (o *organization) completeLocked(d *draft, text history.Text) error {
	if err := text.Validate(); err != nil {
		return api.Errorf(api.CodeUsage, "%v", err)
	}
	if err := o.fitsPolicyLocked(text); err != nil {
		return err
	}
	d.message = history.Message{Author: o.device, Member: o.member, Conversation: d.place.ID(o.org), Text: text}
	return nil
}

// addressLocked decides where a draft goes, and who is left out of it. Callers hold mu.
func (o *organization) addressLocked(d *draft, to target) error {
	if d.place = to.place; to.place.IsZero() {
		given, err := o.haveLeaveLocked(d, to.members)
		if err != nil {
			return err
		}
		d.place = o.with(given...)
	}
	if reason, ok := o.mayWriteToLocked(d.place); !ok {
		return api.Errorf(api.CodeRefused, "%s: %s", o.placeTextLocked(d.place), reason)
	}
	most := rvproto.MaxRecipients
	if !d.place.Group.IsZero() {
		most = rvproto.MaxFanOut
	}
	if devices := len(o.devicesLocked(d.place)); devices > most {
		return api.Errorf(api.CodeUsage, "the recipients have %d devices, where one message reaches %d", devices, most).
			WithHint("send it to some of them at a time")
	}
	return nil
}

// haveLeaveLocked returns those of members who let this account write, and notes why the others do not. If none does, that
// is an error. Callers hold mu.
func (o *organization) haveLeaveLocked(d *draft, members []keys.MemberID) (given []keys.MemberID, err error) {
	for _, member := range members {
		if reason, ok := o.leaveLocked(member); !ok {
			d.refused = append(d.refused, api.Undelivered{Member: member.String(), Name: o.memberNameLocked(member), Reason: reason})
			continue
		}
		given = append(given, member)
	}
	if len(given) > 0 {
		return given, nil
	}
	refused := api.Errorf(api.CodeRefused, "%s: %s", o.personText(members[0]), d.refused[0].Reason)
	if way, _ := o.mayContactLocked(members[0]); way == membership.ContactRefused {
		return nil, refused
	}
	if o.blockedLocked(members[0]) {
		return nil, refused.WithHint("let them write with `muster unblock %q`", d.refused[0].Name)
	}
	return nil, refused.WithHint("introduce yourself with `muster introduce %q TEXT`, or accept their introduction", d.refused[0].Name)
}

// textTo begins a text for a place.
func (o *organization) textTo(place envelope.Place) (text history.Text) {
	switch {
	case !place.Group.IsZero():
		text.Group = &place.Group
	case !place.Guest.IsZero():
		text.Guest = &place.Guest
	default:
		text.To = slices.DeleteFunc(slices.Clone(place.Members), func(m keys.MemberID) bool { return m == o.member })
	}
	return text
}

// leaveLocked reports whether a member lets this account write, or why not. Callers hold mu.
func (o *organization) leaveLocked(member keys.MemberID) (reason string, ok bool) {
	way, why := o.mayContactLocked(member)
	contact, known := o.view.Contact(member)
	switch {
	case why != "":
		return why, false
	case known && o.blocksLocked(contact):
		return "you have blocked them", false
	case way == membership.ContactFree && o.gotLocked(contact).Number == 0:
		return "", true
	case !known:
		return "has not let you write: introduce yourself first", false
	case contact.State == history.ContactAsked:
		return "has not accepted your introduction yet", false
	case contact.State == history.ContactAsking:
		return "has introduced themselves and waits for you to accept", false
	case o.gotLocked(contact).Open:
		return "", true
	default:
		return "has not let you write", false
	}
}

// gotLocked returns the grant that a contact gave, if it stands. Callers hold mu.
func (o *organization) gotLocked(contact history.Contact) membership.Grant {
	return o.grantLocked(contact.Got, contact.GotAt)
}

// givenLocked returns the grant that a contact was given, if it stands. Callers hold mu.
func (o *organization) givenLocked(contact history.Contact) membership.Grant {
	return o.grantLocked(contact.Given, contact.GivenAt)
}

// grantLocked reads a grant that this account has had since a size of the roll; one that does not open, or stands no more,
// gives no leave. Callers hold mu.
func (o *organization) grantLocked(data []byte, heard uint64) membership.Grant {
	if len(data) == 0 {
		return membership.Grant{}
	}
	grant, err := membership.OpenGrant(data, o.roll.State(), heard)
	if err != nil {
		return membership.Grant{}
	}
	return grant
}

// numberOf returns the number of a grant, whether it stands or not; 0 for none.
func numberOf(data []byte) uint64 {
	grant, err := membership.DecodeGrant(data)
	if err != nil {
		return 0
	}
	return grant.Number
}

// save puts the message into the history and hands it to the sealer, in one transaction, and then notes the devices that it
// is for. The draft that it was written as goes along. One that can be taken back waits instead. [STO-32] [STO-35]
func (o *organization) save(d draft, uploads []store.Upload) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.message.Text.Lifetime > 0 || d.delay > 0 {
		defer wake(o.wakeErase)
	}
	var effects effects
	err := o.node.store.Update(func(tx *store.Tx) error {
		if d.writing != nil {
			if err := o.dropDraft(tx, *d.writing); err != nil {
				return err
			}
		}
		record, err := tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
			history.Record{Kind: history.RecordMessage, Message: &d.message})
		if err != nil {
			return err
		}
		effects = newEffects()
		effects.records = append(effects.records, record)
		for _, upload := range uploads {
			if err := tx.DeleteUpload(upload.Nonce); err != nil {
				return err
			}
		}
		if now := o.now(); d.delay > 0 {
			return tx.PutDelay(o.org, d.message.ID(), store.Delay{
				Until: now.Add(d.delay).UnixMilli(), Asked: now.UnixMilli(), Draft: d.unsent,
			})
		}
		return o.handOver(tx, d.message, d.place, &effects)
	})
	if err != nil {
		return err
	}
	o.applyLocked(effects)
	if d.delay > 0 {
		return nil // nobody is to hear of it yet, and nothing of it is tracked
	}
	return o.trackLocked(d.message, d.place)
}

// handOver hands a message that is saved to the sealer. Who writes in a conversation takes part in it.
func (o *organization) handOver(tx *store.Tx, m history.Message, place envelope.Place, effects *effects) error {
	if several(place) {
		if _, err := o.setTalkLeave(tx, place, true, effects); err != nil {
			return err
		}
	}
	if service, archived := o.archiveLocked(place); archived {
		if err := tx.PutArchiveTold(o.org, place.ID(o.org), service); err != nil {
			return err
		}
	}
	id, expires := m.ID(), outboxUntil(m, o.now(), o.expiryLocked())
	if err := o.addJob(tx, store.Job{Place: place, Message: &id, Last: partsOf(m.Text), Expires: expires}); err != nil {
		return err
	}
	return o.sendLockKey(tx, place, effects)
}

// trackLocked notes the devices that a message is for. Callers hold mu.
func (o *organization) trackLocked(m history.Message, place envelope.Place) error {
	return inParts(o.devicesLocked(place), func(part []keys.PublicKey) error {
		return o.node.store.Update(func(tx *store.Tx) error { return o.noteDevices(tx, m.ID(), partsOf(m.Text), part) })
	})
}

// partsOf returns how many bodies a message is sealed in.
func partsOf(text history.Text) uint64 {
	parts := uint64(1)
	for _, file := range text.Files {
		parts += file.Chunks()
	}
	return parts
}

// await waits until done reports true, at most for limit. done is asked again after each change of the organization.
func (o *organization) await(ctx context.Context, limit time.Duration, done func() bool) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		changed := o.changes()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// anyHeld reports whether a message has not yet reached a rendezvous node for some device.
func (o *organization) anyHeld(id keys.MessageID) bool {
	held := false
	err := o.node.store.View(func(tx *store.Tx) error {
		all, err := tx.Deliveries(o.org, id)
		held = slices.ContainsFunc(all, func(d store.Delivery) bool { return d.State == store.StateHeld && !d.Held })
		return err
	})
	return err == nil && held
}

func (o *organization) sendResult(d draft) (api.SendResult, error) {
	id := d.message.ID()
	recipients, err := o.recipients(id)
	if d.delay > 0 {
		recipients = o.toBe(d.place)
	}
	for _, refused := range d.refused {
		recipients = append(recipients, api.Recipient{Member: refused.Member, Name: refused.Name, State: api.StateRefused})
	}
	o.mu.Lock()
	warnings, warnErr := o.warningsLocked(d.place.Members...)
	o.mu.Unlock()
	return api.SendResult{
		Warnings: warnings,
		ID:       id.String(), Conversation: d.message.Conversation.String(), Recipients: recipients, Refused: d.refused,
		Delivery: progress(recipients),
	}, errors.Join(err, warnErr)
}

// recipients returns how a message stands with each device of each recipient; the own devices are left out.
func (o *organization) recipients(id keys.MessageID) ([]api.Recipient, error) {
	var all []store.Delivery
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Deliveries(o.org, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var recipients []api.Recipient
	for _, d := range all {
		if d.Member != o.member {
			recipients = append(recipients, o.recipientLocked(d))
		}
	}
	o.lackLink(id, recipients)
	return recipients, nil
}

// toBe returns the devices of recipients that a message is going to be for, once its time is over.
func (o *organization) toBe(place envelope.Place) (recipients []api.Recipient) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now().UnixMilli()
	for _, device := range o.devicesLocked(place) {
		if member, _ := o.allPeopleLocked().MemberOf(device); member != o.member {
			recipients = append(recipients, o.recipientLocked(store.Delivery{Device: device, Member: member, State: store.StateHeld, Changed: now}))
		}
	}
	return recipients
}

// lacks are what the store says is lacking, as the API says it.
var lacks = map[store.Lack]api.Lack{store.LackDevice: api.LackDevice, store.LackNode: api.LackNode, store.LackFault: api.LackFault,
	store.LackArchive: api.LackArchive}

func (o *organization) recipientLocked(d store.Delivery) api.Recipient {
	state, since := api.State(d.State.String()), time.UnixMilli(d.Changed).UTC()
	if last := max(d.Bundled, d.Carried); d.State == store.StateHeld && last > 0 {
		state, since = api.StateCarried, time.UnixMilli(last).UTC()
	}
	r := api.Recipient{
		Member: d.Member.String(), Name: o.memberNameLocked(d.Member), Device: d.Device.String(),
		State: state, Reason: api.StateReason(d.Reason.String()), Time: since, Lack: lacks[d.Lack], Via: api.Via(d.Via.String()),
	}
	if d.State.Final() {
		return r
	}
	r.Carriers = int(min(d.Carriers, math.MaxInt32))
	if d.Carried > 0 {
		r.Carried = time.UnixMilli(d.Carried).UTC()
	}
	if d.Bundled > 0 {
		r.Bundled = time.UnixMilli(d.Bundled).UTC()
	}
	return r
}
