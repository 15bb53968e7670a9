package replicated_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
	"muster.example/rendezvous/queue/replicated"
)

// A process ends though somebody who appends does not: acknowledgements are given up then, and come again.
func TestNobodyHoldsUpTheEnd(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Unswept(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	e, stop := open(t, opt)
	put(t, e, queuetest.Item(1, 1))
	e.Occupy()
	ack(t, e, 1, 1)
	stop()
	e, _ = open(t, opt)
	if list := next(t, e, 1); len(list) != 1 {
		t.Errorf("%d wait of what could not be acknowledged", len(list))
	}
}

// A put that is withdrawn leaves its room to those that wait for it.
func TestAPutThatIsWithdrawnMakesRoom(t *testing.T) {
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	e, err := replicated.Open(t.Context(), opt) // it does not run: nothing is taken of what waits
	if err != nil {
		t.Fatal(err)
	}
	large := make([]queue.Item, 40)
	for n := range large {
		large[n] = queuetest.Item(n, 1)
		large[n].Body = make([]byte, 1<<20)
	}
	answers := make(chan error, 2)
	first, withdraw := context.WithCancel(t.Context())
	go func() { answers <- e.Put(first, large)[0] }()
	until(t, "the first waits", func() bool { puts, bytes := e.Pending(); return puts == 1 && bytes > 40<<20 })
	second, end := context.WithCancel(t.Context())
	entering := make(chan struct{})
	go func() {
		close(entering)
		answers <- e.Put(second, []queue.Item{queuetest.Item(100, 1)})[0]
	}()
	<-entering
	withdraw()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	until(t, "the second waits", func() bool { puts, bytes := e.Pending(); return puts == 1 && bytes < 1<<20 })
	end()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("the second: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// What is remembered of the streams has an end, also while another shard cannot be looked at.
func TestFewEndsAreRemembered(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Unswept(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	e, _ := open(t, opt)
	for range 120 {
		if err := e.Look(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.Ends(); n != 100 {
		t.Errorf("%d are remembered", n)
	}
}

// A body counts as removed when the stream's leader has said so.
func TestWhoSaysThatABodyIsRemoved(t *testing.T) {
	none := nats.NewMsg("x")
	none.Header.Set("Status", "503")
	for name, c := range map[string]struct {
		answer *nats.Msg
		want   bool
	}{
		"nobody leads":       {none, false},
		"done":               {&nats.Msg{Data: []byte(`{"success":true}`)}, true},
		"there is none":      {&nats.Msg{Data: []byte(`{"error":{"code":500,"err_code":10057}}`)}, true},
		"it cannot be asked": {&nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10008}}`)}, false},
		"no answer":          {&nats.Msg{Data: []byte(`?`)}, false},
	} {
		if replicated.Removed(c.answer) != c.want {
			t.Errorf("%s: not %v", name, c.want)
		}
	}
}
