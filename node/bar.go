package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Bar bars devices of the own account, all at once, or only says what that would do.
func (n *Node) Bar(ctx context.Context, request api.BarRequest) (api.BarResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.BarResult{}, err
	}
	by := signing{key: o.self}
	if request.Words != "" {
		if by.key, err = o.ownRecovery(request.Words); err != nil {
			return api.BarResult{}, err
		}
		by.recovery = true
	} else if err := o.mayAct(); err != nil {
		return api.BarResult{}, err
	}
	result, events, err := o.planBar(request, by)
	if err != nil || request.Preview || len(events) == 0 {
		return result, err
	}
	if err := o.submitAs(ctx, by, nil, events...); err != nil {
		return result, err
	}
	result.Done = true
	return result, nil
}

// planBar returns the events that bar what a request names, the most senior device first, and what they would do. Devices
// that are barred as the request asks are left out.
func (o *organization) planBar(request api.BarRequest, by signing) (api.BarResult, []membership.Event, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	result := api.BarResult{Org: o.org.String()}
	targets, err := o.targetsLocked(request.Devices)
	if err != nil {
		return result, nil, err
	}
	kept, err := o.findDevicesLocked(request.Keep)
	if err != nil {
		return result, nil, err
	}
	if result.After, err = o.cutLocked(request); err != nil {
		return result, nil, err
	}
	since, err := o.cutTimeLocked(request, result.After)
	if err != nil {
		return result, nil, err
	}
	result.Simple = !by.recovery && slices.Equal(targets, []keys.PublicKey{o.device})
	if result.Simple && (request.After != nil || !request.Since.IsZero() || len(kept) > 0) {
		return result, nil, api.Errorf(api.CodeUsage, "a device that bars itself voids nothing: --after, --since and --keep are for others").
			WithHint("use the recovery words: --recovery")
	}
	var events []membership.Event
	var along, returned []keys.PublicKey
	for _, target := range targets {
		bar := &membership.Bar{Device: target, Wipe: request.Wipe}
		if by.recovery || target != o.device {
			bar.After = result.After
			bar.Keep = kept
			if bar.Records, err = o.cutFor(target, since); err != nil {
				return result, nil, err
			}
		}
		event := membership.Event{Bar: bar}
		ended, back, already, err := o.tryBarLocked(event, by.key)
		switch {
		case err != nil:
			return result, nil, err
		case already:
			continue
		}
		events = append(events, event)
		result.Barred = append(result.Barred, target.String())
		along, returned = append(along, ended...), append(returned, back...)
	}
	result.This = slices.Contains(along, o.device) || slices.Contains(targets, o.device)
	voided := append(slices.Clone(targets), along...)
	if result.Simple {
		voided = nil
	}
	result.Along = texts(difference(along, targets))
	result.Returned = texts(difference(difference(returned, targets), along))
	result.Voided, err = o.voidedLocked(voided, result.After)
	return result, events, err
}

// targetsLocked finds the devices to bar, the most senior first. Callers hold mu.
func (o *organization) targetsLocked(names []string) ([]keys.PublicKey, error) {
	if len(names) == 0 {
		return nil, api.Errorf(api.CodeUsage, "no device is named").WithHint("`muster device list` shows the devices")
	}
	var targets []keys.PublicKey
	if slices.Equal(names, []string{"others"}) {
		targets = difference(o.roll.State().Devices(o.member), []keys.PublicKey{o.device})
	} else {
		var err error
		if targets, err = o.findDevicesLocked(names); err != nil {
			return nil, err
		}
	}
	o.mostSeniorFirstLocked(targets)
	return targets, nil
}

// tryBarLocked asks the rules about one bar, and what it would do. Callers hold mu.
func (o *organization) tryBarLocked(event membership.Event, key keys.PrivateKey) (ended, returned []keys.PublicKey, already bool, err error) {
	state := o.roll.State()
	event.Org, event.At, event.Counter, event.Signer = o.org, o.roll.Size(), state.NextCounter(key.Public()), key.Public()
	err = o.tryLocked(membership.SignEvent(event, key, nil))
	if reason, _ := membership.ReasonOf(err); reason == membership.ReasonAlready {
		return nil, nil, true, nil
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("barring …%s: %w", event.Bar.Device.Short(), ruleRefusal(err))
	}
	ended, returned = state.Outcome(event, o.rollTime(state))
	return ended, returned, false, nil
}

// cutLocked returns the position from which on what is barred is void: the one asked for, or that of a time, or the end of
// the roll. Callers hold mu.
func (o *organization) cutLocked(request api.BarRequest) (uint64, error) {
	size := o.roll.Size()
	switch {
	case request.After != nil && !request.Since.IsZero():
		return 0, api.Errorf(api.CodeUsage, "a position and a time are given: one of them is enough")
	case request.After != nil:
		if *request.After == 0 || *request.After > size {
			return 0, api.Errorf(api.CodeUsage, "position %d is not on the roll, which has %d events", *request.After, size)
		}
		return *request.After, nil
	case request.Since.IsZero():
		return size, nil
	}
	after := size
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, 1, func(index uint64, data []byte) (bool, error) {
			entry, err := membership.ParseEntry(data)
			if err == nil && !entry.Hidden() && entry.Time >= request.Since.UnixMilli() {
				after = index
				return false, nil
			}
			return index+1 < size, err
		})
	})
	return after, err
}

// cutTimeLocked returns since when what a device noted for the account is void, in Unix milliseconds: the time asked for, or that of
// the position; 0: from now on. Callers hold mu.
func (o *organization) cutTimeLocked(request api.BarRequest, after uint64) (since int64, err error) {
	if !request.Since.IsZero() {
		return request.Since.UnixMilli(), nil
	}
	if after >= o.roll.Size() {
		return 0, nil
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, after, func(_ uint64, data []byte) (bool, error) {
			entry, err := membership.ParseEntry(data)
			since = entry.Time
			return false, err
		})
	})
	return since, err
}

// voidedLocked says what devices did from a position on that a bar from there makes void, a line each. Callers hold mu.
func (o *organization) voidedLocked(devices []keys.PublicKey, after uint64) (lines []string, err error) {
	if len(devices) == 0 {
		return nil, nil
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, after, func(index uint64, data []byte) (bool, error) {
			entry, err := membership.ParseEntry(data)
			if err != nil || index >= o.roll.Size() {
				return false, err
			}
			if entry.Hidden() {
				return true, nil
			}
			event, err := membership.ReadEvent(entry.Event)
			if err != nil {
				return false, err
			}
			if slices.Contains(devices, event.Signer) && !o.roll.State().Voided(index, event) {
				if line := o.voidableLocked(event); line != "" {
					lines = append(lines, fmt.Sprintf("%s %s", time.UnixMilli(entry.Time).UTC().Format(time.RFC3339), line))
				}
			}
			return true, nil
		})
	})
	return lines, err
}

// voidableLocked says what an event did if a bar of its signer can make that void, else "". Callers hold mu.
func (o *organization) voidableLocked(event membership.Event) string {
	switch {
	case event.Bar != nil:
		return "the bar of device …" + event.Bar.Device.Short()
	case event.Invite != nil:
		if issued, ok := o.roll.State().Invitation(event.Invite.Key); !ok || issued.Used >= issued.Uses || issued.Revoked {
			return ""
		}
		return fmt.Sprintf("an invitation as %s that is not used up", event.Invite.Role)
	case event.Enrolment != nil && event.Enrolment.Terms != nil:
		return "the enrolment key …" + event.Enrolment.Key.Short() + ", and what it decided"
	case event.Role != nil:
		return fmt.Sprintf("%s was made %s", o.memberNameLocked(event.Role.Member), event.Role.Role)
	case event.Suspend != nil:
		return o.memberNameLocked(event.Suspend.Member) + " was suspended"
	case event.Reinstate != nil:
		return o.memberNameLocked(event.Reinstate.Member) + " was reinstated"
	case event.Remove != nil:
		return o.memberNameLocked(event.Remove.Member) + " was removed"
	case event.Readmit != nil:
		return "the re-admission of " + o.memberNameLocked(event.Readmit.Member) + ", if it has not taken effect"
	}
	return ""
}

func texts(all []keys.PublicKey) []string {
	var list []string
	for _, key := range all {
		list = append(list, key.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}
