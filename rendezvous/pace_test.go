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

// What the rules refuse uses up nobody's pace, whoever hands it in, and the devices of one member share theirs. [RV-26]
func TestPaceOfAccounts(t *testing.T) {
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) {
		c.Now = clock.now
		c.Strangers = StrangerLimits{Burst: 1000, PerSecond: 1000}
	})
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet, recovery := ben.add("tablet"), ben.recoveryOf("Ben")
	o := s.node.directory.org(anna.Org)
	for by, key := range map[string]keys.PrivateKey{"recovery key": recovery, "device": ben.key} {
		dead := anna.as(key, 90, membership.Event{Cancel: &membership.Cancel{}}, nil)
		for range eventBurst + 10 {
			wantStatus(t, "a dead event of a "+by, anna.Present(s.ctx(), dead), wire.StatusUsed)
			wantStatus(t, "a dead event of a "+by+", by a member", anna.Submit(s.ctx(), dead), wire.StatusUsed)
			s.node.takeRumour(s.ctx(), rumour{org: o, event: dead})
			if t.Failed() {
				return
			}
		}
	}
	taken, devices := 0, []*device{ben, tablet}
	for ; taken <= 2*eventBurst; taken++ {
		d := devices[taken%2]
		if err := d.submit(membership.Event{Cancel: &membership.Cancel{}}, nil); err != nil {
			wantStatus(t, "one beyond the burst", err, wire.StatusFull)
			break
		}
	}
	if taken < eventBurst-3 || taken > eventBurst {
		t.Errorf("two devices put %d events on the roll at once, where an account may %d", taken, eventBurst)
	}
	bar := anna.as(recovery, 1, membership.Event{Bar: &membership.Bar{Device: tablet.key.Public(), After: 1}}, nil)
	if err := anna.Present(s.ctx(), bar); err != nil {
		t.Errorf("the recovery key waits for the devices: %v", err)
	}
}
