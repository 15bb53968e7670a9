package localapi

import (
	"sync"
	"time"
)

// What guessing a passphrase costs beside the work that the folder itself asks for.
const (
	freeTries   = 5               // wrong ones before there is a wait
	longestWait = 5 * time.Minute // between two tries
)

// Tries lets one try at a time, and after some wrong ones lets time pass, which doubles with each. The zero value is ready.
type Tries struct {
	mu     sync.Mutex // guards the following
	trying bool
	wrong  int
	next   time.Time // no try before
}

// Begin takes the one place to try, until Done is called. Else it says how long to wait: 0 while somebody else tries.
func (t *Tries) Begin(now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trying {
		return 0, false
	}
	if wait := t.next.Sub(now); wait > 0 {
		return wait, false
	}
	t.trying = true
	return 0, true
}

// Done gives the place back. wrong says that the try was a guess.
func (t *Tries) Done(wrong bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trying = false
	if !wrong {
		return
	}
	if t.wrong++; t.wrong >= freeTries {
		t.next = now.Add(min(time.Second<<min(t.wrong-freeTries, 16), longestWait))
	}
}

// Right gives the place back after a try that was right: the next wrong one is the first again.
func (t *Tries) Right() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trying, t.wrong = false, 0
}
