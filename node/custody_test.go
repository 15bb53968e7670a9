package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// saved saves a message of a device to members, with files of content, and returns its job.
func (o *organization) saved(t *testing.T, text string, files []string, to ...*membershiptest.Member) store.Job {
	t.Helper()
	var members []keys.MemberID
	for _, m := range to {
		members = append(members, m.ID)
	}
	var uploads []store.Upload
	for _, content := range files {
		uploads = append(uploads, upload(t, o.node, "file", content))
	}
	d, err := o.draft(api.SendRequest{Text: text}, target{members: members}, uploads)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.save(d, uploads); err != nil {
		t.Fatal(err)
	}
	jobs := o.jobs(t)
	return jobs[len(jobs)-1]
}

// trio is the founder's device, whose contacts two others are, with the prekeys of some of them.
func newTrio(t *testing.T) (o *organization, bob, carol *membershiptest.Member, org *membershiptest.Org) {
	org = newRoll(t, "bob", "carol")
	bob, carol = org.Members[1], org.Members[2]
	o = newDevice(t, org, org.Founder)
	o.acquainted(t, org, org.Founder, bob, carol)
	return o, bob, carol, org
}

// TestChainThatEndsBeforeSealing ends a chain between its start and the sealing, as a receipt that comes in between can:
// the message must stay to be sealed.
func TestChainThatEndsBeforeSealing(t *testing.T) {
	o, bob, _, org := newTrio(t)
	job := o.saved(t, "hello", nil, bob)
	prekeys := map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())}
	if _, err := o.announce(job, o.devicesLocked(job.Place), prekeys); err != nil {
		t.Fatal(err)
	}
	announced := o.waiting(t, envelope.KindAnnounce)[0]
	update(t, o.node.store, func(tx *store.Tx) error { return o.loseChain(tx, announced, bob.Device().Public()) })
	if err := o.seal(job, nil); err != nil {
		t.Errorf("sealing: %v", err)
	}
	if len(o.jobs(t)) != 1 {
		t.Fatal("the message's job is gone, and it was never sealed")
	}
	o.sealAll(t, prekeys)
	if got := o.waiting(t, envelope.KindMessage); len(got) != 1 {
		t.Errorf("%d envelopes of one message", len(got))
	}
}

// TestDeviceWithoutPrekeyIsPutOffOnce sends a file to two, one of whom cannot be sealed to yet: one job is left for them,
// with all of it.
func TestDeviceWithoutPrekeyIsPutOffOnce(t *testing.T) {
	o, bob, carol, org := newTrio(t)
	o.saved(t, "hello", []string{strings.Repeat("x", 8*history.ChunkSize)}, bob, carol)
	rounds := o.sealAll(t, map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())})
	if rounds < 2 {
		t.Fatalf("sealed in %d rounds: the file is too small for this test", rounds)
	}
	left := written(o.jobs(t))
	if len(left) != 1 || left[0].Next != 0 || left[0].Last != 9 || !slices.Equal(left[0].Only, []keys.PublicKey{carol.Device().Public()}) {
		t.Fatalf("jobs left: %+v", left)
	}
	for _, w := range o.waiting(t, envelope.KindMessage) {
		if !slices.Equal(w.Pending, []keys.PublicKey{bob.Device().Public()}) {
			t.Errorf("part %d is for %v", w.Part, w.Pending)
		}
	}
}

// TestManyFailuresOneChain has a device report the messages of a lost chain one after the other: they are sealed anew on
// one new chain, and what is reported later does not end that.
func TestManyFailuresOneChain(t *testing.T) {
	o, bob, _, org := newTrio(t)
	prekeys := map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())}
	o.saved(t, "one", nil, bob)
	o.saved(t, "two", nil, bob)
	o.sealAll(t, prekeys)
	lost := o.waiting(t, envelope.KindMessage)
	chains := make(map[keys.ChainID]bool)
	for _, w := range lost {
		effects := newEffects()
		update(t, o.node.store, func(tx *store.Tx) error { return o.unopened(tx, w.ID, bob.Device().Public(), &effects) })
		o.sealAll(t, prekeys)
	}
	again := o.waiting(t, envelope.KindMessage)
	for _, w := range again {
		chains[w.Chain] = true
	}
	if len(again) != 2 || len(chains) != 1 || chains[lost[0].Chain] {
		t.Errorf("%d messages on %d chains", len(again), len(chains))
	}
}

// TestFailuresEnd has a device report everything as unopenable for ever.
func TestFailuresEnd(t *testing.T) {
	o, bob, _, org := newTrio(t)
	prekeys := map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())}
	job := o.saved(t, "hello", nil, bob)
	for range 2 * maxAttempts {
		o.sealAll(t, prekeys)
		for _, w := range o.waiting(t, envelope.KindMessage) {
			effects := newEffects()
			update(t, o.node.store, func(tx *store.Tx) error { return o.unopened(tx, w.ID, bob.Device().Public(), &effects) })
		}
	}
	states, err := o.recipients(*job.Message)
	if err != nil || len(states) != 1 || states[0].State != api.StateReturned || len(o.waiting(t, envelope.KindMessage)) != 0 {
		t.Errorf("states %+v, %v", states, err)
	}
}

// TestReceiptOfAStranger takes a receipt for an envelope that was not for its device.
func TestReceiptOfAStranger(t *testing.T) {
	o, bob, carol, org := newTrio(t)
	o.saved(t, "hello", nil, bob)
	o.sealAll(t, map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())})
	w := o.waiting(t, envelope.KindMessage)[0]
	for _, receipt := range []envelope.Receipt{
		{Org: o.org, Sender: o.device, Opened: []keys.EnvelopeID{w.ID}},
		{Org: o.org, Sender: o.device, Failed: []keys.EnvelopeID{w.ID}},
	} {
		signed, err := envelope.SignReceipt(receipt, carol.Device())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.saveLocked(o.receiptUnits(signed)); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.waiting(t, envelope.KindMessage)) != 1 || len(o.jobs(t)) != 0 {
		t.Error("a receipt of a device that the envelope is not for changed something")
	}
}

// TestClockAheadByYears runs what is due from time to time with a clock that is ahead, and then right again.
func TestClockAheadByYears(t *testing.T) {
	o, bob, _, org := newTrio(t)
	own := o.ownPrekey(t)
	o.saved(t, "hello", nil, bob)
	o.sealAll(t, map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())})

	o.node.config.Clock = func() time.Time { return time.Now().AddDate(5, 0, 0) }
	if _, err := o.currentPrekey(); err != nil {
		t.Fatal(err)
	}
	if err := o.expire(); err != nil {
		t.Fatal(err)
	}
	o.node.config.Clock = time.Now
	if len(o.waiting(t, envelope.KindMessage)) != 1 {
		t.Error("a clock that was ahead for a moment gave a message up")
	}
	signed, err := o.currentPrekey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.OpenPrekey(signed, o.org, o.device, time.Now()); err != nil {
		t.Errorf("the prekey to publish is of no use to others: %v", err)
	}
	if _, kept := o.prekeys[own.ID()]; !kept {
		t.Error("the prekey that others seal to is destroyed")
	}
}
