package node

import (
	"context"
	"crypto/rand"
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
	o, members, err := n.resolve(request.Org, request.To)
	if err != nil {
		return api.SendResult{}, err
	}
	uploads, err := n.uploads(request.Attachments)
	if err != nil {
		return api.SendResult{}, err
	}
	draft, err := o.draft(request, members, uploads)
	if err != nil {
		return api.SendResult{}, err
	}
	if err := o.save(draft, uploads); err != nil {
		return api.SendResult{}, err
	}
	wake(o.wakeSeal)
	o.await(ctx, sendWait, func() bool { return o.connection() == nil || !o.anyHeld(draft.message.ID()) })
	return o.sendResult(draft)
}

// draft is a message that passed the checks, before it is saved.
type draft struct {
	message history.Message
	members []keys.MemberID // of the conversation
	refused []api.Undelivered
}

// draft checks leave and builds the message. Recipients who gave no leave are named; if none did, nothing is sent.
func (o *organization) draft(request api.SendRequest, members []keys.MemberID, uploads []store.Upload) (draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := draft{members: []keys.MemberID{o.member}}
	for _, member := range members {
		if reason, ok := o.leaveLocked(member); !ok {
			d.refused = append(d.refused, api.Undelivered{Member: member.String(), Name: o.memberNameLocked(member), Reason: reason})
			continue
		}
		d.members = append(d.members, member)
	}
	if devices := len(o.devicesLocked(d.members)); devices > rvproto.MaxRecipients {
		return d, api.Errorf(api.CodeUsage, "the recipients have %d devices, where one message reaches %d", devices, rvproto.MaxRecipients).
			WithHint("send it to some of them at a time")
	}
	if len(d.members) == 1 {
		return d, api.Errorf(api.CodeRefused, "%s: %s", d.refused[0].Name, d.refused[0].Reason).
			WithHint("introduce yourself with `muster introduce %q TEXT`, or accept their introduction", d.refused[0].Name)
	}
	text := history.Text{To: d.members[1:], Subject: request.Subject, Text: request.Text, Time: time.Now().UnixMilli()}
	rand.Read(text.Nonce[:])
	for _, upload := range uploads {
		text.Files = append(text.Files, history.File{Nonce: upload.Nonce, Name: upload.Name, Size: upload.Size, Hash: upload.Hash})
	}
	conversation := envelope.ConversationID(o.org, d.members)
	if request.Reply != "" {
		answered, err := o.findMessageLocked(request.Reply)
		if err != nil {
			return d, err
		}
		id := answered.Message.ID()
		text.Reply = &id
	}
	if err := text.Validate(); err != nil {
		return d, api.Errorf(api.CodeUsage, "%v", err)
	}
	d.message = history.Message{Author: o.device, Member: o.member, Conversation: conversation, Text: text}
	return d, nil
}

// leaveLocked reports whether a member lets this account write, or why not. Callers hold mu.
func (o *organization) leaveLocked(member keys.MemberID) (reason string, ok bool) {
	if _, known := o.roll.State().Member(member); !known {
		return "not a member of " + o.roll.State().OrgName(), false
	}
	contact, known := o.view.Contact(member)
	switch {
	case !known:
		return "has not let you write: introduce yourself first", false
	case contact.State == history.ContactAsked:
		return "has not accepted your introduction yet", false
	case contact.State == history.ContactAsking:
		return "has introduced themselves and waits for you to accept", false
	case o.grantLocked(contact.Got).Open:
		return "", true
	default:
		return "has not let you write", false
	}
}

// grantLocked reads a grant kept in a contact; one that does not open gives no leave. Callers hold mu.
func (o *organization) grantLocked(data []byte) membership.Grant {
	if len(data) == 0 {
		return membership.Grant{}
	}
	grant, err := membership.OpenGrant(data, o.roll.State())
	if err != nil {
		return membership.Grant{}
	}
	return grant
}

// save puts the message into the history and hands it to the sealer, in one transaction. [STO-32]
func (o *organization) save(d draft, uploads []store.Upload) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := d.message.ID()
	parts := uint64(1)
	for _, file := range d.message.Text.Files {
		parts += file.Chunks()
	}
	expires := time.Now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
	return o.node.store.Update(func(tx *store.Tx) error {
		_, err := tx.AppendRecord(o.org, o.device, time.Now().UnixMilli(),
			history.Record{Kind: history.RecordMessage, Message: &d.message})
		if err != nil {
			return err
		}
		for _, upload := range uploads {
			if err := tx.DeleteUpload(upload.Nonce); err != nil {
				return err
			}
		}
		devices := o.devicesLocked(d.members)
		for _, device := range devices {
			member, _ := o.roll.State().MemberOf(device)
			err := tx.PutDelivery(o.org, id, store.Delivery{
				Device: device, Member: member, State: store.StateHeld, Unposted: parts, Missing: parts, Changed: time.Now().UnixMilli(),
			})
			if err != nil {
				return err
			}
		}
		return tx.AddJob(o.org, store.Job{Members: d.members, Message: &id, Last: parts, Expires: expires})
	})
}

// devicesLocked returns the active devices of members but this one, sorted. Callers hold mu.
func (o *organization) devicesLocked(members []keys.MemberID) []keys.PublicKey {
	var devices []keys.PublicKey
	for _, member := range members {
		for _, device := range o.roll.State().Devices(member) {
			if device != o.device {
				devices = append(devices, device)
			}
		}
	}
	slices.SortFunc(devices, keys.PublicKey.Compare)
	return slices.Compact(devices)
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
		held = slices.ContainsFunc(all, func(d store.Delivery) bool { return d.State == store.StateHeld })
		return err
	})
	return err == nil && held
}

func (o *organization) sendResult(d draft) (api.SendResult, error) {
	id := d.message.ID()
	recipients, err := o.recipients(id)
	for _, refused := range d.refused {
		recipients = append(recipients, api.Recipient{Member: refused.Member, Name: refused.Name, State: api.StateRefused})
	}
	return api.SendResult{
		ID: id.String(), Conversation: d.message.Conversation.String(), Recipients: recipients, Refused: d.refused,
	}, err
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
	return recipients, nil
}

func (o *organization) recipientLocked(d store.Delivery) api.Recipient {
	return api.Recipient{
		Member: d.Member.String(), Name: o.memberNameLocked(d.Member), Device: d.Device.String(),
		State: api.State(d.State.String()), Time: time.UnixMilli(d.Changed).UTC(),
	}
}
