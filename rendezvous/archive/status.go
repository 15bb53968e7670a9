package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/segment"
)

// Status is what a service says of itself, in the file status of its folder. It names no member and no message.
type Status struct {
	Version string         `json:"version"`
	Service keys.PublicKey `json:"service"`
	Org     keys.OrgID     `json:"org"`
	Store   string         `json:"store"`
	Running bool           `json:"running"` // when it was read
	Since   time.Time      `json:"since"`   // when the service was started
	Told    time.Time      `json:"told"`    // when this was written
	Segment uint64         `json:"segment"` // the number of the last one
	Items   uint64         `json:"items"`
	Head    string         `json:"head,omitempty"` // text form
	Stored  time.Time      `json:"stored,omitzero"`
	Waiting int            `json:"waiting"` // deliveries on their way into the store
	Nodes   []NodeStatus   `json:"nodes"`
	// Troubles keep the service from its work, or are found in the store, a few words each.
	Troubles []string `json:"troubles"`
}

// NodeStatus is how a service stands to a rendezvous node.
type NodeStatus struct {
	Node      keys.PublicKey `json:"node"`
	Connected bool           `json:"connected"`
	Moved     bool           `json:"moved"` // the organization is at another node now
	Since     time.Time      `json:"since"`
	Error     string         `json:"error,omitempty"`
}

// Healthy reports whether the service runs and nothing keeps it from its work.
func (s Status) Healthy() bool { return s.Running && len(healthOf(s)) == 0 }

// ErrNoStatus means that no service has run in a folder.
var ErrNoStatus = errors.New("archive: no service has run in this folder")

// maxStatus bounds the file in bytes.
const maxStatus = 256 << 10

// ReadStatus reads what the service of a folder said last. It counts as running while it says something.
func ReadStatus(dir string, now time.Time) (Status, error) {
	data, err := os.ReadFile(filepath.Join(dir, statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, ErrNoStatus
	}
	if err != nil {
		return Status{}, fmt.Errorf("reading the status: %w", err)
	}
	var status Status
	if len(data) > maxStatus {
		return Status{}, fmt.Errorf("reading the status: %d bytes", len(data))
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return Status{}, fmt.Errorf("reading the status: %w", err)
	}
	age := now.Sub(status.Told)
	status.Running = status.Running && age < 6*statusPause
	return status, nil
}

// The places of troubles: one of each is told.
const (
	troubleStore = iota // nothing can be stored
	troubleHeads        // the file of heads cannot be written
	troubleLost         // the store has less than it had
	troublePlaces
)

var troubleWords = [troublePlaces]string{"nothing can be stored", "the file of heads cannot be written", "the store is not as it was written"}

// state is what the status is made of.
type state struct {
	mu       sync.Mutex // guards the following
	status   Status
	troubles [troublePlaces]error
}

func (s *state) begin(cfg *Config, service keys.PublicKey) {
	s.status = Status{Version: cfg.Version, Service: service, Org: cfg.Org, Store: cfg.Storage.String(), Running: true, Since: cfg.Now()}
	for _, node := range cfg.Nodes {
		s.status.Nodes = append(s.status.Nodes, NodeStatus{Node: node.Key, Since: cfg.Now()})
	}
}

func (s *state) change(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

func (s *state) stands(head segment.SignedHead) {
	s.change(func(status *Status) {
		status.Segment, status.Items = head.Number, head.Items
		if head.Bytes != nil {
			status.Head, status.Stored = head.Text(), time.UnixMilli(head.Made)
		}
	})
}

func (s *state) wait(count int) { s.change(func(status *Status) { status.Waiting = count }) }

func (s *state) node(key keys.PublicKey, change func(*NodeStatus)) {
	s.change(func(status *Status) {
		for i := range status.Nodes {
			if status.Nodes[i].Node == key {
				change(&status.Nodes[i])
			}
		}
	})
}

func (s *state) connected(key keys.PublicKey, now time.Time, moved bool) {
	s.node(key, func(n *NodeStatus) { *n = NodeStatus{Node: key, Connected: true, Moved: moved, Since: now} })
}

func (s *state) disconnected(key keys.PublicKey, now time.Time, err error) {
	s.node(key, func(n *NodeStatus) {
		if n.Connected {
			n.Connected, n.Since = false, now
		}
		if err != nil {
			n.Error = err.Error()
		}
	})
}

// trouble notes what is wrong in a place, nil for nothing.
func (s *state) trouble(place int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles[place] = err
}

// get returns the status as it is.
func (s *state) get(now time.Time) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status
	status.Nodes, status.Told, status.Troubles = slices.Clone(status.Nodes), now, []string{}
	for place, err := range s.troubles {
		if err != nil {
			status.Troubles = append(status.Troubles, troubleWords[place]+": "+strings.TrimPrefix(err.Error(), "archive: "))
		}
	}
	return status
}

// Status returns what the service is like.
func (s *Service) Status() Status { return s.state.get(s.cfg.Now()) }

// keepStatus writes the status every few seconds, and at the end that it is the end. That it cannot is told once.
func (s *Service) keepStatus(ctx context.Context) error {
	ticker := time.NewTicker(statusPause)
	defer ticker.Stop()
	failed := false
	for ended := false; !ended; {
		status := s.Status()
		data, err := json.Marshal(status)
		if err == nil {
			err = replaceFile(filepath.Join(s.cfg.Dir, statusFile), append(data, '\n'))
		}
		if err != nil && !failed {
			s.log.Error("the status cannot be written", "error", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			ended = true
		case <-ticker.C:
		}
	}
	status := s.Status()
	status.Running = false
	data, err := json.Marshal(status)
	return errors.Join(err, replaceFile(filepath.Join(s.cfg.Dir, statusFile), append(data, '\n')))
}
