package node

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

// signing is a key that signs events of the own account.
type signing struct {
	key      keys.PrivateKey
	recovery bool
}

// way is how events get on the roll: over the standing connection or, from a device that may not act, as events that
// speak for themselves.
type way struct {
	refresh func(ctx context.Context) error
	submit  func(ctx context.Context, event []byte) error
}

// wayFor returns the way of a key's events. A device that is shut out has none for its own but to refuse a re-admission;
// with the recovery key the roll comes as well.
func (o *organization) wayFor(ctx context.Context, by signing) (way, error) {
	if o.excluded() == nil {
		client, err := o.awaitOrderer(ctx)
		if err != nil {
			return way{}, err
		}
		return way{
			refresh: func(ctx context.Context) error { return o.catchUp(ctx, client) },
			submit:  client.Submit,
		}, nil
	}
	client, err := o.reach(ctx)
	if err != nil {
		return way{}, err
	}
	refresh := func(context.Context) error { return nil }
	if by.recovery {
		refresh = func(ctx context.Context) error { return o.recoverRoll(ctx, client, by.key) }
	}
	return way{refresh: refresh, submit: client.Present}, refresh(ctx)
}

// reach returns a client for a device that has no session because it is shut out.
func (o *organization) reach(ctx context.Context) (*rvclient.Client, error) {
	local, err := o.hostNow(ctx)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	at := o.at
	o.mu.Unlock()
	client := &rvclient.Client{Host: local, Node: at.Key, Addresses: o.node.callAt(at), Org: o.org}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := client.Connect(ctx); err != nil {
		return nil, api.Errorf(api.CodeFailed, "the rendezvous node cannot be reached now").
			WithHint("check the network and `muster status`, then try again")
	}
	return client, nil
}

// recoverRoll catches up on the strength of the recovery key.
func (o *organization) recoverRoll(ctx context.Context, client *rvclient.Client, key keys.PrivateKey) error {
	select {
	case o.fetching <- struct{}{}:
		defer func() { <-o.fetching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	o.mu.Lock()
	size := o.roll.Size()
	o.mu.Unlock()
	page, err := client.Recover(ctx, key, size)
	if err != nil {
		return fmt.Errorf("reading the roll with the recovery key: %w", err)
	}
	return o.adopt(page)
}

// submitAs has events of one key sequenced in their order, and returns when the own roll holds them. All are signed
// before the first is handed in: whoever delays one gains no time to answer it. What is so already is left out. cosigner
// is nil for kinds with one signature.
func (o *organization) submitAs(ctx context.Context, by signing, cosigner *keys.PrivateKey, events ...membership.Event) error {
	const attempts = 4
	way, err := o.wayFor(ctx, by)
	if err != nil {
		return o.holdBar(by, events, err)
	}
	for attempt := 1; ; attempt++ {
		signed, left, err := o.signAll(by.key, cosigner, events)
		if err != nil {
			return err
		}
		o.obeyOwnBar(signed)
		done := 0
		for _, event := range signed {
			if err = way.submit(ctx, event); err != nil {
				break
			}
			done++
		}
		events = left[done:]
		again := errors.Is(err, wire.StatusStale) || errors.Is(err, wire.StatusUsed)
		if err != nil && (!again || attempt == attempts) {
			return refusal("putting the event on the roll", err)
		}
		if refreshed := way.refresh(ctx); refreshed != nil {
			if err == nil && len(events) == 0 && o.endedItself(signed) {
				return nil // and cannot see the roll any more
			}
			return refreshed
		}
		if err == nil {
			return o.onRoll(by, signed)
		}
	}
}

// onRoll returns nil if the own roll holds events that the rendezvous node says it took. What cannot see the roll cannot
// say.
func (o *organization) onRoll(by signing, signed [][]byte) error {
	if len(signed) == 0 || o.excluded() != nil && !by.recovery {
		return nil
	}
	last, err := membership.ReadEvent(signed[len(signed)-1])
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.roll.State().NextCounter(last.Signer) > last.Counter {
		return nil
	}
	return api.Errorf(api.CodeFailed, "the rendezvous node says that it took the event, and the roll that it shows lacks it").
		WithHint("`muster status` shows alarms; try again, or move to another rendezvous node")
}

// obeyOwnBar has the first bar of this account obeyed here, and told to the devices in reach, before any rendezvous node
// has it: a node can hold it back, and not keep others from hearing of it.
func (o *organization) obeyOwnBar(signed [][]byte) {
	if len(signed) == 0 {
		return
	}
	if event, err := membership.ReadEvent(signed[0]); err != nil || event.Bar == nil || event.Bar.Device == o.device {
		return
	}
	if err := o.hearBar(signed[0]); err != nil && !errors.Is(err, errKnown) {
		o.log.Info("a bar is not obeyed ahead of the roll", "reason", err)
	}
}

// holdBar signs the bar that cannot be handed in now, so that it is obeyed here, told to devices in reach, and handed in
// when the rendezvous node is back. The error says so; of several bars only the first can be held.
func (o *organization) holdBar(by signing, events []membership.Event, cause error) error {
	if len(events) == 0 || events[0].Bar == nil || events[0].Bar.Device == o.device {
		return cause
	}
	signed, _, err := o.signAll(by.key, nil, events[:1])
	if err != nil || len(signed) == 0 {
		return errors.Join(err, cause)
	}
	if err := o.hearBar(signed[0]); err != nil && !errors.Is(err, errKnown) {
		return cause
	}
	return api.Errorf(api.CodeFailed, "the rendezvous node cannot be reached: device …%s gets nothing from here any more, and its bar is held",
		events[0].Bar.Device.Short()).WithHint("it is handed in and told to other devices by itself as soon as there is a connection")
}

// signAll signs events with the counters that are due, at the roll as it is here. Those that change nothing are left out;
// one that the rules refuse is an error.
func (o *organization) signAll(key keys.PrivateKey, cosigner *keys.PrivateKey, events []membership.Event) (signed [][]byte, left []membership.Event, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	due := state.NextCounter(key.Public())
	for _, event := range events {
		event.Org, event.At, event.Counter = o.org, o.roll.Size(), due
		switch err := o.tryLocked(membership.SignEvent(event, key, cosigner)); {
		case errors.Is(err, membership.ReasonAlready):
			continue
		case err != nil:
			return nil, nil, ruleRefusal(err)
		}
		event.Counter += uint64(len(signed))
		signed, left = append(signed, membership.SignEvent(event, key, cosigner)), append(left, event)
	}
	return signed, left, nil
}

// tryLocked asks the rules, as the roll is here, about an event. Callers hold mu.
func (o *organization) tryLocked(event membership.SignedEvent) error {
	return o.roll.Check(event, o.rollTime(o.roll.State()))
}

// ruleRefusal says in a person's words why the rules refuse an event about the own account.
func ruleRefusal(err error) error {
	reason, ok := membership.ReasonOf(err)
	if !ok {
		return err
	}
	hints := map[membership.Reason]string{
		membership.ReasonFrozen:    "wait until the freeze ends, or use the recovery words",
		membership.ReasonCooling:   "an account can be frozen again after it has been unfrozen for as long as a freeze lasts",
		membership.ReasonSenior:    "bar it from a device above it (`muster device list`), or with the recovery words: --recovery",
		membership.ReasonBarred:    "use the recovery words",
		membership.ReasonSuspended: "ask an admin; the recovery words still work",
		membership.ReasonKeyRole:   "use the current recovery words",
	}
	refused := api.Errorf(api.CodeRefused, "the rules refuse it: %s", reason)
	if hint, ok := hints[reason]; ok {
		refused = refused.WithHint("%s", hint)
	}
	return refused
}

// endedItself reports whether this device signed its own bar.
func (o *organization) endedItself(signed [][]byte) bool {
	for _, data := range signed {
		if event, err := membership.ReadEvent(data); err == nil && event.Bar != nil && event.Bar.Device == o.device {
			return true
		}
	}
	return false
}
