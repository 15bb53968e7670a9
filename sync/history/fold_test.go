package history

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

var day = Limits{Edit: 86400, Delete: 7 * 86400}

// post returns a message of member 1.
func post() Message {
	return Message{
		Author: device(1), Member: member(1), Conversation: keys.ConversationID(member(9)),
		Text: Text{Nonce: nonce(1), To: members(3), Subject: "Harvest", Text: "Monday", Time: 1_000_000, Mentions: members(1)},
	}
}

// acted returns an act on post at a time after it, by a device of a member.
func acted(device_, member_ byte, body any) Action {
	a := Act{Author: device(device_), Member: member(member_), Conversation: post().Conversation, Body: wire.Encode(body)}
	switch body.(type) {
	case Edit:
		a.Kind = KindEdit
	case Delete:
		a.Kind = KindDelete
	case Reaction:
		a.Kind = KindReaction
	case Seen:
		a.Kind = KindSeen
	}
	action, err := a.Open()
	if err != nil {
		panic(err)
	}
	return action
}

func edited(device_, member_ byte, after int64, text string) Action {
	return acted(device_, member_, Edit{Message: post().ID(), Text: text, Time: post().Text.Time + after})
}

func deleted(device_, member_ byte, after int64) Action {
	return acted(device_, member_, Delete{Messages: []keys.MessageID{MessageID(device(3), nonce(3)), post().ID()}, Time: post().Text.Time + after})
}

func reacted(device_, member_ byte, after int64, emoji string, off bool) Action {
	return acted(device_, member_, Reaction{Message: post().ID(), Emoji: emoji, Off: off, Time: post().Text.Time + after})
}

func saw(device_, member_ byte, after int64) Action {
	return acted(device_, member_, Seen{Messages: []keys.MessageID{post().ID()}, Time: post().Text.Time + after})
}

// drawnAction draws acts of few devices, members, times and texts, so that they meet in every way: right and wrong authors,
// conversations and messages, in and after the limits, before the message itself.
func drawnAction() *rapid.Generator[Action] {
	few := rapid.ByteRange(1, 3)
	return rapid.Custom(func(t *rapid.T) Action {
		after := rapid.SampledFrom([]int64{-1000, 0, 1, 2, 86_400_000, 86_400_001, 8 * 86_400_000}).Draw(t, "time")
		d, m := few.Draw(t, "device"), few.Draw(t, "member")
		var a Action
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			a = edited(d, m, after, rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text"))
		case 1:
			a = deleted(d, m, after)
		case 2:
			emoji := fmt.Sprint(rapid.IntRange(0, MaxReactions+1).Draw(t, "emoji"))
			a = reacted(d, m, after, emoji, rapid.Bool().Draw(t, "off"))
		default:
			a = saw(d, m, after)
		}
		if rapid.IntRange(0, 9).Draw(t, "elsewhere") == 0 {
			a.Conversation = keys.ConversationID(member(8))
		}
		return a
	})
}

// [HIST-15]
func TestActsFoldToTheSameInAnyOrderRepetitionAndSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := post()
		acts := rapid.SliceOfN(drawnAction(), 0, 30).Draw(t, "acts")
		want := Fold(m, acts, day)
		again := slices.Concat(acts, acts[:rapid.IntRange(0, len(acts)).Draw(t, "again")])
		again = rapid.Permutation(again).Draw(t, "order")
		if diff := cmp.Diff(want, Fold(m, again, day)); diff != "" {
			t.Fatal("it matters in which order acts come, or how often: ", diff)
		}
		var kept []Action // as a device keeps them that gets them one by one
		for _, a := range again {
			kept = Counting(m.ID(), append(kept, a))
		}
		if diff := cmp.Diff(want, Fold(m, kept, day)); diff != "" {
			t.Fatal("it matters that what does not count was not kept: ", diff)
		}
		at := rapid.IntRange(0, len(again)).Draw(t, "split")
		halves := slices.Concat(Counting(m.ID(), again[at:]), Counting(m.ID(), again[:at]))
		if diff := cmp.Diff(kept, Counting(m.ID(), halves)); diff != "" {
			t.Fatal("it matters where acts were kept before they met: ", diff)
		}
	})
}

// Most edits and most reactions, where what is left out could make a difference. [HIST-15]
func TestManyActsFoldToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var acts []Action
		for i := range MaxEdits + 9 {
			acts = append(acts, edited(1, 1, int64(i%40), fmt.Sprint(i)), reacted(2, 2, int64(i%7), fmt.Sprint(i%20), i%3 == 0))
		}
		acts = rapid.Permutation(acts).Draw(t, "order")
		want := Fold(post(), acts, day)
		var kept []Action
		for _, a := range acts {
			kept = Counting(post().ID(), append(kept, a))
			if len(kept) > MaxEdits+MaxReactions {
				t.Fatalf("%d acts of two members are kept", len(kept))
			}
		}
		if diff := cmp.Diff(want, Fold(post(), kept, day)); diff != "" {
			t.Fatal(diff)
		}
		if len(want.Versions) != MaxEdits {
			t.Fatalf("%d versions are shown before the last", len(want.Versions))
		}
	})
}

// [HIST-15]
func TestFold(t *testing.T) {
	m := post()
	plain := Shown{Subject: "Harvest", Text: "Monday", Mentions: members(1)}
	edit := func(text string, at int64, before ...Version) Shown {
		return Shown{Text: text, Edited: m.Text.Time + at, Versions: append([]Version{{"Harvest", "Monday", m.Text.Time}}, before...)}
	}
	withReactions := func(r ...Reacted) Shown { s := plain; s.Reactions = r; return s }
	withSeen := func(r ...Sighting) Shown { s := plain; s.Seen = r; return s }
	elsewhere := edited(1, 1, 1, "Tuesday")
	elsewhere.Conversation = keys.ConversationID(member(8))
	for name, c := range map[string]struct {
		acts   []Action
		limits Limits
		want   Shown
	}{
		"nothing":                            {nil, day, plain},
		"an edit":                            {[]Action{edited(1, 1, 5, "Tuesday")}, day, edit("Tuesday", 5)},
		"an edit by another of its devices":  {[]Action{edited(2, 1, 5, "Tuesday")}, day, edit("Tuesday", 5)},
		"an edit by another member":          {[]Action{edited(2, 2, 5, "Tuesday")}, day, plain},
		"an edit in another conversation":    {[]Action{elsewhere}, day, plain},
		"an edit at the last moment":         {[]Action{edited(1, 1, 86_400_000, "Tuesday")}, day, edit("Tuesday", 86_400_000)},
		"an edit too late":                   {[]Action{edited(1, 1, 86_400_001, "Tuesday")}, day, plain},
		"an edit where none is allowed":      {[]Action{edited(1, 1, 5, "Tuesday")}, Limits{}, plain},
		"an edit dated before its message":   {[]Action{edited(1, 1, -5, "Tuesday")}, day, edit("Tuesday", -5)},
		"the later of two edits":             {[]Action{edited(1, 1, 6, "Friday"), edited(1, 1, 5, "Tuesday")}, day, edit("Friday", 6, Version{"", "Tuesday", m.Text.Time + 5})},
		"of one time that of the later key":  {[]Action{edited(2, 1, 5, "A"), edited(1, 1, 5, "B")}, day, edit("A", 5, Version{"", "B", m.Text.Time + 5})},
		"a back-dated edit under a true one": {[]Action{edited(1, 1, 9, "Friday"), edited(1, 1, 1, "Back")}, day, edit("Friday", 9, Version{"", "Back", m.Text.Time + 1})},
		"a deletion":                         {[]Action{deleted(2, 1, 5)}, day, Shown{Deleted: true}},
		"a deletion before a later edit":     {[]Action{deleted(1, 1, 5), edited(1, 1, 9, "Friday"), reacted(2, 2, 1, "👍", false)}, day, Shown{Deleted: true}},
		"a deletion by another member":       {[]Action{deleted(2, 2, 5)}, day, plain},
		"a deletion too late":                {[]Action{deleted(1, 1, 7*86_400_000+1)}, day, plain},
		"a deletion where none is allowed":   {[]Action{deleted(1, 1, 5)}, Limits{Edit: 1}, plain},
		"a deletion in time among late ones": {[]Action{deleted(1, 1, 8*86_400_000), deleted(1, 1, 1)}, day, Shown{Deleted: true}},
		"a reaction":                         {[]Action{reacted(2, 2, 1, "👍", false)}, day, withReactions(Reacted{"👍", []keys.MemberID{member(2)}})},
		"a reaction of two, and another": {[]Action{reacted(3, 3, 1, "👍", false), reacted(2, 2, 2, "👍", false), reacted(2, 2, 3, "♥", false)}, day,
			withReactions(Reacted{"♥", []keys.MemberID{member(2)}}, Reacted{"👍", []keys.MemberID{member(2), member(3)}})},
		"a reaction taken off":            {[]Action{reacted(2, 2, 1, "👍", false), reacted(4, 2, 2, "👍", true)}, day, plain},
		"a reaction set again":            {[]Action{reacted(2, 2, 3, "👍", false), reacted(2, 2, 2, "👍", true)}, day, withReactions(Reacted{"👍", []keys.MemberID{member(2)}})},
		"a receipt, the first of several": {[]Action{saw(2, 2, 5), saw(3, 2, 4), saw(2, 2, 6)}, day, withSeen(Sighting{member(2), m.Text.Time + 4})},
		"a receipt of its author":         {[]Action{saw(1, 1, 5)}, day, plain},
	} {
		if diff := cmp.Diff(c.want, Fold(m, c.acts, c.limits)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := Fold(m.Erase(ErasedDeleted), nil, day); !got.Deleted {
		t.Error("what was erased because it was deleted is not shown as deleted")
	}
}

// [HIST-18]
func TestExpires(t *testing.T) {
	m := post()
	if m.Expires(5) != 0 {
		t.Error("a message without a lifetime expires")
	}
	m.Text.Lifetime = 60
	if got := m.Expires(m.Text.Time + 9000); got != m.Text.Time+60_000 {
		t.Errorf("it expires at %d, not its lifetime after it was written", got)
	}
	if got := m.Expires(m.Text.Time - 9000); got != m.Text.Time-9000+60_000 {
		t.Errorf("a message from the future expires at %d", got)
	}
}

// [HIST-16]
func TestNothingIsLeftOfWhatIsErased(t *testing.T) {
	full := *note(RecordMessage).Message
	full.Text.Forwarded = []Signed{{Content: []byte{1}}}
	full.Text.Mentions = members(2)
	erased := full.Erase(ErasedDeleted)
	if err := erased.validate(); err != nil {
		t.Error(err)
	}
	if got := string(wire.Encode(erased)); len(got) > 300 || erased.ID() != full.ID() {
		t.Errorf("%d bytes are left, or it has another id", len(got))
	}
	for name, change := range map[string]func(*Message){
		"a subject":   func(m *Message) { m.Text.Subject = "x" },
		"a text":      func(m *Message) { m.Text.Text = "x" },
		"files":       func(m *Message) { m.Text.Files = full.Text.Files },
		"a signature": func(m *Message) { m.Signed = []byte{1} },
		"mentions":    func(m *Message) { m.Text.Mentions = members(1) },
		"a forward":   func(m *Message) { m.Text.Forwarded = full.Text.Forwarded },
	} {
		m := erased
		change(&m)
		if m.validate() == nil {
			t.Errorf("an erased message has %s", name)
		}
	}
}
