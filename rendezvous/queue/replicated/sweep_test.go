package replicated_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
	"muster.example/rendezvous/queue/replicated"
)

// patience is how long a busy machine may take for what comes by itself.
const patience = 2 * time.Minute

// until asks until a condition holds.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func put(t testing.TB, e queue.Engine, items ...queue.Item) {
	t.Helper()
	for i, err := range e.Put(t.Context(), items) {
		if err != nil {
			t.Fatalf("item %d: %v", i, err)
		}
	}
}

func next(t testing.TB, e queue.Engine, device int) []queue.Delivery {
	t.Helper()
	list, err := e.Next(t.Context(), queuetest.Device(device), 0, 10000, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func ack(t testing.TB, e queue.Engine, device int, ns ...int) {
	t.Helper()
	var ids []keys.EnvelopeID
	for _, n := range ns {
		ids = append(ids, queuetest.ID(n))
	}
	if err := e.Ack(t.Context(), queuetest.Device(device), ids); err != nil {
		t.Fatal(err)
	}
}

// streams opens a queue's cluster as an operator does.
func streams(t testing.TB, opt replicated.Options) jetstream.JetStream {
	t.Helper()
	options, err := opt.Credentials.Options()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("nats://"+opt.Servers[0], options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func stateOf(t testing.TB, js jetstream.JetStream, name string) jetstream.StreamState {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State
}

// What was delivered is gone from the cluster: its key at once, its body, and in the end the record of it. What waits stays,
// wherever it lay, and so do its numbers.
func TestWhatIsDeliveredGoes(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Hurry(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	e, stop := open(t, opt)
	var items []queue.Item
	for n := range 200 {
		items = append(items, queuetest.Item(n, 1+n%50/49)) // each fiftieth for another device
	}
	put(t, e, items...)
	kept := next(t, e, 2)
	for n := range 200 {
		if n%50 != 49 {
			ack(t, e, 1, n)
		}
	}
	put(t, e, queuetest.Item(1000, 3))
	js := streams(t, opt)
	name := opt.Prefix + "-0-"
	until(t, "four bodies of 200 lie elsewhere, with a few keys", func() bool {
		bodies, keyring := stateOf(t, js, name+"bodies"), stateOf(t, js, name+"keys")
		return bodies.Bytes < 8<<10 && keyring.Bytes < 2<<10 && keyring.Msgs <= 3
	})
	for round := range 400 { // records of nothing that lives
		put(t, e, queuetest.Item(2000+round, 4))
		ack(t, e, 4, 2000+round)
	}
	until(t, "the log begins later", func() bool { return stateOf(t, js, name+"log").FirstSeq > 100 })
	check := func(when string) {
		t.Helper()
		list := next(t, e, 2)
		if len(list) != 4 || len(kept) != 4 {
			t.Fatalf("%s: %d deliveries, at first %d", when, len(list), len(kept))
		}
		for i := range list {
			if list[i].Number != kept[i].Number || list[i].ID != queuetest.ID(50*i+49) || !bytes.Equal(list[i].Body, queuetest.Body(50*i+49, 100)) {
				t.Errorf("%s: delivery %d is not what it was", when, i)
			}
		}
	}
	check("after the sweeps")
	stop()
	e, _ = open(t, opt)
	check("after a reopening")
	ack(t, e, 2, 49, 99, 149, 199)
	ack(t, e, 3, 1000)
	until(t, "nothing is left", func() bool {
		items, packs, commits, devices := e.Held()
		return items+packs+commits+devices == 0 && stateOf(t, js, name+"keys").Msgs == 0 && stateOf(t, js, name+"bodies").Msgs == 0
	})
}

// Two processes have one queue: what one puts wakes the other, either serves it, and what one acknowledges is gone for both.
func TestTwoProcessesHaveOneQueue(t *testing.T) {
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	a, _ := open(t, opt)
	b, _ := open(t, opt)
	changed, stopWatch := b.Watch(queuetest.Device(1))
	defer stopWatch()
	put(t, a, queuetest.Item(1, 1), queuetest.Item(2, 1))
	<-changed
	put(t, b, queuetest.Item(3, 1), queuetest.Item(1, 2))
	until(t, "both have three", func() bool { return len(next(t, a, 1)) == 3 && len(next(t, b, 1)) == 3 })
	first, second := next(t, a, 1), next(t, b, 1)
	for i := range first {
		if first[i].ID != queuetest.ID(i+1) || first[i].Number != second[i].Number {
			t.Errorf("delivery %d differs: %v, %v", i, first[i].Number, second[i].Number)
		}
	}
	if len(next(t, b, 2)) != 1 {
		t.Error("a gain of the other's body is not there")
	}
	ack(t, b, 1, 1, 2)
	until(t, "the first has one left", func() bool { return len(next(t, a, 1)) == 1 })
	if a.Holds(queuetest.ID(2)) || !a.Holds(queuetest.ID(1)) || b.Stats()[queuetest.Org(0)].Entries != 2 {
		t.Error("they do not hold the same")
	}
}

// What the cluster lost is not held any more, and can be put again.
func TestWhatIsLostCanBePutAgain(t *testing.T) {
	c := startCluster(t, 1)
	for _, kind := range []string{"bodies", "keys", "log"} {
		t.Run(kind, func(t *testing.T) {
			opt := replicated.Hurry(optionsFor(t, c, newPrefix()))
			opt.Shards = 1
			e, _ := open(t, opt)
			other, _ := open(t, opt)
			put(t, e, queuetest.Item(1, 1, 2), queuetest.Item(2, 1))
			s, err := streams(t, opt).Stream(t.Context(), opt.Prefix+"-0-"+kind)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, each := range []*replicated.Engine{e, other} {
				until(t, "the loss is seen", func() bool { return !each.Holds(queuetest.ID(1)) && !each.Holds(queuetest.ID(2)) })
			}
			put(t, e, queuetest.Item(2, 1), queuetest.Item(1, 1, 2))
			until(t, "it is there again for both", func() bool { return len(next(t, e, 1)) == 2 && len(next(t, other, 2)) == 1 })
		})
	}
}

// A cluster whose streams are full says so, and has room again once something was acknowledged.
func TestAFullClusterSaysSo(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Hurry(optionsFor(t, c, newPrefix()))
	opt.Shards, opt.MaxBytes = 1, 1<<20
	e, _ := open(t, opt)
	full := func(n int) error {
		item := queuetest.Item(n, 1)
		item.Body = queuetest.Body(n, 100<<10)
		return e.Put(t.Context(), []queue.Item{item})[0]
	}
	n := 0
	for ; n < 100; n++ {
		if err := full(n); err != nil {
			if !errors.Is(err, queue.ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if n < 3 || n > 11 {
		t.Fatalf("%d bodies of 100 KiB in 1 MiB", n)
	}
	for i := range n {
		ack(t, e, 1, i)
	}
	until(t, "there is room again", func() bool { return full(1000) == nil })
}

// The servers set aside for the bodies of all shards what the queue may hold, and no more. [STO-81]
func TestTheServersReserveTheRoom(t *testing.T) {
	const room = 64<<20 + 3
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	opt.MaxBytes = room
	open(t, opt)
	js := streams(t, opt)
	listed, most := js.ListStreams(t.Context()), int64(0)
	for info := range listed.Info() {
		if limit := info.Config.MaxBytes; limit > 0 {
			most += limit
		}
	}
	if err := listed.Err(); err != nil {
		t.Fatal(err)
	}
	account, err := js.AccountInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if most > room || most < room-64 || account.ReservedStore != uint64(most) || account.ReservedMemory != 0 {
		t.Errorf("of %d bytes the streams may take %d, and the server reserves %d on disk and %d in memory",
			room, most, account.ReservedStore, account.ReservedMemory)
	}
}

func TestCredentialsThatOthersCanReadAreRefused(t *testing.T) {
	c := startCluster(t, 1)
	if err := os.Chmod(c.Credentials(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := replicated.ReadCredentials(c.Credentials()); !errors.Is(err, replicated.ErrCredentials) {
		t.Errorf("the error is %v", err)
	}
	for name, text := range map[string]string{
		"empty": "", "unknown": "seed = \"SU\"\nuser = \"x\"\n", "no seed": "ca = \"ca.pem\"\n", "half": "seed = \"SUAB\"",
	} {
		path := filepath.Join(t.TempDir(), "node.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := replicated.ReadCredentials(path); !errors.Is(err, replicated.ErrCredentials) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// A cluster lets nobody in without the node's key, nor without a certificate.
func TestStrangersAreLetIntoNoCluster(t *testing.T) {
	c, other := startCluster(t, 1), startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	for name, change := range map[string]func(){
		"the key and certificate of another cluster": func() { opt.Credentials = optionsFor(t, other, "x").Credentials },
		"nothing": func() { opt.Credentials = nil },
	} {
		change()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := replicated.Open(ctx, opt); err == nil {
			t.Errorf("let in with %s", name)
		}
		cancel()
	}
}
