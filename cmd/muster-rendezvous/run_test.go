package main

import (
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The first signal begins a stop and waits for it; the second, or a stop that takes too long, ends the process.
func TestStopInTwoStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			play func(signals chan<- os.Signal, ended func())
			want int
		}{
			"the node ends by itself": {func(_ chan<- os.Signal, ended func()) { ended() }, -1},
			"a stop in time": {func(signals chan<- os.Signal, ended func()) {
				signals <- syscall.SIGTERM
				time.Sleep(stopTime - time.Second)
				ended()
			}, -1},
			"a second signal": {func(signals chan<- os.Signal, _ func()) {
				signals <- syscall.SIGTERM
				time.Sleep(time.Second)
				signals <- syscall.SIGTERM
			}, exitStopped},
			"a stop that takes too long": {func(signals chan<- os.Signal, _ func()) {
				signals <- syscall.SIGTERM
				time.Sleep(stopTime + time.Second)
			}, exitFailed},
		} {
			signals, stopped, code := make(chan os.Signal), false, -1
			ctx, ended := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- obey(ctx, signals, func() { stopped = true }, func(with int) { code = with })
			}()
			c.play(signals, ended)
			if err := <-done; err != nil || code != c.want || stopped == (name == "the node ends by itself") {
				t.Errorf("%s: code %d, stop begun %v, %v", name, code, stopped, err)
			}
			ended()
		}
	})
}
