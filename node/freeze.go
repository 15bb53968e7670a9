package node

import (
	"context"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
)

// Freeze has no device added to the own account, and none barred, for a while; or ends that with the recovery words.
// What is so already is no error.
func (n *Node) Freeze(ctx context.Context, request api.FreezeRequest) (api.FreezeResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.FreezeResult{}, err
	}
	by, event := signing{key: o.self}, membership.Event{Freeze: &membership.Freeze{}}
	if request.Lift {
		if by.key, err = o.ownRecovery(request.Words); err != nil {
			return api.FreezeResult{}, err
		}
		by.recovery, event = true, membership.Event{Lift: &membership.Lift{}}
	} else if err := o.mayAct(); err != nil {
		return api.FreezeResult{}, err
	}
	if stands := o.freezeResult(o.now()); stands.Frozen != request.Lift {
		return stands, nil
	}
	err = o.submitAs(ctx, by, nil, event)
	return o.freezeResult(o.now()), err
}

func (o *organization) freezeResult(now time.Time) api.FreezeResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	self, _ := o.roll.State().Member(o.member)
	result := api.FreezeResult{Org: o.org.String(), Frozen: self.FrozenUntil > now.UnixMilli()}
	if result.Frozen {
		result.Until = time.UnixMilli(self.FrozenUntil).UTC()
	}
	return result
}

// Refuse refuses a re-admission of the own account: by this device, also if an admin barred it, or by the recovery key.
func (n *Node) Refuse(ctx context.Context, request api.RefuseRequest) (api.RefuseResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.RefuseResult{}, err
	}
	by := signing{key: o.self}
	if request.Words != "" {
		if by.key, err = o.ownRecovery(request.Words); err != nil {
			return api.RefuseResult{}, err
		}
		by.recovery = true
	}
	id, err := o.findReadmission(request.Readmission)
	if err != nil {
		return api.RefuseResult{}, err
	}
	if o.excluded() != nil && !by.recovery {
		err = o.presentRefusal(ctx, id)
	} else {
		err = o.submitAs(ctx, by, nil, membership.Event{Refuse: &membership.Refuse{Readmission: id}})
	}
	return api.RefuseResult{Org: o.org.String(), Readmission: id.String()}, err
}

// findReadmission finds a re-admission that waits by the start of its id, or the only one for "".
func (o *organization) findReadmission(start string) (keys.EventID, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []keys.EventID
	for _, r := range o.waitingReadmissionsLocked() {
		if strings.HasPrefix(r.String(), start) && (start == "" || len(start) >= 8) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return keys.EventID{}, api.Errorf(api.CodeNotFound, "no such re-admission of your account waits").
			WithHint("`muster device list` shows those that wait")
	default:
		return keys.EventID{}, api.Errorf(api.CodeUsage, "more than one re-admission of your account waits").
			WithHint("name one by the start of its id, as `muster device list` shows it")
	}
}

// waitingReadmissionsLocked returns those of the roll and, on a device that is shut out, those that it was told of.
// Callers hold mu.
func (o *organization) waitingReadmissionsLocked() []keys.EventID {
	self, _ := o.roll.State().Member(o.member)
	var all []keys.EventID
	for _, r := range self.Readmissions {
		all = append(all, r.Event)
	}
	if o.exclusion == nil {
		return all
	}
	for _, data := range o.exclusion.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			continue
		}
		if event, err := membership.ReadEvent(entry.Event); err == nil && event.Readmit != nil && event.Readmit.Member == o.member {
			if id := membership.SignedEvent(entry.Event).ID(); !containsID(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

func containsID(all []keys.EventID, id keys.EventID) bool {
	for _, have := range all {
		if have == id {
			return true
		}
	}
	return false
}

// presentRefusal refuses from a device that may do nothing else: the roll here may be old, and the event is made at the
// size that the rendezvous node last showed.
func (o *organization) presentRefusal(ctx context.Context, id keys.EventID) error {
	client, err := o.reach(ctx)
	if err != nil {
		return err
	}
	o.mu.Lock()
	event := membership.Event{
		Org: o.org, Counter: o.roll.State().NextCounter(o.device), At: max(o.roll.Size(), o.exclusion.Size),
		Refuse: &membership.Refuse{Readmission: id},
	}
	o.mu.Unlock()
	if err := client.Present(ctx, membership.SignEvent(event, o.self, nil)); err != nil {
		return refusal("refusing the re-admission", err)
	}
	return nil
}
