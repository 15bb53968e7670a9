package history

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// outlined holds an outline against the record itself.
func outlined(t *testing.T, data []byte) {
	t.Helper()
	r, err := DecodeRecord(data)
	if err != nil {
		return
	}
	o, err := ReadOutline(data)
	if err != nil {
		t.Fatalf("of a record that is one: %v", err)
	}
	signed := r.Message != nil && len(r.Message.Signed) > 0 || r.Act != nil && len(r.Act.Signed) > 0
	if o.ID != r.ID() || o.Wall != r.Clock.Wall || o.Kind != r.Kind || o.Signed != signed {
		t.Errorf("outline %+v of a record of kind %d at %d with id %s, signed %v", o, r.Kind, r.Clock.Wall, r.ID(), signed)
	}
	if named, err := NamesFiles(data); err != nil || named != (r.Message != nil && len(r.Message.Text.Files) > 0) {
		t.Errorf("a record of kind %d names files: %t, %v", r.Kind, named, err)
	}
}

// The outline of a record is the record's, signed or not. [HIST-24]
func TestOutline(t *testing.T) {
	for _, r := range outlineSamples() {
		outlined(t, wire.Encode(r))
	}
	for _, data := range [][]byte{nil, {0xa0, 0}, {0xbf}, {0xa1, 3}, {0xa1, 3, 0x82, 0x20}, {0xa1, 0x18, 30, 0}, {0xa1, 5, 0x40}} {
		if o, err := ReadOutline(data); err == nil {
			t.Errorf("%x has the outline %+v", data, o)
		}
	}
}

func outlineSamples() []Record {
	base := Record{Device: keys.PublicKey{1}, Sequence: 7, Clock: Clock{Wall: 1_700_000_000_000, Counter: 3}}
	with := func(kind RecordKind, fill func(*Record)) Record {
		r := base
		r.Kind = kind
		fill(&r)
		return r
	}
	m := Message{Author: keys.PublicKey{2}, Member: keys.MemberID{3}, Text: Text{To: []keys.MemberID{{4}}, Text: "Bring the long ladder.", Time: 1}}
	signed := m
	signed.Signed = []byte("what was signed")
	act := Act{Author: keys.PublicKey{2}, Member: keys.MemberID{3}, Kind: KindDelete, Body: wire.Encode(Delete{Messages: []keys.MessageID{{1}}, Time: 1})}
	signedAct := act
	signedAct.Signed = []byte("what was signed")
	return []Record{
		with(RecordMessage, func(r *Record) { r.Message = &m }), with(RecordMessage, func(r *Record) { r.Message = &signed }),
		with(RecordAct, func(r *Record) { r.Act = &act }), with(RecordAct, func(r *Record) { r.Act = &signedAct }),
		with(RecordRead, func(r *Record) { r.Read = &Read{} }), with(RecordTag, func(r *Record) { r.Tag = &Tag{Tag: "x"} }),
		with(RecordTag, func(r *Record) { r.Tag, r.Signature = &Tag{Tag: "x"}, keys.Signature{1} }), with(RecordMessage, func(r *Record) { r.Message, r.Signature = &signed, keys.Signature{1} }),
		with(RecordSetting, func(r *Record) { r.Setting = &Setting{Name: "a", Value: "b"} }),
	}
}

// Whatever is a record has its outline, and rubbish has none or one, and nothing else happens.
func FuzzOutline(f *testing.F) {
	for _, r := range outlineSamples() {
		f.Add(wire.Encode(r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ReadOutline(data)
		outlined(t, data)
	})
}

func BenchmarkOutline(b *testing.B) {
	data := wire.Encode(outlineSamples()[1])
	b.Run("outline", func(b *testing.B) {
		for b.Loop() {
			_, _ = ReadOutline(data)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			r, _ := DecodeRecord(data)
			_ = r.ID()
		}
	})
}
