package rendezvous

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// A stop while many post: what was answered as accepted is there, and nothing that was on its way is in doubt for long.
func TestStopUnderLoadLosesNothingAccepted(t *testing.T) { // [RV-25]
	s := newSite(t, func(c *Config) { c.OpenQueue = nil })
	anna := s.found("Acme")
	away := anna.add("away")
	const posters = 8
	enough := make(chan struct{}, posters)
	var mu sync.Mutex
	accepted := make(map[keys.EnvelopeID]bool)
	var running sync.WaitGroup
	for i := range posters {
		poster := anna.add(fmt.Sprintf("poster %d", i))
		stream, err := poster.OpenPost(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { // offers what was sealed again and again: an id that waits already is accepted anew
			var posts []rvproto.PostFrame
			for range 20 {
				posts = append(posts, rvproto.PostFrame{Recipients: keysOf([]*device{away}), Envelope: poster.sealed(500)})
			}
			for stream.Send(posts) == nil {
			}
		})
		running.Go(func() {
			defer stream.Close()
			for count := 0; ; count++ {
				answer, err := stream.Answer()
				if err != nil {
					return
				}
				mu.Lock()
				if answer.Status == wire.StatusOK && len(answer.Refused) == 0 {
					accepted[answer.ID] = true
				}
				mu.Unlock()
				if count == 10 {
					enough <- struct{}{}
				}
			}
		})
	}
	for range posters {
		<-enough
	}
	s.end() // fails the test if Run ends with an error
	running.Wait()
	kept, err := queue.Open(filepath.Join(s.cfg.Dir, "queue"), queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if len(accepted) < posters {
		t.Errorf("only %d were accepted", len(accepted))
	}
	for id := range accepted {
		if !kept.Holds(id) {
			t.Errorf("%s was accepted and is not there", id)
		}
	}
}
