package node

import (
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/sync/history"
)

// crewOf returns parties who are all in one group that the first of them moderates.
func crewOf(t *testing.T, names ...string) (*parties, envelope.Place) {
	t.Helper()
	org := newRoll(t, names...)
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	for _, m := range org.Members[1:] {
		org.EnterGroup(m.Device(), crew)
	}
	return newPartiesOf(t, org, 1), envelope.InGroup(crew)
}

// told returns what watchers were told since they were asked last.
func told(events <-chan api.Event) (all []api.Event) {
	for {
		select {
		case event := <-events:
			all = append(all, event)
		default:
			return all
		}
	}
}

// mentioned returns whether anything that is told or listed holds a text.
func mentioned(text string, m api.Message) bool {
	held := strings.Contains(m.Text+m.Subject, text)
	for _, f := range m.Attachments {
		held = held || strings.Contains(f.Name, text)
	}
	for _, v := range m.Versions {
		held = held || strings.Contains(v.Text, text)
	}
	return held || forwards(text, m.Forwarded)
}

func forwards(text string, all []api.Forwarded) (held bool) {
	for _, f := range all {
		held = held || strings.Contains(f.Text+f.Subject, text) || forwards(text, f.Forwarded)
	}
	return held
}

// TestBlockHidesWhatHappensToMessages blocks a member of a group: nothing that they or others do to what they wrote there
// brings it before the person, nor does what they do to others' messages.
func TestBlockHidesWhatHappensToMessages(t *testing.T) {
	p, crew := crewOf(t, "bob", "carol")
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	hidden, posts := p.writes(t, bob, crew, "spiteful")
	carry(t, posts...)
	own, posts := p.writes(t, ada, crew, "mine")
	carry(t, posts...)
	if _, err := ada.block(bob.member); err != nil {
		t.Fatal(err)
	}
	p.seal(t, ada) // what own devices are told
	events := ada.node.hub.watch(t.Context(), "")
	does := func(name string, o *organization, do func(id keys.MessageID) error, id keys.MessageID, want int) {
		t.Helper()
		if err := do(id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.exchange(t, o)
		all := told(events)
		if len(all) != want {
			t.Errorf("%s: %d events, want %d: %+v", name, len(all), want, all)
		}
		for _, event := range all {
			if event.Message != nil && (event.Message.Hidden || mentioned("spiteful", *event.Message)) {
				t.Errorf("%s shows %+v", name, *event.Message)
			}
		}
	}
	react := func(o *organization, emoji string) func(keys.MessageID) error {
		return func(id keys.MessageID) error {
			_, err := o.node.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: emoji})
			return err
		}
	}
	seen := func(o *organization) func(keys.MessageID) error {
		return func(id keys.MessageID) error {
			m := *o.record(t, id).Message
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.actLocked(m, history.KindSeen, history.Seen{Messages: []keys.MessageID{m.ID()}, Time: time.Now().UnixMilli()})
		}
	}
	does("a reaction by another", carol, react(carol, "👍"), hidden, 0)
	does("a receipt by another", carol, seen(carol), hidden, 0)
	does("a reaction by the blocked on another's", bob, react(bob, "👎"), own, 0)
	does("a receipt by the blocked on another's", bob, seen(bob), own, 0)
	does("a reaction by another on another's", carol, react(carol, "👍"), own, 1)
	does("an own reaction", ada, react(ada, "👎"), hidden, 0)
	does("an edit by the blocked", bob, func(id keys.MessageID) error {
		_, err := bob.node.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "more spiteful"})
		return err
	}, hidden, 0)
	if m := ada.sees(t, own); len(m.Reactions) != 1 || len(m.Reactions[0].Members) != 1 || len(m.Seen) != 0 {
		t.Errorf("the blocked one beside an own message: %+v, %+v", m.Reactions, m.Seen)
	}
	does("a deletion by the blocked", bob, func(id keys.MessageID) error {
		_, err := bob.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}})
		return err
	}, hidden, 0)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestBlockHidesUntilAsked reads by its id what a blocked member wrote in a group, and acts on it: it shows on demand alone,
// and is unread until then.
func TestBlockHidesUntilAsked(t *testing.T) {
	p, crew := crewOf(t, "bob")
	ada, bob := p.all[0], p.all[1]
	d, err := bob.draft(api.SendRequest{Subject: "spiteful", Text: "spiteful", Mentions: []string{ada.ownName()}}, target{place: crew}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := bob.save(d, nil); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bob)
	if _, err := bob.node.Edit(t.Context(), api.EditRequest{ID: d.message.ID().String(), Text: "spiteful still"}); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bob)
	if _, err := ada.block(bob.member); err != nil {
		t.Fatal(err)
	}
	id := d.message.ID().String()
	veiled, err := ada.node.Read(t.Context(), api.ReadRequest{ID: id})
	if err != nil || !veiled.Hidden || !veiled.Unread || veiled.Mentioned || mentioned("spiteful", veiled) {
		t.Errorf("unasked: %+v, %v", veiled, err)
	}
	reacted, err := ada.node.React(t.Context(), api.ReactRequest{ID: id, Emoji: "👎"})
	if err != nil || !reacted.Hidden || mentioned("spiteful", reacted) {
		t.Errorf("reacting: %+v, %v", reacted, err)
	}
	whole, err := ada.node.Read(t.Context(), api.ReadRequest{ID: id, Hidden: true})
	if err != nil || !whole.Hidden || whole.Unread || whole.Text != "spiteful still" || whole.Subject != "spiteful" || len(whole.Versions) != 1 {
		t.Errorf("asked for: %+v, %v", whole, err)
	}
}

// TestBlockHidesWhatOthersForward has a third member forward what a blocked one wrote, and what that one forwarded of
// others: it is marked, and shows on demand alone. Of a thread that the person forwards, it is not passed on unseen.
func TestBlockHidesWhatOthersForward(t *testing.T) {
	p, crew := crewOf(t, "bob", "carol")
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	id, posts := p.writes(t, bob, crew, "spiteful")
	carry(t, posts...)
	if _, err := ada.block(bob.member); err != nil {
		t.Fatal(err)
	}
	p.seal(t, ada)
	events := ada.node.hub.watch(t.Context(), "")
	first := p.sends(t, carol, api.SendRequest{Text: "Look", Forward: []string{id.String()}}, ada, bob)
	p.exchange(t, carol)
	second := p.sends(t, carol, api.SendRequest{Text: "And this", Forward: []string{first.String()}}, ada)
	p.exchange(t, carol)
	for _, event := range told(events) {
		if event.Message == nil || len(event.Message.Forwarded) != 1 || mentioned("spiteful", *event.Message) {
			t.Errorf("told of %+v", event)
		}
	}
	page := must(ada.node.Inbox(t.Context(), api.InboxQuery{}))
	if len(page.Messages) != 2 {
		t.Fatalf("%d messages", len(page.Messages))
	}
	for _, m := range page.Messages {
		if m.Hidden || mentioned("spiteful", m) {
			t.Errorf("listed: %+v", m)
		}
	}
	if f := ada.sees(t, first).Forwarded; len(f) != 1 || !f[0].Hidden || f[0].From != "bob" {
		t.Errorf("the forwarded one is not marked: %+v", f)
	}
	if f := ada.sees(t, second).Forwarded; len(f) != 1 || f[0].Hidden || len(f[0].Forwarded) != 1 || !f[0].Forwarded[0].Hidden {
		t.Errorf("within a forwarded one: %+v", f)
	}
	for _, asked := range []keys.MessageID{first, second} {
		if m := must(ada.node.Read(t.Context(), api.ReadRequest{ID: asked.String(), Hidden: true})); !mentioned("spiteful", m) {
			t.Errorf("asked for: %+v", m)
		}
	}
	if m := carol.sees(t, first); !mentioned("spiteful", m) || m.Forwarded[0].Hidden {
		t.Errorf("hidden from who blocked nobody: %+v", m)
	}
}

// TestBlockedThreadIsNotForwardedUnseen forwards a thread in which a blocked member answered.
func TestBlockedThreadIsNotForwardedUnseen(t *testing.T) {
	p, crew := crewOf(t, "bob", "carol")
	ada, bob := p.all[0], p.all[1]
	root, posts := p.writes(t, ada, crew, "mine")
	carry(t, posts...)
	d := must(bob.draft(api.SendRequest{Text: "spiteful", Reply: root.String()}, target{place: crew}, nil))
	if err := bob.save(d, nil); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bob)
	if _, err := ada.block(bob.member); err != nil {
		t.Fatal(err)
	}
	passes := func(of keys.MessageID) int {
		t.Helper()
		d := must(ada.draft(api.SendRequest{Forward: []string{of.String()}, ForwardThreads: true}, target{place: crew}, nil))
		return len(d.message.Text.Forwarded)
	}
	if n := passes(root); n != 1 {
		t.Errorf("%d messages pass on", n)
	}
	if n := passes(d.message.ID()); n != 2 { // it is named itself
		t.Errorf("%d messages pass on of the one that is named", n)
	}
}

// TestReportsReachWhoBlocked has moderators and admins who blocked the reporter, or whom is reported, get the report, with
// what it shows.
func TestReportsReachWhoBlocked(t *testing.T) {
	for _, admins := range []bool{false, true} {
		p, crew := crewOf(t, "bob", "carol")
		ada, bob, carol := p.all[0], p.all[1], p.all[2]
		id, posts := p.writes(t, bob, crew, "spiteful")
		carry(t, posts...)
		for _, blocked := range []*organization{bob, carol} {
			if _, err := ada.block(blocked.member); err != nil {
				t.Fatal(err)
			}
		}
		p.seal(t, ada)
		events := ada.node.hub.watch(t.Context(), "")
		if _, err := carol.report(api.ReportRequest{Text: "Again.", Admins: admins}, []history.Message{*carol.record(t, id).Message}); err != nil {
			t.Fatal(err)
		}
		p.exchange(t, carol)
		page := must(ada.node.Inbox(t.Context(), api.InboxQuery{}))
		if len(page.Messages) != 1 {
			t.Fatalf("admins %v: %d messages listed", admins, len(page.Messages))
		}
		all := []api.Message{page.Messages[0], must(ada.node.Read(t.Context(), api.ReadRequest{ID: page.Messages[0].ID}))}
		for _, event := range told(events) {
			if event.Message != nil {
				all = append(all, *event.Message)
			}
		}
		if len(all) != 3 {
			t.Errorf("admins %v: nobody is told", admins)
		}
		for _, m := range all {
			if m.Kind != api.KindReport || m.Hidden || m.Text != "Again." || len(m.Forwarded) != 1 ||
				!m.Forwarded[0].Hidden || m.Forwarded[0].Text != "spiteful" {
				t.Errorf("admins %v: %+v", admins, m)
			}
		}
	}
}

// TestActsElsewhereSurfaceNowhere has a contact name, in one conversation, a message of another: nobody is told of a change.
func TestActsElsewhereSurfaceNowhere(t *testing.T) {
	p, crew := crewOf(t, "bob", "carol")
	ada, bob := p.all[0], p.all[1]
	id, posts := p.writes(t, ada, crew, "mine")
	carry(t, posts...)
	elsewhere := history.Message{Author: ada.device, Member: ada.member, Text: history.Text{To: []keys.MemberID{bob.member}}}
	elsewhere.Conversation = placeOf(elsewhere).ID(ada.org)
	events := ada.node.hub.watch(t.Context(), "")
	bob.mu.Lock()
	err := bob.actLocked(elsewhere, history.KindReaction, history.Reaction{Message: id, Emoji: "👎", Time: time.Now().UnixMilli()})
	bob.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bob)
	if all := told(events); len(all) != 0 {
		t.Errorf("told of %+v", all)
	}
}
