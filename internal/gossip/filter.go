package gossip

import (
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// subscriptions lets pubsub join what was joined and take note only of peers that may take part. [GOS-3]
type subscriptions struct{ *Gossip }

// CanSubscribe implements pubsub.SubscriptionFilter.
func (f subscriptions) CanSubscribe(topic string) bool { return f.topic(topic) != nil }

// FilterIncomingSubscriptions implements pubsub.SubscriptionFilter. A topic that we may join later counts, since the
// peer announces it only now.
func (f subscriptions) FilterIncomingSubscriptions(from peer.ID, all []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	key, err := p2p.Key(from)
	if err != nil {
		return nil, err
	}
	allowed := pubsub.FilterSubscriptions(all, func(topic string) bool { return f.member(key, topic) })
	return slices.DeleteFunc(allowed, func(s *pb.RPC_SubOpts) bool {
		return !f.neighbors.subscribed(key, s.GetTopicid(), s.GetSubscribe())
	}), nil
}

// mayPeer is the filter of peers that pubsub asks about everything but announcements. [GOS-3]
func (g *Gossip) mayPeer(id peer.ID, topic string) bool {
	key, err := p2p.Key(id)
	return err == nil && g.may(key, topic)
}

// inspect takes out of a frame what is not worth checking a signature, before pubsub looks at it: it costs the sender
// more than us. [GOS-4] [GOS-6] [GOS-7]
func (g *Gossip) inspect(from peer.ID, rpc *pubsub.RPC) error {
	neighbor, err := p2p.Key(from)
	if err != nil || g.isExpelled(neighbor) {
		return errNotAdmitted
	}
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pb.Message) bool { return !g.passes(neighbor, m) })
	return nil
}

// passes reports whether a message is well formed, between those who may, and within the bounds.
func (g *Gossip) passes(neighbor keys.PublicKey, m *pb.Message) bool {
	if m == nil || len(m.GetData()) == 0 || len(m.GetData()) > g.largest(m.GetTopic()) ||
		len(m.GetSeqno()) != seqnoSize || len(m.GetSignature()) != signatureSize || m.Key != nil {
		return false
	}
	author, err := p2p.Key(peer.ID(m.GetFrom()))
	topic := m.GetTopic()
	return err == nil && g.may(neighbor, topic) && g.may(author, topic) &&
		g.flood.allow(link{topic, author, neighbor}, AcceptedPerMinute)
}

// largest returns how many bytes a message of a topic may have; 0 if it is none of ours.
func (g *Gossip) largest(topic string) int {
	if j := g.topic(topic); j != nil {
		return j.largest
	}
	return 0
}
