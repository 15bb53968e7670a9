package rendezvous

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// sessions are the long-lived streams of one organization: at most one of each protocol a device. A newer one ends the
// older, which may be the dead remains of a connection that was lost. [RV-11]
type sessions struct {
	mu      sync.Mutex // guards the following
	live    map[sessionKey]*session
	deliver int
}

type sessionKey struct {
	device   keys.PublicKey
	protocol protocol.ID
}

// session is one long-lived stream.
type session struct {
	stream network.Stream
	wake   chan struct{} // capacity 1: something may have changed for the one who writes to it
}

func newSessions() *sessions { return &sessions{live: make(map[sessionKey]*session)} }

// enter makes s the device's session of a protocol. leave ends that.
func (t *sessions) enter(device keys.PublicKey, id protocol.ID, s network.Stream) (entered *session, leave func()) {
	key := sessionKey{device, id}
	entered = &session{stream: s, wake: make(chan struct{}, 1)}
	t.mu.Lock()
	older := t.live[key]
	t.live[key] = entered
	if id == rvproto.Deliver && older == nil {
		t.deliver++
	}
	t.mu.Unlock()
	if older != nil {
		_ = older.stream.Reset()
	}
	return entered, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.live[key] != entered {
			return
		}
		delete(t.live, key)
		if id == rvproto.Deliver {
			t.deliver--
		}
	}
}

// cut ends the streams of a device.
func (t *sessions) cut(device keys.PublicKey) {
	for _, id := range []protocol.ID{rvproto.Post, rvproto.Deliver} {
		t.mu.Lock()
		s := t.live[sessionKey{device, id}]
		t.mu.Unlock()
		if s != nil {
			_ = s.stream.Reset()
		}
	}
}

// cutAll ends every stream.
func (t *sessions) cutAll() {
	t.mu.Lock()
	live := make([]*session, 0, len(t.live))
	for _, s := range t.live {
		live = append(live, s)
	}
	t.mu.Unlock()
	for _, s := range live {
		_ = s.stream.Reset()
	}
}

// wakeAll tells every session that there may be news.
func (t *sessions) wakeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.live {
		s.poke()
	}
}

// has reports whether a device has a deliver stream.
func (t *sessions) has(device keys.PublicKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live[sessionKey{device, rvproto.Deliver}] != nil
}

// online returns how many devices have a deliver stream.
func (t *sessions) online() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.deliver
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// patient reads from a stream whose other side must say something within a time.
type patient struct {
	stream network.Stream
	limit  time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.stream.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.stream.Read(b)
}

// writePieces writes b in pieces, each under a deadline of its own: who does not read is cut off, who is slow is not.
func writePieces(s network.Stream, b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), writePiece)]
		if err := s.SetWriteDeadline(time.Now().Add(rvproto.WriteTime)); err != nil {
			return err
		}
		if _, err := s.Write(piece); err != nil {
			return err
		}
		b = b[len(piece):]
	}
	return nil
}
