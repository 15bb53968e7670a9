package replicated_test

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"muster.example/rendezvous/queue/queuetest"
	"muster.example/rendezvous/queue/replicated"
)

// What is appended while the servers say how the log is makes nobody believe that some of it is lost.
func TestALogThatGoesOnIsNotLost(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Unswept(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	opt.Logger = slog.New(slog.NewTextHandler(complaints{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	e, _ := open(t, opt)
	put(t, e, queuetest.Item(1, 1))
	if err := e.Look(t.Context(), func() { put(t, e, queuetest.Item(2, 1)) }); err != nil {
		t.Fatal(err)
	}
}

// complaints is a log that is to stay empty.
type complaints struct{ testing.TB }

func (c complaints) Write(b []byte) (int, error) {
	c.Errorf("%s", b)
	return len(b), nil
}

// While a log is read anew, what waits is served as before, and what is acknowledged stays so.
func TestALogIsReadAnewUnseen(t *testing.T) {
	const items = 100
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	e, _ := open(t, opt)
	for n := range items { // a record each
		put(t, e, queuetest.Item(n, 1, 2))
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for range 10 {
			if err := e.ReadAnew(t.Context()); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(reading.Wait)
	over := make(chan struct{})
	go func() {
		reading.Wait()
		close(over)
	}()
	acknowledged := 0
	for read := false; !read || acknowledged == 0; {
		select {
		case <-over:
			read = true
		default:
		}
		if list := next(t, e, 2); len(list) != items {
			t.Fatalf("%d of %d wait for one who acknowledged none", len(list), items)
		}
		if one := min(acknowledged, items-1); !e.Holds(queuetest.ID(one)) { // the other waits for them all the same
			t.Fatalf("item %d is not held", one)
		}
		if acknowledged < items {
			ack(t, e, 1, acknowledged)
			acknowledged++
		}
		if list := next(t, e, 1); len(list) != items-acknowledged {
			t.Fatalf("%d wait for one who acknowledged %d of %d", len(list), acknowledged, items)
		}
	}
	t.Logf("%d were acknowledged meanwhile", acknowledged)
}

// A log that is read anew takes the memory of a page, however long it is, beside that of what waits.
func TestALongLogIsReadByThePage(t *testing.T) {
	const most = 32 << 20
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, peak := heap(), int64(0)
	size, waiting, err := replicated.RereadLong(t.Context(), 500, func() { peak = max(peak, heap()-before) })
	if err != nil || waiting != 50 {
		t.Fatalf("%d wait: %v", waiting, err)
	}
	if size < 4*most || peak > most {
		t.Errorf("a log of %d MiB took %d MiB", size>>20, peak>>20)
	}
	t.Logf("a log of %d MiB took %d MiB", size>>20, peak>>20)
}

// What is put while a log is read anew is put: nobody is told that it could not be.
func TestAPutWhileTheLogIsReadAnew(t *testing.T) {
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	e, _ := open(t, opt)
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			if err := e.ReadAnew(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for n := range 100 {
		put(t, e, queuetest.Item(n, 1))
	}
	stop()
	reading.Wait()
	if list := next(t, e, 1); len(list) != 100 {
		t.Errorf("%d wait", len(list))
	}
}

// Who ends while the answer to its claim is on the way leaves the turn to others all the same, and who goes on keeps it.
func TestATurnWhoseAnswerIsLostIsLeft(t *testing.T) {
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	first, err := replicated.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // nothing waits in it
	second, err := replicated.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close() //nolint:errcheck // nothing waits in it
	turn := func(e *replicated.Engine, want bool, when string) {
		t.Helper()
		if held, err := e.Sweeps(t.Context()); err != nil || held != want {
			t.Fatalf("%s: %v, %v", when, held, err)
		}
	}
	turn(first, true, "nobody has it")
	turn(first, true, "it has it")
	first.Deafen()
	turn(first, false, "the answer is lost")
	turn(second, false, "another has it")
	if err := first.LeaveTurn(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn(second, true, "the first has left")
}

// Numbers of a log that was deleted are given once more, and those who stand at one are told so. [STO-96]
func TestALogThatIsMadeAnewIsAnotherEra(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Hurry(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	e, _ := open(t, opt)
	for n := range 5 { // a record each
		put(t, e, queuetest.Item(n, 1))
	}
	era, list := e.Era(), next(t, e, 1)
	if err := e.ReadAnew(t.Context()); err != nil || e.Era() != era {
		t.Fatalf("era %d after %d: the same log was read again: %v", e.Era(), era, err)
	}
	if err := streams(t, opt).DeleteStream(t.Context(), opt.Prefix+"-0-log"); err != nil {
		t.Fatal(err)
	}
	until(t, "the loss is seen", func() bool { return e.Era() != era && !e.Holds(queuetest.ID(4)) })
	put(t, e, queuetest.Item(4, 1))
	again := next(t, e, 1)
	if len(again) != 1 || again[0].ID != queuetest.ID(4) || again[0].Number >= list[4].Number {
		t.Errorf("%d deliveries, the first with number %d, which was %d", len(again), again[0].Number, list[4].Number)
	}
}

// What a process tells, the others hear, and it does not itself. [STO-97]
func TestProcessesHearEachOther(t *testing.T) {
	c := startCluster(t, 1)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	a, _ := open(t, opt)
	b, _ := open(t, opt)
	heard := make(chan string, 100)
	ctx, stop := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	for name, e := range map[string]*replicated.Engine{"a": a, "b": b} {
		listening.Go(func() {
			if err := e.Listen(ctx, func(data []byte) { heard <- name + " hears " + string(data) }); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, "b hears a", func() bool {
		a.Tell([]byte("x"))
		select {
		case said := <-heard:
			if said != "b hears x" {
				t.Error(said)
			}
			return true
		default:
			return false
		}
	})
	stop()
	listening.Wait()
}
