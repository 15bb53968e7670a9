package node

import (
	"crypto/rand"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// grow has every device adopt what the roll has gained.
func (p *parties) grow(t *testing.T) {
	t.Helper()
	for _, o := range p.all {
		if err := o.adopt(newPage(p.org, o.roll.Size())); err != nil {
			t.Fatal(err)
		}
	}
}

// writes has a device seal a message at a place and returns the posts.
func (p *parties) writes(t *testing.T, from *organization, place envelope.Place, text string) (keys.MessageID, []post) {
	t.Helper()
	d, err := from.draft(api.SendRequest{Text: text}, target{place: place}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.save(d, nil); err != nil {
		t.Fatal(err)
	}
	return d.message.ID(), p.seal(t, from)
}

// announced returns the devices that announcements among posts are for.
func announced(posts []post) (to []*organization) {
	for _, one := range posts {
		if one.kind == envelope.KindAnnounce {
			to = append(to, one.to)
		}
	}
	return to
}

// TestGroupChain has somebody enter a group and leave it again between messages: who enters is told the chain as it stands,
// and reads nothing of before; when somebody has left, all others get a new one.
func TestGroupChain(t *testing.T) {
	org := newRoll(t, "bob", "carol")
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	org.EnterGroup(org.Members[1].Device(), crew)
	p := newPartiesOf(t, org, 1)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]

	_, one := p.writes(t, ada, envelope.InGroup(crew), "one")
	if to := announced(one); len(to) != 1 || to[0] != bob || len(one) != 2 {
		t.Fatalf("%d posts, announced to %d devices", len(one), len(to))
	}
	carry(t, one...)

	org.EnterGroup(org.Members[2].Device(), crew)
	p.grow(t)
	_, two := p.writes(t, ada, envelope.InGroup(crew), "two")
	if to := announced(two); len(to) != 1 || to[0] != carol || len(two) != 3 {
		t.Fatalf("%d posts after carol came, announced to %d devices", len(two), len(to))
	}
	carry(t, two...)
	if opened, _ := carol.deliver(t, one[1].data); opened != 0 {
		t.Error("carol opened what was sent before she came")
	}

	org.Expel(org.Founder.Device(), crew, org.Members[2])
	p.grow(t)
	_, three := p.writes(t, ada, envelope.InGroup(crew), "three")
	if to := announced(three); len(to) != 1 || to[0] != bob || len(three) != 2 {
		t.Fatalf("%d posts after carol went, announced to %d devices", len(three), len(to))
	}
	for _, post := range three {
		if opened, _ := carol.deliver(t, post.data); opened != 0 {
			t.Error("carol opened what was sent after she went")
		}
	}
	carry(t, three...)
	if _, err := carol.draft(api.SendRequest{Text: "x"}, target{place: envelope.InGroup(crew)}, nil); code(err) != api.CodeRefused {
		t.Errorf("writing to a group that one is not in: %v", err)
	}
}

// TestLateGroupMessage has a message come after its author left the group: it counts for as long as anything is under way,
// and what they seal by a newer roll does not.
func TestLateGroupMessage(t *testing.T) {
	org := newRoll(t, "bob", "carol")
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	for _, m := range org.Members[1:] {
		org.EnterGroup(m.Device(), crew)
	}
	p := newPartiesOf(t, org, 1)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	_, late := p.writes(t, bob, envelope.InGroup(crew), "as a member")
	org.LeaveGroup(org.Members[1].Device(), crew)
	p.grow(t)
	for _, post := range late {
		if opened, _ := post.to.deliver(t, post.data); post.to == ada && opened != 1 {
			t.Errorf("a late %v was not opened", post.kind)
		}
	}
	// By the chain that he still has, bob seals one more, and says that he did so at the new roll.
	var kept store.Outgoing
	view(t, bob.node.store, func(tx *store.Tx) (err error) {
		kept, err = tx.Outgoing(bob.org, envelope.InGroup(crew).ID(bob.org))
		return err
	})
	chain, err := envelope.UnmarshalChain(kept.Chain)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(size uint64) []byte {
		line := envelope.Line{Sequence: kept.Sequence, Previous: kept.Previous}
		e, _, err := chain.Seal(rand.Reader, bob.self, &line, envelope.Content{Kind: 1, Body: []byte("x")}, envelope.Meta{
			RollSize: size, Expires: time.Now().Add(time.Hour).Unix(), Leave: envelope.LeaveOf(envelope.InGroup(crew), bob.org, false),
		})
		if err != nil {
			t.Fatal(err)
		}
		return e.Bytes()
	}
	if opened, _ := carol.deliver(t, seal(org.Roll.Size())); opened != 0 {
		t.Error("a message of who had left was opened")
	}
	if opened, _ := carol.deliver(t, seal(org.Roll.Size()+1)); opened != 0 {
		t.Error("a message for a roll that nobody has was opened")
	}
	now := time.Now()
	for after, want := range map[time.Duration]bool{0: true, time.Duration(org.Roll.State().Policy().QueueTime) * time.Second: false} {
		if got := ada.wroteLocked(envelope.InGroup(crew), bob.member, org.Roll.Size()-1, now.Add(after)); got != want {
			t.Errorf("%v later what was written before counts: %v", after, got)
		}
	}
}

// TestGroupEnvelopes asks how envelopes for a group are offered: once for all, then to those who are silent; whoever leaves
// gets them no more, and whom the rendezvous node knows and the sender did not gets them too.
func TestGroupEnvelopes(t *testing.T) {
	org := newRoll(t, "bob", "carol", "dave")
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	for _, m := range org.Members[1:3] {
		org.EnterGroup(m.Device(), crew)
	}
	p := newPartiesOf(t, org, 1)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	d, err := ada.draft(api.SendRequest{Text: "one"}, target{place: envelope.InGroup(crew)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.save(d, nil); err != nil {
		t.Fatal(err)
	}
	ada.sealAll(t, p.prekeys)
	w := ada.waiting(t, envelope.KindMessage)[0]
	if all := offers(w); len(all) != 1 || len(all[0].to) != 0 || len(all[0].asked()) != 2 {
		t.Fatalf("first offered to %d devices by name", len(all[0].to))
	}
	stranger := p.all[3].device
	answer := answered{offers(w)[0], rvproto.AnswerFrame{ID: w.ID, Newer: []keys.PublicKey{stranger}}}
	if err := ada.recordAnswers([]answered{answer}, make(chan struct{}, 1)); err != nil {
		t.Fatal(err)
	}
	if left := written(ada.jobs(t)); len(left) != 1 || len(left[0].Only) != 1 || left[0].Only[0] != stranger {
		t.Errorf("for the device that was not known there are jobs %+v", left)
	}
	effects := newEffects()
	update(t, ada.node.store, func(tx *store.Tx) error { return ada.delivered(tx, w.ID, bob.device, 0, &effects) })
	w = ada.waiting(t, envelope.KindMessage)[0]
	if all := offers(w); len(all) != 1 || len(all[0].to) != 1 || all[0].to[0] != carol.device {
		t.Errorf("offered again otherwise than to who is silent: %+v", all)
	}
	org.Expel(org.Founder.Device(), crew, org.Members[2])
	p.grow(t)
	if len(ada.waiting(t, envelope.KindMessage)) != 0 {
		t.Error("a message still waits for who was removed")
	}
	states, err := ada.recipients(d.message.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]api.State{bob.member.String(): api.StateDelivered, carol.member.String(): api.StateReturned}
	for _, s := range states {
		if s.State != want[s.Member] && want[s.Member] != "" {
			t.Errorf("%s is %s", s.Name, s.State)
		}
	}
}

// TestConversationOfStrangers has three talk of whom two have not let each other write: what is for who takes no part yet is
// held, and sent when they do.
func TestConversationOfStrangers(t *testing.T) {
	org := newRoll(t, "bob", "carol")
	p := &parties{org: org, prekeys: make(map[keys.PublicKey]envelope.Prekey)}
	for i, m := range org.Members {
		o := newDevice(t, org, m)
		for j, other := range org.Members {
			if i != j && i*j == 0 { // the founder knows both
				o.acquainted(t, org, m, other)
			}
		}
		p.all, p.prekeys[o.device] = append(p.all, o), o.ownPrekey(t)
	}
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	place := envelope.Among(ada.member, bob.member, carol.member)
	_, first := p.writes(t, ada, place, "who comes?")
	carry(t, first...)
	if !ada.joinedLocked(place) || bob.joinedLocked(place) {
		t.Error("who writes does not take part, or who reads does")
	}

	// Bob answers. Carol's device refuses what comes by leave that she never gave; so does the rendezvous node.
	d, err := bob.draft(api.SendRequest{Text: "I do"}, target{place: place}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := bob.save(d, nil); err != nil {
		t.Fatal(err)
	}
	bob.sealAll(t, p.prekeys)
	var batch []answered
	var held [][]byte
	for _, kind := range []envelope.Kind{envelope.KindAnnounce, envelope.KindMessage} {
		for _, w := range bob.waiting(t, kind) {
			answer := rvproto.AnswerFrame{ID: w.ID}
			for _, device := range w.Pending {
				if device == carol.device {
					answer.Refused = append(answer.Refused, rvproto.Refusal{Device: device, Status: wire.StatusNoLeave})
				}
			}
			batch = append(batch, answered{offers(w)[0], answer})
			view(t, bob.node.store, func(tx *store.Tx) error {
				data, err := tx.Envelope(bob.org, w)
				held = append(held, data)
				return err
			})
		}
	}
	if err := bob.recordAnswers(batch, make(chan struct{}, 1)); err != nil {
		t.Fatal(err)
	}
	if bob.anyHeld(d.message.ID()) {
		t.Error("the command waits for who takes no part")
	}
	if opened, _ := carol.deliver(t, held[len(held)-1]); opened != 0 {
		t.Error("carol opened what she gave no leave for")
	}

	// Carol joins: bob hears of it, and what he held goes.
	if changed, err := carol.keepTalkLeave(place, true); err != nil || !changed {
		t.Fatalf("joining: %v, %v", changed, err)
	}
	carry(t, p.seal(t, carol)...)
	opened := 0
	for _, one := range p.seal(t, bob) {
		if one.to == carol {
			carry(t, one)
			opened++
		}
	}
	if opened < 2 || carol.sees(t, d.message.ID()).Text != "I do" {
		t.Errorf("%d held envelopes came", opened)
	}

	// She leaves, and gets nothing more.
	if _, err := carol.keepTalkLeave(place, false); err != nil {
		t.Fatal(err)
	}
	carry(t, p.seal(t, carol)...)
	_, last := p.writes(t, bob, place, "cast off")
	for _, one := range last {
		if one.to == carol {
			t.Error("something is sealed for who has left")
		}
	}
	if to := announced(last); len(to) != 1 || to[0] != ada {
		t.Errorf("the chain that she knows goes on: %d announcements", len(to))
	}
}
