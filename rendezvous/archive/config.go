package archive

import (
	"fmt"
	"log/slog"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/rendezvous/archive/storage"
)

// Config says what service to run. All but what says otherwise is required.
type Config struct {
	Dir     string // the service's folder: its identity and its index, nothing that opens a message
	Org     keys.OrgID
	Nodes   []Node // 1 to MaxNodes
	Key     []byte // the archive's public key
	Storage storage.Storage
	// Heads is a file that gets the head of the store at most once a minute, "" for none. It is best on another machine's disk: by a head the end
	// of the store is seen to be whole.
	Heads    string
	BatchAge time.Duration // DefaultBatchAge if 0
	Metrics  string        // host:port of the metrics and health page, "" for none
	Version  string        // what the status tells

	Now    func() time.Time // clock, time.Now if nil
	Logger *slog.Logger     // slog.Default if nil
}

// Node is a rendezvous node of the organization.
type Node struct {
	Key       keys.PublicKey
	Addresses []string // as p2p.AddressInfo takes them
}

func (c *Config) check() error {
	if _, err := envelope.NewArchiveKey(c.Org, keys.PublicKey{}, c.Key); err != nil {
		return fmt.Errorf("%w: the archive's public key: %w", ErrConfig, err)
	}
	switch {
	case c.Dir == "", c.Org.IsZero(), c.Storage == nil:
		return fmt.Errorf("%w: folder, organization and store are required", ErrConfig)
	case len(c.Nodes) == 0 || len(c.Nodes) > MaxNodes:
		return fmt.Errorf("%w: %d rendezvous nodes, 1 to %d are possible", ErrConfig, len(c.Nodes), MaxNodes)
	case c.BatchAge < 0 || c.BatchAge > MaxBatchAge:
		return fmt.Errorf("%w: a segment is written after %v at most", ErrConfig, MaxBatchAge)
	}
	seen := make(map[keys.PublicKey]bool)
	for _, node := range c.Nodes {
		if _, err := p2p.AddressInfo(node.Key, node.Addresses); err != nil || len(node.Addresses) == 0 {
			return fmt.Errorf("%w: rendezvous node %s without a usable address", ErrConfig, node.Key.Short())
		}
		if seen[node.Key] {
			return fmt.Errorf("%w: rendezvous node %s twice: give its addresses together", ErrConfig, node.Key.Short())
		}
		seen[node.Key] = true
	}
	if c.BatchAge == 0 {
		c.BatchAge = DefaultBatchAge
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}
