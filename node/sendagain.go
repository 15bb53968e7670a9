package node

import (
	"context"
	"slices"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// SendAgain sends an own message once more to those devices that did not get it, under the id that it has. [API-57]
func (n *Node) SendAgain(ctx context.Context, request api.AgainRequest) (api.SendResult, error) {
	o, record, err := n.findMessage(request.Org, request.ID)
	if err != nil {
		return api.SendResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.SendResult{}, err
	}
	refused, err := o.resend(*record.Message)
	if err != nil {
		return api.SendResult{}, err
	}
	wake(o.wakeSeal)
	id := record.Message.ID()
	o.await(ctx, sendWait, func() bool { return o.connection() == nil || !o.anyHeld(id) })
	return o.sendResult(draft{message: *record.Message, place: placeOf(*record.Message), refused: refused})
}

// resend makes a job of a message for those who lack it. Who has not let this account write is left out, and named.
func (o *organization) resend(m history.Message) (refused []api.Undelivered, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.mayResendLocked(m); err != nil {
		return nil, err
	}
	id, place := m.ID(), placeOf(m)
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error {
		effects, refused = newEffects(), nil
		job := store.Job{Place: place, Message: &id, Last: partsOf(m.Text), Expires: outboxUntil(m, o.now(), o.expiryLocked())}
		number, sent, found, err := tx.FindSent(o.org, m.Conversation, id, 0)
		if err != nil {
			return err
		}
		if job.Written = o.momentLocked(place); found {
			job.Written, job.Anew = sent.Written, store.Turn{Sequence: number, Previous: sent.Previous}
		}
		all, err := tx.Deliveries(o.org, id)
		if err != nil {
			return err
		}
		lacking := o.lackingLocked(job, all)
		lacking, refused = o.allowedLocked(m, lacking)
		if len(lacking) == 0 {
			return nil
		}
		for _, d := range lacking {
			if err := tx.ForgetUndelivered(o.org, id, d.Device); err != nil {
				return err
			}
			d.Unposted, d.Missing = job.Last, job.Last
			c, err := o.setState(tx, id, d, store.StateHeld, 0)
			if err != nil {
				return err
			}
			effects.changes = append(effects.changes, c)
			job.Only = append(job.Only, d.Device)
		}
		slices.SortFunc(job.Only, keys.PublicKey.Compare)
		return o.addJob(tx, job)
	})
	if err != nil {
		return nil, err
	}
	o.applyLocked(effects)
	if len(effects.changes) == 0 && len(refused) > 0 {
		return nil, api.Errorf(api.CodeRefused, "%s: %s", refused[0].Name, refused[0].Reason)
	}
	return refused, nil
}

// mayResendLocked says why a message cannot be sent again from here, or nil. Callers hold mu.
func (o *organization) mayResendLocked(m history.Message) error {
	if err := o.sendingLocked(); err != nil {
		return err
	}
	shown, err := o.shownLocked(m)
	if err != nil {
		return err
	}
	_, waits := o.delayLocked(m)
	switch {
	case m.Member != o.member:
		return api.Errorf(api.CodeRefused, "only its author can have a message %s", "sent again")
	case m.Author != o.device:
		return api.Errorf(api.CodeRefused, "it was written on another device of yours").WithHint("send it again from device %s", m.Author.Short())
	case m.Report:
		return api.Errorf(api.CodeRefused, "a report is not sent again").WithHint("report it anew")
	case m.Erased != 0 || shown.Deleted:
		return api.Errorf(api.CodeRefused, "nothing is left of the message")
	case waits:
		return api.Errorf(api.CodeRefused, "the message was not sent yet")
	}
	if reason, ok := o.mayWriteToLocked(placeOf(m)); !ok {
		return api.Errorf(api.CodeRefused, "%s: %s", o.placeTextLocked(placeOf(m)), reason)
	}
	return nil
}

// lackingLocked returns how a message stands with the devices that are to get it again: those that did not get it and still
// may have it, and, of members who have it on no device, those that were added since. Callers hold mu.
func (o *organization) lackingLocked(job store.Job, all []store.Delivery) (lacking []store.Delivery) {
	entitled := keySet(o.devicesForLocked(job))
	has := make(map[keys.MemberID]bool)
	known := make(map[keys.PublicKey]bool)
	for _, d := range all {
		known[d.Device] = true
		switch {
		case d.State != store.StateReturned && d.State != store.StateRefused:
			has[d.Member] = true
		case entitled[d.Device] && d.Member != o.member:
			lacking = append(lacking, d)
		}
	}
	for device := range entitled {
		member, _ := o.allPeopleLocked().MemberOf(device)
		if !known[device] && !has[member] && member != o.member {
			lacking = append(lacking, store.Delivery{Device: device, Member: member, Changed: o.now().UnixMilli()})
		}
	}
	return lacking
}

// allowedLocked leaves out those of members who do not let this account write. Callers hold mu.
func (o *organization) allowedLocked(m history.Message, lacking []store.Delivery) (allowed []store.Delivery, refused []api.Undelivered) {
	if place := placeOf(m); len(place.Members) != 2 {
		return lacking, nil // leave is the place's
	}
	for _, d := range lacking {
		reason, ok := o.leaveLocked(d.Member)
		if ok {
			allowed = append(allowed, d)
		} else if !slices.ContainsFunc(refused, func(u api.Undelivered) bool { return u.Member == d.Member.String() }) {
			refused = append(refused, api.Undelivered{Member: d.Member.String(), Name: o.memberNameLocked(d.Member), Reason: reason})
		}
	}
	return allowed, refused
}
