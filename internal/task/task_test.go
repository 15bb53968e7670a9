package task

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestFirstErrorEndsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, cause := New(t.Context()), errors.New("out of ink")
		g.Go("waiter", wait)
		g.Go("printer", func(context.Context) error {
			time.Sleep(time.Second)
			return cause
		})
		g.Go("late", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("a consequence, not the cause")
		})
		err := g.Wait()
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "printer: ") {
			t.Errorf("Wait returned %v", err)
		}
		if !errors.Is(context.Cause(g.Context()), cause) {
			t.Errorf("the context ended because of %v", context.Cause(g.Context()))
		}
	})
}

func TestStopIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(t.Context())
		g.Go("waiter", wait)
		g.Stop()
		if err := g.Wait(); err != nil {
			t.Errorf("Wait returned %v", err)
		}
	})
}

func TestEndOfParentIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		g := New(parent)
		g.Go("waiter", wait)
		if err := g.Wait(); err != nil {
			t.Errorf("Wait returned %v", err)
		}
		if parent.Err() == nil {
			t.Error("Wait returned before the parent ended")
		}
	})
}

func TestErrorThatOnlyLooksLikeAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(t.Context())
		g.Go("dialler", func(context.Context) error { return context.DeadlineExceeded }) // of its own, shorter context
		if err := g.Wait(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait returned %v", err)
		}
	})
}

func TestWaitWithNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(t.Context())
		g.Go("quick", func(context.Context) error { return nil })
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if g.Context().Err() == nil {
			t.Error("the context outlives the group")
		}
	})
}

func TestWaitWaitsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := New(t.Context()), time.Now()
		for i := range 5 {
			g.Go("worker", func(context.Context) error {
				time.Sleep(time.Duration(i) * time.Minute) // deaf to the context
				return nil
			})
		}
		g.Stop()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if time.Since(began) != 4*time.Minute {
			t.Errorf("Wait took %v", time.Since(began))
		}
	})
}

func TestGoFromWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ran := New(t.Context()), false
		g.Go("parent", func(context.Context) error {
			g.Go("child", func(context.Context) error {
				ran = true
				return nil
			})
			return nil
		})
		if err := g.Wait(); err != nil || !ran {
			t.Errorf("the child ran: %v, error %v", ran, err)
		}
	})
}

func TestRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, release := New(t.Context()), make(chan struct{})
		g.Go("b", wait)
		g.Go("a", wait)
		g.Go("a", func(context.Context) error { <-release; return nil })
		if got := g.Running(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("running: %v", got)
		}
		g.Stop()
		synctest.Wait()
		if got := g.Running(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after Stop: %v", got)
		}
		close(release)
		if err := g.Wait(); err != nil || len(g.Running()) != 0 {
			t.Errorf("after Wait: %v, %v", g.Running(), err)
		}
	})
}
