package rvproto

import (
	"bytes"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// The frames of envelopes in pieces as the generic codec sees them.
type (
	beginWire struct {
		_      struct{} `cbor:",toarray"`
		Type   FrameType
		ID     keys.EnvelopeID
		Size   uint64
		Offset uint64
	}
	pieceWire struct {
		_     struct{} `cbor:",toarray"`
		Type  FrameType
		Piece []byte
	}
	heldWire struct {
		_     struct{} `cbor:",toarray"`
		Type  FrameType
		ID    keys.EnvelopeID
		Bytes uint64
	}
	broughtWire struct {
		_          struct{} `cbor:",toarray"`
		Type       FrameType
		Recipients []keys.PublicKey
		ID         keys.EnvelopeID
	}
	comingWire struct {
		_      struct{} `cbor:",toarray"`
		Type   FrameType
		Number uint64
		Kind   Kind
		ID     keys.EnvelopeID
		Size   uint64
		Offset uint64
	}
)

var (
	beginCodec = codec{FrameBegin, func(data []byte) ([]byte, error) {
		f, err := ParseBegin(data)
		return AppendBegin(nil, f), err
	}, func() any { return new(beginWire) }, nil}
	pieceCodec = codec{FramePiece, func(data []byte) ([]byte, error) {
		piece, err := ParsePiece(data)
		return AppendPiece(nil, piece), err
	}, func() any { return new(pieceWire) }, nil}
	heldCodec = codec{FrameHeld, func(data []byte) ([]byte, error) {
		f, err := ParseHeld(data)
		return AppendHeld(nil, f), err
	}, func() any { return new(heldWire) }, nil}
	broughtCodec = codec{FrameBrought, func(data []byte) ([]byte, error) {
		f, err := ParseBrought(data, nil)
		return AppendBrought(nil, f), err
	}, func() any { return new(broughtWire) }, nil}
	comingCodec = codec{FrameComing, func(data []byte) ([]byte, error) {
		f, err := ParseComing(data)
		return AppendComing(nil, f), err
	}, func() any { return new(comingWire) }, nil}
)

func samplePieces() [][]byte {
	id := keys.EnvelopeID{4}
	return [][]byte{
		AppendBegin(nil, BeginFrame{ID: id, Size: 135327, Offset: 4096}),
		AppendPiece(nil, bytes.Repeat([]byte{5}, 300)),
		AppendHeld(nil, HeldFrame{ID: id, Bytes: 70000}), AppendHeld(nil, HeldFrame{}),
		AppendBrought(nil, BroughtFrame{Recipients: []keys.PublicKey{{1}, {2}}, ID: id}), AppendBrought(nil, BroughtFrame{ID: id}),
		AppendComing(nil, ComingFrame{Number: 1 << 40, Kind: KindEnvelope, BeginFrame: BeginFrame{ID: id, Size: 20000}}),
	}
}

func TestFramesOfPieces(t *testing.T) { // [RV-200] [RV-204]
	for i, data := range samplePieces() {
		read := false
		for _, c := range codecs {
			c.check(t, data)
			again, err := c.again(data)
			read = read || err == nil && bytes.Equal(again, data)
		}
		if !read {
			t.Errorf("frame %d is read by nobody: %x", i, data)
		}
	}
}

func pieceCases(add adder) {
	device, id := keys.PublicKey(fill32(0xd0)), keys.EnvelopeID(fill32(0xe0))
	begin := BeginFrame{ID: id, Size: 135327, Offset: 4096}
	add("begin_resumed", "begin", "ok", "[RV-200]", "an envelope goes on at byte 4,096", AppendBegin(nil, begin))
	add("begin_behind", "begin", "decode", "[RV-200]", "from its end on", AppendBegin(nil, BeginFrame{ID: id, Size: 10, Offset: 10}))
	add("begin_size", "begin", "decode", "[RV-3]", "an envelope beyond the cap", AppendBegin(nil, BeginFrame{ID: id, Size: MaxEnvelope + 1}))
	add("piece_some", "piece", "ok", "[RV-200]", "the next bytes", AppendPiece(nil, []byte("bytes")))
	add("piece_empty", "piece", "decode", "[RV-200]", "no bytes", AppendPiece(nil, nil))
	add("piece_size", "piece", "decode", "[RV-3]", "a piece beyond its cap", AppendPiece(nil, make([]byte, MaxPiece+1)))
	add("held_some", "held", "ok", "[RV-200]", "so much is here", AppendHeld(nil, HeldFrame{ID: id, Bytes: 4096}))
	add("held_nothing", "held", "ok", "[RV-200]", "nothing is here", AppendHeld(nil, HeldFrame{}))
	add("held_size", "held", "decode", "[RV-3]", "more than an envelope has", AppendHeld(nil, HeldFrame{ID: id, Bytes: MaxEnvelope + 1}))
	add("brought_one", "brought", "ok", "[RV-200]", "for one device", AppendBrought(nil, BroughtFrame{Recipients: []keys.PublicKey{device}, ID: id}))
	add("brought_short", "brought", "decode", "[RV-200]", "without the id", AppendBrought(nil, BroughtFrame{ID: id})[:3])
	coming := ComingFrame{Number: 1000, Kind: KindEnvelope, BeginFrame: begin}
	add("coming_resumed", "coming", "ok", "[RV-204]", "a delivery goes on at byte 4,096", AppendComing(nil, coming))
	coming.Kind = 9
	add("coming_kind", "coming", "decode", "[RV-204]", "a body of unknown kind", AppendComing(nil, coming))
	coming.Kind, coming.Size = KindEnvelope, MaxInPieces+1
	add("coming_size", "coming", "decode", "[RV-3]", "a body that does not go in pieces", AppendComing(nil, coming))
}

// link is what a flow sends over: so many bytes a second, after each other, and a round trip.
type link struct {
	rate  int
	round time.Duration
}

// carry sends size bytes over a link as a flow has it, and returns how long it took and the longest that a piece waited.
func (l link) carry(t *testing.T, f *Flow, size int) (took, longest time.Duration) {
	t.Helper()
	f.Begin()
	start := time.Unix(0, 0)
	now, free := start, start
	type answer struct {
		held     int
		at, sent time.Time
	}
	var answers []answer
	next, held := 0, 0
	for held < size {
		for n := f.Piece(size-next, next-held); n > 0; n = f.Piece(size-next, next-held) {
			next += n
			f.Note(next, n, now)
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
			answers = append(answers, answer{next, free.Add(l.round), now})
		}
		if len(answers) == 0 {
			t.Fatal("nothing is under way, and nothing may be sent")
		}
		now, held = answers[0].at, answers[0].held
		longest = max(longest, now.Sub(answers[0].sent))
		f.Heard(held, now)
		answers = answers[1:]
	}
	return now.Sub(start), longest
}

// A flow fills links of any rate, and lets a message that comes meanwhile wait for seconds and not for minutes. [RV-202]
func TestFlow(t *testing.T) {
	for _, l := range []link{{1200, time.Second}, {8000, time.Second}, {8000, 50 * time.Millisecond}, {1 << 20, 100 * time.Millisecond}, {100 << 20, time.Millisecond}} {
		var f Flow
		size := max(256<<10, 60*l.rate)
		took, longest := l.carry(t, &f, size)
		ideal := time.Duration(size)*time.Second/time.Duration(l.rate) + l.round
		if took > ideal*5/4 {
			t.Errorf("%+v: %d bytes took %v, at best %v", l, size, took, ideal)
		}
		if most := 2*l.round + 8*time.Second; longest > most {
			t.Errorf("%+v: a piece waited %v, more than %v", l, longest, most)
		}
	}
}
