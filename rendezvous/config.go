package rendezvous

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"

	"muster.example/internal/p2p"
	"muster.example/rendezvous/queue"
)

// Config says what node to run. Dir is required; the zero value of the rest is right for production.
type Config struct {
	Dir         string   // the node's folder, made if missing, narrowed to mode 0700
	Listen      []string // multiaddresses; none stands for DefaultListen. Exactly these are used
	Announce    []string // multiaddresses by which devices reach the node, where they are others than Listen; at most 16
	Version     string   // what Status tells
	Metrics     string   // host:port of the metrics and health page, "" for none
	Connections int      // high-water mark of connections
	// Seal, if not nil, is a key of the program that the node is part of: without it nothing in the folder can be read. A folder
	// is under a seal from its first day on, or never.
	Seal      *[32]byte
	Identity  string // the name of the file with the node's key, "identity" if empty: another one after the seal was replaced
	Strangers StrangerLimits
	Quotas    Quotas

	Now    func() time.Time // clock, time.Now if nil
	Random io.Reader        // for keys, tokens and nonces, crypto/rand if nil
	Logger *slog.Logger     // slog.Default if nil
	// Volume says how many bytes may still be written on the volume of a folder, and its size; kv.Volume if nil.
	Volume func(dir string) (free, size uint64, err error)

	// OpenQueue opens the engine that holds bodies; the embedded one in the folder if nil. Run runs and closes it.
	OpenQueue func() (Queue, error)
	// QUIC, if not nil, is for simulations: the host has only QUIC, over what these options say.
	QUIC []quicreuse.Option
	// NewHost makes the host, p2p.NewHost if nil. Tests put a liar between the node and the network.
	NewHost func(p2p.Config) (host.Host, error)
	// NoControl leaves the control socket out: the node is inside another program, or a simulation.
	NoControl bool
}

// Queue is an engine with its life: Run works until its context ends, Close gives back files.
type Queue interface {
	queue.Engine
	Run(ctx context.Context) error
	Close() error
}

// DefaultListen returns where a node listens that is told nothing: every address, TCP and QUIC on one port.
func DefaultListen() []string {
	return []string{
		"/ip4/0.0.0.0/tcp/" + defaultPort, "/ip4/0.0.0.0/udp/" + defaultPort + "/quic-v1",
		"/ip6/::/tcp/" + defaultPort, "/ip6/::/udp/" + defaultPort + "/quic-v1",
	}
}
