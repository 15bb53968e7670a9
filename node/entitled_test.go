package node

import (
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// TestEntitled asks for each way in which somebody can have come, gone and come again who may be given what was written at
// a moment. [ENV-25]
func TestEntitled(t *testing.T) {
	org := newRoll(t, "bob", "carol", "dave", "erin", "frank", "gina")
	admin := org.Founder.Device()
	bob, carol, dave, erin, frank, gina := org.Members[1], org.Members[2], org.Members[3], org.Members[4], org.Members[5], org.Members[6]
	guest := org.JoinAs("gus", membership.RoleGuest)
	early, late := org.JoinAs("desk one", membership.RoleDesk), org.Join("desk two")
	crew := org.Group(admin, "Crew", group.Open)
	for _, m := range []*membershiptest.Member{bob, dave, erin, frank, gina} {
		org.EnterGroup(m.Device(), crew)
	}
	org.Suspend(admin, frank)
	stolen := org.AddDevice(bob)
	before := store.Moment{Roll: org.Roll.Size()}

	org.EnterGroup(carol.Device(), crew) // who is new
	org.LeaveGroup(dave.Device(), crew)  // who left and entered again
	org.EnterGroup(dave.Device(), crew)
	tablet := org.AddDevice(bob) // another device of somebody who was there
	org.Bar(bob.Device(), stolen.Public(), org.Roll.Size())
	org.Reinstate(admin, frank) // who was suspended when it was written
	org.Suspend(admin, gina)    // and who was only after that
	org.Reinstate(admin, gina)
	org.SetRole(admin, late, membership.RoleDesk)
	again := org.Key()
	readmission := org.Readmit(admin, erin, again.Public(), org.Key().Public(), false)
	org.Wait()
	org.Enter(again, readmission)
	org.EnterGroup(again, crew)
	now := store.Moment{Roll: org.Roll.Size()}

	o := newDevice(t, org, org.Founder)
	all := func(m *membershiptest.Member) keys.PublicKey { return m.Device().Public() }
	inCrew, desk := envelope.InGroup(crew), envelope.AtDesk(guest.ID)
	several := envelope.Among(org.Founder.ID, bob.ID, carol.ID, erin.ID, frank.ID)
	left := store.Moment{Roll: before.Roll, Left: []keys.MemberID{carol.ID}}
	for _, test := range []struct {
		name    string
		place   envelope.Place
		written store.Moment
		device  keys.PublicKey
		want    bool
	}{
		{"a member of the group then and now", inCrew, before, all(bob), true},
		{"their device that was added since", inCrew, before, tablet.Public(), true},
		{"their device that was barred since", inCrew, before, stolen.Public(), false},
		{"who entered the group since", inCrew, before, all(carol), false},
		{"who entered the group, of what is written now", inCrew, now, all(carol), true},
		{"who left the group and entered again", inCrew, before, all(dave), false},
		{"who left the group and entered again, of what is written now", inCrew, now, all(dave), true},
		{"who was suspended when it was written", inCrew, before, all(frank), false},
		{"who was suspended when it was written, of what is written now", inCrew, now, all(frank), true},
		{"who was suspended after it was written", inCrew, before, all(gina), true},
		{"who was re-admitted and entered the group again", inCrew, before, again.Public(), false},
		{"who was re-admitted, of what is written now", inCrew, now, again.Public(), true},
		{"the device that a re-admission ended", inCrew, before, all(erin), false},
		{"who is not in the group", inCrew, now, all(late), false},
		{"who is on no roll", inCrew, now, org.Key().Public(), false},
		{"the guest", desk, before, all(guest), true},
		{"a desk of then", desk, before, all(early), true},
		{"who became a desk since", desk, before, all(late), false},
		{"who became a desk, of what is written now", desk, now, all(late), true},
		{"who is no desk", desk, now, all(bob), false},
		{"one of several", several, before, all(carol), true},
		{"one of several, on a newer device", several, before, tablet.Public(), true},
		{"one of several who had left when it was written", several, left, all(carol), false},
		{"one of several who was suspended when it was written", several, before, all(frank), false},
		{"one of several who was re-admitted since", several, before, again.Public(), false},
		{"one of several who was re-admitted, of what is written now", several, now, again.Public(), true},
		{"one of two who was re-admitted since", envelope.Among(org.Founder.ID, erin.ID), before, again.Public(), false},
		{"who is not one of two", envelope.Among(org.Founder.ID, erin.ID), now, all(bob), false},
	} {
		o.mu.Lock()
		got := o.entitledLocked(test.place, test.written, test.device)
		o.mu.Unlock()
		if got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// newCrew is a group of ada and bob, with ada's chain known to bob. Carol is not in it.
func newCrew(t *testing.T) (p *parties, crew envelope.Place) {
	t.Helper()
	org := newRoll(t, "bob", "carol")
	id := org.Group(org.Founder.Device(), "Crew", group.Open)
	org.EnterGroup(org.Members[1].Device(), id)
	p = newPartiesOf(t, org, 1)
	crew = envelope.InGroup(id)
	_, first := p.writes(t, p.all[0], crew, "the chain")
	carry(t, first...)
	return p, crew
}

// carolEnters has carol enter the group, and be told its chain by a message.
func (p *parties) carolEnters(t *testing.T, crew envelope.Place) {
	t.Helper()
	p.org.EnterGroup(p.org.Members[2].Device(), crew.Group)
	p.grow(t)
	_, posts := p.writes(t, p.all[0], crew, "for carol, too")
	carry(t, posts...)
}

// opensNone hands a device messages that it must not be able to open, whatever it was told.
func (o *organization) opensNone(t *testing.T, posts []post) {
	t.Helper()
	for _, one := range posts {
		if one.to == o {
			t.Errorf("an envelope of kind %d is for them", one.kind)
		}
		if one.kind != envelope.KindMessage {
			continue // that of a chain which they were told since counts as opened
		}
		if opened, _ := o.deliver(t, one.data); opened != 0 {
			t.Error("a message was opened")
		}
	}
}

// TestWrittenBeforeTheNewcomer has messages and acts wait at their author's until somebody has entered the group. [ENV-25]
func TestWrittenBeforeTheNewcomer(t *testing.T) {
	p, crew := newCrew(t)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	d, err := ada.draft(api.SendRequest{Text: "before"}, target{place: crew}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.save(d, nil); err != nil {
		t.Fatal(err)
	}
	id := d.message.ID().String()
	if _, err := ada.node.React(t.Context(), api.ReactRequest{ID: id, Emoji: "⚓"}); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.node.Edit(t.Context(), api.EditRequest{ID: id, Text: "corrected"}); err != nil {
		t.Fatal(err)
	}
	p.org.EnterGroup(p.org.Members[2].Device(), crew.Group)
	p.grow(t)
	before := p.seal(t, ada)
	_, after := p.writes(t, ada, crew, "after")
	for _, one := range append(before, after...) {
		if one.to == carol && one.kind == envelope.KindAnnounce {
			carry(t, one)
		}
	}
	carol.opensNone(t, before)
	carry(t, before...)
	if bob.sees(t, d.message.ID()).Text != "corrected" {
		t.Error("who was there lacks it")
	}
	if to := announced(after); len(to) != 1 || to[0] != carol || len(after) != 3 {
		t.Errorf("%d posts after carol came, announced to %d devices: the chain does not go on", len(after), len(to))
	}
}

// TestLeftAndEntered has a member who was told a chain leave and enter again while a message of before is not delivered: the
// rendezvous node names them as newer, and their own device says that it cannot open. [ENV-25]
func TestLeftAndEntered(t *testing.T) {
	p, crew := newCrew(t)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	d, err := ada.draft(api.SendRequest{Text: "one"}, target{place: crew}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.save(d, nil); err != nil {
		t.Fatal(err)
	}
	ada.sealAll(t, p.prekeys)
	p.org.LeaveGroup(p.org.Members[1].Device(), crew.Group)
	p.org.EnterGroup(p.org.Members[1].Device(), crew.Group)
	p.org.EnterGroup(p.org.Members[2].Device(), crew.Group)
	p.grow(t)
	for _, w := range ada.waiting(t, envelope.KindMessage) {
		effects := newEffects()
		update(t, ada.node.store, func(tx *store.Tx) error {
			if err := ada.tellNewer(tx, w, []keys.PublicKey{carol.device}, &effects); err != nil {
				return err
			}
			return ada.unopened(tx, w.ID, bob.device, &effects)
		})
	}
	if len(ada.jobs(t)) == 0 {
		t.Fatal("nothing is to be sealed anew")
	}
	ada.sealAll(t, p.prekeys)
	if got := ada.waiting(t, envelope.KindMessage); len(got) != 0 {
		t.Errorf("%d envelopes are for who came since", len(got))
	}
	view(t, ada.node.store, func(tx *store.Tx) error {
		if _, err := tx.Delivery(ada.org, d.message.ID(), carol.device); err == nil {
			t.Error("a message is tracked for a device that the rendezvous node named")
		}
		return nil
	})
}

// TestActSealedAnewIsNotForNewcomers has a device that was there not open an act, when somebody has entered since. [ENV-25]
func TestActSealedAnewIsNotForNewcomers(t *testing.T) {
	p, crew := newCrew(t)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	id, posts := p.writes(t, ada, crew, "one")
	carry(t, posts...)
	if _, err := ada.node.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: "⚓"}); err != nil {
		t.Fatal(err)
	}
	ada.sealAll(t, p.prekeys)
	acts := ada.waiting(t, envelope.KindMessage)
	p.carolEnters(t, crew)
	update(t, ada.node.store, func(tx *store.Tx) error {
		// What p.seal took out of the outbox waits still.
		w, err := tx.AddWaiting(ada.org, acts[0], []byte{1})
		effects := newEffects()
		if err != nil {
			return err
		}
		return ada.unopened(tx, w.ID, bob.device, &effects)
	})
	again := p.seal(t, ada)
	if len(again) != 2 {
		t.Fatalf("%d posts", len(again))
	}
	carol.opensNone(t, again)
	carry(t, again...)
}

// TestLeftAConversationOfSeveral has a member of a conversation of several leave it and take part again: what was said
// meanwhile is not for them, also when it is sealed anew. [ENV-25]
func TestLeftAConversationOfSeveral(t *testing.T) {
	p := newParties(t, 1, "bob", "carol")
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	place := envelope.Among(ada.member, bob.member, carol.member)
	for _, o := range p.all {
		_, posts := p.writes(t, o, place, "hello")
		carry(t, posts...)
	}
	if changed, err := carol.keepTalkLeave(place, false); err != nil || !changed {
		t.Fatalf("leaving: %v, %v", changed, err)
	}
	p.exchange(t, carol)
	for _, text := range []string{"meanwhile", "and more"} {
		d, err := ada.draft(api.SendRequest{Text: text}, target{place: place}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := ada.save(d, nil); err != nil {
			t.Fatal(err)
		}
		if text == "meanwhile" { // the other is not sealed before carol is back
			ada.sealAll(t, p.prekeys)
		}
	}
	var lost []store.Waiting
	for _, w := range ada.waiting(t, envelope.KindMessage) {
		if w.Message != nil {
			lost = append(lost, w)
		}
	}
	if len(lost) != 1 {
		t.Fatalf("%d envelopes wait", len(lost))
	}
	if changed, err := carol.keepTalkLeave(place, true); err != nil || !changed {
		t.Fatalf("taking part again: %v, %v", changed, err)
	}
	p.exchange(t, carol)
	effects := newEffects()
	update(t, ada.node.store, func(tx *store.Tx) error { return ada.unopened(tx, lost[0].ID, bob.device, &effects) })
	before := p.seal(t, ada)
	_, after := p.writes(t, ada, place, "welcome back")
	for _, one := range after {
		if one.to == carol {
			carry(t, one)
		}
	}
	carol.opensNone(t, before)
	for _, one := range before {
		carry(t, one)
	}
	if len(announced(after)) == 0 {
		t.Error("who is back was told no chain")
	}
}

// TestReadmittedReadsNothingOfBefore has a message wait for a member whom an admin re-admits with another device. [ENV-25]
func TestReadmittedReadsNothingOfBefore(t *testing.T) {
	org := newRoll(t, "bob")
	bob := org.Members[1]
	ada := newDevice(t, org, org.Founder)
	ada.acquainted(t, org, org.Founder, bob)
	job := ada.saved(t, "before", nil, bob)
	again := org.Key()
	readmission := org.Readmit(org.Founder.Device(), bob, again.Public(), org.Key().Public(), true)
	org.Wait()
	org.Enter(again, readmission)
	if err := ada.adopt(newPage(org, ada.roll.Size())); err != nil {
		t.Fatal(err)
	}
	if job.Place.ID(ada.org).IsZero() || len(ada.devicesLocked(job.Place)) != 1 {
		t.Fatal("the new device is not there")
	}
	ada.sealAll(t, map[keys.PublicKey]envelope.Prekey{again.Public(): prekey(t, org, again)})
	if got := len(ada.waiting(t, envelope.KindMessage)) + len(ada.waiting(t, envelope.KindAnnounce)); got != 0 {
		t.Errorf("%d envelopes for a device that got the account later", got)
	}
}

// TestReportIsForThoseWhoJudgeStill has a report wait for one who gets none any more when it is sealed.
func TestReportIsForThoseWhoJudgeStill(t *testing.T) {
	org := newRoll(t, "bob")
	boss, clerk := org.JoinAs("boss", membership.RoleAdmin), org.JoinAs("clerk", membership.RoleAdmin)
	bob := newDevice(t, org, org.Members[1])
	message := history.Message{Author: bob.device, Member: bob.member, Text: history.Text{To: []keys.MemberID{boss.ID}}, Report: true}
	id := message.ID()
	bob.mu.Lock()
	err := bob.saveReport(message, []keys.PublicKey{boss.Device().Public(), clerk.Device().Public()})
	bob.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	org.SetRole(org.Founder.Device(), clerk, membership.RoleMember)
	if err := bob.adopt(newPage(org, bob.roll.Size())); err != nil {
		t.Fatal(err)
	}
	job := bob.jobs(t)[0]
	readers, err := bob.readersLocked(job)
	if err != nil || len(readers) != 1 || readers[0] != boss.Device().Public() || *job.Message != id {
		t.Errorf("for %d devices, %v", len(readers), err)
	}
}

// TestMomentsAfterAMove has a message wait that was written on a part of the roll which a move leaves behind. [ENV-25]
func TestMomentsAfterAMove(t *testing.T) {
	m := newMoved(t)
	m.o.acquainted(t, m.org, m.org.Founder, m.bob)
	m.o.saved(t, "sealed", nil, m.bob)
	m.o.sealAll(t, map[keys.PublicKey]envelope.Prekey{m.bob.Device().Public(): prekey(t, m.org, m.bob.Device())})
	m.o.saved(t, "waits", nil, m.bob)
	if err := m.o.hearMove(m.move); err != nil {
		t.Fatal(err)
	}
	m.replace(t, newPage(m.next, 0))
	jobs, waiting := m.o.jobs(t), m.o.waiting(t, envelope.KindMessage)
	if len(jobs) != 1 || len(waiting) != 1 || jobs[0].Written.Roll != m.common || waiting[0].Written.Roll != m.common {
		t.Errorf("written at %+v and %+v, where the rolls have %d entries in common", jobs, waiting, m.common)
	}
}
