package p2p

import (
	"testing"

	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
)

// Both sides of a handshake get time: an upgrade of libp2p that moves its settings must not take that away in silence.
func TestHandshakesGetTime(t *testing.T) {
	sockets, err := quicreuse.NewConnManager(quic.StatelessResetKey{}, quic.TokenGeneratorKey{})
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	if err := giveTime(sockets); err != nil {
		t.Fatal(err)
	}
	if got := sockets.ClientConfig().HandshakeIdleTimeout; got != handshakeIdle {
		t.Errorf("a dial gives %v", got)
	}
}
