package sleep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What the system announces is told at once, and a sleep that nobody announced is seen by the clock of the wall.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		told, ahead, times := make(chan struct{}, 1), time.Duration(0), 0
		ended := make(chan struct{})
		go func() {
			watch(ctx, told, func() time.Time { return time.Now().Add(ahead) }, func() { times++ })
			close(ended)
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if times != 0 {
			t.Errorf("%d sleeps in an hour awake", times)
		}
		told <- struct{}{}
		synctest.Wait()
		if times != 1 {
			t.Errorf("after one announcement: %d", times)
		}
		ahead += 59 * time.Second // somebody set the clock
		time.Sleep(time.Minute)
		synctest.Wait()
		if times != 1 {
			t.Errorf("a small step of the clock is a sleep: %d", times)
		}
		ahead += 8 * time.Hour
		time.Sleep(time.Minute)
		synctest.Wait()
		if times != 2 {
			t.Errorf("after a night: %d", times)
		}
		close(told) // the system's bus went away
		time.Sleep(time.Minute)
		ahead += time.Hour
		time.Sleep(time.Minute)
		synctest.Wait()
		if times != 3 {
			t.Errorf("without the system: %d", times)
		}
		cancel()
		<-ended
	})
}
