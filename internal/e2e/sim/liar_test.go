package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/rendezvous"
)

// liar stands between an honest rendezvous node and the network, with the node's own key: it can say to each device,
// frame by frame, whatever a hostile operator could.
type liar struct {
	host.Host

	mu  sync.Mutex // guards the following
	lie lie
}

// lie rewrites one frame that the node is about to send to a device; it returns it unchanged to be honest.
type lie func(on protocol.ID, to keys.PublicKey, frame []byte) []byte

// corrupt puts a liar before the node. It must be called before the node starts.
func (s *server) corrupt() *liar {
	l := &liar{}
	s.change = func(cfg *rendezvous.Config) {
		cfg.NewHost = func(host p2p.Config) (host.Host, error) {
			inner, err := p2p.NewHost(host)
			l.Host = inner
			return l, err
		}
	}
	return l
}

// say makes the liar tell a lie from now on; nil makes it honest.
func (l *liar) say(lie lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lie = lie
}

func (l *liar) rewrite(on protocol.ID, to keys.PublicKey, frame []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lie == nil {
		return frame
	}
	return l.lie(on, to, frame)
}

// SetStreamHandler implements host.Host.
func (l *liar) SetStreamHandler(id protocol.ID, handler network.StreamHandler) {
	l.Host.SetStreamHandler(id, func(s network.Stream) {
		to, err := p2p.Key(s.Conn().RemotePeer())
		if err != nil {
			_ = s.Reset()
			return
		}
		handler(&lyingStream{Stream: s, liar: l, on: id, to: to})
	})
}

// lyingStream rewrites the frames that are written to it.
type lyingStream struct {
	network.Stream
	liar    *liar
	on      protocol.ID
	to      keys.PublicKey
	pending []byte // the beginning of a frame that is not whole yet
}

// Write implements io.Writer.
func (s *lyingStream) Write(p []byte) (int, error) {
	s.pending = append(s.pending, p...)
	var out []byte
	for {
		length, size := binary.Uvarint(s.pending)
		if size <= 0 || uint64(len(s.pending)-size) < length {
			break
		}
		frame := bytes.Clone(s.pending[size : size+int(length)])
		s.pending = s.pending[size+int(length):]
		out = wire.AppendFrame(out, s.liar.rewrite(s.on, s.to, frame))
	}
	if len(out) > 0 {
		if _, err := s.Stream.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// key returns the node's private key, as its operator has it.
func (s *server) key() keys.PrivateKey {
	text, err := os.ReadFile(filepath.Join(s.dir, "identity"))
	if err != nil {
		s.world.t.Fatal(err)
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		s.world.t.Fatal(err)
	}
	return keys.FromSeed([keys.SeedSize]byte(seed))
}
