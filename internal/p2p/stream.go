package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// bufferSize is the read and write buffer of one exchange in bytes: most requests fit.
const bufferSize = 4 << 10

// mostRequestTime bounds one exchange whose answer goes on coming.
const mostRequestTime = 30 * time.Minute

// Handle answers streams of protocol id with handle, each in a goroutine of libp2p's, until stop is called. stop takes
// the protocol away, cuts the streams under way and returns after their handlers have.
//
// handle gets the authenticated key of the peer and a context that ends with ctx, with stop and with the handler; when
// it ends, the stream is reset, so that a blocked read returns. A nil from handle closes the stream, an error or a
// panic resets it: the peer learns nothing of either. handle must set deadlines for what it reads and writes.
func Handle(ctx context.Context, h host.Host, id protocol.ID,
	handle func(ctx context.Context, from keys.PublicKey, s network.Stream) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var under handlers
	h.SetStreamHandler(id, func(s network.Stream) {
		if !under.enter() {
			_ = s.Reset()
			return
		}
		defer under.wait.Done()
		run(ctx, s, handle)
	})
	return func() {
		h.RemoveStreamHandler(id)
		under.close()
		cancel()
		under.wait.Wait()
	}
}

// handlers counts the handlers under way and lets none begin once it is closed.
type handlers struct {
	wait   sync.WaitGroup
	mu     sync.Mutex // guards the following
	closed bool
}

func (u *handlers) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.wait.Add(1)
	return true
}

func (u *handlers) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
}

// run is the top of every handler: the one place that recovers from a panic.
func run(ctx context.Context, s network.Stream,
	handle func(ctx context.Context, from keys.PublicKey, s network.Stream) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unhook := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer unhook()
	log := func() *slog.Logger { return slog.With("protocol", s.Protocol(), "peer", s.Conn().RemotePeer()) }
	defer func() {
		if cause := recover(); cause != nil {
			log().Error("handler panicked", "cause", cause, "stack", string(debug.Stack()))
			_ = s.Reset()
		}
	}()
	from, err := Key(s.Conn().RemotePeer())
	if err == nil {
		err = handle(ctx, from, s)
	}
	if err != nil {
		if ctx.Err() == nil {
			log().Debug("stream ended", "error", err)
		}
		_ = s.Reset()
		return
	}
	if unhook() {
		_ = s.Close()
	}
}

// ServeLimits bounds one exchange on the answering side.
type ServeLimits struct {
	Request int           // most bytes of the request's payload
	Time    time.Duration // for reading, answering and writing together; 0 stands for RequestTime
}

// Serve answers protocol id, on which each stream carries one frame each way, both canonical CBOR, until stop is
// called; see Handle. A request that is too large, too slow or does not decode, and an error or panic of answer, reset
// the stream; what the peer may know goes into the answer as a wire.Status.
func Serve[Request, Answer any](ctx context.Context, h host.Host, id protocol.ID, limits ServeLimits,
	answer func(ctx context.Context, from keys.PublicKey, request Request) (Answer, error)) (stop func()) {
	if limits.Time == 0 {
		limits.Time = RequestTime
	}
	return Handle(ctx, h, id, func(ctx context.Context, from keys.PublicKey, s network.Stream) error {
		ctx, cancel := context.WithTimeout(ctx, limits.Time)
		defer cancel()
		deadline, _ := ctx.Deadline()
		if err := s.SetDeadline(deadline); err != nil {
			return err
		}
		var request Request
		if err := readMessage(s, limits.Request, &request); err != nil {
			return fmt.Errorf("reading the request: %w", err)
		}
		reply, err := answer(ctx, from, request)
		if err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		return writeMessage(s, reply)
	})
}

// Request opens a stream of protocol id to a peer, dialling it where the host knows addresses, sends request as one
// frame and decodes the one frame that comes back into answer, a pointer. The whole takes at most until the deadline
// of ctx, or RequestTime if it has none, and with an answer of which 4 KiB come within each RequestTime up to mostRequestTime; an answer of more than maxAnswer bytes is wire.ErrFrameSize, one that does
// not decode wire.ErrDecode. Other errors are the network's: the request may or may not have been carried out.
func Request(ctx context.Context, h host.Host, to peer.ID, id protocol.ID, request, answer any, maxAnswer int) error {
	within, given := ctx.Deadline()
	limit := time.Duration(0)
	if !given {
		limit = cmp.Or(patience(ctx), RequestTime)
		within = time.Now().Add(limit)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, mostRequestTime)
		defer cancel()
	}
	opening, cancel := context.WithDeadline(ctx, within)
	defer cancel()
	s, err := NewStream(opening, h, to, id)
	if err != nil {
		return fmt.Errorf("opening a stream of %s: %w", id, err)
	}
	unhook := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer unhook()
	if err := exchange(s, within, limit, request, answer, maxAnswer); err != nil {
		_ = s.Reset()
		return fmt.Errorf("request of %s: %w", id, errors.Join(ended(ctx, err), err))
	}
	_ = s.Close()
	return nil
}

// ended returns the error of ctx if that is why a stream ended, else nil. The stream's deadline is that of ctx, and may
// be noticed a moment before.
func ended(ctx context.Context, err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// exchange sends a request and reads the answer, within a time that grows by limit with each bufferSize of the answer; 0: it does not.
func exchange(s network.Stream, within time.Time, limit time.Duration, request, answer any, maxAnswer int) error {
	if err := s.SetDeadline(within); err != nil {
		return err
	}
	if err := writeMessage(s, request); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	return readMessage(&progress{stream: s, limit: limit}, maxAnswer, answer)
}

// progress reads from a stream whose deadline grows as bytes come: a page of the roll over a slow link takes minutes, and who sends a byte
// now and then gains nothing.
type progress struct {
	stream network.Stream
	limit  time.Duration
	came   int // since the deadline last grew
}

// Read implements io.Reader.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.stream.Read(b)
	if p.came += n; p.limit > 0 && p.came >= bufferSize {
		p.came = 0
		_ = p.stream.SetReadDeadline(time.Now().Add(p.limit))
	}
	return n, err
}

// patienceKey is the key of a context's patience.
type patienceKey struct{}

// WithPatience gives Request another time than RequestTime, for who has found the link to be slow.
func WithPatience(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, limit)
}

func patience(ctx context.Context) time.Duration {
	limit, _ := ctx.Value(patienceKey{}).(time.Duration)
	return limit
}

func readMessage(s io.Reader, maxSize int, message any) error {
	frame, err := wire.NewFrameReader(s, bufferSize, maxSize).Read()
	if err != nil {
		return err
	}
	return wire.Decode(frame, message)
}

func writeMessage(s network.Stream, message any) error {
	_, err := s.Write(wire.AppendFrame(nil, wire.Encode(message)))
	return err
}
