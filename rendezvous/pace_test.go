package rendezvous

import (
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

func TestPaceOfEvents(t *testing.T) { // [RV-26]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	invite := func(d *device) error {
		return d.submit(membership.Event{Invite: &membership.Invite{
			Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix(),
		}}, nil)
	}
	taken := 0
	for ; taken <= 2*eventBurst; taken++ {
		if err := invite(anna); err != nil {
			wantStatus(t, "one beyond the burst", err, wire.StatusFull)
			break
		}
	}
	if taken < eventBurst-2 || taken > eventBurst { // some were spent on founding the scene
		t.Errorf("%d events were taken at once, where %d are", taken, eventBurst)
	}
	if err := invite(ben); err != nil {
		t.Errorf("another member waits for the one who floods: %v", err)
	}
	clock.move(eventEvery)
	if err := invite(anna); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	wantStatus(t, "and one more", invite(anna), wire.StatusFull)
}
