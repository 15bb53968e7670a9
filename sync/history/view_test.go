package history

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func fold(records []Record) *View {
	v := NewView(member(1))
	for _, r := range records {
		v.Apply(r)
	}
	return v
}

// seenIn returns all that a view shows.
func seenIn(v *View) (contacts []Contact, read []keys.MessageID, verified []Verify) {
	for b := byte(1); b <= 3; b++ {
		if id := MessageID(device(b), nonce(1)); v.Read(id) {
			read = append(read, id)
		}
	}
	return v.Contacts(), read, v.Verifications()
}

// [HIST-6]
func TestFoldIsTheSameInAnyOrderAndAnyNumberOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(drawn(), 0, 12).Draw(t, "records")
		again := slices.Concat(records, rapid.SliceOfN(rapid.SampledFrom(append(records, note(RecordRead))), 0, 6).Draw(t, "again"))
		again = slices.DeleteFunc(again, func(r Record) bool { return !slices.ContainsFunc(records, same(r)) })
		contacts, read, verified := seenIn(fold(records))
		contactsAgain, readAgain, verifiedAgain := seenIn(fold(rapid.Permutation(again).Draw(t, "order")))
		if diff := cmp.Diff(contacts, contactsAgain); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(read, readAgain); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(verified, verifiedAgain); diff != "" {
			t.Fatal(diff)
		}
		for _, name := range []string{"a", "b"} {
			value, ok := fold(records).Setting(name)
			if valueAgain, okAgain := fold(again).Setting(name); value != valueAgain || ok != okAgain {
				t.Fatalf("setting %s is %q and %q", name, value, valueAgain)
			}
		}
	})
}

func same(a Record) func(Record) bool {
	return func(b Record) bool { return string(wire.Encode(a)) == string(wire.Encode(b)) }
}

// [HIST-6]
func TestTheLatestContactStands(t *testing.T) {
	early := noted(RecordContact, func(r *Record) { r.Contact.State = ContactAsked })
	late := noted(RecordContact, func(r *Record) { r.Sequence, r.Clock.Counter = 2, 1 })
	other := noted(RecordContact, func(r *Record) { r.Contact.Member = member(1) })
	v := fold([]Record{late, early, other, note(RecordMessage)})
	if diff := cmp.Diff([]Contact{*other.Contact, *late.Contact}, v.Contacts()); diff != "" {
		t.Error(diff)
	}
	if got, ok := v.Contact(member(2)); !ok || got.State != ContactAccepted {
		t.Errorf("member 2 is in state %d, %t", got.State, ok)
	}
	if _, ok := v.Contact(member(3)); ok {
		t.Error("somebody of whom no record speaks is a contact")
	}
}

// [HIST-17]
func TestTheLatestSettingStands(t *testing.T) {
	later := noted(RecordSetting, func(r *Record) { r.Clock.Counter++; r.Setting.Value = "off" })
	other := noted(RecordSetting, func(r *Record) { r.Setting.Name = "expires" })
	v := fold([]Record{later, note(RecordSetting), other})
	if value, ok := v.Setting("receipts"); !ok || value != "off" {
		t.Errorf("the setting is %q, %t", value, ok)
	}
	if _, ok := v.Setting("status"); ok {
		t.Error("a setting that nobody chose has a value")
	}
}

// [HIST-6]
func TestReadStays(t *testing.T) {
	r := note(RecordRead)
	if NewView(member(1)).Read(r.Read.Message) {
		t.Error("an empty history has read something")
	}
	v := fold([]Record{r, note(RecordMessage)})
	if !v.Read(r.Read.Message) || v.Read(MessageID(device(3), nonce(3))) {
		t.Error("another message than the marked one is read")
	}
}

// [HIST-10]
func TestStands(t *testing.T) {
	later := noted(RecordMessage, func(r *Record) { r.Clock.Wall++ })
	unsigned := noted(RecordMessage, func(r *Record) { r.Message.Signed = nil })
	for name, c := range map[string]struct{ a, b, want Record }{
		"the earlier, whatever its signature": {unsigned, later, unsigned},
		"of one clock the lower number":       {unsigned, noted(RecordMessage, func(r *Record) { r.Sequence = 2 }), unsigned},
		"what is erased, though it is later": {later, noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(ErasedDeleted); r.Clock.Wall += 9 }),
			noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(ErasedDeleted); r.Clock.Wall += 9 })},
		"of two under one name one, whoever comes first": {note(RecordMessage), noted(RecordMessage, func(r *Record) { r.Message.Text.Text = "Z" }),
			noted(RecordMessage, func(r *Record) { r.Message.Text.Text = "Z" })},
	} {
		for _, got := range []Record{Stands(c.a, c.b), Stands(c.b, c.a)} {
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

// [HIST-10]
func TestStandsChoosesOneWhateverTheOrder(t *testing.T) {
	messages := drawn().Filter(func(r Record) bool { return r.Kind == RecordMessage })
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := messages.Draw(t, "a"), messages.Draw(t, "b"), messages.Draw(t, "c")
		ab := Stands(a, b)
		if !same(ab)(Stands(b, a)) {
			t.Fatal("it matters which record is named first")
		}
		if !same(Stands(a, a))(a) || !same(Stands(ab, b))(ab) {
			t.Fatal("it matters how often a record comes")
		}
		if !same(Stands(ab, c))(Stands(a, Stands(b, c))) {
			t.Fatal("it matters which records meet first")
		}
		if !same(ab)(a) && !same(ab)(b) {
			t.Fatal("a record stands that nobody made")
		}
	})
}
