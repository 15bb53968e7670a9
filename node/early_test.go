package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

// newPage returns what the node would show of the roll from a size on.
func newPage(org *membershiptest.Org, from uint64) rvclient.Page {
	page := rvclient.Page{Checkpoint: org.Checkpoint()}
	for _, entry := range org.Entries[from:] {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	if from > 0 {
		for _, hash := range org.Consistency(from) {
			page.Proof = append(page.Proof, hash)
		}
	}
	return page
}

func (o *organization) active(m *membershiptest.Member) []keys.PublicKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.activeLocked(m.ID)
}

// TestBarIsObeyedBeforeTheRollHasIt gives a device a bar that the rendezvous node holds back.
func TestBarIsObeyedBeforeTheRollHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "bob")
		bob := org.Members[1]
		stolen := org.AddDevice(bob)
		o := newDevice(t, org, org.Founder)
		position := org.Roll.Size()
		bar := org.BarEvent(bob.Device(), stolen.Public(), position)

		if err := o.hearBar(bar); err != nil {
			t.Fatal(err)
		}
		if got := o.active(bob); !slices.Equal(got, []keys.PublicKey{bob.Device().Public()}) {
			t.Errorf("bob's devices are %v", got)
		}
		o.mu.Lock()
		_, known := o.memberOfLocked(stolen.Public())
		o.mu.Unlock()
		if known || o.takesPart(stolen.Public()) {
			t.Error("the barred device is heard all the same")
		}
		if err := o.hearBar(bar); !errors.Is(err, errKnown) {
			t.Errorf("heard again: %v", err)
		}

		// It is there after a restart, and an alarm when the roll lacks it for more than an hour.
		again, err := o.node.openOrganization(o.keptLocked())
		if err != nil || len(again.active(bob)) != 1 {
			t.Fatalf("after a restart bob has %d devices, %v", len(again.active(bob)), err)
		}
		time.Sleep(earlyPatience + time.Minute)
		for range 2 {
			again.mu.Lock()
			again.settleEarlyLocked()
			again.mu.Unlock()
		}
		late := 0
		for _, text := range again.alarms(t) {
			if strings.Contains(text, "has not put the bar") {
				late++
			}
		}
		if late != 1 {
			t.Errorf("%d alarms about a bar that is held back", late)
		}

		// Once the roll has it there is nothing more to remember.
		org.Now = time.Now()
		org.Append(bar)
		if err := again.adopt(newPage(org, position)); err != nil {
			t.Fatal(err)
		}
		if len(again.early) != 0 || len(again.active(bob)) != 1 {
			t.Errorf("%d bars are remembered, bob has %d devices", len(again.early), len(again.active(bob)))
		}
	})
}

// TestOnlyValidBarsAreObeyed gives a device what is not a bar by somebody who may.
func TestOnlyValidBarsAreObeyed(t *testing.T) {
	org := newRoll(t, "bob", "carol")
	bob, carol := org.Members[1], org.Members[2]
	second := org.AddDevice(bob)
	o := newDevice(t, org, org.Founder)
	size := org.Roll.Size()
	good := org.BarEvent(bob.Device(), second.Public(), size)
	forged := slices.Clone(good)
	forged[len(forged)-10] ^= 1
	other := membershiptest.New(t, 9)
	for name, event := range map[string]membership.SignedEvent{
		"by a junior":          org.BarEvent(second, bob.Device().Public(), size),
		"by another member":    org.BarEvent(carol.Device(), second.Public(), 0),
		"of an unknown device": org.BarEvent(bob.Device(), org.Key().Public(), size),
		"changed on the way":   forged,
		"of another org":       other.BarEvent(other.Founder.Device(), second.Public(), 1),
		"a freeze":             org.FreezeEvent(bob.Device()),
		"nothing":              nil,
	} {
		if err := o.hearBar(event); err == nil || errors.Is(err, errKnown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(o.active(bob)) != 2 || len(o.active(carol)) != 1 {
		t.Error("a bar that is not valid was obeyed")
	}
}

// TestWithheldBarAlarmsOnAQuietRoll has a rendezvous node hold a bar back and sign the roll anew, hour by hour, without an
// entry.
func TestWithheldBarAlarmsOnAQuietRoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "bob")
		bob := org.Members[1]
		stolen := org.AddDevice(bob)
		o := newDevice(t, org, org.Founder)
		if err := o.hearBar(org.BarEvent(bob.Device(), stolen.Public(), org.Roll.Size())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		org.Now = time.Now()
		if err := o.adopt(rvclient.Page{Checkpoint: org.Checkpoint()}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(o.alarms(t), "\n"); !strings.Contains(got, "has not put the bar") {
			t.Errorf("alarms %q", got)
		}
	})
}

// TestOneEarlyBarOfEachSigner has an admin sign many bars under one counter, of which at most one can get on the roll.
func TestOneEarlyBarOfEachSigner(t *testing.T) {
	org := newRoll(t, "bob", "carol", "dave")
	o := newDevice(t, org, org.Members[1])
	for i, m := range org.Members[2:] {
		err := o.hearBar(org.BarEvent(org.Founder.Device(), m.Device().Public(), 0))
		if (err == nil) != (i == 0) {
			t.Errorf("bar %d: %v", i, err)
		}
	}
	if len(o.early) != 1 || len(o.active(org.Members[3])) != 1 {
		t.Errorf("%d bars are obeyed", len(o.early))
	}
}

// TestBarIsHeldWithoutAConnection bars a lost device while no rendezvous node can be reached.
func TestBarIsHeldWithoutAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t)
		lost := org.AddDevice(org.Founder)
		o := newDevice(t, org, org.Founder)
		_, err := o.node.Bar(t.Context(), api.BarRequest{Devices: []string{lost.Public().String()}})
		if err == nil || !strings.Contains(err.Error(), "its bar is held") {
			t.Fatalf("barring: %v", err)
		}
		if got := o.active(org.Founder); !slices.Equal(got, []keys.PublicKey{o.device}) {
			t.Errorf("active are %v", got)
		}
		if events := o.eventsToTell(); len(events) != 1 {
			t.Errorf("%d events are told to other devices", len(events))
		}
	})
}
