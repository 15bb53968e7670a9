package p2p

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pbv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
)

// A relay ends a call that takes more than it may, in bytes or in time, and leaves those without a limit alone.
func TestCallsAreLimited(t *testing.T) {
	ada, bo, cleo, dan, relayKey := keys.Generate(), keys.Generate(), keys.Generate(), keys.Generate(), keys.Generate()
	limits := map[keys.PublicKey]CallLimit{ // by who is called
		bo.Public(): {}, cleo.Public(): {Time: time.Hour, Bytes: 32 << 10}, dan.Public(): {Time: time.Nanosecond, Bytes: 1 << 30},
	}
	var cut atomic.Int32
	relay := newHost(t, Config{Identity: relayKey, Listen: []string{overTCP}, Circuits: &Circuits{
		Wait:  func(keys.PublicKey) bool { return true },
		Call:  func(_, _ keys.PublicKey) bool { return true },
		Limit: func(_, to keys.PublicKey) CallLimit { return limits[to] },
		Cut:   func(_, _ keys.PublicKey) { cut.Add(1) },
		Most:  4,
	}})
	caller := newHost(t, Config{Identity: ada, Relayed: true})
	connect(t, caller, relay)
	long := strings.Repeat("so much ", 100)
	for _, test := range []struct {
		name   string
		called keys.PrivateKey
		short  bool // a call stands, and little gets through
		long   bool
		cut    int32
	}{{"without a limit", bo, true, true, 0}, {"of bytes", cleo, true, false, 1}, {"of time", dan, false, false, 2}} {
		called := newHost(t, Config{Identity: test.called, Relayed: true})
		connect(t, called, relay)
		if _, err := WaitAt(t.Context(), called, relayKey.Public()); err != nil {
			t.Fatal(err)
		}
		stop := serveEcho(t, called, ServeLimits{Request: 1 << 20})
		err := Call(t.Context(), caller, relayKey.Public(), test.called.Public())
		if (err == nil) != test.short {
			t.Errorf("%s: calling: %v", test.name, err)
		}
		if err == nil {
			if answer, err := askEcho(t.Context(), caller, called.ID(), "hello"); err != nil || answer != "hello" {
				t.Errorf("%s: %q, %v", test.name, answer, err)
			}
			for i := 0; i < 60 && err == nil; i++ {
				_, err = askEcho(t.Context(), caller, called.ID(), long)
			}
			if (err == nil) != test.long {
				t.Errorf("%s: much: %v", test.name, err)
			}
		}
		stop()
		if got := cut.Load(); got != test.cut {
			t.Errorf("%s: %d calls were cut, want %d", test.name, got, test.cut)
		}
	}
}

// What is read of a request is what was sent of it, and never more than the cap.
func FuzzHop(f *testing.F) {
	request, err := proto.Marshal(&pbv2.HopMessage{Type: pbv2.HopMessage_CONNECT.Enum(), Peer: &pbv2.Peer{Id: []byte("peer")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(protowire.AppendVarint(nil, uint64(len(request))), request...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0x81, 0x20})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		raw, message, err := readHop(r)
		if err != nil {
			return
		}
		if message == nil || len(raw) > maxHop+3 || !bytes.Equal(raw, data[:len(data)-r.Len()]) {
			t.Errorf("of %x it read %x", data, raw)
		}
	})
}
