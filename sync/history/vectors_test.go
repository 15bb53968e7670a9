package history

import (
	"cmp"
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
	actCases(add)
	recordCases(func(name, expect, rule, comment string, data []byte) {
		add("record_"+name, "record", expect, rule, comment, data)
	})
	foldCases(add)
	signatureCases(add)
	lockKeyCases(add)

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
	group, guest := keys.GroupID(member(7)), member(8)
	add("group", "ok", "HIST-1", "a message to a group", wire.Encode(Text{Nonce: nonce(1), Group: &group, Text: "Yes."}))
	add("guest", "ok", "HIST-1", "a message of a guest to the desks", wire.Encode(Text{Nonce: nonce(1), Guest: &guest, Text: "Yes."}))
	add("both", "body", "HIST-2", "a message to a group and to members", wire.Encode(changed(func(m *Text) { m.Group = &group })))
	add("lifetime", "body", "HIST-2", "a lifetime of more than 366 days", wire.Encode(changed(func(m *Text) { m.Lifetime = MaxLifetime + 1 })))
	add("mention", "body", "HIST-2", "a member mentioned twice",
		wire.Encode(changed(func(m *Text) { m.Mentions = []keys.MemberID{member(2), member(2)} })))
	add("forwarded", "body", "HIST-13", "33 forwarded messages", wire.Encode(changed(func(m *Text) { m.Forwarded = forwarded(MaxForwarded+1, 1) })))
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
	add("unknown", "decode", "HIST-1", "a key that is not in the layout", without(letter(), map[uint64]any{17: 1}))
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

// actCases are bodies that act on messages. [HIST-14]
func actCases(add func(name, kind, expect, rule, comment string, data []byte, inputs ...string)) {
	id := post().ID()
	edit := Edit{Message: id, Subject: "Harvest", Text: "Tuesday", Mentions: members(1), Time: 1}
	add("edit_full", "edit", "ok", "HIST-14", "an edit with every field", wire.Encode(edit))
	add("edit_short", "edit", "ok", "HIST-14", "an edit to an empty text", wire.Encode(Edit{Message: id}))
	add("edit_lines", "edit", "body", "HIST-14", "an edit's subject of two lines", without(edit, map[uint64]any{2: "a\nb"}))
	add("edit_time", "edit", "decode", "HIST-14", "an edit without a time", without(edit, map[uint64]any{5: nil}))
	deletion := Delete{Messages: []keys.MessageID{id}, Time: 1}
	add("delete_one", "delete", "ok", "HIST-14", "a deletion of one message", wire.Encode(deletion))
	add("delete_twice", "delete", "body", "HIST-14", "a deletion that names a message twice",
		without(deletion, map[uint64]any{1: []keys.MessageID{id, id}}))
	add("delete_none", "delete", "body", "HIST-14", "a deletion of nothing", without(deletion, map[uint64]any{1: []keys.MessageID{}}))
	reaction := Reaction{Message: id, Emoji: "👍", Off: true, Time: 1}
	add("reaction_off", "reaction", "ok", "HIST-14", "a reaction taken off", wire.Encode(reaction))
	add("reaction_false", "reaction", "decode", "HIST-14", "a reaction that says not to be taken off", without(reaction, map[uint64]any{3: false}))
	add("reaction_long", "reaction", "body", "HIST-14", "a reaction of 33 bytes", without(reaction, map[uint64]any{2: strings.Repeat("x", 33)}))
	add("reaction_escape", "reaction", "body", "HIST-14", "a reaction with a control character", without(reaction, map[uint64]any{2: "\x1b[2J"}))
	seen := Seen{Messages: []keys.MessageID{id}, Time: 1}
	add("seen_one", "seen", "ok", "HIST-14", "a read receipt for one message", wire.Encode(seen))
	add("seen_future", "seen", "body", "HIST-14", "a read receipt after the year 9999", without(seen, map[uint64]any{2: MaxTime + 1}))

	lack := Lack{Numbers: []Span{{First: 3, Last: 3}, {First: 5, Last: 1027}}}
	add("lack_most", "lack", "ok", "HIST-28", "two spans with as many numbers as one body asks for", wire.Encode(lack))
	add("lack_more", "lack", "body", "HIST-28", "one number more", wire.Encode(Lack{Numbers: []Span{{First: 3, Last: 3}, {First: 5, Last: 1028}}}))
	add("lack_none", "lack", "body", "HIST-28", "no numbers", wire.Encode(Lack{Numbers: []Span{}}))
	add("lack_zero", "lack", "body", "HIST-28", "number 0", wire.Encode(Lack{Numbers: []Span{{Last: 1}}}))
	add("lack_touch", "lack", "body", "HIST-28", "two spans that are one", wire.Encode(Lack{Numbers: []Span{{First: 1, Last: 2}, {First: 3, Last: 4}}}))
	add("lack_back", "lack", "body", "HIST-28", "a span that ends before it begins", wire.Encode(Lack{Numbers: []Span{{First: 2, Last: 1}}}))
	add("lack_all", "lack", "body", "HIST-28", "all numbers that there are", wire.Encode(Lack{Numbers: []Span{{First: 1, Last: 1<<64 - 1}}}))
	add("lack_last", "lack", "body", "HIST-28", "a span after the last number", wire.Encode(Lack{Numbers: []Span{{First: 1<<64 - 1, Last: 1<<64 - 1}, {First: 1, Last: 1}}}))
	add("lack_three", "lack", "decode", "HIST-28", "a span of three numbers", without(lack, map[uint64]any{1: [][]int{{1, 2, 3}}}))
	add("gone_one", "gone", "ok", "HIST-28", "one number under which nothing is left", wire.Encode(Gone{Numbers: []Span{{First: 7, Last: 7}}}))
	add("gone_many", "gone", "body", "HIST-28", "65 spans", wire.Encode(Gone{Numbers: spans(MaxSpans + 1)}))

	acts := func(all ...Action) []byte {
		parts := [][]byte{wire.Encode(noted(RecordMessage, func(r *Record) { *r.Message = post() }))}
		for i, a := range all {
			parts = append(parts, wire.Encode(noted(RecordAct, func(r *Record) { r.Sequence, r.Act = uint64(i+2), &a.Act })))
		}
		return wire.Encode(parts)
	}
	const limits = "limits: 86400 604800"
	add("shown_edit", "shown", "ok", "HIST-15", "of two edits the later by its author's time, though it came first",
		acts(edited(1, 1, 9, "Friday"), edited(2, 1, 5, "Tuesday")), limits, "text: Friday")
	add("shown_late", "shown", "ok", "HIST-15", "an edit a millisecond too late", acts(edited(1, 1, 86_400_001, "Tuesday")), limits, "text: Monday")
	add("shown_other", "shown", "ok", "HIST-15", "an edit by another member", acts(edited(2, 2, 1, "Tuesday")), limits, "text: Monday")
	add("shown_tie", "shown", "ok", "HIST-15", "of two edits of one time that of the higher device",
		acts(edited(2, 1, 5, "A"), edited(1, 1, 5, "B")), limits, "text: A")
	add("shown_deleted", "shown", "ok", "HIST-15", "a deletion before a later edit", acts(deleted(1, 1, 1), edited(1, 1, 5, "A")), limits, "deleted: yes")
	add("shown_off", "shown", "ok", "HIST-15", "a reaction that was taken off, in the other order",
		acts(reacted(2, 2, 2, "👍", true), reacted(3, 2, 1, "👍", false)), limits, "reactions: 0")
}

func spans(n int) (all []Span) {
	for i := range uint64(n) {
		all = append(all, Span{First: 2*i + 1, Last: 2*i + 1})
	}
	return all
}

func recordCases(add func(name, expect, rule, comment string, data []byte)) {
	add("message", "ok", "HIST-4", "a message that was received", wire.Encode(note(RecordMessage)))
	add("unsent", "ok", "HIST-4", "an own message, which has no signature yet",
		wire.Encode(noted(RecordMessage, func(r *Record) { r.Message.Signed = nil })))
	add("contact", "ok", "HIST-4", "a contact with both grants", wire.Encode(note(RecordContact)))
	add("blocked", "ok", "HIST-4", "a contact who is blocked",
		wire.Encode(noted(RecordContact, func(r *Record) { r.Contact.State = ContactBlocked })))
	add("read", "ok", "HIST-4", "a read mark", wire.Encode(note(RecordRead)))
	add("other", "body", "HIST-4", "a read mark under the kind of a contact", wire.Encode(noted(RecordRead, func(r *Record) { r.Kind = RecordContact })))
	add("both", "body", "HIST-4", "a read mark and a contact in one",
		wire.Encode(noted(RecordRead, func(r *Record) { r.Contact = note(RecordContact).Contact })))
	add("kind", "body", "HIST-4", "a kind that is not known", wire.Encode(noted(RecordRead, func(r *Record) { r.Kind = 99 })))
	add("unread", "ok", "HIST-20", "the end of a read mark", wire.Encode(note(RecordUnread)))
	add("unreadread", "body", "HIST-4", "the end of a read mark under the kind of a mark",
		wire.Encode(noted(RecordUnread, func(r *Record) { r.Kind = RecordRead })))
	add("tag", "ok", "HIST-20", "a tag that is put on", wire.Encode(noted(RecordTag, func(r *Record) { r.Tag.Off = false })))
	add("tagoff", "ok", "HIST-20", "a tag that is taken off", wire.Encode(note(RecordTag)))
	add("tagempty", "body", "HIST-20", "a tag without a character", wire.Encode(noted(RecordTag, func(r *Record) { r.Tag.Tag = "" })))
	add("taglong", "body", "HIST-20", "a tag of 65 characters",
		wire.Encode(noted(RecordTag, func(r *Record) { r.Tag.Tag = strings.Repeat("ä", MaxTag+1) })))
	add("taglines", "body", "HIST-20", "a tag of two lines", wire.Encode(noted(RecordTag, func(r *Record) { r.Tag.Tag = "a\nb" })))
	add("tagspace", "body", "HIST-20", "a tag that ends in a space", wire.Encode(noted(RecordTag, func(r *Record) { r.Tag.Tag = "a " })))
	add("tagfalse", "decode", "HIST-20", "a tag that says not to be taken off",
		without(note(RecordTag), map[uint64]any{12: map[uint64]any{1: note(RecordTag).Tag.Message, 2: "a", 3: false}}))
	add("verify", "ok", "HIST-12", "a member who was verified", wire.Encode(note(RecordVerify)))
	add("verifynow", "body", "HIST-12", "a verification by no roll", wire.Encode(noted(RecordVerify, func(r *Record) { r.Verify.Size = 0 })))
	add("verifytime", "body", "HIST-12", "a verification before 1970", wire.Encode(noted(RecordVerify, func(r *Record) { r.Verify.Time = -1 })))
	add("verifyread", "body", "HIST-4", "a verification and a read mark in one",
		wire.Encode(noted(RecordVerify, func(r *Record) { r.Read = note(RecordRead).Read })))
	add("act", "ok", "HIST-4", "a reaction that was received", wire.Encode(note(RecordAct)))
	add("acterased", "ok", "HIST-16", "an act that is erased", wire.Encode(noted(RecordAct, func(r *Record) { *r.Act = r.Act.Erase() })))
	add("actbody", "decode", "HIST-4", "a reaction under the kind of an edit", wire.Encode(noted(RecordAct, func(r *Record) { r.Act.Kind = KindEdit })))
	add("setting", "ok", "HIST-17", "a setting", wire.Encode(note(RecordSetting)))
	add("settingname", "body", "HIST-17", "a setting without a name", wire.Encode(noted(RecordSetting, func(r *Record) { r.Setting.Name = "" })))
	add("erased", "ok", "HIST-16", "a message that was taken back",
		wire.Encode(noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(ErasedDeleted) })))
	add("erasedtext", "body", "HIST-16", "a message that was taken back and says something",
		wire.Encode(noted(RecordMessage, func(r *Record) { r.Message.Erased = ErasedDeleted })))
	add("draft", "ok", "HIST-22", "a draft with every field", wire.Encode(note(RecordDraft)))
	add("draftgone", "ok", "HIST-22", "a draft that is gone", wire.Encode(noted(RecordDraft, func(r *Record) { *r.Draft = r.Draft.Erase() })))
	add("draftname", "body", "HIST-22", "a draft for a recipient without a name",
		wire.Encode(noted(RecordDraft, func(r *Record) { r.Draft.Content.To = []string{""} })))
	add("draftlines", "body", "HIST-22", "a draft whose subject has two lines",
		wire.Encode(noted(RecordDraft, func(r *Record) { r.Draft.Content.Subject = "a\nb" })))
	add("draftread", "body", "HIST-4", "a draft and a read mark in one",
		wire.Encode(noted(RecordDraft, func(r *Record) { r.Read = note(RecordRead).Read })))
	add("signed", "ok", "HIST-4", "a read mark with its device's signature, which is not looked at",
		wire.Encode(noted(RecordRead, func(r *Record) { r.Signature = keys.Signature{1} })))
	add("signedshort", "decode", "HIST-4", "a signature of 63 bytes", without(note(RecordRead), map[uint64]any{14: make([]byte, 63)}))
	add("signednull", "decode", "HIST-4", "a signature of zero bytes that is there", without(note(RecordRead), map[uint64]any{14: make([]byte, 64)}))
	add("was", "ok", "HIST-29", "a read mark whose number was given twice", wire.Encode(note(RecordRead).Renumber(9)))
	add("washigher", "body", "HIST-29", "a record whose number before is its own", wire.Encode(noted(RecordRead, func(r *Record) { r.Was = r.Sequence })))
	add("number", "body", "HIST-4", "a record with the number 0", wire.Encode(noted(RecordRead, func(r *Record) { r.Sequence = 0 })))
	add("state", "body", "HIST-4", "a contact in a state that is not known", wire.Encode(noted(RecordContact, func(r *Record) { r.Contact.State = 7 })))
	add("caps", "body", "HIST-4", "a message that its own rules refuse", wire.Encode(noted(RecordMessage, func(r *Record) { r.Message.Text.To = nil })))
	add("wall", "body", "HIST-5", "a clock after the year 9999", wire.Encode(noted(RecordRead, func(r *Record) { r.Clock.Wall = MaxTime + 1 })))
	add("counter", "body", "HIST-5", "a clock whose counter is too high", wire.Encode(noted(RecordRead, func(r *Record) { r.Clock.Counter = MaxCounter + 1 })))
	add("clock", "decode", "HIST-4", "a clock of one number", without(note(RecordRead), map[uint64]any{3: []int{1}}))
	add("unknown", "decode", "HIST-4", "a key that is not in the layout", without(note(RecordRead), map[uint64]any{99: 1}))
}

// signatureCases are records that a device signed. [HIST-26]
func signatureCases(add func(name, kind, expect, rule, comment string, data []byte, inputs ...string)) {
	self, org := keys.FromSeed([32]byte{1}), keys.OrgID(member(5))
	signed := func(kind RecordKind) Record {
		return noted(kind, func(r *Record) { r.Device = self.Public(); *r = r.Sign(org, self) })
	}
	of := func(name, expect, comment string, r Record, org keys.OrgID) {
		add("signature_"+name, "signature", expect, "HIST-26", comment, wire.Encode(r), "org: "+org.String())
	}
	of("tag", "ok", "a tag", signed(RecordTag), org)
	of("message", "ok", "a message, of which its device signs what erasing leaves", signed(RecordMessage), org)
	erased := signed(RecordMessage)
	*erased.Message = erased.Message.Erase(ErasedExpired)
	of("erased", "ok", "a message that was erased after its device had signed it", erased, org)
	bare := signed(RecordAct)
	bare.Act.Signed = nil
	of("act", "ok", "an act without what its author signed", bare, org)
	number := signed(RecordTag)
	number.Sequence++
	of("number", "signature", "a tag under another number", number, org)
	moved := signed(RecordMessage)
	moved.Clock.Wall--
	of("clock", "signature", "a message under another clock", moved, org)
	of("none", "signature", "a setting that nobody signed", noted(RecordSetting, func(r *Record) { r.Device = self.Public() }), org)
	other := noted(RecordContact, func(r *Record) { r.Device = self.Public(); *r = r.Sign(org, keys.FromSeed([32]byte{2})) })
	of("other", "signature", "a contact that another device signed", other, org)
	of("org", "signature", "a draft of another organization", signed(RecordDraft), keys.OrgID(member(6)))
	gone := signed(RecordDraft)
	*gone.Draft = gone.Draft.Erase()
	of("gone", "signature", "a draft that is gone under the signature of one that is not", gone, org)
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
	at := func(kind RecordKind, counter uint32) Record {
		return noted(kind, func(r *Record) { r.Clock.Counter = counter })
	}
	add("fold_unread", "fold", "ok", "HIST-20", "a read mark whose end has the later clock, in the other order",
		bundle(at(RecordUnread, 1), at(RecordRead, 0)), "read: none")
	add("fold_readagain", "fold", "ok", "HIST-20", "a read mark with a later clock than its end",
		bundle(at(RecordRead, 1), at(RecordUnread, 0)), "read: "+note(RecordRead).Read.Message.String())
	add("fold_onename", "fold", "ok", "HIST-20", "a read mark and its end in two records of one name: the bytes of the end are higher",
		bundle(at(RecordUnread, 0), at(RecordRead, 0)), "read: none")
	tag := func(counter uint32, word string, off bool) Record {
		return noted(RecordTag, func(r *Record) { r.Clock.Counter, r.Tag.Tag, r.Tag.Off = counter, word, off })
	}
	add("fold_tag", "fold", "ok", "HIST-20", "a tag that was put on, in another case, after it was taken off",
		bundle(tag(1, "To Do", false), tag(0, "to do", true)), "tags: To Do")
	add("fold_tagoff", "fold", "ok", "HIST-20", "a tag that was taken off last", bundle(tag(1, "TO DO", true), tag(0, "to do", false)), "tags: none")

	unsigned := noted(RecordMessage, func(r *Record) { r.Message.Signed = nil })
	later := noted(RecordMessage, func(r *Record) { r.Clock.Wall++ })
	erased := noted(RecordMessage, func(r *Record) { *r.Message = r.Message.Erase(ErasedDeleted); r.Clock.Wall++ })
	add("stands_erased", "stands", "ok", "HIST-10", "the erased record stands, though it is later", bundle(later, erased), "stands: 2")
	add("stands_earlier", "stands", "ok", "HIST-10", "of two that are not erased the earlier stands, with a signature or without",
		bundle(later, unsigned), "stands: 2")
	add("stands_number", "stands", "ok", "HIST-10", "of two of one clock that of the lower number stands",
		bundle(unsigned, noted(RecordMessage, func(r *Record) { r.Message.Signed, r.Sequence = nil, 2 })), "stands: 1")
	id := note(RecordMessage).ID()
	add("id_record", "recordid", "ok", "HIST-24", "a record with its author's signature, and its id, which does without", slices.Concat(wire.Encode(note(RecordMessage)), id[:]))

	draft := note(RecordDraft)
	saved := noted(RecordDraft, func(r *Record) { r.Clock.Counter, r.Draft.Content.Text = 1, "Monday" })
	gone := func(r Record) Record { d := r.Draft.Erase(); r.Draft = &d; return r }
	add("draft_later", "draft", "ok", "HIST-22", "of two records of a draft the later stands", bundle(saved, draft), "stands: 1")
	add("draft_gone", "draft", "ok", "HIST-22", "a draft that was dropped", bundle(draft, gone(saved)), "stands: 2")
	add("draft_again", "draft", "ok", "HIST-22", "a draft that was saved after it was dropped", bundle(gone(draft), saved), "stands: 2")
	add("draft_erased", "draft", "ok", "HIST-22", "of two under one name the one without content", bundle(saved, gone(saved)), "stands: 2")
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
		case "shown":
			checkShown(t, v)
		case "recordid":
			end := len(v.Data) - keys.IDSize
			if r, err := DecodeRecord(v.Data[:end]); err != nil || r.ID() != keys.RecordID(v.Data[end:]) {
				t.Errorf("the id is %s, %v", r.ID(), err)
			}
		case "signature":
			checkSignature(t, v)
		case "lockkey signature":
			checkLockKey(t, v)
		case "stands":
			records := unbundle(t, v.Data)
			if got := Stands(records[0], records[1]); !same(got)(records[v.Input("stands")[0]-'1']) {
				t.Error("the other record stands")
			}
		case "draft":
			records := unbundle(t, v.Data)
			if got := StandingDraft(records[0], records[1]); !same(got)(records[v.Input("stands")[0]-'1']) {
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

func checkSignature(t *testing.T, v vector.Vector) {
	org, err := keys.ParseID[keys.Org](v.Input("org"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := DecodeRecord(v.Data)
	if err != nil {
		t.Fatal(err)
	}
	layer := "ok"
	if err := r.Check(org); errors.Is(err, ErrUnsigned) {
		layer = "signature"
	} else if err != nil {
		layer = "?"
	}
	if layer != v.Expect {
		t.Errorf("%s, want %s", layer, v.Expect)
	}
	unsigned := r
	unsigned.Signature = keys.Signature{}
	if r.ID() != unsigned.ID() { // [HIST-24]
		t.Error("the signature changes the record's id")
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
	if want := v.Input("tags"); want != "" {
		if got := cmp.Or(strings.Join(view.Threads().TagsOf(note(RecordTag).Tag.Message), ", "), "none"); got != want {
			t.Errorf("the tags are %q, want %q", got, want)
		}
	}
	if want := v.Input("contact"); want != "" {
		contact := view.Contacts()[0]
		if got := fmt.Sprintf("%s %d", contact.Member, contact.State); got != want {
			t.Errorf("the contact is %s, want %s", got, want)
		}
	}
	if id := note(RecordRead).Read.Message; v.Input("read") == "none" {
		if view.Read(id) {
			t.Error("the message is read")
		}
	} else if want := v.Input("read"); want != "" {
		id, err := keys.ParseID[keys.Message](want)
		if err != nil || !view.Read(id) {
			t.Errorf("%s is not read (%v)", want, err)
		}
	}
}

// checkShown folds a message and acts on it, each in a record.
func checkShown(t *testing.T, v vector.Vector) {
	records := unbundle(t, v.Data)
	var limits Limits
	if _, err := fmt.Sscan(v.Input("limits"), &limits.Edit, &limits.Delete); err != nil {
		t.Fatal(err)
	}
	var acts []Action
	for _, r := range records[1:] {
		a, err := r.Act.Open()
		if err != nil {
			t.Fatal(err)
		}
		acts = append(acts, a)
	}
	shown := Fold(*records[0].Message, acts, limits)
	if want := v.Input("text"); want != "" && shown.Text != want {
		t.Errorf("the text is %q, want %q", shown.Text, want)
	}
	if deleted := v.Input("deleted") == "yes"; shown.Deleted != deleted {
		t.Errorf("deleted is %t", shown.Deleted)
	}
	if want := v.Input("reactions"); want != "" && fmt.Sprint(len(shown.Reactions)) != want {
		t.Errorf("%d reactions, want %s", len(shown.Reactions), want)
	}
}
