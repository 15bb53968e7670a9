package p2p

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// A peer's protocols are remembered when libp2p has forgotten it, and one that it has no more is an error once: after that it is asked again.
// [RV-206]
func TestRemembered(t *testing.T) {
	answering, asking := pair(t)
	stop := serveEcho(t, answering, ServeLimits{Request: 1024})
	to := answering.ID()
	key, err := Key(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := askEcho(t.Context(), asking, to, "first"); err != nil {
		t.Fatal(err)
	}
	asking.Peerstore().RemovePeer(to) // as after a minute without a connection
	if !Knows(asking, key, echoProtocol) {
		t.Fatal("the protocol is forgotten")
	}
	if text, err := askEcho(t.Context(), asking, to, "again"); text != "again" {
		t.Fatalf("a stream of a remembered protocol: %q, %v", text, err)
	}
	stop()
	asking.Peerstore().RemovePeer(to)
	if _, err := askEcho(t.Context(), asking, to, "gone"); err == nil {
		t.Fatal("a protocol that is served no more answers")
	}
	if memory(asking).first(to, []protocol.ID{echoProtocol}) != "" {
		t.Error("the protocol is still remembered")
	}
	serveEcho(t, answering, ServeLimits{Request: 1024})
	if text, err := askEcho(t.Context(), asking, to, "back"); text != "back" {
		t.Errorf("once it is served again: %q, %v", text, err)
	}
}

// Few peers are remembered, whoever calls.
func TestRememberedAreFew(t *testing.T) {
	var r remembered
	for i := range 10 * mostRemembered {
		r.note(peer.ID(rune(i)), echoProtocol)
	}
	if len(r.all) > mostRemembered {
		t.Errorf("%d peers", len(r.all))
	}
}
