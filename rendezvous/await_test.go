package rendezvous

import "time"

// awaitLimit is how long a test waits for another goroutine, which on a busy machine has its turn late.
const awaitLimit = 2 * time.Minute

// await looks again and again whether what another goroutine is about to do is done; false if it never is. In a bubble of
// testing/synctest a test waits by synctest.Wait instead.
func await(done func() bool) bool {
	limit, look := time.NewTimer(awaitLimit), time.NewTicker(time.Millisecond)
	defer limit.Stop()
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-limit.C:
			return false
		}
	}
	return true
}
