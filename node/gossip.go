package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/membership"
)

const (
	// gossipPause is about how long a device waits before it tells the others of its newest checkpoint. If enough of them
	// have told the same meanwhile it keeps still, so that the traffic does not grow with the number of devices (as in
	// Trickle, RFC 6206).
	gossipPause = 20 * time.Second
	// gossipEnough is how many devices telling the same are enough.
	gossipEnough = 2
	// gossipEvery is how often a device tells its newest checkpoint without a reason, about.
	gossipEvery = time.Hour
)

// gossiping is the device's part in the topic of its organization.
type gossiping struct {
	*gossip.Gossip
	topic string
	wake  chan struct{} // capacity 1: there is something to tell
}

// startGossip takes part in the organization's topic for as long as the group runs.
func (o *organization) startGossip(group *task.Group, local host.Host) error {
	g := &gossiping{topic: gossip.Topic(o.org), wake: o.wakeGossip}
	var err error
	g.Gossip, err = gossip.New(gossip.Config{
		Host: local, Log: o.log, MaxMessage: gossip.MaxGroupMessage,
		Member: func(device keys.PublicKey, topic string) bool {
			return topic == g.topic && o.takesPart(device) || o.groups.has(device, topic)
		},
		PeerJoined: func(ctx context.Context, topic string, peer keys.PublicKey) {
			if topic != g.topic {
				wake(o.groups.anew)
				return
			}
			if err := o.tellPeer(ctx, g, peer); err != nil {
				o.log.Debug("telling a peer of the newest checkpoint", "peer", peer.Short(), "error", err)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("making the gossip: %w", err)
	}
	if err := g.Join(g.topic, gossip.MaxMessage, func(_ context.Context, m gossip.Received) gossip.Verdict { return o.hearGossip(m) }); err != nil {
		return fmt.Errorf("joining the organization's topic: %w", err)
	}
	group.Go("gossip", g.Run)
	group.Go("groups", func(ctx context.Context) error { return o.groups.run(ctx, g) })
	group.Go("tell", func(ctx context.Context) error { return o.keepTelling(ctx, g) })
	return nil
}

// participants is who may take part in the topic, as of some size of the roll. It is replaced, never changed.
type participants map[keys.PublicKey]struct{}

func (o *organization) takesPart(device keys.PublicKey) bool {
	all := o.participants.Load()
	if all == nil {
		return false
	}
	_, in := (*all)[device]
	return in
}

// noteParticipantsLocked tells the gossip who may take part by the roll as it is. Callers hold mu.
func (o *organization) noteParticipantsLocked() {
	state := o.roll.State()
	now := make(participants)
	for _, term := range state.Terms() {
		now[term.Node] = struct{}{}
	}
	for _, node := range state.Nodes() {
		now[node.Key] = struct{}{}
	}
	for _, device := range state.ActiveDevices() {
		if !o.endedEarlyLocked(device) {
			now[device] = struct{}{}
		}
	}
	before := o.participants.Swap(&now)
	o.changedParticipants(before, now)
	o.noteSiblingsLocked()
	o.noteCallableLocked()
	o.noteBarsLocked()
	o.noteNodesLocked()
	o.noteNeighboursLocked()
	o.groups.noteLocked()
}

// changedParticipants cuts those who are out and lets in again those who are back.
func (o *organization) changedParticipants(before *participants, now participants) {
	g := o.gossip.Load()
	if g == nil || before == nil {
		return
	}
	for device := range *before {
		if _, in := now[device]; !in {
			g.Expel(device)
		}
	}
	for device := range now {
		if _, in := (*before)[device]; !in {
			g.Admit(device)
		}
	}
}

// hearGossip judges one message.
func (o *organization) hearGossip(m gossip.Received) gossip.Verdict {
	message, err := gossip.ParseMessage(m.Data)
	if err != nil {
		return gossip.Ignore
	}
	if message.Kind == gossip.KindCheckpoint {
		return o.hearCheckpoint(m.Author, message.Body)
	}
	switch err = o.hearAhead(message.Body); {
	case err == nil:
		return gossip.Accept
	case errors.Is(err, membership.ReasonMalformed), errors.Is(err, membership.ReasonSignature):
		return gossip.Reject
	}
	return gossip.Ignore
}

// hearCheckpoint compares a checkpoint that another device passes on with the own roll. One that is news, or cannot be
// true beside ours, is passed on.
func (o *organization) hearCheckpoint(author keys.PublicKey, note []byte) gossip.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	sequencer, ok := o.roll.State().Sequencer()
	if !ok {
		return gossip.Ignore
	}
	heard, err := membership.HeadOf(note, o.org, sequencer.Node)
	if err != nil {
		return gossip.Ignore // of a term that we do not know yet, perhaps
	}
	own, _ := o.roll.Head()
	from, _ := o.memberOfLocked(author)
	if !from.IsZero() { // what a member says; the rendezvous node's own word is compared when it is fetched
		o.heardHeadLocked(head{heard, from})
	}
	switch {
	case heard.Size == own.Size && heard.Root == own.Root:
		if !from.IsZero() {
			o.sameHead++
		}
		return gossip.Ignore
	case heard.Size < own.Size && o.distrust == nil:
		return gossip.Ignore
	case heard.Size > own.Size:
		wake(o.wakeRoll)
	}
	return gossip.Accept
}

// keepTelling tells the others of the newest checkpoint when it is news and from time to time, and of bars that the roll
// lacks.
func (o *organization) keepTelling(ctx context.Context, g *gossiping) error {
	o.gossip.Store(g.Gossip)
	defer o.gossip.Store(nil)
	tick := time.NewTicker(jitter(gossipEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-g.wake:
		case <-tick.C:
		}
		if err := o.tellEvents(ctx, g); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jitter(gossipPause)):
		}
		note, enough := o.headToTell()
		if enough || note == nil {
			continue
		}
		if err := g.tell(ctx, gossip.KindCheckpoint, note); err != nil {
			return err
		}
	}
}

// headToTell returns the newest checkpoint, and whether enough others have told the same since it is the newest.
func (o *organization) headToTell() (note []byte, enough bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	enough = o.sameHead >= gossipEnough
	o.sameHead = 0
	return o.roll.Note(), enough
}

// tellEvents tells of the events that travel ahead of the roll.
func (o *organization) tellEvents(ctx context.Context, g *gossiping) error {
	for _, event := range o.eventsToTell() {
		if err := g.tell(ctx, gossip.KindEvent, event); err != nil {
			return err
		}
	}
	return nil
}

func (o *organization) eventsToTell() (events [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, bar := range o.early {
		events = append(events, bar.Event)
	}
	if len(o.move) > 0 {
		events = append(events, o.move)
	}
	slices.SortFunc(events, slices.Compare)
	return append(events, o.joinsToTellLocked()...)
}

// tellPeer tells a peer that has just joined what is newest: it knows nothing of the past.
func (o *organization) tellPeer(ctx context.Context, g *gossiping, peer keys.PublicKey) error {
	o.mu.Lock()
	note := o.roll.Note()
	o.mu.Unlock()
	var errs []error
	for _, event := range o.eventsToTell() {
		errs = append(errs, g.Send(ctx, g.topic, peer, gossip.AppendMessage(nil, gossip.KindEvent, event)))
	}
	if note != nil {
		errs = append(errs, g.Send(ctx, g.topic, peer, gossip.AppendMessage(nil, gossip.KindCheckpoint, note)))
	}
	return errors.Join(errs...)
}

// tell publishes. That nobody hears it is no fault: gossip is best effort.
func (g *gossiping) tell(ctx context.Context, kind gossip.Kind, body []byte) error {
	if err := g.Publish(ctx, g.topic, gossip.AppendMessage(nil, kind, body)); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// tellLocked has something told to the others soon. Callers hold mu.
func (o *organization) tellLocked() { wake(o.wakeGossip) }

// freshLocked reports whether a checkpoint is young enough for this device to take new members by it. Callers hold mu.
func (o *organization) freshLocked(checkpoint membership.Checkpoint, now time.Time) bool {
	grace := time.Duration(o.roll.State().Policy().OfflineGrace) * time.Second
	return grace == 0 || now.Sub(checkpoint.Time) < grace
}
