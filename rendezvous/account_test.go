package rendezvous

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// as signs an event of d's organization with any key, its counter given.
func (d *device) as(key keys.PrivateKey, counter uint64, e membership.Event, cosigner *keys.PrivateKey) membership.SignedEvent {
	d.t.Helper()
	e.Org, e.Counter, e.At = d.Org, counter, d.rollSize()
	return membership.SignEvent(e, key, cosigner)
}

// rollSize is the size of the roll on the node.
func (d *device) rollSize() (size uint64) {
	d.site.node.directory.org(d.Org).roll.read(func(s *membership.State) { size = s.Size() })
	return size
}

// carrier is a device of nobody that carries events of d's organization.
func (d *device) carrier(name string) *device {
	carrier := d.site.device(name)
	carrier.Org = d.Org
	return carrier
}

// hiddenIn returns how many entries of a page are without their event, after folding them all.
func hiddenIn(t *testing.T, page rvclient.Page, reader *device, known bool) (hidden int) {
	t.Helper()
	roll := membership.NewRoll(reader.Org)
	if known {
		roll.ReadAs(reader.member)
	}
	var entries []membership.Entry
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		if entry.Hidden() {
			hidden++
		}
		entries = append(entries, entry)
	}
	if _, err := roll.Extend(page.Checkpoint, reader.Node, entries, nil); err != nil {
		t.Errorf("the roll does not fold: %v", err)
	}
	return hidden
}

func TestNamesOfGuestsAreForDesks(t *testing.T) { // [RV-27]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	name := membership.SignEvent(membership.Event{
		Org: guest.Org, Counter: 1, At: guest.size(), Name: &membership.NameChange{Name: "Gustav"},
	}, guest.key, nil)
	for range 2 {
		if err := guest.Submit(s.ctx(), name); err != nil {
			t.Fatal(err)
		}
	}
	anna.join("Carl") // what comes behind a hidden entry is served as ever
	for who, want := range map[*device]int{anna: 0, desk: 0, ben: 1, guest: 0} {
		page, err := who.Fetch(s.ctx(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := hiddenIn(t, page, who, true); got != want {
			t.Errorf("%d hidden entries, want %d", got, want)
		}
	}
	invitation := anna.invite(1)
	joiner := anna.carrier("joiner")
	page, err := joiner.View(s.ctx(), invitation, 0)
	if err != nil || hiddenIn(t, page, joiner, false) != 1 {
		t.Errorf("a joiner reads the name of a guest: %v", err)
	}
	for seed, want := range map[string]int{"Acme root": 0, "Acme founder recovery": 0, ben.Org.Short() + "Ben recovery": 1} {
		page, err := joiner.Recover(s.ctx(), keyOf(seed), 0)
		if err != nil || hiddenIn(t, page, joiner, false) != want {
			t.Errorf("%s: %v, want %d hidden", seed, err, want)
		}
	}
	if entry := (membership.Entry{Event: []byte{1}}).Marshal(); !bytes.HasPrefix(entry, plainEntry) {
		t.Errorf("an entry for everybody begins with %x", entry[:4])
	}
}

func TestRecoverByKey(t *testing.T) { // [RV-60]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	fresh := anna.carrier("a new device of Ben's")
	recovery, next := ben.recoveryOf("Ben"), keyOf("Ben's next recovery key")
	page, err := fresh.Recover(s.ctx(), recovery, 0)
	if err != nil || uint64(len(page.Entries)) != ben.size() {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	_, err = fresh.Recover(s.ctx(), keyOf("nobody's"), 0)
	wantStatus(t, "a key that the roll does not have", err, wire.StatusNotFound)
	_, err = fresh.Recover(s.ctx(), ben.key, 0)
	wantStatus(t, "a device's key", err, wire.StatusNotFound)
	elsewhere := anna.carrier("another device")
	elsewhere.Org = keys.OrgID{1}
	_, err = elsewhere.Recover(s.ctx(), recovery, 0)
	wantStatus(t, "an organization that is not here", err, wire.StatusNotFound)
	device := fresh.key.Public()
	for name, proof := range map[string]keys.Signature{
		"of another device": recovery.Sign(keys.DomainProof, ben.Org, rvproto.ProofBytes(s.node.Key(), ben.key.Public())),
		"for another node":  recovery.Sign(keys.DomainProof, ben.Org, rvproto.ProofBytes(keys.PublicKey{1}, device)),
		"of another domain": recovery.Sign(keys.DomainInvitation, ben.Org, rvproto.ProofBytes(s.node.Key(), device)),
		"of another key":    fresh.key.Sign(keys.DomainProof, ben.Org, rvproto.ProofBytes(s.node.Key(), device)),
	} {
		answer := s.node.join(s.ctx(), device, nil, rvproto.JoinRequest{Recover: &rvproto.RecoverRequest{Org: ben.Org, Key: recovery.Public(), Proof: proof}})
		if answer.Status != wire.StatusRefused || answer.Checkpoint != nil {
			t.Errorf("a proof %s: %v", name, answer.Status)
		}
	}
	change := ben.as(recovery, 1, membership.Event{Recovery: &membership.Recovery{Key: next.Public()}}, &next)
	for range 2 {
		wantStatus(t, "another recovery key", fresh.Present(s.ctx(), change), wire.StatusOK)
	}
	_, err = fresh.Recover(s.ctx(), recovery, 0)
	wantStatus(t, "the key of before", err, wire.StatusNotFound)
	_, err = fresh.Recover(s.ctx(), next, 0)
	wantStatus(t, "the key of now", err, wire.StatusOK)
}

func TestPresent(t *testing.T) { // [RV-61]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	carrier := anna.carrier("carrier")
	recovery, root := ben.recoveryOf("Ben"), keyOf("Acme root")
	added := anna.carrier("added")
	present := func(doing string, want wire.Status, event membership.SignedEvent) {
		t.Helper()
		wantStatus(t, doing, carrier.Present(s.ctx(), event), want)
	}
	bar := func(device *device, after uint64) membership.Event {
		return membership.Event{Bar: &membership.Bar{Device: device.key.Public(), After: after}}
	}
	present("a device by the recovery key", wire.StatusOK,
		ben.as(recovery, 1, membership.Event{Device: &membership.Device{Add: added.key.Public()}}, &added.key))
	added.member = ben.member
	wantLetIn(t, added)
	present("a bar by the recovery key", wire.StatusOK, ben.as(recovery, 2, bar(tablet, ben.rollSize()), nil))
	s.waitCutOff(tablet)
	wantShutOut(t, tablet, wire.StatusBarred)
	present("a bar by a device that is barred itself", wire.StatusBarred, ben.as(tablet.key, 1, bar(added, ben.rollSize()), nil))
	present("a freeze by a device", wire.StatusRefused, ben.as(ben.key, ben.counter+1, membership.Event{Freeze: &membership.Freeze{}}, nil))
	present("a bar of a senior device", wire.StatusConflict, ben.as(added.key, 1, bar(ben, ben.rollSize()), nil))
	present("a bar of itself by a device", wire.StatusOK, ben.as(added.key, 1, bar(added, 0), nil))
	s.waitCutOff(added)
	wantShutOut(t, added, wire.StatusBarred)
	present("a policy by the root key", wire.StatusOK,
		anna.as(root, 1, membership.Event{Policy: &membership.PolicyChange{Policy: membership.DefaultPolicy()}}, nil))
	present("by a key of nobody's", wire.StatusRefused, ben.as(carrier.key, 1, bar(ben, 3), nil))
	present("an invitation by a device", wire.StatusRefused, anna.as(anna.key, anna.counter+1, membership.Event{Invite: &membership.Invite{
		Key: carrier.key.Public(), Role: membership.RoleMember, Uses: 1, Expires: clock.now().Add(time.Hour).Unix()}}, nil))
	present("of another organization", wire.StatusNotFound, func() membership.SignedEvent {
		e := bar(ben, 3)
		e.Org, e.Counter, e.At = keys.OrgID{1}, ben.counter+1, 1
		return membership.SignEvent(e, ben.key, nil)
	}())
	present("no event", wire.StatusMalformed, []byte("event"))

	// Anna re-admits Ben, whom she suspended; a suspended device refuses; a second re-admission is entered when it is due.
	newcomer := anna.carrier("newcomer")
	readmit := func(n int) membership.SignedEvent {
		t.Helper()
		name := string(rune('0' + n))
		device := newcomer.key
		if n == 0 {
			device = keyOf("another newcomer")
		}
		e := membership.Event{Readmit: &membership.Readmit{
			Member: ben.member, Device: device.Public(), Recovery: keyOf("recovery of newcomer " + name).Public()}}
		anna.counter++
		event := anna.as(anna.key, anna.counter, e, nil)
		if err := anna.Submit(s.ctx(), event); err != nil {
			t.Fatal(err)
		}
		return event
	}
	if err := anna.submit(membership.Event{Suspend: &membership.Suspend{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	refused := readmit(0)
	present("a refusal by a suspended device", wire.StatusOK,
		ben.as(ben.key, ben.counter+1, membership.Event{Refuse: &membership.Refuse{Readmission: refused.ID()}}, nil))
	if err := anna.submit(membership.Event{Reinstate: &membership.Reinstate{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	given := readmit(1)
	_, err := newcomer.Promised(s.ctx(), 0)
	wantStatus(t, "the roll for a promised device", err, wire.StatusOK)
	_, err = carrier.Promised(s.ctx(), 0)
	wantStatus(t, "the roll for a device of nobody's", err, wire.StatusNotFound)
	enter := membership.Event{Enter: &membership.Enter{Readmission: given.ID()}}
	present("entering before its time", wire.StatusConflict, newcomer.as(newcomer.key, 1, enter, nil))
	wantShutOut(t, newcomer, wire.StatusNotMember)
	clock.move(73 * time.Hour)
	entering := newcomer.as(newcomer.key, 1, enter, nil)
	present("entering", wire.StatusOK, entering)
	present("entering again", wire.StatusOK, entering)
	wantLetIn(t, newcomer)
	s.waitCutOff(ben)
	wantShutOut(t, ben, wire.StatusBarred)
	_, err = newcomer.Promised(s.ctx(), 0)
	wantStatus(t, "the roll for a device that has entered", err, wire.StatusNotFound)
}

// verdictOf asks for a device's verdict and verifies it.
func verdictOf(t *testing.T, d *device) (membership.Standing, []membership.Event) {
	t.Helper()
	verdict, err := d.Verdict(d.site.ctx())
	if _, answered := errors.AsType[wire.Status](err); err != nil && !answered {
		verdict, err = d.Verdict(d.site.ctx()) // by the connection that the node was about to close [RV-14]
	}
	if err != nil {
		t.Fatalf("verdict: %v", err)
	}
	checkpoint, err := membership.OpenCheckpoint(verdict.Checkpoint, d.Org, d.Node)
	if err != nil {
		t.Fatal(err)
	}
	var events []membership.Event
	last := uint64(0)
	for _, shown := range verdict.Entries {
		entry, err := membership.ParseEntry(shown.Entry)
		if err != nil {
			t.Fatal(err)
		}
		var proof []membership.Hash
		for _, hash := range shown.Proof {
			proof = append(proof, hash)
		}
		if err := membership.VerifyInclusion(entry, shown.Index, checkpoint.Size, checkpoint.Root, proof); err != nil {
			t.Errorf("entry %d: %v", shown.Index, err)
		}
		if shown.Index < last {
			t.Error("not in the order of the roll")
		}
		last = shown.Index
		event, _, err := membership.OpenEvent(entry.Event)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return verdict.Standing, events
}

func TestVerdict(t *testing.T) { // [RV-62]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	watch := tablet.add("watch")
	carl := anna.join("Carl")
	stranger := anna.carrier("stranger")
	_, err := stranger.Verdict(s.ctx())
	wantStatus(t, "a device of nobody's", err, wire.StatusNotFound)
	if standing, events := verdictOf(t, carl); standing != membership.StandingActive || len(events) != 0 {
		t.Errorf("an active device: %v, %d entries", standing, len(events))
	}
	ben.bar(tablet, 2)
	for _, d := range []*device{tablet, watch} { // the second is barred along with the first
		standing, events := verdictOf(t, d)
		if standing != membership.StandingBarred || len(events) != 1 || events[0].Bar == nil || events[0].Bar.Device != tablet.key.Public() {
			t.Errorf("a barred device: %v, %+v", standing, events)
		}
	}
	decide := func(e membership.Event) {
		t.Helper()
		if err := anna.submit(e, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range rvproto.MaxShown { // many decisions: only the last counts
		decide(membership.Event{Suspend: &membership.Suspend{Member: carl.member}})
		decide(membership.Event{Reinstate: &membership.Reinstate{Member: carl.member}})
	}
	if standing, events := verdictOf(t, carl); standing != membership.StandingActive || len(events) != 1 || events[0].Reinstate == nil {
		t.Errorf("a reinstated member: %v, %+v", standing, events)
	}
	decide(membership.Event{Suspend: &membership.Suspend{Member: carl.member}})
	decide(membership.Event{Bar: &membership.Bar{Device: carl.key.Public()}})
	decide(membership.Event{Readmit: &membership.Readmit{Member: carl.member, Device: stranger.key.Public(), Recovery: keyOf("new").Public()}})
	for range 2 {
		standing, events := verdictOf(t, carl)
		kinds := slices.ContainsFunc(events, func(e membership.Event) bool { return e.Suspend != nil }) &&
			slices.ContainsFunc(events, func(e membership.Event) bool { return e.Bar != nil }) &&
			slices.ContainsFunc(events, func(e membership.Event) bool { return e.Readmit != nil })
		if standing != membership.StandingBarred || len(events) != 3 || !kinds {
			t.Errorf("suspended, barred and to be re-admitted: %v, %+v", standing, events)
		}
		if standing, events := verdictOf(t, stranger); standing != membership.StandingNone || len(events) != 1 || events[0].Readmit == nil {
			t.Errorf("a promised device: %v, %+v", standing, events)
		}
		s.restart()
		s.follow(carl, stranger)
	}
}

func TestRefusalsAboutAccounts(t *testing.T) { // [RV-22]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	wantStatus(t, "a bar of a senior device", tablet.submit(membership.Event{Bar: &membership.Bar{Device: ben.key.Public(), After: 3}}, nil), wire.StatusConflict)
	wantStatus(t, "freeze", ben.submit(membership.Event{Freeze: &membership.Freeze{}}, nil), wire.StatusOK)
	phone := anna.carrier("phone")
	wantStatus(t, "a device while frozen", ben.submit(membership.Event{Device: &membership.Device{Add: phone.key.Public()}}, &phone.key), wire.StatusConflict)
	wantStatus(t, "a role by a member", ben.submit(membership.Event{Role: &membership.RoleChange{Member: anna.member, Role: membership.RoleDesk}}, nil), wire.StatusRefused)
	wantStatus(t, "the last admin goes", anna.submit(membership.Event{Role: &membership.RoleChange{Member: anna.member, Role: membership.RoleDesk}}, nil), wire.StatusConflict)
	wantStatus(t, "the role that it is", anna.submit(membership.Event{Role: &membership.RoleChange{Member: ben.member, Role: membership.RoleMember}}, nil), wire.StatusConflict)
	wantStatus(t, "nobody's role", anna.submit(membership.Event{Role: &membership.RoleChange{Member: keys.MemberID{1}, Role: membership.RoleDesk}}, nil), wire.StatusNotFound)
	wantStatus(t, "a reserved name", ben.submit(membership.Event{Name: &membership.NameChange{Name: "admin"}}, nil), wire.StatusBadName)
	invitation := anna.invite(1)
	wantStatus(t, "revoke", anna.submit(membership.Event{Revoke: &membership.Revoke{Key: invitation.Public()}}, nil), wire.StatusOK)
	_, err := phone.View(s.ctx(), invitation, 0)
	wantStatus(t, "an invitation that was taken back", err, wire.StatusExpired)
	if err := anna.submit(membership.Event{Remove: &membership.Remove{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "about a member who was removed", anna.submit(membership.Event{Suspend: &membership.Suspend{Member: ben.member}}, nil), wire.StatusConflict)
}
