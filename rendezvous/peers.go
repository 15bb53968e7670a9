package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// peers is the other rendezvous nodes of the organizations here: who they are, and what is known of each. [RV-160]
type peers struct {
	wake chan struct{} // capacity 1: who they are may have changed

	known atomic.Pointer[map[keys.PublicKey]struct{}] // replaced as a whole: asked for every connection

	mu    sync.Mutex // guards the following
	links map[peerKey]*peerLink
}

// peerKey is another node in one organization.
type peerKey struct {
	org  keys.OrgID
	node keys.PublicKey
}

// peerLink is how far this node has come with another one in one organization.
type peerLink struct {
	mu    sync.Mutex // guards the following
	epoch [16]byte
	after uint64
	heard time.Time // when it last answered; the zero time for never since the start
	whole time.Time // when the whole roll was last fetched from it
}

func newPeers() *peers {
	return &peers{wake: make(chan struct{}, 1), links: make(map[peerKey]*peerLink)}
}

// knows reports whether a key is that of another node of an organization here.
func (p *peers) knows(node keys.PublicKey) bool {
	known := p.known.Load()
	if known == nil {
		return false
	}
	_, is := (*known)[node]
	return is
}

func (p *peers) link(key peerKey) *peerLink {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[key] == nil {
		p.links[key] = &peerLink{}
	}
	return p.links[key]
}

func (l *peerLink) hear(now time.Time, epoch [16]byte, after uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard, l.epoch, l.after = now, epoch, after
}

func (l *peerLink) cursor() (epoch [16]byte, after uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch, l.after
}

func (l *peerLink) lastHeard() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// others returns the other nodes of an organization, none if this one serves it no more.
func (o *org) others() (others []membership.NodeAddress) {
	o.roll.read(func(state *membership.State) {
		self := o.roll.node.Public()
		if !state.Serves(self) {
			return
		}
		for _, node := range state.AllNodes() {
			if node.Key != self {
				others = append(others, node)
			}
		}
	})
	return others
}

// isPeer reports whether a key is that of another node of the organization.
func (o *org) isPeer(node keys.PublicKey) (is bool) {
	o.roll.read(func(state *membership.State) { is = state.Serves(node) && node != o.roll.node.Public() })
	return is
}

// notePeers makes what the rolls say of nodes count: who may connect, who is asked.
func (n *Node) notePeers() {
	known := make(map[keys.PublicKey]struct{})
	for _, o := range n.directory.all() {
		others := o.others()
		o.several.Store(len(others) > 0)
		for _, node := range others {
			known[node.Key] = struct{}{}
		}
	}
	n.peers.known.Store(&known)
	wake(n.peers.wake)
}

// keepPeers asks every other node of every organization here, for as long as it is one.
func (n *Node) keepPeers(ctx context.Context) error {
	group := task.New(ctx)
	asked := make(map[peerKey]context.CancelFunc)
	where := make(map[peerKey]string)
	for {
		wanted := make(map[peerKey]bool)
		for _, o := range n.directory.all() {
			for _, node := range o.others() {
				key := peerKey{o.id, node.Key}
				wanted[key] = true
				at := fmt.Sprint(node.Addresses)
				if end, running := asked[key]; running && where[key] == at {
					continue
				} else if running {
					end()
				}
				asking, end := context.WithCancel(group.Context())
				asked[key], where[key] = end, at
				group.Go("peer "+node.Key.Short(), func(context.Context) error {
					n.keepAsking(asking, key, node)
					return nil
				})
			}
		}
		for key, end := range asked {
			if !wanted[key] {
				end()
				delete(asked, key)
			}
		}
		select {
		case <-group.Context().Done():
			for _, end := range asked {
				end()
			}
			return group.Wait()
		case <-n.peers.wake:
		}
	}
}

// keepAsking asks another node for news, on one stream after another, until ctx ends.
func (n *Node) keepAsking(ctx context.Context, key peerKey, node membership.NodeAddress) {
	pause := peerPause
	for ctx.Err() == nil {
		started := n.peers.link(key).lastHeard()
		err := n.askPeer(ctx, key, node)
		if ctx.Err() != nil {
			return
		}
		if n.peers.link(key).lastHeard() != started {
			pause = peerPause
		}
		n.log.Info("no word from another node", "org", key.org.Short(), "node", key.node.Short(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, longestPeerPause)
	}
}

// askPeer asks on one stream until it ends.
func (n *Node) askPeer(ctx context.Context, key peerKey, node membership.NodeAddress) error {
	dialling, cancel := context.WithTimeout(ctx, peerDial)
	defer cancel()
	info, err := p2p.AddressInfo(node.Key, node.Addresses)
	if err != nil {
		return err
	}
	if err := n.host.Connect(dialling, info); err != nil {
		return err
	}
	s, err := n.host.NewStream(dialling, info.ID, rvproto.Node)
	if err != nil {
		return err
	}
	defer func() { _ = s.Reset() }()
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	frames := wire.NewFrameReader(s, exchangeBuffer, rvproto.MaxNodeAnswer)
	ask := func(ask rvproto.NodeAsk) (answer rvproto.NodeAnswer, err error) {
		if err := s.SetDeadline(time.Now().Add(rvproto.NodeWait + rvproto.WriteTime)); err != nil {
			return answer, err
		}
		if _, err := s.Write(wire.AppendFrame(nil, wire.Encode(ask))); err != nil {
			return answer, err
		}
		frame, err := frames.Read()
		if err != nil {
			return answer, err
		}
		if answer, err = rvproto.Parse[rvproto.NodeAnswer](frame); err != nil {
			return answer, err
		}
		return answer, answer.Status.Err()
	}
	for {
		if err := n.askOnce(ctx, key, ask); err != nil {
			return err
		}
	}
}

type asker = func(rvproto.NodeAsk) (rvproto.NodeAnswer, error)

// askOnce asks for news and takes it in.
func (n *Node) askOnce(ctx context.Context, key peerKey, ask asker) error {
	o := n.directory.org(key.org)
	if o == nil || !o.isPeer(key.node) {
		return errNotPeer
	}
	link := n.peers.link(key)
	request := rvproto.NodeAsk{Org: o.id}
	request.Epoch, request.After = link.cursor()
	o.roll.mu.RLock()
	request.Size, request.Note = o.roll.roll.Size(), o.roll.note
	o.roll.mu.RUnlock()
	answer, err := ask(request)
	if err != nil {
		return err
	}
	if len(answer.Checkpoint) > 0 {
		if err := n.hearRoll(ctx, o, link, request.Size, answer, ask); err != nil {
			return err
		}
		o = n.directory.org(key.org) // it may be another by now
	}
	for _, note := range answer.Notes {
		if err := n.hearNote(ctx, o, note); err != nil {
			return err
		}
	}
	link.hear(n.cfg.Now(), answer.Epoch, answer.After)
	return nil
}

// whole gathers the pages of a roll behind its first one, up to the size of a checkpoint.
func whole(org keys.OrgID, from, size uint64, first rvproto.NodeAnswer, ask asker) (entries []membership.Entry, err error) {
	pages := first.Entries
	for total := 0; ; {
		for _, data := range pages {
			entry, err := membership.ParseEntry(data)
			if err != nil {
				return nil, err
			}
			if total += len(data); entry.Hidden() || total > maxHanded {
				return nil, errors.New("another node shows hidden entries, or a roll beyond its cap")
			}
			entries = append(entries, entry)
		}
		held := from + uint64(len(entries))
		if held >= size {
			return entries, nil
		}
		answer, err := ask(rvproto.NodeAsk{Org: org, Size: held, To: size})
		if err != nil {
			return nil, err
		}
		if pages = answer.Entries; len(pages) == 0 {
			return nil, errors.New("another node does not show what its checkpoint covers")
		}
	}
}

// inTouch reports whether every other node of an organization has answered lately: then this one knows who came to any.
func (n *Node) inTouch(o *org) bool {
	for _, node := range o.others() {
		if n.cfg.Now().Sub(n.peers.link(peerKey{o.id, node.Key}).lastHeard()) > peerTouch {
			return false
		}
	}
	return true
}
