package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// TestForwardedMessagesKeepTheirAuthors forwards a thread of two members, one message of which was edited, to a third, who
// sees who wrote what.
func TestForwardedMessagesKeepTheirAuthors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob", "carol")
		ada, bob, carol := p.all[0], p.all[1], p.all[2]
		first := p.sends(t, ada, api.SendRequest{Subject: "Key", Text: "Under the mat."}, bob)
		other := p.sends(t, ada, api.SendRequest{Text: "Something else."}, bob)
		p.exchange(t, ada)
		if _, err := ada.node.Edit(t.Context(), api.EditRequest{ID: first.String(), Text: "In the shed."}); err != nil {
			t.Fatal(err)
		}
		p.exchange(t, ada)
		answer := p.sends(t, bob, api.SendRequest{Text: "Which shed?", Reply: first.String()}, ada)
		if _, err := bob.draft(api.SendRequest{Forward: []string{answer.String()}}, target{members: []keys.MemberID{carol.member}}, nil); code(err) != api.CodeFailed {
			t.Errorf("forwarding what nobody signed yet: %v", err)
		}
		p.exchange(t, bob)
		again := p.sends(t, ada, api.SendRequest{Text: "The red one.", Reply: answer.String()}, bob)
		p.exchange(t, ada)
		if got := bob.sees(t, again); got.Thread != first.String() || got.Reply != answer.String() {
			t.Errorf("an answer to an answer is in thread %s", got.Thread)
		}

		id := p.sends(t, bob, api.SendRequest{Text: "Do you know?", Forward: []string{again.String()}, ForwardThreads: true}, carol)
		p.exchange(t, bob)
		got := carol.sees(t, id).Forwarded
		if len(got) != 3 {
			t.Fatalf("carol sees %d messages of three; %s is of another thread", len(got), other.Short())
		}
		for i, want := range []struct{ from, text, id string }{
			{ada.ownName(), "In the shed.", first.String()}, {bob.ownName(), "Which shed?", answer.String()},
			{ada.ownName(), "The red one.", again.String()},
		} {
			if f := got[i]; f.From != want.from || f.Text != want.text || f.ID != want.id || !f.Verified || f.Barred {
				t.Errorf("message %d is shown as %+v", i, f)
			}
		}
		if got[0].Edited.IsZero() || len(got[0].To) != 1 || got[0].To[0].Name != "bob" {
			t.Errorf("the first is shown as %+v", got[0])
		}

		// What was forwarded is forwarded on, with all that is in it.
		onward := p.sends(t, carol, api.SendRequest{Forward: []string{id.String()}}, ada)
		p.exchange(t, carol)
		if nested := ada.sees(t, onward).Forwarded; len(nested) != 1 || nested[0].From != "bob" || len(nested[0].Forwarded) != 3 {
			t.Errorf("ada sees %+v", nested)
		}
	})
}

// quote seals a text as a device would, and returns what it signed.
func (p pair) quote(t *testing.T, device keys.PrivateKey, text history.Text) history.Signed {
	t.Helper()
	c, err := envelope.NewChain(strings.NewReader(strings.Repeat("x", 4096)), p.org.ID, envelope.Among(p.from.ID, p.to.member), device.Public(),
		time.Now(), p.org.Roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	_, quote, err := c.Seal(strings.NewReader(strings.Repeat("x", 4096)), device, new(envelope.Line),
		envelope.Content{Kind: uint8(history.KindText), Body: wire.Encode(text)}, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	return history.Signed(quote)
}

// TestForgedForwardsAreRefused has a member put words into others' mouths. [HIST-13]
func TestForgedForwardsAreRefused(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	p.to.deliver(t, announced)
	text := history.Text{To: []keys.MemberID{p.to.member}, Text: "I owe mallory a fortune."}
	good := p.quote(t, p.from.Device(), text)
	stranger := keys.FromSeed([32]byte{9})
	forward := func(pieces ...history.Signed) []byte {
		return p.seal(t, c, history.KindText, wire.Encode(history.Text{
			Nonce: [history.NonceSize]byte{byte(len(p.lines)), byte(time.Now().UnixNano())}, To: []keys.MemberID{p.to.member}, Forwarded: pieces,
		}))
	}
	forged, tampered, chunk := good, good, good
	forged.Device = p.to.device
	tampered.Content = append([]byte(nil), good.Content...)
	tampered.Content[len(tampered.Content)-3] ^= 1
	leave, err := envelope.NewChain(strings.NewReader(strings.Repeat("y", 4096)), p.org.ID, envelope.Among(p.from.ID, p.to.member),
		p.from.Device().Public(), time.Now(), p.org.Roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	_, quote, err := leave.Seal(strings.NewReader(strings.Repeat("y", 4096)), p.from.Device(), new(envelope.Line),
		envelope.Content{Kind: uint8(history.KindLeave), Body: wire.Encode(history.Leave{Grant: []byte{1}})}, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	chunk = history.Signed(quote)
	for name, piece := range map[string]history.Signed{
		"another's name": forged, "other words": tampered, "something that is no message": chunk, "garbage": {Device: p.to.device, Content: []byte{1}},
	} {
		if opened, failed := p.to.deliver(t, forward(good, piece)); opened != 0 || failed != 1 {
			t.Errorf("a message that forwards %s was opened", name)
		}
	}
	// Who signed is said by the roll: nobody there has this device.
	if opened, _ := p.to.deliver(t, forward(p.quote(t, stranger, text))); opened != 1 {
		t.Fatal("a message that forwards what an unknown device signed was not opened")
	}
	page, err := p.to.node.Inbox(t.Context(), api.InboxQuery{})
	if err != nil || len(page.Messages) != 1 || len(page.Messages[0].Forwarded) != 1 {
		t.Fatalf("the inbox is %+v, %v", page, err)
	}
	if f := page.Messages[0].Forwarded[0]; f.Verified || f.From != "" || f.FromMember != "" || len(f.To) > 0 {
		t.Errorf("what nobody is known to have signed is shown as %+v", f)
	}
}

// TestForwardOfABarredDevice bars the device that signed, after it was forwarded.
func TestForwardOfABarredDevice(t *testing.T) {
	p := newParties(t, 1, "bob", "carol")
	ada, bob := p.all[0], p.all[1]
	stolen := p.org.AddDevice(p.org.Members[2])
	p.org.Bar(p.org.Members[2].Device(), stolen.Public(), p.org.Roll.Size())
	late := newDevice(t, p.org, p.org.Members[1]) // bob's, with the newest roll
	late.acquainted(t, p.org, p.org.Members[1], p.org.Members[0])
	q := pair{p.org, p.org.Members[0], late, late.ownPrekey(t),
		envelope.Meta{RollSize: p.org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, map[keys.ConversationID]*envelope.Line{}}
	c, announced := q.chain(t)
	piece := q.quote(t, stolen, history.Text{To: []keys.MemberID{bob.member}, Text: "Send money."})
	body := history.Text{To: []keys.MemberID{bob.member}, Forwarded: []history.Signed{piece}}
	if opened, _ := late.deliver(t, announced, q.seal(t, c, history.KindText, wire.Encode(body))); opened != 2 {
		t.Fatal("not opened")
	}
	got := late.sees(t, history.MessageID(ada.device, body.Nonce)).Forwarded
	if len(got) != 1 || !got[0].Verified || !got[0].Barred || got[0].From != "carol" {
		t.Errorf("it is shown as %+v", got)
	}
}

// TestReports shows admins what a member chose of what another wrote. [ENV-49]
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob", "mallory")
		ada, bob, mallory := p.all[0], p.all[1], p.all[2]
		bad := p.sends(t, mallory, api.SendRequest{Text: "Send me your words.", Expires: 60}, bob)
		private := p.sends(t, mallory, api.SendRequest{Text: "The rest is private."}, bob)
		p.exchange(t, mallory)
		d, err := bob.report(api.ReportRequest{Text: "He asks for words."}, []history.Message{*bob.record(t, bad).Message})
		if err != nil {
			t.Fatal(err)
		}
		posts := p.seal(t, bob)
		if len(posts) != 1 || posts[0].to != ada || posts[0].kind != envelope.KindReport {
			t.Fatalf("%d posts leave, to others than the admin", len(posts))
		}
		carry(t, posts...)
		carry(t, posts...)
		page, err := ada.node.Inbox(t.Context(), api.InboxQuery{})
		if err != nil || len(page.Messages) != 1 {
			t.Fatalf("the admin has %d messages, %v", len(page.Messages), err)
		}
		m := page.Messages[0]
		if m.Kind != api.KindReport || m.From != "bob" || m.Text != "He asks for words." || !m.Unread {
			t.Errorf("the report is shown as %+v", m)
		}
		if len(m.Forwarded) != 1 || m.Forwarded[0].ID != bad.String() || m.Forwarded[0].From != "mallory" || !m.Forwarded[0].Verified {
			t.Errorf("it shows %+v; %s was not reported", m.Forwarded, private.Short())
		}
		if got := bob.sees(t, d.message.ID()); got.Kind != api.KindReport || !got.Sent {
			t.Errorf("bob sees the own report as %+v", got)
		}
		if _, err := ada.node.React(t.Context(), api.ReactRequest{ID: m.ID, Emoji: "👍"}); code(err) != api.CodeUsage {
			t.Errorf("reacting to a report: %v", err)
		}
		if _, err := ada.report(api.ReportRequest{}, []history.Message{*bob.record(t, bad).Message}); code(err) != api.CodeRefused {
			t.Errorf("the only admin reports to nobody: %v", err)
		}
	})
}

// TestReportsAreForWhoMayJudge sends a report to a member who is no admin, and one of which nothing is a member's.
func TestReportsAreForWhoMayJudge(t *testing.T) {
	p := newParties(t, 1, "bob", "mallory")
	ada, bob := p.all[0], p.all[1]
	q := pair{p.org, p.org.Members[2], ada, p.prekeys[ada.device],
		envelope.Meta{RollSize: p.org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, nil}
	report := func(device keys.PrivateKey, to keys.PublicKey) []byte {
		piece := q.quote(t, device, history.Text{To: []keys.MemberID{ada.member}, Text: "I confess."})
		sealed, err := envelope.SealReport(strings.NewReader(strings.Repeat("z", 1<<17)), q.from.Device(), envelope.Report{
			Org: p.org.ID, From: q.from.ID, Messages: []envelope.Quote{envelope.Quote(piece)}, Head: signedHead(t, p.org).Marshal(),
		}, []envelope.Prekey{p.prekeys[to]}, q.meta)
		if err != nil {
			t.Fatal(err)
		}
		return sealed.Bytes()
	}
	fails(t, post{to: bob, data: report(q.from.Device(), bob.device)})
	fails(t, post{to: ada, data: report(keys.FromSeed([32]byte{9}), ada.device)})
	carry(t, post{to: ada, data: report(q.from.Device(), ada.device)})
}

// TestExpiringMessagesAreRemovedEverywhere sends messages that live a minute: the receiver's, the author's and what was not
// delivered go by themselves, and one that comes too late is not shown. [HIST-18]
func TestExpiringMessagesAreRemovedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob", "carol")
		ada, bob, carol := p.all[0], p.all[1], p.all[2]
		id := p.sends(t, ada, api.SendRequest{Text: "Not for long.", Expires: 60}, bob)
		tardy := p.sends(t, ada, api.SendRequest{Text: "Not for long.", Expires: 60}, carol)
		stays := p.sends(t, ada, api.SendRequest{Text: "For long."}, bob)
		var late []post
		for _, one := range p.seal(t, ada) {
			e, err := envelope.Parse(one.data, envelope.MaxEnvelope)
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(time.Unix(e.ParsedHeader().Expires, 0)); one.kind == envelope.KindMessage && one.to == carol && left > time.Minute {
				t.Errorf("a node may keep the message for %s", left)
			} else if one.kind == envelope.KindAnnounce && left < time.Hour {
				t.Errorf("the chain, on which more follows, is announced for %s only", left)
			}
			if one.to == carol && one.kind == envelope.KindMessage {
				late = append(late, one)
				continue
			}
			carry(t, one)
		}
		unsent := p.sends(t, ada, api.SendRequest{Text: "Not for long.", Expires: 60}, carol)
		if m := bob.sees(t, id); m.Expires.IsZero() || m.Text == "" {
			t.Errorf("bob sees %+v", m)
		}
		time.Sleep(time.Minute + time.Second)
		if bob.has(id) || ada.has(id) {
			t.Error("it is shown after its lifetime")
		}
		for _, o := range p.all {
			if _, err := o.expireMessages(time.Now()); err != nil {
				t.Fatal(err)
			}
			view(t, o.node.store, func(tx *store.Tx) error {
				return tx.Records(o.org, func(data []byte) error {
					if strings.Contains(string(data), "Not for long.") {
						t.Errorf("%s keeps it", o.ownName())
					}
					return nil
				})
			})
		}
		if len(ada.jobs(t)) > 0 {
			t.Errorf("%s is sent all the same", unsent.Short())
		}
		carry(t, late...)
		if carol.has(tardy) {
			t.Error("what came too late is shown")
		}
		if !bob.has(stays) {
			t.Error("what does not expire is gone")
		}
		if _, err := bob.draft(api.SendRequest{Text: "x", Expires: 5}, target{members: []keys.MemberID{ada.member}}, nil); code(err) != api.CodeUsage {
			t.Errorf("a lifetime of five seconds: %v", err)
		}
		bob.chosen(t, settingExpires, "7d")
		preset := p.sends(t, bob, api.SendRequest{Text: "As I chose."}, ada)
		if got := bob.record(t, preset).Message.Text.Lifetime; got != 7*86400 {
			t.Errorf("it lives %d seconds", got)
		}
	})
}

// TestExpiringIsKeptUp has the sweeper erase a message, its file's pieces included, without anybody asking.
func TestExpiringIsKeptUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		c, announced := p.chain(t)
		text := history.Text{
			To: []keys.MemberID{p.to.member}, Text: "Not for long.", Lifetime: 60, Time: time.Now().UnixMilli(),
			Files: []history.File{{Nonce: [history.NonceSize]byte{7}, Name: "plan", Size: history.ChunkSize + 1}},
		}
		chunk := func(index uint64, size int) []byte {
			return p.seal(t, c, history.KindChunk, wire.Encode(history.Chunk{File: text.Files[0].Nonce, Index: index, Data: make([]byte, size)}))
		}
		first, second := chunk(0, history.ChunkSize), chunk(1, 1)
		if opened, _ := p.to.deliver(t, announced, first, p.seal(t, c, history.KindText, wire.Encode(text))); opened != 3 {
			t.Fatal("not opened")
		}
		done := make(chan error, 1)
		go func() { done <- p.to.keepExpiring(t.Context()) }()
		time.Sleep(59 * time.Second)
		id := history.MessageID(p.from.Device().Public(), text.Nonce)
		if r := p.to.record(t, id); r.Message.Erased != 0 {
			t.Error("it was erased before its lifetime was over")
		}
		time.Sleep(2 * time.Second)
		if r := p.to.record(t, id); r.Message.Erased != history.ErasedExpired {
			t.Error("it was not erased")
		}
		p.to.deliver(t, second)
		view(t, p.to.node.store, func(tx *store.Tx) error {
			for index := range uint64(2) {
				if _, err := tx.Chunk(store.FileID{Author: p.from.Device().Public(), Nonce: text.Files[0].Nonce}, index); err != store.ErrNotFound {
					t.Errorf("chunk %d: %v", index, err)
				}
			}
			return nil
		})
		select {
		case err := <-done:
			t.Errorf("the sweeper ended: %v", err)
		default:
		}
	})
}

// TestGroupsActAndReport has members of a group act on what one wrote, and report it to its moderator.
func TestGroupsActAndReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "bob", "carol", "dave")
		harvest := org.Group(org.Members[1].Device(), "Harvest", group.Open)
		for _, m := range []int{0, 2} {
			org.EnterGroup(org.Members[m].Device(), harvest)
		}
		p := newPartiesOf(t, org, 1)
		ada, bob, carol, dave := p.all[0], p.all[1], p.all[2], p.all[3]
		d, err := carol.draft(api.SendRequest{Text: "Sell your ladders to me.", Mentions: []string{"bob"}},
			target{place: envelope.InGroup(harvest)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := carol.save(d, nil); err != nil {
			t.Fatal(err)
		}
		id := d.message.ID()
		p.exchange(t, carol)
		if _, err := bob.node.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: "👎"}); err != nil {
			t.Fatal(err)
		}
		p.exchange(t, bob)
		for _, o := range []*organization{ada, bob, carol} {
			if m := o.sees(t, id); len(m.Reactions) != 1 || len(m.Mentions) != 1 || m.Mentioned != (o == bob) {
				t.Errorf("%s sees %+v", o.ownName(), m)
			}
		}
		if _, err := carol.draft(api.SendRequest{Text: "x", Mentions: []string{"dave"}}, target{place: envelope.InGroup(harvest)}, nil); code(err) != api.CodeUsage {
			t.Errorf("mentioning who is not in the group: %v", err)
		}
		if _, err := ada.report(api.ReportRequest{Text: "Again."}, []history.Message{*ada.record(t, id).Message}); err != nil {
			t.Fatal(err)
		}
		posts := p.seal(t, ada)
		if len(posts) != 1 || posts[0].to != bob {
			t.Fatalf("%d posts leave, to others than the moderator", len(posts))
		}
		carry(t, posts...)
		if _, err := bob.report(api.ReportRequest{Admins: true}, []history.Message{*bob.record(t, id).Message}); err != nil {
			t.Fatal(err)
		}
		if posts = p.seal(t, bob); len(posts) != 1 || posts[0].to != ada {
			t.Fatalf("%d posts leave, to others than the admin", len(posts))
		}
		carry(t, posts...)
		for _, o := range []*organization{ada, bob} {
			page, err := o.node.Inbox(t.Context(), api.InboxQuery{})
			if last := page.Messages[len(page.Messages)-1]; err != nil || last.Kind != api.KindReport || last.Forwarded[0].From != "carol" {
				t.Errorf("%s sees %+v, %v", o.ownName(), last, err)
			}
		}
		if dave.has(id) {
			t.Error("who is not in the group has its message")
		}
	})
}
