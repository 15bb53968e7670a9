package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/gossip"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/node/api"
)

// speakers are who may say something on a protocol.
type speakers int

const (
	siblingsAlone speakers = iota // devices of the account
	members                       // devices that may have a direct connection
	libp2ps                       // whoever is connected, on libp2p's terms
)

// hostileTable is every protocol that a device serves on its host for others, and who may speak there. TestLongSimNonsenseOnEveryProtocol keeps
// it whole. /muster/meet/1 has a host of its own, for one meeting (meeting_test.go).
var hostileTable = map[protocol.ID]speakers{
	"/muster/sync/1": siblingsAlone, "/muster/known/1": siblingsAlone, meshProtocol: members, gossip.Protocol: libp2ps,
	"/ipfs/id/1.0.0": libp2ps, "/ipfs/id/push/1.0.0": libp2ps, "/libp2p/dcutr": libp2ps, "/libp2p/circuit/relay/0.2.0/stop": libp2ps,
}

const (
	// nonsenseTime is after how long a stream on which nothing proper is said has ended, and mostAnswered how many bytes are answered on it.
	nonsenseTime = 10 * time.Minute
	mostAnswered = 64 << 10
	// shutTime is after how long a device takes a stream of one again that talked nonsense there. [MSH-21]
	shutTime = 11 * time.Minute
)

// nonsense is what is said on each protocol.
func nonsense() map[string][]byte {
	frame := func(payload ...byte) []byte { return wire.AppendFrame(nil, payload) }
	return map[string][]byte{
		"nothing":              {},
		"half a length":        {0x80},
		"half a frame":         {100, 1, 2, 3},
		"an oversize frame":    binary.AppendUvarint(nil, 1<<31),
		"a length without end": bytes.Repeat([]byte{0xff}, 20),
		"an empty frame":       frame(),
		"no CBOR":              frame(0xff, 0xff),
		"an unknown map":       frame(0xa1, 0x18, 0x63, 0x00),
		"an unknown list":      frame(0x82, 0x18, 0x63, 0x00),
		"indefinite length":    frame(0xbf, 0xff),
		"a deep list":          wire.AppendFrame(nil, bytes.Repeat([]byte{0x81}, 4000)),
		"zeros":                make([]byte, 100_000),
		"many frames":          bytes.Repeat(frame(0xa0), 5000),
		"a larger frame":       wire.AppendFrame(nil, make([]byte, 300<<10)),
	}
}

// hostileAs is a host with the key of a person's device, which has stopped, at its place.
func (p *person) hostileAs(victim *person) (host.Host, error) {
	t := p.world.t
	t.Helper()
	p.world.net.Up(p.address())
	local := p.world.net.Host(t, p.world.net.Config(p.place, p.identity()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	at := victim.waitsAt()
	address, err := ma.NewMultiaddr(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", at.Addr(), at.Port()))
	if err != nil {
		t.Fatal(err)
	}
	return local, local.Connect(ctx, peer.AddrInfo{ID: p2p.PeerID(victim.identity().Public()), Addrs: []ma.Multiaddr{address}})
}

// speak says something on a protocol, and no more. It returns whether a stream was had, what was answered until it ended, and an error if it
// did not end.
func speak(t *testing.T, local host.Host, victim *person, on protocol.ID, what []byte, goesOn bool) (spoke bool, answered int64, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nonsenseTime)
	defer cancel()
	s, err := local.NewStream(network.WithNoDial(ctx, "it is connected"), p2p.PeerID(victim.identity().Public()), on)
	if err != nil {
		return false, 0, nil //nolint:nilerr // it is not served to this one: counted by the caller
	}
	defer s.Reset() //nolint:errcheck // nothing more comes
	_ = s.SetDeadline(time.Now().Add(nonsenseTime))
	if _, err := s.Write(what); err != nil {
		return false, 0, nil //nolint:nilerr // it was reset
	}
	if !goesOn {
		_ = s.CloseWrite()
	}
	answered, err = io.Copy(io.Discard, io.LimitReader(s, 1<<24))
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return true, answered, err
	}
	return true, answered, nil
}

// TestLongSimNonsenseOnEveryProtocol has a stolen device of the account, and another member's, say nonsense on each protocol that a device
// serves, whole, truncated, too long, and without end: each stream ends, little is answered, and the device goes on as before. A protocol
// without an entry in the table fails.
func TestLongSimNonsenseOnEveryProtocol(t *testing.T) {
	long(t)
	simulate(t, 188, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, writer := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		w.await(2*time.Minute, "they have met", func() bool { return desk.path(phone) == api.PathLAN && desk.touches(writer) })
		served := desk.host.Mux().Protocols()
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
		for _, from := range []*person{phone, writer} {
			from.crash()
			time.Sleep(time.Minute)
			heard, there := make(map[protocol.ID]int), time.Now()
			for _, id := range slices.Sorted(maps.Keys(hostileTable)) {
				for _, name := range slices.Sorted(maps.Keys(nonsense())) {
					for _, goesOn := range []bool{false, true} {
						if goesOn && hostileTable[id] == libp2ps {
							continue // what libp2p does with who falls silent is libp2p's: streams are few, and the connection ends
						}
						if time.Since(there) > 2*time.Hour { // where it was heard is forgotten after three
							from.start()
							w.await(10*time.Minute, "it is heard again", func() bool { return desk.touches(from) })
							from.crash()
							time.Sleep(time.Minute)
							there = time.Now()
						}
						local, err := from.hostileAs(desk)
						if err != nil {
							t.Fatalf("%s is not let in: %v", from.name, err)
						}
						spoke, answered, err := speak(t, local, desk, id, nonsense()[name], goesOn)
						most := int64(mostAnswered)
						if from != phone && hostileTable[id] == siblingsAlone {
							most = 0
						}
						if err != nil || answered > most {
							t.Errorf("%s says %s on %s, and goes on: %v: %d bytes are answered, %v", from.name, name, id, goesOn, answered, err)
						}
						if spoke {
							heard[id]++
						}
						if err := local.Close(); err != nil {
							t.Error(err)
						}
						if id == meshProtocol {
							time.Sleep(shutTime)
						}
					}
				}
			}
			t.Logf("%s was heard so often: %v", from.name, heard)
			for id, who := range hostileTable {
				if may := from == phone || who != siblingsAlone; may && heard[id] == 0 {
					t.Errorf("%s was never heard on %s", from.name, id)
				}
			}
			from.start()
		}
		text := "after all that"
		writer.send(text, desk)
		w.await(10*time.Minute, "a message comes", func() bool { return slices.Contains(desk.inbox(), text) })
		w.alike(10*time.Minute, desk, phone)
	})
}
