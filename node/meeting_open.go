package node

import (
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/pairing"
)

// openMeeting is a device that waits on the local networks for whoever has a code.
type openMeeting struct {
	node   *Node
	host   host.Host
	notice meetingNotice
	port   uint16
	visits chan<- *talk
	busy   chan struct{} // capacity 1: holds one while there is a visitor
}

// openMeeting begins to wait, under an identity that is for this meeting alone. Each visitor is handed to visits, one at a time,
// while run runs, which the caller must call. [PAIR-13]
func (n *Node) openMeeting(identity keys.PrivateKey, place meetingPlace, visits chan<- *talk) (*openMeeting, error) {
	local, port, err := n.meetingHost(identity)
	if err != nil {
		return nil, err
	}
	return &openMeeting{
		node: n, host: local, port: port, visits: visits, busy: make(chan struct{}, 1),
		notice: meetingNotice{meetingPlace: place, key: identity.Public()},
	}, nil
}

// addresses returns where the meeting is, as a link tells it.
func (m *openMeeting) addresses() []string { return localAddresses(m.host) }

// run announces the meeting and answers who comes, until ctx ends. That it cannot be announced is no error: who has a link comes
// without.
func (m *openMeeting) run(ctx context.Context) error {
	stop := p2p.Handle(ctx, m.host, protocolMeet, m.answer)
	group := task.New(ctx)
	group.Go("announcement", func(ctx context.Context) error {
		err := m.node.config.Nearby.Announce(ctx, nearby.Announcement{Kind: nearby.Meetings, Port: m.port, Payload: m.notice.encode()})
		if err != nil && ctx.Err() == nil {
			m.node.log.Info("a code is not announced on the local network", "error", err)
		}
		<-ctx.Done()
		return nil
	})
	err := group.Wait()
	stop()
	return errors.Join(err, m.host.Close())
}

// answer is one visit. Whoever comes while there is a visitor is sent away. [PAIR-14]
func (m *openMeeting) answer(ctx context.Context, from keys.PublicKey, stream network.Stream) error {
	select {
	case m.busy <- struct{}{}:
		defer func() { <-m.busy }()
	default:
		return errVisit
	}
	visit, err := newVisit(stream, meetingBytes+rollBytes, meetingBytes+askBytes)
	if err != nil {
		return err
	}
	patience := time.NewTimer(pairing.AnswerTime) // a visitor by the rendezvous node may be there
	defer patience.Stop()
	select {
	case m.visits <- visit.talk(from):
	case <-patience.C:
		return errVisit
	case <-ctx.Done():
		return ctx.Err()
	}
	return visit.read()
}
