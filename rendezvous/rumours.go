package rendezvous

import (
	"bytes"
	"context"
	"time"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// The node takes part in the gossip of each organization whose roll it orders: it passes on what members say, tells its
// newest checkpoint, and puts on the roll what speaks for itself and the roll lacks. [RV-80] [RV-81]

// rumour is something heard that the sequencer has to look at: a signed event, or a checkpoint of our own.
type rumour struct {
	org   *org
	event []byte
	note  []byte
}

// openGossip makes the node's part in gossip. It needs the host.
func (n *Node) openGossip() error {
	g, err := gossip.New(gossip.Config{
		Host: n.host, Member: n.mayGossip, PeerJoined: n.tellPeer, Neighbours: n.cfg.Connections, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.gossip = g
	for _, o := range n.directory.all() {
		n.joinGossip(o)
	}
	return nil
}

// joinGossip takes part in the gossip of an organization, unless it has moved.
func (n *Node) joinGossip(o *org) {
	if o.moved().status == wire.StatusMoved {
		return
	}
	hear := func(_ context.Context, m gossip.Received) gossip.Verdict { return n.hear(o, m.Data) }
	if err := n.gossip.Join(o.topic, gossip.MaxMessage, hear); err != nil {
		n.fault("taking part in gossip", err)
	}
	wake(n.news)
}

// mayGossip says who takes part in a topic: active devices of members, and this node.
func (n *Node) mayGossip(device keys.PublicKey, topic string) bool {
	o := n.directory.byTopic(topic)
	if o == nil || o.moved().status == wire.StatusMoved {
		return false
	}
	return device == n.key.Public() || n.directory.active(device) == o || o.isPeer(device)
}

// tellPeer tells a device that has just come the newest checkpoint.
func (n *Node) tellPeer(ctx context.Context, topic string, device keys.PublicKey) {
	if o := n.directory.byTopic(topic); o != nil {
		if note := o.roll.checkpoint(); note != nil {
			_ = n.gossip.Send(ctx, topic, device, gossip.AppendMessage(nil, gossip.KindCheckpoint, note)) // best effort
		}
	}
}

// tellHeads tells each new checkpoint: after an event, and when the roll is signed anew. Several within a moment are told
// as the last of them. [RV-80]
func (n *Node) tellHeads(ctx context.Context) error {
	told := make(map[keys.OrgID][]byte)
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.news:
		case <-again.C:
		}
		again.Reset(tellPause)
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		for _, o := range n.directory.all() {
			note := o.roll.checkpoint()
			if o.moved().status == wire.StatusMoved || bytes.Equal(told[o.id], note) {
				continue
			}
			err := n.gossip.Publish(ctx, o.topic, gossip.AppendMessage(nil, gossip.KindCheckpoint, note))
			if err == nil {
				told[o.id] = note
			} else {
				again.Reset(tellAgain)
			}
		}
	}
}

// hear judges a message of an organization's gossip. It does not wait: what concerns the roll is looked at later. [RV-81]
func (n *Node) hear(o *org, data []byte) gossip.Verdict {
	message, err := gossip.ParseMessage(data)
	if err != nil {
		return gossip.Ignore
	}
	if message.Kind == gossip.KindCheckpoint {
		return n.hearCheckpoint(o, message.Body)
	}
	return n.hearEvent(o, message.Body)
}

// hearCheckpoint passes on what this node signed. Others compare it; we learn if we have forgotten it.
func (n *Node) hearCheckpoint(o *org, note []byte) gossip.Verdict {
	var named membership.Rendezvous
	o.roll.read(func(state *membership.State) { named, _ = state.Sequencer() })
	checkpoint, err := membership.OpenCheckpoint(note, o.id, named.Node)
	if err != nil {
		return gossip.Ignore // of a node that has taken over, perhaps
	}
	size := uint64(0)
	o.roll.read(func(state *membership.State) { size = state.Size() })
	if checkpoint.Size > size && named.Node == n.key.Public() { // a further node asks the others all the time
		n.later(rumour{org: o, note: bytes.Clone(note)})
	}
	return gossip.Accept
}

// hearEvent passes on an event that hurries: one that takes power from somebody, refuses a re-admission, or moves the
// sequencing duty. A signer that our roll does not have may be on a newer one. A move to another node does nothing here:
// that the other has taken over it has to be shown.
func (n *Node) hearEvent(o *org, data []byte) gossip.Verdict {
	event, by, err := membership.OpenEvent(data)
	switch {
	case err != nil, by.Org != o.id, !hurries(&event):
		return gossip.Reject
	case (event.Join != nil || event.Invite != nil) && !o.takesAhead(event):
		return gossip.Ignore
	case event.Join == nil && !o.knows(by.Signer):
		return gossip.Ignore
	case event.Rendezvous != nil && event.Rendezvous.Node != n.key.Public(), event.Bar == nil && !o.roll.orders():
	case !o.roll.holds(data):
		n.later(rumour{org: o, event: bytes.Clone(data)})
	}
	return gossip.Accept
}

// hurries reports whether an event travels by gossip too.
func hurries(e *membership.Event) bool {
	return e.Bar != nil || e.Freeze != nil || e.Lift != nil || e.Suspend != nil || e.Remove != nil || e.Refuse != nil ||
		e.Recovery != nil || e.Cancel != nil || e.Revoke != nil || e.Rendezvous != nil || e.Enrolment != nil && e.Enrolment.Terms == nil ||
		e.Join != nil || e.Invite != nil // where the policy has them travel ahead of the roll
}

// knows reports whether a key has, or had, a voice in the organization.
func (o *org) knows(key keys.PublicKey) (known bool) {
	o.roll.read(func(state *membership.State) {
		_, device := state.AccountOf(key)
		_, recovery := state.MemberByRecovery(key)
		_, enrols := state.Enrolment(key)
		known = device || recovery || enrols || key == state.RootKey()
	})
	return known
}

// later leaves a rumour to takeRumours. What has no room is heard again, or handed in by who has it.
func (n *Node) later(r rumour) {
	select {
	case n.rumours <- r:
	default:
		n.counters.rumoursDropped.Add(1)
	}
}

// takeRumours puts what was heard on the roll, if the rules allow it.
func (n *Node) takeRumours(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-n.rumours:
			n.takeRumour(ctx, r)
		}
	}
}

func (n *Node) takeRumour(ctx context.Context, r rumour) {
	if r.org.moved().status == wire.StatusMoved {
		return
	}
	if r.note != nil {
		n.show(ctx, r.org, keys.PublicKey{}, &rvproto.ShowRequest{Checkpoint: r.note})
		return
	}
	if !r.org.roll.orders() {
		n.barEarly(r.org, r.event)
		return
	}
	_, by, err := membership.OpenEvent(r.event)
	if err != nil || !r.org.roll.allows(r.event, n.cfg.Now()) {
		return
	}
	if status := n.submit(ctx, r.org, keys.PublicKey{}, by.Signer, r.event, nil); status == wire.StatusOK {
		n.counters.rumoursTaken.Add(1)
		n.log.Info("an event heard by gossip was taken", "org", r.org.id.Short())
	}
}

// allows reports whether the rules let an event be the next.
func (r *roll) allows(event []byte, now time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll.Check(event, stampAfter(r.roll.State(), now)) == nil
}

func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
