package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

const (
	// mostTopics is of how many groups this device takes part in the topics: one more is the organization's. [GOS-3]
	mostTopics = 63
	// maxGossiped is the size of the largest envelope that is gossiped, in bytes. [GOS-11]
	maxGossiped = 64 << 10
	// gossipedAtOnce bounds the envelopes that are published in a turn, and those that wait to be opened.
	gossipedAtOnce = 32
	// gossipAgain is after how long what the bound of gossip held back is tried again.
	gossipAgain = 5 * time.Second
	// gossipSettle is how long after somebody came to a topic, or is served no more, what waits is looked at once more: others may follow,
	// and pubsub hands on to who it has taken into its mesh by then.
	gossipSettle = 3 * time.Second
	// mostPublished bounds the envelopes that are known to be published: of more, some may be published again.
	mostPublished = 4096
)

// groupTopics has what is said in groups go round among their devices, by gossip, while this device has no session with a rendezvous
// node. It brings a message to who is in reach of somebody of the group, but not of the author. Nothing depends on it. [GOS-13]
type groupTopics struct {
	o     *organization
	all   atomic.Pointer[map[string]groupTopic] // by the names of topics; replaced, never changed; nil until the roll was looked at
	heard chan envelope.Carried                 // verified, to be opened; more are dropped: streams repair that
	wake  chan struct{}                         // capacity 1: topics have changed, or there may be something to publish
	anew  chan struct{}                         // capacity 1: what was not to be published may be by now

	handedOver handedOver

	// The goroutine's alone.
	joined    map[string]bool
	after     uint64                   // the number up to which the outbox was published from, or was not to be
	published map[keys.EnvelopeID]bool // what was published, and may still wait
}

// groupTopic is the topic of a group that this account is in, and whose devices may take part.
type groupTopic struct {
	group keys.GroupID
	among participants
}

func newGroupTopics(o *organization) *groupTopics {
	return &groupTopics{
		o: o, heard: make(chan envelope.Carried, gossipedAtOnce), wake: make(chan struct{}, 1), anew: make(chan struct{}, 1),
		joined: make(map[string]bool), published: make(map[keys.EnvelopeID]bool),
	}
}

// has reports whether a device may take part in a topic. [GOS-10]
func (t *groupTopics) has(device keys.PublicKey, topic string) bool {
	all := t.all.Load()
	if all == nil {
		return false
	}
	_, in := (*all)[topic].among[device]
	return in
}

// noteLocked tells the gossip which topics there are, and who may take part, by the roll as it is. Callers hold mu.
func (t *groupTopics) noteLocked() {
	state := t.o.roll.State()
	groups := state.GroupsOf(t.o.member)
	slices.SortFunc(groups, keys.GroupID.Compare)
	now := make(map[string]groupTopic)
	for _, group := range groups[:min(len(groups), mostTopics)] {
		among := make(participants)
		for _, d := range state.GroupDevices(group) {
			if t.o.takesPart(d.Device) {
				among[d.Device] = struct{}{}
			}
		}
		now[gossip.GroupTopic(t.o.org, group)] = groupTopic{group, among}
	}
	before := t.all.Swap(&now)
	if before != nil {
		t.changed(*before, now)
	}
	wake(t.wake)
}

// changed has pubsub forget whoever entered a topic or left it: who left is sent nothing any more, and who entered says anew that it takes
// part, which nobody believed it before.
func (t *groupTopics) changed(before, now map[string]groupTopic) {
	g := t.o.gossip.Load()
	if g == nil {
		return
	}
	anew := make(participants)
	compare := func(some, others map[string]groupTopic) {
		for topic, one := range some {
			for device := range one.among {
				if _, both := others[topic].among[device]; !both && device != t.o.device && t.o.takesPart(device) {
					anew[device] = struct{}{}
				}
			}
		}
	}
	compare(before, now)
	compare(now, before)
	for device := range anew {
		g.Expel(device)
		g.Admit(device)
	}
}

// run takes part until the context ends.
func (t *groupTopics) run(ctx context.Context, g *gossiping) error {
	return t.o.keepTrying(ctx, "gossiping in groups", func(ctx context.Context) error { return t.keep(ctx, g) })
}

func (t *groupTopics) keep(ctx context.Context, g *gossiping) error {
	var settled <-chan time.Time
	for {
		if err := t.join(g); err != nil {
			return err
		}
		held, err := t.publish(ctx, g)
		if err != nil {
			return err
		}
		var again <-chan time.Time
		if held {
			again = time.After(gossipAgain)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.wake:
		case <-again:
		case <-t.anew:
			if settled == nil {
				settled = time.After(gossipSettle)
			}
		case <-settled:
			settled, t.after = nil, 0
		case c := <-t.heard:
			if err := t.open(c); err != nil {
				return err
			}
		}
	}
}

// join takes part in the topics that there are now, and in no other.
func (t *groupTopics) join(g *gossiping) error {
	all := t.all.Load()
	if all == nil {
		return nil
	}
	for topic := range t.joined {
		if _, still := (*all)[topic]; !still {
			g.Leave(topic)
			delete(t.joined, topic)
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(*all)) {
		if t.joined[topic] {
			continue
		}
		group := (*all)[topic].group
		err := g.Join(topic, gossip.MaxGroupMessage, func(_ context.Context, m gossip.Received) gossip.Verdict { return t.hear(group, m) })
		if err != nil {
			return fmt.Errorf("joining the topic of a group: %w", err)
		}
		t.joined[topic] = true
	}
	return nil
}

// publish publishes the own messages to groups that the rendezvous node does not have and that somebody of the group in no reach of this
// device may get through others. It reports whether the bound of gossip held some back. [GOS-12]
func (t *groupTopics) publish(ctx context.Context, g *gossiping) (held bool, err error) {
	if t.o.connection() != nil {
		return false, nil
	}
	some, last, err := t.toPublish(g)
	if err != nil {
		return false, err
	}
	for _, w := range some {
		e, err := envelope.View(w.envelope, maxGossiped)
		if err != nil {
			return false, fmt.Errorf("an envelope that waits: %w", err)
		}
		c, err := envelope.Carry(e, w.envelope, t.o.org, nil, t.o.self)
		if err != nil {
			return false, err
		}
		data := gossip.AppendMessage(nil, gossip.KindEnvelope, c.Bytes())
		switch err := g.Publish(ctx, gossip.GroupTopic(t.o.org, w.Place.Group), data); {
		case errors.Is(err, gossip.ErrRate):
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			t.o.log.Debug("gossiping in a group", "error", err) // it is tried again when somebody comes
		default:
			if len(t.published) >= mostPublished {
				clear(t.published)
			}
			t.published[w.ID] = true
		}
		t.after = w.Number
	}
	t.after = last
	if len(some) == gossipedAtOnce {
		wake(t.wake)
	}
	return false, nil
}

// toPublish returns the next that is to be published, and the number up to which was looked.
func (t *groupTopics) toPublish(g *gossiping) (some []outgoing, last uint64, err error) {
	o, served, last := t.o, t.o.mesh.served(), t.after
	elsewhere := func(d keys.PublicKey) bool { return !served[d] }
	err = o.node.store.View(func(tx *store.Tx) error {
		some, last = nil, t.after
		return tx.Waiting(o.org, t.after, func(w store.Waiting) (bool, error) {
			last = w.Number
			topic := gossip.GroupTopic(o.org, w.Place.Group)
			if w.Place.Group.IsZero() || envelope.Kind(w.Kind) != envelope.KindMessage || w.Accepted || w.Size > maxGossiped ||
				t.published[w.ID] || !t.joined[topic] || !slices.ContainsFunc(w.Pending, elsewhere) || len(g.Peers(topic)) == 0 {
				return true, nil
			}
			data, err := tx.Envelope(o.org, w)
			if err != nil {
				return false, err
			}
			some = append(some, outgoing{w, bytes.Clone(data)})
			return len(some) < gossipedAtOnce, nil
		})
	})
	return some, last, err
}

// hear judges a message of a group's topic. What holds is handed on; it is opened here if there is room. [GOS-11]
func (t *groupTopics) hear(group keys.GroupID, m gossip.Received) gossip.Verdict {
	message, err := gossip.ParseMessage(m.Data)
	if err != nil || message.Kind != gossip.KindEnvelope {
		return gossip.Ignore
	}
	c, err := envelope.ParseCarried(message.Body, maxGossiped)
	if err != nil {
		return gossip.Reject
	}
	header := c.Envelope.ParsedHeader()
	if header.Kind != envelope.KindMessage || header.Leave.Kind != envelope.LeaveGroup || keys.GroupID(header.Leave.ID) != group || header.Sender != m.Author {
		return gossip.Reject
	}
	if c.Verify(t.o.org) != nil {
		return gossip.Reject
	}
	if len(c.Label.Wanted) > 0 {
		return gossip.Ignore
	}
	news, err := t.isNews(group, c)
	if err != nil || !t.handedOver.handOn(time.Now(), c.Label.ID, news) {
		return gossip.Ignore
	}
	if news {
		select {
		case t.heard <- c:
		default:
		}
	}
	return gossip.Accept
}

// errOutOfPlace marks an envelope whose sender may not write in the group by the roll, or that is over.
var errOutOfPlace = errors.New("an envelope that nobody waits for")

// isNews reports whether an envelope did not come before. It must be of a device that may write in the group, and not be over.
func (t *groupTopics) isNews(group keys.GroupID, c envelope.Carried) (news bool, err error) {
	o, header := t.o, c.Envelope.ParsedHeader()
	o.mu.Lock()
	defer o.mu.Unlock()
	member, active := o.memberOfLocked(header.Sender)
	if _, in := o.roll.State().InGroup(group, member); !active || !in || header.Expires < o.sober().Unix() {
		return false, errOutOfPlace
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		before, err := tx.Seen(o.org, c.Label.ID)
		news = err == nil && !before
		return err
	})
	return news, err
}

// open opens an envelope whose chain is known: of another the announcement comes on a stream, and the envelope behind it.
func (t *groupTopics) open(c envelope.Carried) error {
	header := c.Envelope.ParsedHeader()
	known, err := t.o.knowsChain(chainKey{header.Sender, header.Chain}, c.Label.ID)
	if err != nil || !known {
		return err
	}
	x := t.o.newImport()
	x.given = func(signed []byte) error {
		if p := t.o.mesh.peer(header.Sender); p != nil {
			return p.tellReceipt(signed)
		}
		return nil
	}
	if err := x.open(c.For([]keys.PublicKey{t.o.device})); err != nil {
		return err
	}
	return x.flush()
}
