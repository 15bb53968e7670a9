package p2p

import (
	"errors"
	"reflect"

	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
)

// errSettings means that libp2p keeps the settings of QUIC elsewhere than it did.
var errSettings = errors.New("p2p: libp2p's settings of QUIC are not where they were")

// giveTime lets handshakes over QUIC take as long as they do on slow links: handshakeIdle without a packet of the other side, and
// twice that in all, for the 5 and 10 seconds that quic-go gives where nobody says anything. libp2p has no option for it. It shows
// what it dials with, but not what it listens with: that is read from the field, whose absence is an error and not a silent loss.
func giveTime(sockets *quicreuse.ConnManager) error {
	field := reflect.ValueOf(sockets).Elem().FieldByName("serverConfig")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*quic.Config]() || field.IsNil() {
		return errSettings
	}
	sockets.ClientConfig().HandshakeIdleTimeout = handshakeIdle
	(*quic.Config)(field.UnsafePointer()).HandshakeIdleTimeout = handshakeIdle
	return nil
}
