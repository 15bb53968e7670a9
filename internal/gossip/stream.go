package gossip

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/encoding/protowire"

	"muster.example/internal/p2p"
)

// inStream is a stream that a peer writes to: read no faster than the peer may write. [GOS-7]
type inStream struct {
	network.Stream
	meter  meter // of the one goroutine that reads
	once   sync.Once
	closed chan struct{}
}

// Read implements io.Reader. The pause comes after the bytes, so that a peer within its bounds is not held up.
func (s *inStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if pause := s.meter.pause(n); pause > 0 && err == nil {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.closed:
		}
	}
	return n, err
}

// cut ends the stream and a pause.
func (s *inStream) cut() {
	s.once.Do(func() { close(s.closed) })
	_ = s.Reset()
}

// outStream is a stream that we write to. A peer learns only of topics in which it may take part: the other
// organizations of a rendezvous node are none of its business, and the first frame could not hold many. [GOS-3]
type outStream struct {
	network.Stream
	host *gatedHost
}

// Write implements io.Writer. Pubsub writes each frame at once.
func (s *outStream) Write(frame []byte) (int, error) {
	key, err := p2p.Key(s.Conn().RemotePeer())
	if err != nil {
		return 0, err
	}
	allowed := func(topic string) bool { return s.host.gossip.member(key, topic) }
	if _, err := s.Stream.Write(withoutTopics(frame, allowed)); err != nil {
		return 0, err
	}
	return len(frame), nil
}

// Close implements network.Stream.
func (s *outStream) Close() error {
	remove(s.host, s.host.out, s.Conn().RemotePeer(), s)
	return s.Stream.Close()
}

// Reset implements network.Stream.
func (s *outStream) Reset() error {
	remove(s.host, s.host.out, s.Conn().RemotePeer(), s)
	return s.Stream.Reset()
}

// The numbers of the fields of pubsub's protobuf that withoutTopics looks at.
const (
	fieldSubscriptions protowire.Number = 1 // of RPC
	fieldTopic         protowire.Number = 2 // of RPC.SubOpts
)

// withoutTopics returns a frame, length and RPC, without the announcements of topics that are not allowed. A frame that
// has none of them, or that is not one, comes back as it is.
func withoutTopics(frame []byte, allowed func(topic string) bool) []byte {
	rpc, n := protowire.ConsumeBytes(frame)
	if n != len(frame) {
		return frame
	}
	kept := make([]byte, 0, len(rpc))
	for rest := rpc; len(rest) > 0; {
		number, kind, n := protowire.ConsumeField(rest)
		if n < 0 {
			return frame
		}
		if number != fieldSubscriptions || kind != protowire.BytesType || allowed(announced(rest[:n])) {
			kept = append(kept, rest[:n]...)
		}
		rest = rest[n:]
	}
	if len(kept) == len(rpc) {
		return frame
	}
	return protowire.AppendBytes(nil, kept)
}

// announced returns the topic in an announcement, given with its tag and length.
func announced(field []byte) (topic string) {
	_, _, n := protowire.ConsumeTag(field)
	options, _ := protowire.ConsumeBytes(field[n:])
	for len(options) > 0 {
		number, kind, tag := protowire.ConsumeTag(options)
		size := protowire.ConsumeFieldValue(number, kind, options[max(tag, 0):])
		if tag < 0 || size < 0 {
			return ""
		}
		if number == fieldTopic && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(options[tag:])
			topic = string(value)
		}
		options = options[tag+size:]
	}
	return topic
}
