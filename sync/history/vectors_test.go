package history

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// without encodes a value with some of its keys left out or replaced.
func without(v any, change map[uint64]any) []byte {
	var m map[uint64]any
	if err := wire.Decode(wire.Encode(v), &m); err != nil {
		panic(err)
	}
	for key, value := range change {
		if m[key] = value; value == nil {
			delete(m, key)
		}
	}
	return wire.Encode(m)
}

// cases are the vectors of docs/spec/testdata/history, which are the seeds of the fuzz targets as well.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, kind, expect, rule, comment string, data []byte, inputs ...string) {
		all[name] = vector.Vector{
			Expect: expect, Rule: "[" + rule + "]", Comment: comment, Inputs: append([]string{"type: " + kind}, inputs...), Data: data,
		}
	}
	textCases(func(name, expect, rule, comment string, data []byte) {
		add("text_"+name, "text", expect, rule, comment, data)
	})
	partCases(add)
	recordCases(func(name, expect, rule, comment string, data []byte) {
		add("record_"+name, "record", expect, rule, comment, data)
	})
	foldCases(add)

	id := MessageID(device(1), nonce(1))
	add("id_message", "id", "ok", "HIST-3", "the id of a message: author's device, then nonce, then the id",
		slices.Concat(fromArray(device(1)), fromArray(nonce(1)), id[:]))
	return all
}

func fromArray[A [16]byte | keys.PublicKey](a A) []byte {
	switch a := any(a).(type) {
	case [16]byte:
		return a[:]
	case keys.PublicKey:
		return a[:]
	}
	return nil
}

func textCases(add func(name, expect, rule, comment string, data []byte)) {
	add("full", "ok", "HIST-1", "a message with every field", wire.Encode(letter()))
	add("short", "ok", "HIST-1", "a message with no more than it needs",
		wire.Encode(Text{Nonce: nonce(1), To: []keys.MemberID{member(2)}, Text: "Yes."}))
	add("noto", "body", "HIST-2", "a message to nobody", wire.Encode(changed(func(m *Text) { m.To = nil })))
	add("twice", "body", "HIST-2", "a member named twice", wire.Encode(changed(func(m *Text) { m.To = []keys.MemberID{member(2), member(2)} })))
	add("subject", "body", "HIST-2", "a subject of 1025 bytes",
		wire.Encode(changed(func(m *Text) { m.Subject = strings.Repeat("x", MaxSubject+1) })))
	add("lines", "body", "HIST-2", "a subject of two lines", wire.Encode(changed(func(m *Text) { m.Subject = "a\nb" })))
	add("utf8", "decode", "HIST-1", "a text that is not UTF-8", wire.Encode(changed(func(m *Text) { m.Text = "\xff" })))
	add("past", "body", "HIST-2", "a time before 1970", wire.Encode(changed(func(m *Text) { m.Time = -1 })))
	add("future", "body", "HIST-2", "a time after the year 9999", wire.Encode(changed(func(m *Text) { m.Time = MaxTime + 1 })))
	add("files", "body", "HIST-2", "65 files", wire.Encode(changed(func(m *Text) { m.Files = files(MaxFiles + 1) })))
	add("filetwice", "body", "HIST-2", "two files of one nonce", wire.Encode(changed(func(m *Text) { m.Files[1].Nonce = nonce(7) })))
	add("filesize", "body", "HIST-2", "a file of more than 4 GiB", wire.Encode(changed(func(m *Text) { m.Files[0].Size = MaxFileSize + 1 })))
	for name, c := range map[string]struct{ name, comment string }{
		"path":    {"../plan.pdf", "a file name that leaves the folder"},
		"drive":   {`c:plan.pdf`, "a file name with a colon"},
		"control": {"plan\x1b.pdf", "a file name with a control character"},
		"bidi":    {"plan\u202efdp.exe", "a file name that is shown as another"},
		"dot":     {"plan.", "a file name with a dot at its end"},
		"device":  {"nul.pdf", "a file name that is a device of Windows"},
	} {
		add("name"+name, "body", "HIST-7", c.comment, wire.Encode(changed(func(m *Text) { m.Files[0].Name = c.name })))
	}
	add("nonce", "decode", "HIST-1", "a nonce of 15 bytes", without(letter(), map[uint64]any{1: make([]byte, 15)}))
	add("unknown", "decode", "HIST-1", "a key that is not in the layout", without(letter(), map[uint64]any{8: 1}))
	add("empty", "decode", "HIST-1", "an empty subject that is there", without(letter(), map[uint64]any{3: ""}))
	add("null", "decode", "HIST-1", "null for the message that is answered",
		slices.Concat([]byte{0xa3 + 1}, without(Text{To: members(1)}, nil)[1:], []byte{0x06, 0xf6}))
	add("trailing", "decode", "HIST-1", "a byte behind the message", append(wire.Encode(letter()), 0))
}

func partCases(add func(name, kind, expect, rule, comment string, data []byte, inputs ...string)) {
	chunk := Chunk{File: nonce(7), Index: 2, Data: []byte{1}}
	add("chunk_last", "chunk", "ok", "HIST-8", "the last chunk of a file of two chunks and a byte", wire.Encode(chunk))
	add("chunk_empty", "chunk", "body", "HIST-8", "a chunk without bytes", without(chunk, map[uint64]any{3: []byte{}}))
	add("chunk_index", "chunk", "body", "HIST-8", "a chunk behind the last of the largest file", without(chunk, map[uint64]any{2: MaxChunks}))
	add("chunk_list", "chunk", "decode", "HIST-8", "bytes as a list of numbers", without(chunk, map[uint64]any{3: []int{1}}))
	add("chunk_file", "chunk", "decode", "HIST-8", "a chunk of no file", without(chunk, map[uint64]any{1: nil}))
	leave := Leave{Grant: []byte{1, 2, 3}}
	add("leave_grant", "leave", "ok", "HIST-9", "a body with a grant, whose bytes are not looked at", wire.Encode(leave))
	add("leave_empty", "leave", "body", "HIST-9", "a body without a grant", wire.Encode(Leave{}))
	add("leave_long", "leave", "body", "HIST-9", "a grant of 513 bytes", wire.Encode(Leave{Grant: make([]byte, MaxGrant+1)}))
	add("leave_text", "leave", "decode", "HIST-9", "a text for bytes", without(leave, map[uint64]any{1: "a"}))
}

func recordCases(add func(name, expect, rule, comment string, data []byte)) {
	add("message", "ok", "HIST-4", "a message that was received", wire.Encode(note(RecordMessage)))
	add("unsent", "ok", "HIST-4", "an own message, which has no signature yet",
		wire.Encode(noted(RecordMessage, func(r *Record) { r.Message.Signed = nil })))
	add("contact", "ok", "HIST-4", "a contact with both grants", wire.Encode(note(RecordContact)))
	add("read", "ok", "HIST-4", "a read mark", wire.Encode(note(RecordRead)))
	add("other", "body", "HIST-4", "a read mark under the kind of a contact", wire.Encode(noted(RecordRead, func(r *Record) { r.Kind = RecordContact })))
	add("both", "body", "HIST-4", "a read mark and a contact in one",
		wire.Encode(noted(RecordRead, func(r *Record) { r.Contact = note(RecordContact).Contact })))
	add("kind", "body", "HIST-4", "a kind that is not known", wire.Encode(noted(RecordRead, func(r *Record) { r.Kind = 4 })))
	add("number", "body", "HIST-4", "a record with the number 0", wire.Encode(noted(RecordRead, func(r *Record) { r.Sequence = 0 })))
	add("state", "body", "HIST-4", "a contact in a state that is not known", wire.Encode(noted(RecordContact, func(r *Record) { r.Contact.State = 5 })))
	add("caps", "body", "HIST-4", "a message that its own rules refuse", wire.Encode(noted(RecordMessage, func(r *Record) { r.Message.Text.To = nil })))
	add("wall", "body", "HIST-5", "a clock after the year 9999", wire.Encode(noted(RecordRead, func(r *Record) { r.Clock.Wall = MaxTime + 1 })))
	add("counter", "body", "HIST-5", "a clock whose counter is too high", wire.Encode(noted(RecordRead, func(r *Record) { r.Clock.Counter = MaxCounter + 1 })))
	add("clock", "decode", "HIST-4", "a clock of one number", without(note(RecordRead), map[uint64]any{3: []int{1}}))
	add("unknown", "decode", "HIST-4", "a key that is not in the layout", without(note(RecordRead), map[uint64]any{8: 1}))
}

// foldCases are arrays of records, each in a byte string, and what follows from them.
func foldCases(add func(name, kind, expect, rule, comment string, data []byte, inputs ...string)) {
	bundle := func(records ...Record) []byte {
		parts := make([][]byte, len(records))
		for i, r := range records {
			parts[i] = wire.Encode(r)
		}
		return wire.Encode(parts)
	}
	state := func(device_, counter int, s ContactState) Record {
		return noted(RecordContact, func(r *Record) {
			r.Device, r.Clock.Counter, r.Contact.State = device(byte(device_)), uint32(counter), s
		})
	}
	is := func(s ContactState) string { return fmt.Sprintf("contact: %s %d", member(2), s) }
	add("fold_clock", "fold", "ok", "HIST-6", "the contact with the later clock stands",
		bundle(state(1, 1, ContactAccepted), state(2, 0, ContactAsked)), is(ContactAccepted))
	add("fold_device", "fold", "ok", "HIST-6", "under one clock the contact of the later device stands",
		bundle(state(2, 0, ContactAsked), state(1, 0, ContactAccepted)), is(ContactAsked))
	add("fold_read", "fold", "ok", "HIST-6", "a message marked twice is read", bundle(note(RecordRead), note(RecordRead)),
		"read: "+note(RecordRead).Read.Message.String())

	unsigned := noted(RecordMessage, func(r *Record) { r.Message.Signed = nil })
	later := noted(RecordMessage, func(r *Record) { r.Clock.Wall++ })
	add("stands_signed", "stands", "ok", "HIST-10", "the signed record stands, though it is later", bundle(unsigned, later), "stands: 2")
	add("stands_earlier", "stands", "ok", "HIST-10", "of two signed records the earlier stands", bundle(later, note(RecordMessage)), "stands: 2")
	add("stands_unsigned", "stands", "ok", "HIST-10", "of two without a signature the earlier stands",
		bundle(unsigned, noted(RecordMessage, func(r *Record) { r.Message.Signed, r.Sequence = nil, 2 })), "stands: 1")
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/history", *update, cases(), func(t *testing.T, v vector.Vector) {
		switch kind := v.Input("type"); kind {
		case "id":
			if got := MessageID(keys.PublicKey(v.Data[:32]), [NonceSize]byte(v.Data[32:48])); string(got[:]) != string(v.Data[48:]) {
				t.Errorf("the id is %x", got)
			}
		case "fold":
			checkFold(t, v)
		case "stands":
			records := unbundle(t, v.Data)
			if got := Stands(records[0], records[1]); !same(got)(records[v.Input("stands")[0]-'1']) {
				t.Error("the other record stands")
			}
		default:
			checkDecode(t, v, decoders[kind])
		}
	})
}

// checkDecode holds a decoder to the layer that a vector names.
func checkDecode(t *testing.T, v vector.Vector, decode func([]byte) (any, error)) {
	got, err := decode(v.Data)
	layer := "ok"
	switch {
	case errors.Is(err, wire.ErrDecode):
		layer = "decode"
	case errors.Is(err, ErrBody):
		layer = "body"
	case err != nil:
		layer = "?"
	}
	if layer != v.Expect {
		t.Fatalf("%s (%v), want %s", layer, err, v.Expect)
	}
	if err == nil && string(wire.Encode(got)) != string(v.Data) {
		t.Error("it does not re-encode to the same bytes")
	}
}

func unbundle(t *testing.T, data []byte) []Record {
	t.Helper()
	var parts [][]byte
	if err := wire.Decode(data, &parts); err != nil {
		t.Fatal(err)
	}
	records := make([]Record, len(parts))
	for i, part := range parts {
		r, err := DecodeRecord(part)
		if err != nil {
			t.Fatal(err)
		}
		records[i] = r
	}
	return records
}

func checkFold(t *testing.T, v vector.Vector) {
	view := fold(unbundle(t, v.Data))
	if want := v.Input("contact"); want != "" {
		contact := view.Contacts()[0]
		if got := fmt.Sprintf("%s %d", contact.Member, contact.State); got != want {
			t.Errorf("the contact is %s, want %s", got, want)
		}
	}
	if want := v.Input("read"); want != "" {
		id, err := keys.ParseID[keys.Message](want)
		if err != nil || !view.Read(id) {
			t.Errorf("%s is not read (%v)", want, err)
		}
	}
}
