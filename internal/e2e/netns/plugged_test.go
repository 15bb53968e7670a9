//go:build netns && linux

package netns

import (
	"regexp"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
)

// A cable is plugged in when a device waits for 32 seconds at least before it dials again: what waits goes before that. [RV-205]
func TestPluggedIn(t *testing.T) {
	t.Parallel()                      // it waits for most of its time
	const shortest = 32 * time.Second // of a pause of which 1m36s is the longest
	c := crewOnLAN(t, "Ada", "Ben")
	ada, ben := c.people[0], c.people[1]
	ada.device.End(syscall.SIGTERM)
	c.plug(ada.host, "down")
	ada.device.Start()
	c.writes(ada, ben, "written without a cable", 0)
	for _, longest := range []string{"12s", "48s", "1m36s"} {
		ada.device.Says(regexp.MustCompile(`no connection to the rendezvous node.*retry_within=` + longest + `\b`))
	}
	began := time.Now()
	c.plug(ada.host, "up")
	program.Await(t, shortest, "Ada is connected", func() bool { return status(t, ada.device).Rendezvous[0].Connected })
	t.Logf("%v after the cable", time.Since(began))
	c.awaitComplete(meshTime)
}
