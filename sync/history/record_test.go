package history

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// note returns a record of each kind.
func note(kind RecordKind) Record {
	r := Record{Device: device(1), Sequence: 1, Clock: Clock{Wall: 1750000000000}, Kind: kind}
	switch kind {
	case RecordMessage:
		r.Message = &Message{
			Author: device(2), Member: member(2), Conversation: keys.ConversationID(member(9)), Text: letter(), Signed: []byte{1},
		}
	case RecordContact:
		r.Contact = &Contact{
			Member: member(2), State: ContactAccepted, Text: "We met at the fair.", Given: []byte{1}, Got: []byte{2}, Time: 1750000000000,
		}
	case RecordRead:
		r.Read = &Read{Message: MessageID(device(2), nonce(1))}
	case RecordVerify:
		r.Verify = &Verify{Member: member(2), Speakers: [32]byte{1}, Size: 7, Time: 1750000000000}
	case RecordAct:
		a := reacted(2, 2, 1, "👍", false).Act
		a.Signed = []byte{1}
		r.Act = &a
	case RecordSetting:
		r.Setting = &Setting{Name: "receipts", Value: "on"}
	case RecordDraft:
		reply := MessageID(device(2), nonce(1))
		r.Draft = &Draft{ID: nonce(5), Content: &DraftContent{
			To: []string{"bob", "carol@farm"}, Subject: "Harvest", Text: "Mond", Reply: &reply, Mentions: []string{"bob"}, Forward: []string{"abcdefgh"},
			ForwardThreads: true, Lifetime: 3600, Files: files(1), Time: 1750000000000,
		}}
	case RecordUnread:
		r.Unread = &Read{Message: MessageID(device(2), nonce(1))}
	case RecordTag:
		r.Tag = &Tag{Message: MessageID(device(2), nonce(1)), Tag: "to do", Off: true}
	}
	return r
}

// noted returns a record after a change.
func noted(kind RecordKind, change func(*Record)) Record {
	r := note(kind)
	change(&r)
	return r
}

// [HIST-4]
func TestRecordsComeBack(t *testing.T) {
	for _, want := range []Record{
		note(RecordMessage), note(RecordContact), note(RecordRead), note(RecordVerify), note(RecordAct), note(RecordSetting),
		note(RecordDraft), noted(RecordDraft, func(r *Record) { *r.Draft = r.Draft.Erase() }),
		note(RecordUnread), note(RecordTag), noted(RecordTag, func(r *Record) { r.Tag.Off = false }),
		noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(ErasedExpired) }),
		noted(RecordMessage, func(r *Record) { r.Message.Report = true }),
		noted(RecordAct, func(r *Record) { *r.Act = r.Act.Erase() }),
		noted(RecordMessage, func(r *Record) { r.Message.Signed = nil }),
		noted(RecordContact, func(r *Record) { r.Contact = &Contact{Member: member(2), State: ContactAsked} }),
	} {
		got, err := DecodeRecord(wire.Encode(want))
		if err != nil {
			t.Errorf("kind %d: %v", want.Kind, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Clock{})); diff != "" {
			t.Error(diff)
		}
	}
}

// [HIST-4] [HIST-5]
func TestRecordHoldsJustWhatItsKindSays(t *testing.T) {
	for name, r := range map[string]Record{
		"nothing":                         noted(RecordRead, func(r *Record) { r.Read = nil }),
		"another kind":                    noted(RecordRead, func(r *Record) { r.Kind = RecordContact }),
		"two kinds":                       noted(RecordRead, func(r *Record) { r.Contact = note(RecordContact).Contact }),
		"kind zero":                       noted(RecordRead, func(r *Record) { r.Kind = 0 }),
		"kind zero and nothing":           noted(0, func(*Record) {}),
		"a kind that is not known":        noted(RecordRead, func(r *Record) { r.Kind = 99 }),
		"a kind not known and nothing":    noted(99, func(*Record) {}),
		"a mark and its end":              noted(RecordRead, func(r *Record) { r.Unread = r.Read }),
		"an end that is a mark":           noted(RecordUnread, func(r *Record) { r.Kind = RecordRead }),
		"a tag without a word":            noted(RecordTag, func(r *Record) { r.Tag.Tag = "" }),
		"a tag of 65 characters":          noted(RecordTag, func(r *Record) { r.Tag.Tag = strings.Repeat("ä", MaxTag+1) }),
		"a tag of two lines":              noted(RecordTag, func(r *Record) { r.Tag.Tag = "a\nb" }),
		"a tag that turns around":         noted(RecordTag, func(r *Record) { r.Tag.Tag = "a\u202eb" }),
		"a tag with a space at its end":   noted(RecordTag, func(r *Record) { r.Tag.Tag = "a " }),
		"no number":                       noted(RecordRead, func(r *Record) { r.Sequence = 0 }),
		"a clock before all times":        noted(RecordRead, func(r *Record) { r.Clock.Wall = -1 }),
		"a clock after all times":         noted(RecordRead, func(r *Record) { r.Clock.Wall = MaxTime + 1 }),
		"a counter without room":          noted(RecordRead, func(r *Record) { r.Clock.Counter = MaxCounter + 1 }),
		"a message beyond its caps":       noted(RecordMessage, func(r *Record) { r.Message.Text.To = nil }),
		"a contact without state":         noted(RecordContact, func(r *Record) { r.Contact.State = 0 }),
		"a contact of an unknown state":   noted(RecordContact, func(r *Record) { r.Contact.State = 7 }),
		"a contact with a long text":      noted(RecordContact, func(r *Record) { r.Contact.Text = string(make([]byte, MaxContactText+1)) }),
		"a contact with a long grant":     noted(RecordContact, func(r *Record) { r.Contact.Given = make([]byte, MaxGrant+1) }),
		"a contact with another long one": noted(RecordContact, func(r *Record) { r.Contact.Got = make([]byte, MaxGrant+1) }),
		"an act that is none":             noted(RecordAct, func(r *Record) { r.Act.Kind = KindText }),
		"an act of another kind's body":   noted(RecordAct, func(r *Record) { r.Act.Kind = KindEdit }),
		"an erased act that is signed":    noted(RecordAct, func(r *Record) { r.Act.Body = nil }),
		"a message erased for no reason":  noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(3) }),
		"an erased message's text":        noted(RecordMessage, func(r *Record) { r.Message.Erased = ErasedDeleted }),
		"a setting without a name":        noted(RecordSetting, func(r *Record) { r.Setting.Name = "" }),
		"a setting with a long name":      noted(RecordSetting, func(r *Record) { r.Setting.Name = string(make([]byte, MaxSettingName+1)) }),
		"a setting with a long value":     noted(RecordSetting, func(r *Record) { r.Setting.Value = string(make([]byte, MaxSettingValue+1)) }),
		"a contact before all times":      noted(RecordContact, func(r *Record) { r.Contact.Time = -1 }),
		"a contact after all times":       noted(RecordContact, func(r *Record) { r.Contact.Time = MaxTime + 1 }),
	} {
		if _, err := DecodeRecord(wire.Encode(r)); !errors.Is(err, ErrBody) {
			t.Errorf("a record with %s: %v, want ErrBody", name, err)
		}
	}
}

// drawn draws records from few devices, clocks, members and messages, so that they meet in every way: also two
// different ones of one device under one number, as a copied folder makes them.
func drawn() *rapid.Generator[Record] {
	few := rapid.ByteRange(1, 3)
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Device: device(few.Draw(t, "device")), Sequence: rapid.Uint64Range(1, 3).Draw(t, "sequence"),
			Clock: Clock{Wall: rapid.Int64Range(0, 2).Draw(t, "wall"), Counter: rapid.Uint32Range(0, 1).Draw(t, "counter")},
			Kind:  RecordKind(rapid.IntRange(int(RecordMessage), int(RecordTag)).Draw(t, "kind")),
		}
		switch r.Kind {
		case RecordMessage:
			r.Message = &Message{Author: device(1), Member: member(1), Text: Text{Nonce: nonce(1), To: members(1)}}
			r.Message.Text.Text = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text")
			switch rapid.IntRange(0, 2).Draw(t, "form") {
			case 0:
				r.Message.Signed = []byte{few.Draw(t, "signature")}
			case 1:
				*r.Message = r.Message.Erase(ErasedDeleted)
			}
		case RecordContact:
			r.Contact = &Contact{Member: member(few.Draw(t, "member")), State: ContactState(rapid.IntRange(1, 4).Draw(t, "state"))}
		case RecordRead:
			r.Read = &Read{Message: MessageID(device(few.Draw(t, "author")), nonce(1))}
		case RecordVerify:
			r.Verify = &Verify{Member: member(few.Draw(t, "member")), Speakers: [32]byte{few.Draw(t, "speakers")}, Size: 1}
		case RecordAct:
			a := drawnAction().Draw(t, "act").Act
			r.Act = &a
		case RecordSetting:
			r.Setting = &Setting{Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), Value: rapid.SampledFrom([]string{"", "on"}).Draw(t, "value")}
		case RecordUnread:
			r.Unread = &Read{Message: MessageID(device(few.Draw(t, "author")), nonce(1))}
		case RecordTag:
			r.Tag = &Tag{Message: MessageID(device(few.Draw(t, "author")), nonce(1)), Tag: "a", Off: rapid.Bool().Draw(t, "off")}
		}
		return r
	})
}

// [HIST-5]
func TestRecordOrderIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawn().Draw(t, "a"), drawn().Draw(t, "b"), drawn().Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (string(wire.Encode(a)) == string(wire.Encode(b))) {
			t.Fatal("two records are not ordered one way")
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatal("the order goes in a circle")
		}
		if byClock := a.Clock.Compare(b.Clock); byClock != 0 && a.Compare(b) != byClock {
			t.Fatal("the clock does not come first")
		}
	})
}
