package p2p

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

const echoProtocol = "/muster/test-echo/1"

// echo is both the question and the answer of the test protocol.
type echo struct {
	Text string `cbor:"1,keyasint"`
	From string `cbor:"2,keyasint,omitempty"`
}

func serveEcho(t *testing.T, h host.Host, limits ServeLimits) (stop func()) {
	t.Helper()
	return Serve(t.Context(), h, echoProtocol, limits,
		func(_ context.Context, from keys.PublicKey, request echo) (echo, error) {
			switch request.Text {
			case "panic":
				panic("asked to")
			case "fail":
				return echo{}, errors.New("asked to")
			}
			return echo{Text: request.Text, From: from.String()}, nil
		})
}

func askEcho(ctx context.Context, h host.Host, to peer.ID, text string) (string, error) {
	var answer echo
	err := Request(ctx, h, to, echoProtocol, echo{Text: text}, &answer, 1024)
	return answer.Text, err
}

// pair returns two connected hosts, the first of which listens.
func pair(t *testing.T) (answering, asking host.Host) {
	t.Helper()
	answering, asking = newHost(t, Config{Listen: []string{overTCP}}), newHost(t, Config{})
	connect(t, asking, answering)
	return answering, asking
}

func TestRequestAndServe(t *testing.T) {
	answering, asking := pair(t)
	stop := serveEcho(t, answering, ServeLimits{Request: 64})
	var answer echo
	if err := Request(t.Context(), asking, answering.ID(), echoProtocol, echo{Text: "hello"}, &answer, 1024); err != nil {
		t.Fatal(err)
	}
	if answer.Text != "hello" || answer.From != asking.ID().String() {
		t.Errorf("the answer is %+v", answer)
	}
	stop()
	if _, err := askEcho(t.Context(), asking, answering.ID(), "hello"); err == nil {
		t.Error("an answer came after stop")
	}
}

func TestServeSurvivesBadRequests(t *testing.T) {
	var logged lockedBuffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })

	answering, asking := pair(t)
	defer serveEcho(t, answering, ServeLimits{Request: 64})()
	for name, text := range map[string]string{
		"a panic": "panic", "an error": "fail", "an oversize request": strings.Repeat("x", 64),
	} {
		if answer, err := askEcho(t.Context(), asking, answering.ID(), text); err == nil {
			t.Errorf("%s was answered %q", name, answer)
		}
		if answer, err := askEcho(t.Context(), asking, answering.ID(), "still there"); err != nil {
			t.Errorf("after %s: %q, %v", name, answer, err)
		}
	}
	if text := logged.String(); !strings.Contains(text, "handler panicked") || !strings.Contains(text, asking.ID().String()) {
		t.Errorf("the log does not tell of the panic and the peer: %q", text)
	}
	for name, data := range map[string][]byte{
		"not CBOR":            {0xff},
		"an unknown key":      wire.Encode(map[int]string{1: "a", 9: "b"}),
		"a trailing byte":     append(wire.Encode(echo{Text: "a"}), 0),
		"a non-minimal frame": nil,
	} {
		frame := wire.AppendFrame(nil, data)
		if data == nil {
			frame = []byte{0x81, 0x00, 0xa0}
		}
		if got := raw(t, asking, answering.ID(), frame); len(got) > 0 {
			t.Errorf("%s was answered %x", name, got)
		}
	}
}

// lockedBuffer collects log lines from several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// raw sends bytes on a stream of the echo protocol and returns what comes back before the stream ends.
func raw(t *testing.T, from host.Host, to peer.ID, data []byte) []byte {
	t.Helper()
	s, err := from.NewStream(t.Context(), to, echoProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Reset()
	if _, err := s.Write(data); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(io.LimitReader(s, 1024))
	return answer
}

func TestServeCutsSlowRequests(t *testing.T) {
	answering, asking := pair(t)
	defer serveEcho(t, answering, ServeLimits{Request: 64, Time: 50 * time.Millisecond})()
	// Half a frame, and then silence: the stream must end although this side says nothing more.
	if got := raw(t, asking, answering.ID(), []byte{10, 0xa1}); len(got) > 0 {
		t.Errorf("half a request was answered %x", got)
	}
}

func TestRequestCutsLargeAndSilentAnswers(t *testing.T) {
	answering, asking := pair(t)
	defer Handle(t.Context(), answering, "/muster/test-large/1",
		func(_ context.Context, _ keys.PublicKey, s network.Stream) error {
			_, err := s.Write(wire.AppendFrame(nil, wire.Encode(echo{Text: strings.Repeat("x", 2000)})))
			return err
		})()
	var answer echo
	err := Request(t.Context(), asking, answering.ID(), "/muster/test-large/1", echo{}, &answer, 1024)
	if !errors.Is(err, wire.ErrFrameSize) {
		t.Errorf("a large answer: %v, want ErrFrameSize", err)
	}

	silent := Handle(t.Context(), answering, "/muster/test-silent/1",
		func(ctx context.Context, _ keys.PublicKey, _ network.Stream) error {
			<-ctx.Done()
			return nil
		})
	defer silent()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = Request(ctx, asking, answering.ID(), "/muster/test-silent/1", echo{}, &answer, 1024)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent peer: %v, want the deadline", err)
	}
}

func TestStopEndsHandlersThatWait(t *testing.T) {
	answering, asking := pair(t)
	var ended atomic.Bool
	began := make(chan struct{})
	stop := Handle(t.Context(), answering, echoProtocol,
		func(_ context.Context, _ keys.PublicKey, s network.Stream) error {
			close(began)
			_, err := s.Read(make([]byte, 1)) // no deadline: only the reset ends it
			ended.Store(true)
			return err
		})
	s, err := asking.NewStream(t.Context(), answering.ID(), echoProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Reset()
	if _, err := s.Write(nil); err != nil { // sends the negotiation, which is lazy
		t.Fatal(err)
	}
	<-began
	stop()
	if !ended.Load() {
		t.Error("stop returned before the handler")
	}
}

func TestHandleStreamBothWays(t *testing.T) {
	answering, asking := pair(t)
	defer Handle(t.Context(), answering, echoProtocol,
		func(_ context.Context, _ keys.PublicKey, s network.Stream) error {
			data, err := io.ReadAll(s)
			if err != nil {
				return err
			}
			_, err = s.Write(bytes.ToUpper(data))
			return err
		})()
	s, err := asking.NewStream(t.Context(), answering.ID(), echoProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Reset()
	if _, err := s.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "HELLO" {
		t.Errorf("got %q, %v", got, err)
	}
}
