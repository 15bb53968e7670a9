package netwatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// machine is one whose networks a test changes.
type machine struct {
	hints chan struct{}
	is    string
	told  []time.Time
}

// becomes puts the machine on other networks.
func (m *machine) becomes(networks string) {
	m.is = networks
	select {
	case m.hints <- struct{}{}:
	default:
	}
}

// watched runs a test with a machine that is watched.
func watched(t *testing.T, says bool, test func(t *testing.T, m *machine)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := &machine{is: "eth0 10.0.0.2/24"}
		if says {
			m.hints = make(chan struct{}, 1)
		}
		ended := make(chan struct{})
		go func() {
			watch(ctx, m.hints, func() string { return m.is }, func() { m.told = append(m.told, time.Now()) })
			close(ended)
		}()
		synctest.Wait()
		test(t, m)
		cancel()
		<-ended
	})
}

// pass lets time pass, and returns how often a change was told in it.
func (m *machine) pass(d time.Duration) int {
	before := len(m.told)
	time.Sleep(d)
	synctest.Wait()
	return len(m.told) - before
}

// A network that comes is told once it is there, whole; one that goes, and what changes nothing, are not.
func TestWatch(t *testing.T) {
	watched(t, true, func(t *testing.T, m *machine) {
		m.becomes(m.is)
		if n := m.pass(time.Minute); n != 0 {
			t.Errorf("told %d times that nothing has changed", n)
		}
		m.becomes("")
		if n := m.pass(time.Hour); n != 0 {
			t.Errorf("told %d times that there is no network", n)
		}
		for _, step := range []string{"eth0 fe80::1/64", "eth0 fe80::1/64\neth0 10.0.0.2/24", "eth0 fe80::1/64\neth0 10.0.0.2/24\nout"} {
			m.becomes(step)
			time.Sleep(settle / 2)
		}
		if n := m.pass(settle); n != 1 {
			t.Errorf("a network that comes in three steps is told %d times", n)
		}
		m.becomes("wlan0 10.1.0.2/24")
		if n := m.pass(time.Second); n != 1 {
			t.Errorf("another network is told %d times", n)
		}
	})
}

// What flaps is told six times in any minute at most, and its end is told. It is not waited for that it rests.
func TestFlapping(t *testing.T) {
	watched(t, true, func(t *testing.T, m *machine) {
		for i := range 6000 {
			m.becomes([]string{"", "eth0 10.0.0.2/24"}[i%2])
			time.Sleep(100*time.Millisecond + time.Duration(i%7)*100*time.Millisecond)
		}
		synctest.Wait()
		if len(m.told) < 20 {
			t.Errorf("in %v of flapping %d changes are told", time.Since(m.told[0]), len(m.told))
		}
		for i := range m.told {
			if i >= 6 && m.told[i].Sub(m.told[i-6]) < time.Minute {
				t.Fatalf("seven changes are told within %v", m.told[i].Sub(m.told[i-6]))
			}
		}
		m.becomes("eth0 10.0.0.9/24")
		if m.pass(refill+settle) == 0 {
			t.Error("how it ended is not told")
		}
		if n := m.pass(time.Hour); n != 0 {
			t.Errorf("and %d changes after that", n)
		}
	})
}

// Where the system says nothing, or no more, the networks are looked at.
func TestLook(t *testing.T) {
	watched(t, false, func(t *testing.T, m *machine) {
		m.is = "wlan0 10.1.0.2/24"
		if n := m.pass(2 * lookEvery); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
	watched(t, true, func(t *testing.T, m *machine) {
		close(m.hints)
		synctest.Wait()
		m.is = "wlan0 10.1.0.2/24"
		if n := m.pass(2 * lookEvery); n != 1 {
			t.Errorf("after the system's last word: told %d times", n)
		}
	})
}
