package history

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"muster.example/internal/wire"
)

// decoders are all decoders of the package, by the type line of the vectors.
var decoders = map[string]func([]byte) (any, error){
	"text":     func(data []byte) (any, error) { return DecodeText(data) },
	"chunk":    func(data []byte) (any, error) { return DecodeChunk(data) },
	"leave":    func(data []byte) (any, error) { return DecodeLeave(data) },
	"edit":     opens(KindEdit),
	"delete":   opens(KindDelete),
	"reaction": opens(KindReaction),
	"seen":     opens(KindSeen),
	"lack":     func(data []byte) (any, error) { return DecodeLack(data) },
	"gone":     func(data []byte) (any, error) { return DecodeGone(data) },
	"lockkey":  func(data []byte) (any, error) { return DecodeLockKey(data) },
	"record":   func(data []byte) (any, error) { return DecodeRecord(data) },
}

// opens reads the body of an act.
func opens(kind Kind) func([]byte) (any, error) {
	return func(data []byte) (any, error) {
		a, err := Act{Kind: kind, Body: data}.Open()
		switch {
		case a.Edit != nil:
			return a.Edit, err
		case a.Delete != nil:
			return a.Delete, err
		case a.Reaction != nil:
			return a.Reaction, err
		}
		return a.Seen, err
	}
}

func unixMilli(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// fuzz holds a decoder to what all of them promise: what it accepts has these bytes and no others, and what it refuses
// says so by ErrBody.
func fuzz(f *testing.F, kind string) {
	for _, v := range cases() {
		if v.Input("type") == kind {
			f.Add(v.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decoders[kind](data)
		if err != nil {
			if !errors.Is(err, ErrBody) {
				t.Fatalf("%v does not wrap ErrBody", err)
			}
			return
		}
		if !bytes.Equal(wire.Encode(v), data) {
			t.Fatal("it has a second form")
		}
	})
}

func FuzzDecodeText(f *testing.F)   { fuzz(f, "text") }
func FuzzDecodeChunk(f *testing.F)  { fuzz(f, "chunk") }
func FuzzDecodeLeave(f *testing.F)  { fuzz(f, "leave") }
func FuzzEdit(f *testing.F)         { fuzz(f, "edit") }
func FuzzDelete(f *testing.F)       { fuzz(f, "delete") }
func FuzzReaction(f *testing.F)     { fuzz(f, "reaction") }
func FuzzSeen(f *testing.F)         { fuzz(f, "seen") }
func FuzzDecodeRecord(f *testing.F) { fuzz(f, "record") }
func FuzzLockKey(f *testing.F)      { fuzz(f, "lockkey") }
func FuzzLack(f *testing.F)         { fuzz(f, "lack") }
func FuzzGone(f *testing.F)         { fuzz(f, "gone") }

func FuzzProof(f *testing.F) {
	f.Add(Proof{Content: []byte("content")}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProof(data)
		if err == nil && !bytes.Equal(p.Encode(), data) || err != nil && !errors.Is(err, ErrBody) {
			t.Errorf("it has a second form, or %v does not wrap ErrBody", err)
		}
	})
}

// What is read of a record alone is what the whole record says.
func FuzzMoment(f *testing.F) {
	for _, r := range outlineSamples() {
		f.Add(wire.Encode(r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		moment, err := ReadMoment(data)
		if err != nil && !errors.Is(err, ErrBody) {
			t.Fatalf("%v does not wrap ErrBody", err)
		}
		r, failed := DecodeRecord(data)
		if failed == nil && (err != nil || moment.Wall != r.Clock.Wall || moment.Kind != r.Kind) {
			t.Errorf("%d of %d at %d is read as %d at %d: %v", r.Kind, len(data), r.Clock.Wall, moment.Kind, moment.Wall, err)
		}
	})
}
