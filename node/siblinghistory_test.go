package node

import (
	"math"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// gives returns all records that a device shares.
func (o *organization) gives(t *testing.T) (all []history.Record) {
	t.Helper()
	var data [][]byte
	err := siblingHistory{o: o}.Records(reconcile.Missing{To: reconcile.End}, func(_ reconcile.Item, record []byte) (bool, error) {
		data = append(data, record)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range data {
		r, err := history.DecodeRecord(d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// takes has a device take records.
func (o *organization) takes(t *testing.T, records ...history.Record) {
	t.Helper()
	var data [][]byte
	for _, r := range records {
		data = append(data, wire.Encode(r))
	}
	if _, err := (siblingHistory{o: o}).Take(t.Context(), data); err != nil {
		t.Fatal(err)
	}
}

// messageAmong returns the record of a message.
func messageAmong(t *testing.T, all []history.Record, id keys.MessageID) history.Record {
	t.Helper()
	for _, r := range all {
		if r.Message != nil && r.Message.ID() == id {
			return r
		}
	}
	t.Fatalf("message %s is not among %d records", id.Short(), len(all))
	return history.Record{}
}

// only returns the posts for a device.
func only(posts []post, to *organization) (some []post) {
	for _, one := range posts {
		if one.to == to {
			some = append(some, one)
		}
	}
	return some
}

// What one device missed another gives: the message, its place in the author's line, and what became of it. [HIST-25]
func TestSiblingGivesWhatWasMissed(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone, bo := p.all[0], p.all[1], p.all[2]
	first := p.sends(t, bo, api.SendRequest{Text: "one"}, desk)
	carry(t, p.seal(t, bo)...)
	second := p.sends(t, bo, api.SendRequest{Text: "two"}, desk)
	carry(t, only(p.seal(t, bo), desk)...) // the phone's is lost
	p.sends(t, bo, api.SendRequest{Text: "three"}, desk)
	carry(t, p.seal(t, bo)...)
	missing := func() (n uint64) {
		view(t, phone.node.store, func(tx *store.Tx) (err error) { n, _, err = tx.Missing(phone.org); return err })
		return n
	}
	if phone.has(second) || missing() != 1 {
		t.Fatalf("the phone has it: %v, %d are missing", phone.has(second), missing())
	}
	phone.takes(t, desk.gives(t)...)
	if !phone.has(first) || !phone.has(second) || missing() != 0 || phone.sees(t, second).Text != "two" {
		t.Errorf("the phone has it: %v, %d are missing", phone.has(second), missing())
	}
	if got := phone.alarms(t); len(got) != 0 {
		t.Errorf("alarms %q", got)
	}
	desk.takes(t, phone.gives(t)...)
	desk.takes(t, phone.gives(t)...)
	a, errA := siblingHistory{o: desk}.Digest()
	b, errB := siblingHistory{o: phone}.Digest()
	if a != b || errA != nil || errB != nil {
		t.Errorf("the desk shares %d, the phone %d, or others", a.Count, b.Count)
	}
}

// A stolen device of the account cannot put words into another's mouth, take away what was said, or win for ever. [HIST-25]
func TestForgedRecords(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, thief, bo := p.all[0], p.all[1], p.all[2]
	id := p.sends(t, bo, api.SendRequest{Text: "the truth"}, desk)
	carry(t, p.seal(t, bo)...)
	genuine := messageAmong(t, thief.gives(t), id)
	before := len(desk.gives(t))
	forge := func(number uint64, change func(*history.Record)) history.Record {
		r := history.Record{Device: thief.device, Sequence: 1000 + number, Clock: history.Clock{Wall: time.Now().UnixMilli() + int64(number)}}
		m := *genuine.Message
		r.Kind, r.Message = history.RecordMessage, &m
		change(&r)
		return r.Sign(desk.org, thief.self)
	}
	setting := func(wall int64) func(*history.Record) {
		return func(r *history.Record) {
			r.Kind, r.Message, r.Setting, r.Clock.Wall = history.RecordSetting, nil, &history.Setting{Name: "presence", Value: "x"}, wall
		}
	}
	stranger := keys.Generate()
	for name, r := range map[string]history.Record{
		"other words under a true signature": forge(1, func(r *history.Record) { r.Message.Text.Text = "a lie" }),
		"another message without a signature": forge(2, func(r *history.Record) {
			r.Message.Text.Nonce, r.Message.Signed = [history.NonceSize]byte{9}, nil
		}),
		"another message signed by the thief": forge(3, func(r *history.Record) {
			r.Message.Text.Nonce = [history.NonceSize]byte{9}
			content := wire.Encode(envelope.Content{Org: desk.org, Conversation: r.Message.Conversation, Kind: uint8(history.KindText), Body: wire.Encode(r.Message.Text)})
			r.Message.Signed = history.Proof{Content: content, Signature: thief.self.Sign(keys.DomainContent, desk.org, content)}.Encode()
		}),
		"another member as the author": forge(4, func(r *history.Record) { r.Message.Member = desk.member }),
		"another conversation":         forge(5, func(r *history.Record) { r.Message.Conversation = keys.ConversationID{7} }),
		"a device that is nobody's":    forge(6, func(r *history.Record) { r.Device = stranger.Public(); r.Clock.Wall = 1 }),
		"a device of another member":   forge(7, func(r *history.Record) { r.Device = bo.device; r.Clock.Wall = 1 }),
		"a clock years ahead":          forge(8, setting(time.Now().Add(3*365*24*time.Hour).UnixMilli())),
		"a deletion that nobody signed": forge(9, func(r *history.Record) {
			r.Kind, r.Message = history.RecordAct, nil
			r.Act = &history.Act{Author: bo.device, Member: bo.member, Conversation: genuine.Message.Conversation, Kind: history.KindDelete,
				Body: wire.Encode(history.Delete{Messages: []keys.MessageID{id}, Time: time.Now().UnixMilli()})}
		}),
		"a message that it calls deleted": forge(10, func(r *history.Record) { *r.Message = r.Message.Erase(history.ErasedDeleted) }),
	} {
		desk.takes(t, r)
		if got := desk.gives(t); len(got) != before {
			t.Errorf("%s: %d records, where %d were", name, len(got), before)
		}
		if m := desk.sees(t, id); m.Text != "the truth" || m.Deleted {
			t.Errorf("%s: the message is %q, deleted %v", name, m.Text, m.Deleted)
		}
	}
	if v, ok := desk.view.Setting("presence"); ok {
		t.Errorf("the setting is %q", v)
	}
}

// A stolen device cannot have a message be taken for deleted, or over, that another has not got yet: whether the true one comes from a
// sibling or from the rendezvous node. [HIST-30]
func TestForgedClaimsOfDeletion(t *testing.T) {
	for name, change := range map[string]func(*history.Message){
		"deleted":              func(m *history.Message) { *m = m.Erase(history.ErasedDeleted) },
		"expired":              func(m *history.Message) { *m = m.Erase(history.ErasedExpired); m.Text.Lifetime, m.Text.Time = 1, 1 },
		"deleted, by a friend": func(m *history.Message) { *m = m.Erase(history.ErasedDeleted); m.Member = keys.MemberID{9} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newParties(t, 2, "bo")
			desk, thief, bo := p.all[0], p.all[1], p.all[2]
			first := p.sends(t, bo, api.SendRequest{Text: "by a sibling"}, desk)
			second := p.sends(t, bo, api.SendRequest{Text: "by the node"}, desk)
			posts := p.seal(t, bo)
			carry(t, only(posts, thief)...)
			all := thief.gives(t)
			for i, id := range []keys.MessageID{first, second} {
				m := *messageAmong(t, all, id).Message
				change(&m)
				r := history.Record{Device: thief.device, Sequence: uint64(1000 + i), Clock: history.Clock{Wall: 1}, Kind: history.RecordMessage, Message: &m}
				desk.takes(t, r.Sign(desk.org, thief.self))
				if desk.has(id) {
					t.Error("the record is taken")
				}
			}
			desk.takes(t, messageAmong(t, all, first))
			carry(t, only(posts, desk)...)
			for id, text := range map[keys.MessageID]string{first: "by a sibling", second: "by the node"} {
				if m := desk.sees(t, id); m.Text != text || m.Deleted {
					t.Errorf("the message is %q, deleted %v", m.Text, m.Deleted)
				}
			}
		})
	}
}

// A stolen device cannot have a true message be over by saying that it came long ago. [HIST-30]
func TestForgedClockEndsNoLifetime(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, thief, bo := p.all[0], p.all[1], p.all[2]
	id := p.sends(t, bo, api.SendRequest{Text: "until tonight", Expires: 7200}, desk)
	posts := p.seal(t, bo)
	carry(t, posts...)
	r := messageAmong(t, thief.gives(t), id)
	r.Device, r.Sequence, r.Clock = thief.device, 1000, history.Clock{Wall: r.Message.Text.Time - 7200_000}
	desk.takes(t, r.Sign(desk.org, thief.self))
	if _, err := desk.expireMessages(time.Now()); err != nil {
		t.Fatal(err)
	}
	if m := desk.sees(t, id); m.Text != "until tonight" {
		t.Errorf("the message is %q", m.Text)
	}
}

// A device that was away learns from the act that deleted a message that it was deleted, and takes no record's word for it. [HIST-30]
func TestDeletionIsTakenWithItsProof(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone, bo := p.all[0], p.all[1], p.all[2]
	id := p.sends(t, bo, api.SendRequest{Text: "a slip"}, desk)
	carry(t, only(p.seal(t, bo), desk)...) // the phone is away
	if _, err := bo.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}}); err != nil {
		t.Fatal(err)
	}
	carry(t, only(p.seal(t, bo), desk)...)
	if !desk.sees(t, id).Deleted {
		t.Fatal("it is not deleted")
	}
	all := desk.gives(t)
	phone.takes(t, messageAmong(t, all, id))
	if phone.has(id) {
		t.Error("it is taken without a proof")
	}
	phone.takes(t, all...)
	if !phone.has(id) || !phone.sees(t, id).Deleted {
		t.Error("it is not deleted")
	}
	desk.takes(t, phone.gives(t)...)
	a, errA := siblingHistory{o: desk}.Digest()
	b, errB := siblingHistory{o: phone}.Digest()
	if a != b || errA != nil || errB != nil {
		t.Errorf("the desk shares %d, the phone %d, or others", a.Count, b.Count)
	}
}

// A folder that was put back takes no number twice, and its owner is told. [HIST-25]
func TestRecordsOfThisDeviceThatItLacks(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone := p.all[0], p.all[1]
	lost := history.Record{Device: desk.device, Sequence: 77, Clock: history.Clock{Wall: time.Now().UnixMilli()},
		Kind: history.RecordTag, Tag: &history.Tag{Message: keys.MessageID{1}, Tag: "lost"}}.Sign(desk.org, desk.self)
	phone.takes(t, lost)
	desk.takes(t, tagAmong(t, phone.gives(t), "lost"))
	if got := desk.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "clone") {
		t.Errorf("alarms %q", got)
	}
	desk.chosen(t, "receipts", "off")
	for _, r := range desk.gives(t) {
		if r.Setting != nil && r.Device == desk.device && r.Sequence <= 77 {
			t.Errorf("the next record has number %d", r.Sequence)
		}
	}
}

func tagAmong(t *testing.T, all []history.Record, tag string) history.Record {
	t.Helper()
	for _, r := range all {
		if r.Tag != nil && r.Tag.Tag == tag {
			return r
		}
	}
	t.Fatal("it is not shared")
	return history.Record{}
}

// A stolen device of the account cannot use up the clock or the numbers of another, which would then record nothing more.
// [HIST-5] [HIST-25]
func TestForgedRecordsLeaveRoom(t *testing.T) {
	tag := func(device *organization, number uint64, clock history.Clock) history.Record {
		return history.Record{Device: device.device, Sequence: number, Clock: clock, Kind: history.RecordTag,
			Tag: &history.Tag{Message: keys.MessageID{1}, Tag: "forged"}}.Sign(device.org, device.self)
	}
	now := time.Now().UnixMilli()
	for name, forged := range map[string]func(desk, thief *organization) history.Record{
		"the last counter of a moment to come": func(_, thief *organization) history.Record {
			return tag(thief, 1000, history.Clock{Wall: now + 24*time.Hour.Milliseconds(), Counter: history.MaxCounter})
		},
		"the last number of this device": func(desk, _ *organization) history.Record {
			return tag(desk, math.MaxUint64, history.Clock{Wall: now})
		},
		"a number of this device that it cannot have reached": func(desk, _ *organization) history.Record {
			return tag(desk, 1<<40, history.Clock{Wall: now})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParties(t, 2, "bo")
			desk, thief := p.all[0], p.all[1]
			desk.takes(t, forged(desk, thief))
			for _, value := range []string{"off", "on", "off"} {
				desk.chosen(t, "receipts", value)
			}
			for _, r := range desk.gives(t) {
				if r.Setting != nil && r.Sequence > 1<<32 {
					t.Errorf("a record of this device has number %d", r.Sequence)
				}
			}
		})
	}
}
