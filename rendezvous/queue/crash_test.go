//go:build crash

package queue_test

import "testing"

// TestCrashOfTheQueue kills a process that writes more than a hundred times: at each point of points, and as often
// again at random moments.
func TestCrashOfTheQueue(t *testing.T) {
	at := points()
	killLoop(t, max(len(at), 100-len(at)), at)
}
