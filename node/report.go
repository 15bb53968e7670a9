package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// jobReport is the kind of a job that sends a report: the record of its message holds what it says.
const jobReport = 254

// reportRoom is how many bytes of messages a report holds: 64 KiB with what is around them.
const reportRoom = 62 << 10

// ReportMessages shows messages, just as their authors signed them, to the moderators of their group or to the admins.
func (n *Node) ReportMessages(ctx context.Context, request api.ReportRequest) (api.SendResult, error) {
	if len(request.IDs) == 0 {
		return api.SendResult{}, api.Errorf(api.CodeUsage, "no message is named")
	}
	if request.Text != "" {
		if err := envelope.CheckText(request.Text); err != nil {
			return api.SendResult{}, api.Errorf(api.CodeUsage, "the reason cannot be sent: %s", textFault(err)).
				WithHint("plain text of at most 140 characters, without control characters")
		}
	}
	var o *organization
	var messages []history.Message
	for _, id := range request.IDs {
		in, r, err := n.findMessage(request.Org, id)
		switch {
		case err != nil:
			return api.SendResult{}, err
		case o != nil && in != o:
			return api.SendResult{}, api.Errorf(api.CodeUsage, "the messages are of more than one organization").WithHint("report them one by one")
		case r.Message.Report:
			return api.SendResult{}, api.Errorf(api.CodeUsage, "message %s is a report itself", r.Message.ID().Short())
		}
		o, messages = in, append(messages, *r.Message)
	}
	if err := o.mayAct(); err != nil {
		return api.SendResult{}, err
	}
	d, err := o.report(request, messages)
	if err != nil {
		return api.SendResult{}, err
	}
	wake(o.wakeSeal)
	o.await(ctx, sendWait, func() bool { return o.connection() == nil || !o.anyHeld(d.message.ID()) })
	return o.sendResult(d)
}

// report saves a report and hands it to the sealer.
func (o *organization) report(request api.ReportRequest, messages []history.Message) (draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.sendingLocked(); err != nil {
		return draft{}, err
	}
	var group keys.GroupID
	var ids []keys.MessageID
	for i, m := range messages {
		of := placeOf(m).Group
		if i > 0 && of != group && !request.Admins {
			return draft{}, api.Errorf(api.CodeUsage, "the messages are not all of one group").WithHint("report them one by one, or to the admins")
		}
		group, ids = of, append(ids, m.ID())
	}
	if request.Admins {
		group = keys.GroupID{}
	}
	if !group.IsZero() {
		if _, in := o.roll.State().InGroup(group, o.member); !in {
			return draft{}, api.Errorf(api.CodeRefused, "you are not in the messages' group any more").WithHint("report them to the admins: --admins")
		}
	}
	to := o.reportsToLocked(group)
	if len(to) == 0 {
		return draft{}, api.Errorf(api.CodeRefused, "there is nobody else who could get the report").WithHint("it would go to a group's moderators, or with --admins to the admins")
	}
	quotes, err := o.quotesLocked(ids, true)
	if err != nil {
		return draft{}, err
	}
	text := history.Text{Text: envelope.NormalText(request.Text), Time: o.now().UnixMilli()}
	size := 0
	for _, quote := range quotes {
		text.Forwarded = append(text.Forwarded, history.Signed(quote))
		size += len(quote.Content) + 128
	}
	if size > reportRoom {
		return draft{}, api.Errorf(api.CodeUsage, "the messages have %s, where a report holds %s", showSize(uint64(size)), showSize(reportRoom)).
			WithHint("name fewer messages")
	}
	rand.Read(text.Nonce[:])
	if group.IsZero() {
		text.To = to
	} else {
		text.Group = &group
	}
	message := history.Message{
		Author: o.device, Member: o.member, Conversation: o.reportConversation(group), Text: text, Report: true,
	}
	if err := text.Validate(); err != nil {
		return draft{}, api.Errorf(api.CodeUsage, "%v", err)
	}
	return draft{message: message}, o.saveReport(message, o.reportDevicesLocked(to))
}

// reportConversation returns under what reports are kept; nobody writes there.
func (o *organization) reportConversation(group keys.GroupID) keys.ConversationID {
	return keys.Hash[keys.Conversation](keys.DomainReport, o.org[:], group[:])
}

// reportsToLocked returns who gets reports, but this account: the moderators of a group, or the admins. Callers hold mu.
func (o *organization) reportsToLocked(group keys.GroupID) (to []keys.MemberID) {
	state := o.roll.State()
	if group.IsZero() {
		for _, m := range state.Members() {
			if m.Role == membership.RoleAdmin && m.ID != o.member && len(o.activeLocked(m.ID)) > 0 {
				to = append(to, m.ID)
			}
		}
	} else if g, ok := state.Group(group); ok {
		for _, m := range g.Members {
			if m.Moderator && m.Member != o.member && len(o.activeLocked(m.Member)) > 0 {
				to = append(to, m.Member)
			}
		}
	}
	return to[:min(len(to), envelope.MaxReportSlots)]
}

// reportDevicesLocked returns to which devices a report goes: one of each member, then the next of each, as long as there is
// room. Callers hold mu.
func (o *organization) reportDevicesLocked(to []keys.MemberID) (devices []keys.PublicKey) {
	for turn, more := 0, true; more; turn++ {
		more = false
		for _, member := range to {
			if all := o.activeLocked(member); turn < len(all) && len(devices) < envelope.MaxReportSlots {
				devices, more = append(devices, all[turn]), true
			}
		}
	}
	return devices
}

func (o *organization) saveReport(message history.Message, devices []keys.PublicKey) error {
	id := message.ID()
	expires := o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
	var effects effects
	err := o.node.store.Update(func(tx *store.Tx) error {
		now := o.now().UnixMilli()
		record, err := tx.AppendRecord(o.org, o.self, now, history.Record{Kind: history.RecordMessage, Message: &message})
		if err != nil {
			return err
		}
		effects = newEffects()
		effects.records = append(effects.records, record)
		for _, device := range devices {
			member, _ := o.roll.State().MemberOf(device)
			err := tx.PutDelivery(o.org, id, store.Delivery{
				Device: device, Member: member, State: store.StateHeld, Unposted: 1, Missing: 1, Changed: now,
			})
			if err != nil {
				return err
			}
		}
		return o.addJob(tx, store.Job{Place: o.with(), Message: &id, Last: 1, Kind: jobReport, Only: devices, Expires: expires})
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// sealReport seals a job's report to its devices.
func (o *organization) sealReport(ctx context.Context, client *rvclient.Client, job store.Job) error {
	prekeys, err := o.fetchPrekeys(ctx, client, job.Only)
	if err != nil {
		return err
	}
	return o.sealReportFor(job, prekeys)
}

// readersLocked returns the devices of a report's job whose members still get such reports. Callers hold mu.
func (o *organization) readersLocked(job store.Job) (devices []keys.PublicKey, err error) {
	var r history.Record
	err = o.node.store.View(func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, *job.Message); return err })
	if err != nil {
		return nil, err
	}
	state, group := o.roll.State(), r.Message.Text.Group
	return filter(job.Only, func(d keys.PublicKey) bool {
		member, active := state.MemberOf(d)
		if group != nil {
			return active && state.Moderates(*group, member)
		}
		return active && state.Role(member) == membership.RoleAdmin
	}), nil
}

func (o *organization) sealReportFor(job store.Job, prekeys map[keys.PublicKey]envelope.Prekey) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var slots []envelope.Prekey
	var pending, absent []keys.PublicKey
	readers, err := o.readersLocked(job)
	if err != nil {
		return err
	}
	archiveSlot, service, archived, err := o.archiveSlotLocked(o.membersOfLocked(readers)...)
	if err != nil {
		return err
	}
	room := envelope.MaxReportSlots
	if archived {
		room--
	}
	for _, device := range readers {
		switch prekey, ok := prekeys[device]; {
		case ok && len(slots) < room:
			slots, pending = append(slots, prekey), append(pending, device)
		case !ok && o.memberOfDevice(device):
			absent = append(absent, device)
		}
	}
	if archived && len(pending) > 0 {
		slots, pending = append(slots, archiveSlot), append(pending, service)
	}
	defer wake(o.wakePost)
	return o.node.store.Update(func(tx *store.Tx) error {
		r, err := tx.Message(o.org, *job.Message)
		if err != nil {
			return err
		}
		if r.Message.Erased != 0 || len(pending)+len(absent) == 0 {
			return tx.DeleteJob(o.org, job)
		}
		if len(absent) > 0 { // they have published no prekey yet
			later := job
			later.Only, later.NotBefore = absent, o.now().Add(jitter(missingPrekeyPause)).UnixMilli()
			if err := tx.AddJob(o.org, later); err != nil {
				return err
			}
		}
		if err := tx.DeleteJob(o.org, job); err != nil || len(pending) == 0 {
			return err
		}
		report := envelope.Report{Org: o.org, From: o.member, Text: r.Message.Text.Text, Head: o.headLocked()}
		if r.Message.Text.Group != nil {
			report.Group = *r.Message.Text.Group
		}
		for _, signed := range r.Message.Text.Forwarded {
			report.Messages = append(report.Messages, envelope.Quote(signed))
		}
		meta := envelope.Meta{RollSize: o.roll.Size(), Expires: job.Expires}
		sealed, err := envelope.SealReport(rand.Reader, o.self, report, slots, meta)
		if err != nil {
			return err
		}
		return o.addWaiting(tx, store.Waiting{
			Pending: slices.SortedFunc(slices.Values(pending), keys.PublicKey.Compare), Place: job.Place, Message: job.Message,
			Kind: uint8(envelope.KindReport), Expires: job.Expires, Attempt: job.Attempt, BodyKind: jobReport, Archive: service,
		}, sealed)
	})
}

// membersOfLocked returns whose active devices some are. Callers hold mu.
func (o *organization) membersOfLocked(devices []keys.PublicKey) (members []keys.MemberID) {
	for _, device := range devices {
		if member, ok := o.roll.State().MemberOf(device); ok && !slices.Contains(members, member) {
			members = append(members, member)
		}
	}
	return members
}

// memberOfDevice reports whether a device is active by the roll. Callers hold mu.
func (o *organization) memberOfDevice(device keys.PublicKey) bool {
	_, active := o.memberOfLocked(device)
	return active
}

// takeReport stores a report to this account. What nobody on the roll signed is dropped; nothing that the reporter did not
// choose is there. [ENV-49]
func (o *organization) takeReport(tx *store.Tx, e envelope.Envelope, effects *effects) error {
	report, err := envelope.OpenReport(e, o.org, o.device, o.prekeysLocked(), o.memberOfLocked)
	if err != nil {
		return fmt.Errorf("%w: report: %w", errUnopened, err)
	}
	if err := o.mayJudgeLocked(report); err != nil {
		return err
	}
	effects.heads = append(effects.heads, spoken{report.Head, report.From})
	o.attestLocked(e, report.ContentID(), report.From, o.with(report.From), effects)
	id := e.ID()
	text := history.Text{Nonce: [history.NonceSize]byte(id[:history.NonceSize]), Text: report.Text, Time: o.now().UnixMilli()}
	if report.Group.IsZero() {
		text.To = []keys.MemberID{o.member}
	} else {
		text.Group = &report.Group
	}
	for _, quote := range report.Messages {
		p, err := o.openPiece(history.Signed(quote))
		if _, known := o.roll.State().AccountOf(p.device); err == nil && known {
			text.Forwarded = append(text.Forwarded, history.Signed(quote))
		}
	}
	if len(text.Forwarded) == 0 {
		return fmt.Errorf("%w: report: nothing in it is a member's", errUnopened)
	}
	message := history.Message{
		Author: e.ParsedHeader().Sender, Member: report.From, Conversation: o.reportConversation(report.Group), Text: text, Report: true,
	}
	if _, err := tx.Message(o.org, message.ID()); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	record, err := tx.AppendRecord(o.org, o.self, text.Time, history.Record{Kind: history.RecordMessage, Message: &message})
	effects.records = append(effects.records, record)
	return err
}

// mayJudgeLocked checks that this account is one of those whom a report is for. Callers hold mu.
func (o *organization) mayJudgeLocked(report envelope.Report) error {
	state := o.roll.State()
	self, _ := state.Member(o.member)
	_, in := state.InGroup(report.Group, report.From)
	switch {
	case report.Group.IsZero() && self.Role != membership.RoleAdmin:
		return fmt.Errorf("%w: report: this account is no admin", errUnopened)
	case report.Group.IsZero():
		return nil
	case !state.Moderates(report.Group, o.member):
		return fmt.Errorf("%w: report: this account is no moderator of %s", errUnopened, report.Group.Short())
	case !in:
		return fmt.Errorf("%w: report: its sender is not in the group", errUnopened)
	}
	return nil
}
