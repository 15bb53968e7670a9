package node

import (
	"slices"

	"muster.example/node/api"
	"muster.example/sync/history"
)

// describeLocked completes the description of a message with what acts made of it and what it carries. Callers hold mu.
func (o *organization) describeLocked(described *api.Message, r history.Record) {
	m := r.Message
	if m.Report {
		described.Kind = api.KindReport
	}
	described.Thread = threadOf(*m).String()
	described.Auto, described.Expires = m.Text.Auto, moment(m.Expires(r.Clock.Wall))
	described.Tags = o.view.Threads().TagsOf(m.ID())
	described.Forwarded = o.forwardedLocked(m.Text.Forwarded, forwardedDepth)
	shown, err := o.shownLocked(*m)
	if err != nil {
		o.log.Error("reading the acts on a message", "error", err)
		return
	}
	described.Subject, described.Text, described.Deleted = shown.Subject, shown.Text, shown.Deleted
	described.Edited = moment(shown.Edited)
	described.Mentions = o.peopleLocked(shown.Mentions)
	described.Mentioned = slices.Contains(shown.Mentions, o.member)
	if d, waits := o.delayLocked(*m); waits {
		described.Undo = moment(d.Until)
	}
	if shown.Deleted { // also while the deletion can be taken back
		described.Attachments, described.Forwarded = nil, nil
	}
	o.describeImported(described, *m)
	described.Locked = describeLock(described.Text, described.Attachments)
	for _, reacted := range shown.Reactions {
		if members := o.unblockedLocked(reacted.Members); len(members) > 0 {
			described.Reactions = append(described.Reactions, api.Reaction{Emoji: reacted.Emoji, Members: o.peopleLocked(members)})
		}
	}
	if !described.Sent {
		return
	}
	for _, seen := range shown.Seen {
		if seen.Member != o.member && o.blockedLocked(seen.Member) {
			continue
		}
		described.Seen = append(described.Seen, api.Sighting{
			Person: api.Person{Member: seen.Member.String(), Name: o.memberNameLocked(seen.Member)}, Time: moment(seen.Time),
		})
	}
}

// versionsLocked returns the earlier texts of a message. Callers hold mu.
func (o *organization) versionsLocked(r history.Record) (versions []api.Version) {
	shown, err := o.shownLocked(*r.Message)
	if err != nil {
		return nil
	}
	for _, v := range shown.Versions {
		versions = append(versions, api.Version{Subject: v.Subject, Text: v.Text, Time: moment(v.Time)})
	}
	return versions
}

// textSize returns about how much text a message's description has.
func textSize(r history.Record) int {
	size := len(r.Message.Text.Text)
	for _, signed := range r.Message.Text.Forwarded {
		size += len(signed.Content)
	}
	return size
}

// progress sums up by member how a message stands with devices.
func progress(recipients []api.Recipient) (all []api.Progress) {
	rank := []api.State{api.StateRefused, api.StateReturned, api.StateHeld, api.StateCarried, api.StateQueued, api.StateDelivered}
	for _, r := range recipients {
		at := slices.IndexFunc(all, func(p api.Progress) bool { return p.Member == r.Member })
		if at < 0 {
			at = len(all)
			all = append(all, api.Progress{Person: api.Person{Member: r.Member, Name: r.Name}, State: r.State, Lack: r.Lack, Reason: r.Reason})
		}
		p := &all[at]
		if r.Device != "" {
			p.Devices++
		}
		if r.State == api.StateDelivered {
			p.Delivered++
		}
		if r.State == api.StateReturned {
			p.Returned++
		}
		if r.Via != "" && !slices.Contains(p.Via, r.Via) {
			p.Via = append(p.Via, r.Via)
		}
		if p.Carriers = max(p.Carriers, r.Carriers); r.Bundled.After(p.Bundled) {
			p.Bundled = r.Bundled
		}
		if slices.Index(rank, r.State) > slices.Index(rank, p.State) {
			p.State, p.Lack, p.Reason = r.State, r.Lack, r.Reason
		}
	}
	return all
}
