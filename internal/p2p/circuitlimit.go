package p2p

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	pbv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
)

const (
	// maxHop is the size of the longest request to a relay, in bytes, and hopTime how long it may take: both are libp2p's own.
	maxHop  = 4096
	hopTime = time.Minute
)

// CallLimit is what one relayed call may take. The zero value is no limit.
type CallLimit struct {
	Time  time.Duration
	Bytes int64 // both ways together, with what encrypts them
}

// errCallLimit means that a relayed call has taken what it may.
var errCallLimit = errors.New("p2p: the relayed call has taken what it may")

// begin reads the request that a stream to the relay begins with, and returns the stream as it was before, with what the call that it
// asks for may take: libp2p's relay has one limit for all. A call that may not be made is answered as one of somebody who does not wait,
// where libp2p's would say that it is refused; then there is no stream.
func (c Circuits) begin(s network.Stream) (network.Stream, error) {
	if err := s.SetReadDeadline(time.Now().Add(hopTime)); err != nil {
		return nil, err
	}
	raw, message, err := readHop(s)
	if err != nil {
		return nil, err
	}
	if err := s.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	again := &replayed{Stream: s, first: bytes.NewReader(raw)}
	if message.GetType() != pbv2.HopMessage_CONNECT {
		return again, nil
	}
	from, err := Key(s.Conn().RemotePeer())
	if err != nil {
		return nil, err
	}
	to, err := Key(peer.ID(message.GetPeer().GetId()))
	if err != nil || !c.Call(from, to) {
		return nil, answerAbsent(s)
	}
	if c.Limit == nil {
		return again, nil
	}
	if limit := c.Limit(from, to); limit != (CallLimit{}) {
		return newMetered(again, limit, func() { c.cut(from, to) }), nil
	}
	return again, nil
}

// answerAbsent answers a call as that of somebody who does not wait at the relay.
func answerAbsent(s network.Stream) error {
	answer, err := proto.Marshal(&pbv2.HopMessage{Type: pbv2.HopMessage_STATUS.Enum(), Status: pbv2.Status_NO_RESERVATION.Enum()})
	if err != nil {
		return err
	}
	if err := s.SetWriteDeadline(time.Now().Add(hopTime)); err != nil {
		return err
	}
	if _, err := s.Write(append(protowire.AppendVarint(nil, uint64(len(answer))), answer...)); err != nil {
		return err
	}
	return s.Close()
}

func (c Circuits) cut(from, to keys.PublicKey) {
	if c.Cut != nil {
		c.Cut(from, to)
	}
}

// readHop reads one request, byte for byte what was sent and no more.
func readHop(r io.Reader) (raw []byte, message *pbv2.HopMessage, err error) {
	size, one := uint64(0), make([]byte, 1)
	for shift := 0; ; shift += 7 {
		if shift > 14 {
			return nil, nil, fmt.Errorf("%w: a request to the relay is too long", io.ErrUnexpectedEOF)
		}
		if _, err := io.ReadFull(r, one); err != nil {
			return nil, nil, err
		}
		raw = append(raw, one[0])
		if size |= uint64(one[0]&0x7f) << shift; one[0] < 0x80 {
			break
		}
	}
	if size > maxHop {
		return nil, nil, fmt.Errorf("%w: a request to the relay of %d bytes", io.ErrUnexpectedEOF, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, nil, err
	}
	message = new(pbv2.HopMessage)
	if err := proto.Unmarshal(body, message); err != nil {
		return nil, nil, err
	}
	return append(raw, body...), message, nil
}

// replayed is a stream of which the beginning was read already.
type replayed struct {
	network.Stream
	first *bytes.Reader
}

// Read implements io.Reader.
func (r *replayed) Read(p []byte) (int, error) {
	if r.first.Len() > 0 {
		return r.first.Read(p)
	}
	return r.Stream.Read(p)
}

// metered is a stream that ends once so much went over it, or after a while.
type metered struct {
	network.Stream
	left  atomic.Int64
	timer *time.Timer
	once  sync.Once
	cut   func()
}

func newMetered(s network.Stream, limit CallLimit, cut func()) *metered {
	m := &metered{Stream: s, cut: cut}
	m.left.Store(limit.Bytes)
	m.timer = time.AfterFunc(limit.Time, m.end)
	return m
}

func (m *metered) end() {
	m.once.Do(func() {
		m.cut()
		_ = m.Stream.Reset()
	})
}

// spend takes so many bytes from what is left, and ends the stream when there is nothing left.
func (m *metered) spend(n int, err error) (int, error) {
	if m.left.Add(-int64(n)) < 0 {
		m.end()
		return 0, errCallLimit
	}
	return n, err
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) { return m.spend(m.Stream.Read(p)) }

// Write implements io.Writer.
func (m *metered) Write(p []byte) (int, error) {
	if m.left.Load() < int64(len(p)) {
		m.end()
		return 0, errCallLimit
	}
	return m.spend(m.Stream.Write(p))
}

// Close implements network.Stream.
func (m *metered) Close() error {
	m.timer.Stop()
	return m.Stream.Close()
}

// Reset implements network.Stream.
func (m *metered) Reset() error {
	m.timer.Stop()
	return m.Stream.Reset()
}
