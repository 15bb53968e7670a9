package p2p

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// Simulations show the same for QUIC in a bubble (internal/testnet); TCP needs real sockets and so a real clock.
func TestCloseEndsEveryGoroutine(t *testing.T) {
	before := goroutines()
	for _, listen := range []string{overTCP, overQUIC} {
		answering, err := NewHost(Config{
			Identity: keys.Generate(), Listen: []string{listen},
			Circuits: &Circuits{Wait: func(keys.PublicKey) bool { return true }, Call: func(_, _ keys.PublicKey) bool { return true }, Most: 2},
		})
		if err != nil {
			t.Fatal(err)
		}
		asking, err := NewHost(Config{Identity: keys.Generate(), Relayed: true})
		if err != nil {
			t.Fatal(err)
		}
		stop := serveEcho(t, answering, ServeLimits{Request: 64})
		connect(t, asking, answering)
		if _, err := askEcho(t.Context(), asking, answering.ID(), "hello"); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := asking.Close(); err != nil {
			t.Error(err)
		}
		if err := answering.Close(); err != nil {
			t.Error(err)
		}
	}
	// The swarm does not wait for the last goroutine of a connection, which is about to end: give it a while.
	left := leaked(before)
	for deadline := time.Now().Add(2 * time.Minute); len(left) > 0 && time.Now().Before(deadline); left = leaked(before) {
		<-time.After(10 * time.Millisecond)
	}
	for _, stack := range left {
		t.Errorf("a goroutine outlived the hosts:\n%s", stack)
	}
}

// leaked returns the stacks of goroutines that are not among before.
func leaked(before map[string]string) (stacks []string) {
	for id, stack := range goroutines() {
		if _, old := before[id]; !old {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// goroutines returns the stack of every goroutine by its number.
func goroutines() map[string]string {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		all[id] = stack
	}
	return all
}
