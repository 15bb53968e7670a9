package rendezvous

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// manner is how the streams of a protocol go, and so what becomes of one on which nonsense is said.
type manner int

const (
	oneShot   manner = iota // one request, one answer: nonsense is refused as malformed, or cut off
	longLived               // a hello first, then frames both ways: nonsense cuts it off
	thenTalk                // a request, and then a talk with somebody else
	ofNodes                 // questions of another node of the organization
	libp2ps                 // libp2p's own, or on its terms
)

// hostileTable is every protocol that a rendezvous node serves, with how the tests treat it. TestEveryProtocolIsInTheHostileTable keeps
// it whole.
var hostileTable = map[protocol.ID]manner{
	rvproto.Join: oneShot, rvproto.Roll: oneShot, rvproto.Prekey: oneShot, rvproto.Grant: oneShot, rvproto.Presence: oneShot, rvproto.HealthOf: oneShot, rvproto.Carry: oneShot,
	rvproto.Post: longLived, rvproto.PostPieces: longLived, rvproto.Deliver: longLived, rvproto.DeliverOne: longLived, rvproto.DeliverPieces: longLived,
	rvproto.Pair: thenTalk, rvproto.Node: ofNodes,
	gossip.Protocol: libp2ps, "/ipfs/id/1.0.0": libp2ps, "/ipfs/id/push/1.0.0": libp2ps, "/libp2p/circuit/relay/0.2.0/hop": libp2ps,
}

// protocols returns those of the table that go in one of some manners, in order.
func protocols(manners ...manner) []protocol.ID {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(hostileTable)), func(id protocol.ID) bool { return !slices.Contains(manners, hostileTable[id]) })
}

// A protocol that a node serves has a place in the table, and so in the tests of what strangers and hostile members send.
func TestEveryProtocolIsInTheHostileTable(t *testing.T) {
	s := newSite(t)
	s.found("Acme")
	served := s.node.host.Mux().Protocols()
	for _, id := range served {
		if _, in := hostileTable[id]; !in {
			t.Errorf("%s is served, and hostileTable has no entry for it", id)
		}
	}
	for id := range hostileTable {
		if !slices.Contains(served, id) {
			t.Errorf("hostileTable has %s, which is not served", id)
		}
	}
}

// What is out of order on streams of posts and deliveries cuts them off, or is refused, and comes to nobody. [RV-3] [RV-200]
func TestFramesOutOfOrder(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	id := keys.EnvelopeID{1}
	begin := func(size, offset int) []byte {
		return rvproto.AppendBegin(nil, rvproto.BeginFrame{ID: id, Size: size, Offset: offset})
	}
	brought := rvproto.AppendBrought(nil, rvproto.BroughtFrame{Recipients: keysOf([]*device{phone}), ID: id})
	piece := rvproto.AppendPiece(nil, make([]byte, 1000))
	held := rvproto.AppendHeld(nil, rvproto.HeldFrame{ID: id, Bytes: 10})
	ack := rvproto.AppendAck(nil, rvproto.AckFrame{IDs: []keys.EnvelopeID{id}})
	post := rvproto.AppendPost(nil, rvproto.PostFrame{Recipients: keysOf([]*device{phone}), Envelope: []byte("no envelope")})
	coming := rvproto.AppendComing(nil, rvproto.ComingFrame{Number: 1, Kind: rvproto.KindEnvelope, BeginFrame: rvproto.BeginFrame{ID: id, Size: 10}})
	deliver := rvproto.AppendDeliver(nil, rvproto.DeliverFrame{Number: 1, Kind: rvproto.KindEnvelope, Body: []byte("no envelope")})
	hello := rvproto.AppendHello(nil, rvproto.HelloFrame{})
	posts, deliveries := []protocol.ID{rvproto.Post, rvproto.PostPieces}, []protocol.ID{rvproto.DeliverOne, rvproto.Deliver, rvproto.DeliverPieces}
	for _, test := range []struct { // in this order: what began comes on from stream to stream
		name   string
		on     []protocol.ID
		frames [][]byte
		cut    bool // else it is refused, or passed over
	}{
		{"a piece before any began", posts[1:], [][]byte{piece, brought}, false},
		{"an acknowledgement on a stream of posts", posts, [][]byte{ack}, true},
		{"a hello on a stream of posts", posts, [][]byte{hello}, true},
		{"an answer's place on a stream of posts", posts, [][]byte{deliver}, true},
		{"pieces on a stream that has none", posts[:1], [][]byte{begin(2000, 0), piece, piece}, true},
		{"what was brought where nothing is brought", posts[:1], [][]byte{brought}, true},
		{"what was not brought", posts[1:], [][]byte{brought}, false},
		{"what was not brought whole", posts[1:], [][]byte{begin(2000, 0), piece, brought}, false},
		{"a piece beyond the end", posts[1:], [][]byte{begin(1500, 0), piece, piece}, true},
		{"a beginning in the middle", posts[1:], [][]byte{begin(2000, 1000), piece, brought}, false},
		{"a beginning behind the end", posts[1:], [][]byte{begin(1000, 1000)}, true},
		{"more than any envelope", posts[1:], [][]byte{begin(rvproto.MaxEnvelope+1, 0)}, true},
		{"what is no envelope, in pieces", posts[1:], [][]byte{begin(1000, 0), piece, brought}, false},
		{"what is held, on a stream of posts", posts[1:], [][]byte{held}, true},
		{"a delivery on a stream of posts", posts[1:], [][]byte{coming}, true},
		{"a post on a stream of deliveries", deliveries, [][]byte{post}, true},
		{"a delivery from the wrong side", deliveries, [][]byte{deliver}, true},
		{"pieces on a stream of deliveries", deliveries, [][]byte{begin(2000, 0)}, true},
		{"a delivery in pieces from the wrong side", deliveries, [][]byte{coming}, true},
		{"what is held of nothing that was delivered", deliveries[2:], [][]byte{held}, false},
		{"what is held where nothing comes in pieces", deliveries[:2], [][]byte{held}, true},
		{"an acknowledgement of what never came", deliveries, [][]byte{ack}, false},
		{"one beginning after another, without pieces", posts[1:], slices.Repeat([][]byte{begin(1<<20, 0)}, 2000), false},
	} {
		for _, on := range test.on {
			stream := anna.raw(on)
			var out []byte
			for _, frame := range test.frames {
				out = wire.AppendFrame(out, frame)
			}
			if err := stream.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _ = stream.Write(append(out, wire.AppendFrame(nil, rvproto.AppendPing(nil))...))
			frames, ponged, said := wire.NewFrameReader(stream, 100, rvproto.MaxDeliverFrame), false, []string{}
			for !ponged {
				frame, err := frames.Read()
				if err != nil {
					break
				}
				ponged = rvproto.IsPong(frame)
				if answer, err := rvproto.ParseAnswer(frame); err == nil {
					said = append(said, answer.Status.Error())
					if answer.Status == wire.StatusOK {
						t.Errorf("%s on %s: it is taken", test.name, on)
					}
				}
			}
			if ponged == test.cut {
				t.Errorf("%s on %s: the stream goes on: %v; answered %s", test.name, on, ponged, strings.Join(said, ", "))
			}
			_ = stream.Reset()
		}
	}
	if s.node.parcels.bytes > rvproto.MaxInPieces {
		t.Errorf("the node keeps room for %d bytes of one device", s.node.parcels.bytes)
	}
	body := anna.sealed(1)
	wantAnswer(t, "a post after all that", anna.post(body, phone), wire.StatusOK)
	if d := nextDeliver(t, phone.openDeliver()); string(d.Body) != string(body) {
		t.Error("something else came to a device than what was posted")
	}
}
