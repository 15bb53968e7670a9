package p2p

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Whatever the observer says, an address of it is one that a device may be called at.
func FuzzObserved(f *testing.F) {
	said := func(address string) []byte {
		data, err := proto.Marshal(&pb.Identify{ObservedAddr: ma.StringCast(address).Bytes()})
		if err != nil {
			f.Fatal(err)
		}
		return append(protowire.AppendVarint(nil, uint64(len(data))), data...)
	}
	f.Add(said("/ip4/203.0.113.7/udp/4747/quic-v1"))
	f.Add(said("/ip4/127.0.0.1/udp/4747/quic-v1"))
	f.Add(said("/ip4/203.0.113.7/udp/53/quic-v1"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		seen, err := readObserved(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		if at, ok := UDPOf(seen); !ok || !Callable(at) || CheckAddress(seen.String()) != nil {
			t.Errorf("%s is believed", seen)
		}
	})
}
