package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/mesh"
)

// Protocol and times of the streams to other members' devices.
const (
	protocolMesh protocol.ID = "/muster/mesh/1" // [MSH-1]
	// meshOpening is how long opening a stream may take, and how long one waits for the other side to open it.
	meshOpening = 10 * time.Second
	// meshAgain is after how long a stream is opened again that ended while its connection stands. It doubles up to meshAgainMost.
	meshAgain     = 2 * time.Second
	meshAgainMost = 2 * time.Minute
	// meshTogether is within how long after its beginning a stream is one that both sides opened at once. [MSH-5]
	meshTogether = 5 * time.Second
	// meshLife is how long a stream lives at most. [MSH-6]
	meshLife = 24 * time.Hour
	// meshShut is for how long a device gets no stream that broke the protocol or asked for too much, and mostShut how many are
	// remembered. [MSH-21]
	meshShut = 10 * time.Minute
	mostShut = 1024
)

var (
	// errNotToMeet means that a device is none of another member that may act here, or that the member is blocked.
	errNotToMeet = errors.New("it is no device of another member to talk to")
	// errStands means that another stream to the device is the one that stays. [MSH-5]
	errStands = errors.New("another stream to it stands")
	// errNewerStream means that a newer stream took a stream's place.
	errNewerStream = errors.New("a newer stream has its place")
	// errRelayed means that a connection comes through a relay. [MSH-1]
	errRelayed = errors.New("the connection is relayed")
	// errMisbehaved means that a device broke the protocol or asked for too much. [MSH-21]
	errMisbehaved = errors.New("it does not keep to the protocol")
)

// meshStreams are the streams to other members' devices that are in reach, one for each, with or without a rendezvous node.
type meshStreams struct {
	o    *organization
	host host.Host // set before anything else runs
	// began, if set before anything else runs, is called for each stream once both sides know the same, and runs until the stream
	// ends.
	began func(ctx context.Context, p *meshPeer) error
	// took, if set, takes frames of carriers, in the order in which they came. No further frame is read meanwhile: it must not wait
	// for anything to be sent. An error ends the stream.
	took func(ctx context.Context, p *meshPeer, f mesh.Frame) error
	// unserved, if set before anything else runs, is called when a device is served directly no more: what waits for it may go otherwise.
	unserved func()
	// stays reports whether a connection may stand, and so have a stream: the gate's word.
	stays func(device keys.PublicKey, c network.ConnMultiaddrs) bool
	// paths finds the ways to devices that are not in reach, and is told which connections are in use; nil in tests without any.
	paths *neighbours
	// apart has capacity 1: a neighbour came, or brought a prekey, so that something may be sealed without a rendezvous node.
	apart chan struct{}

	mu     sync.Mutex // guards the following and what is so marked of each peer; taken after organization.mu, innermost
	peers  map[keys.PublicKey]*meshPeer
	shut   map[keys.PublicKey]time.Time // until when
	wishes map[keys.PublicKey]*wished
	asked  time.Time // when prekeys were asked for last
}

func newMeshStreams(o *organization) *meshStreams {
	return &meshStreams{
		o: o, stays: func(device keys.PublicKey, c network.ConnMultiaddrs) bool { return o.gate.mayStay(device, c) },
		apart: make(chan struct{}, 1), peers: make(map[keys.PublicKey]*meshPeer), shut: make(map[keys.PublicKey]time.Time),
		wishes: make(map[keys.PublicKey]*wished),
	}
}

// run answers other members' devices, and seals for them what no session seals, until the context ends.
func (m *meshStreams) run(ctx context.Context) error {
	defer p2p.Handle(ctx, m.host, protocolMesh, m.answer)()
	return m.o.keepSealingApart(ctx)
}

// meet keeps a stream to a device for as long as there is a direct connection to it. The side that called opens it. [MSH-1]
func (m *meshStreams) meet(ctx context.Context, device keys.PublicKey) error {
	for pause := meshAgain; ; pause = min(2*pause, meshAgainMost) {
		outbound, ok := directTo(m.host, device)
		if !ok {
			return p2p.ErrNotThere
		}
		if !m.mayMeet(device) {
			return errNotToMeet
		}
		started := time.Now()
		err := m.meetOnce(ctx, device, outbound)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.o.log.Debug("a stream to a neighbour ended", "device", device.Short(), "error", err)
		if time.Since(started) > meshAgainMost {
			pause = meshAgain
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jitter(pause)):
		}
	}
}

// meetOnce opens a stream, unless one stands, and returns when it has ended.
func (m *meshStreams) meetOnce(ctx context.Context, device keys.PublicKey, outbound bool) error {
	if !outbound {
		select { // for the other side to open it
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(meshOpening):
		}
	}
	if p := m.peer(device); p != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return errNewerStream
		}
	}
	opening, cancel := context.WithTimeout(network.WithNoDial(ctx, "a direct connection stands"), meshOpening)
	defer cancel()
	s, err := m.host.NewStream(opening, p2p.PeerID(device), protocolMesh)
	if err != nil {
		return fmt.Errorf("opening a stream: %w", err)
	}
	if err := m.judge(device, s); err != nil {
		_ = s.Reset()
		return err
	}
	return m.talk(ctx, device, s, true)
}

// directTo reports whether there is a connection to a device that no relay passes on, and whether this device called.
func directTo(local host.Host, device keys.PublicKey) (outbound, ok bool) {
	for _, c := range local.Network().ConnsToPeer(p2p.PeerID(device)) {
		if !p2p.IsRelayed(c.RemoteMultiaddr()) {
			ok, outbound = true, outbound || c.Stat().Direction == network.DirOutbound
		}
	}
	return outbound, ok
}

// answer serves a stream that another device opened. Nothing of it is read before it is known whose it is. [MSH-1]
func (m *meshStreams) answer(ctx context.Context, from keys.PublicKey, s network.Stream) error {
	if err := m.judge(from, s); err != nil {
		return err
	}
	return m.talk(ctx, from, s, false)
}

// judge returns an error unless a stream is on a connection that no relay passes on, with a device that may have one. [MSH-1]
func (m *meshStreams) judge(device keys.PublicKey, s network.Stream) error {
	switch {
	case p2p.IsRelayed(s.Conn().RemoteMultiaddr()):
		return errRelayed
	case !m.stays(device, s.Conn()):
		return errNotToMeet
	}
	return nil
}

// talk is one stream, from its beginning to its end.
func (m *meshStreams) talk(ctx context.Context, device keys.PublicKey, s network.Stream, opened bool) error {
	ctx, cancel := context.WithTimeout(ctx, meshLife)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	p := newMeshPeer(m, device, opened, end)
	if !m.enter(p) {
		_ = s.Reset()
		return errStands
	}
	defer p.keepUntold()
	defer m.leave(p)
	if !m.mayMeet(device) { // asked once it is entered, so that no bar comes unseen
		_ = s.Reset()
		return errNotToMeet
	}
	group := task.New(ctx)
	defer context.AfterFunc(group.Context(), func() { _ = s.Reset() })()
	group.Go("writing", func(ctx context.Context) error { return p.write(ctx, s) })
	group.Go("reading", func(ctx context.Context) error { return p.read(ctx, s) })
	group.Go("telling", p.tell)
	group.Go("handing", p.hand)
	if m.began != nil {
		group.Go("carriers", p.carry)
	}
	err := group.Wait()
	_ = s.Reset()
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		err = cause
	}
	if errors.Is(err, errMisbehaved) {
		m.o.log.Warn("a neighbour's stream was ended", "device", device.Short(), "error", err)
		m.shutOut(device)
	}
	return err
}

// enter makes a stream the one to its device. Of two that both sides opened at once the one of the smaller key stays; else the newer.
// [MSH-5]
func (m *meshStreams) enter(p *meshPeer) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, shut := m.shut[p.key]; shut && time.Now().Before(until) {
		return false
	}
	if old := m.peers[p.key]; old != nil {
		bySmaller := p.opened == (m.o.device.Compare(p.key) < 0)
		if old.opened != p.opened && !bySmaller && time.Since(old.began) < meshTogether {
			return false
		}
		old.end(errNewerStream)
	}
	m.peers[p.key] = p
	return true
}

// drop ends a stream at once: nothing is served by it from now on.
func (m *meshStreams) drop(p *meshPeer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.peers[p.key] == p {
		delete(m.peers, p.key)
	}
	p.end(errNotToMeet)
}

// leave ends that. What the device did not get is the rendezvous node's again.
func (m *meshStreams) leave(p *meshPeer) {
	m.mu.Lock()
	if m.peers[p.key] == p {
		delete(m.peers, p.key)
	}
	m.mu.Unlock()
	close(p.done)
	m.serveNoMore()
	m.o.forgetNear(p)
}

// serveNoMore has the rendezvous node, and carriers, get what waits for a device that is served directly no more.
func (m *meshStreams) serveNoMore() {
	wake(m.o.wakeOffer)
	wake(m.o.groups.anew)
	if m.unserved != nil {
		m.unserved()
	}
}

// shutOut gives a device no stream for a while.
func (m *meshStreams) shutOut(device keys.PublicKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(m.shut, func(_ keys.PublicKey, until time.Time) bool { return !now.Before(until) })
	if len(m.shut) < mostShut {
		m.shut[device] = now.Add(meshShut)
	}
}

// lookAgain has everything that waits looked at once more for each neighbour.
func (m *meshStreams) lookAgain() {
	for _, p := range m.all() {
		p.again()
	}
	m.o.carriers.stir()
}

func (m *meshStreams) peer(device keys.PublicKey) *meshPeer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peers[device]
}

// all returns the streams that stand, in the order of their devices.
func (m *meshStreams) all() []*meshPeer {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Collect(maps.Values(m.peers))
	slices.SortFunc(all, func(a, b *meshPeer) int { return a.key.Compare(b.key) })
	return all
}

// mayMeet reports whether a device is another member's that may act, and whose member is not blocked. [MSH-17] [MSH-22]
func (m *meshStreams) mayMeet(device keys.PublicKey) bool {
	m.o.mu.Lock()
	defer m.o.mu.Unlock()
	return m.o.mayMeetLocked(device)
}

// mayMeetLocked is mayMeet. Callers hold mu.
func (o *organization) mayMeetLocked(device keys.PublicKey) bool {
	member, active := o.personOfLocked(device)
	_, able := o.personOfLocked(o.device)
	return active && able && member != o.member && !o.blockedLocked(member)
}

// noteNeighboursLocked ends the streams to those who may act no more, at once, and has the others told what is new. [MSH-17] Callers hold
// mu.
func (o *organization) noteNeighboursLocked() {
	o.carriers.changed()
	for _, p := range o.mesh.all() {
		if !o.mayMeetLocked(p.key) {
			o.mesh.drop(p)
			continue
		}
		p.owe(func(owed *owed) { owed.known = true })
		p.again()
	}
}
