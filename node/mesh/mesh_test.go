package mesh

import (
	"bytes"
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func device(b byte) keys.PublicKey {
	return keys.PublicKey(bytes.Repeat([]byte{b}, keys.PublicKeySize))
}

// some is one frame of each kind.
func some() map[string]Frame {
	return map[string]Frame{
		"hello": Hello{Version: Version, Size: 300, Can: CanCarry, State: StateAway, Clock: 1_790_000_000}.Frame(),
		"known": Known{Size: 7, Checkpoint: []byte("checkpoint"), Entries: [][]byte{[]byte("entry")}, Proof: [][32]byte{{1}},
			Bars: [][]byte{[]byte("bar")}}.Frame(),
		"prekeys":  Prekeys{List: []Prekey{{Device: device(1), Signed: []byte("prekey")}}}.Frame(),
		"ask":      Ask{Devices: []keys.PublicKey{device(1), device(2)}}.Frame(),
		"envelope": {KindEnvelope, []byte("carried")},
		"receipt":  {KindReceipt, []byte("receipt")},
		"ping":     Ping{Number: 3}.Frame(),
		"pong":     Ping{Number: 3, Answer: true}.Frame(),
		"presence": Presence{State: StateOnline}.Frame(),
		"carriers": {LastOfCarriers, []byte("of later")},
		"unknown":  {99, []byte("of later")},

		"offers": Offers{List: []Offer{
			{ID: keys.EnvelopeID{1}, Sender: device(1), Wanted: []keys.PublicKey{device(2), device(3)}, Expires: 1_790_000_000, Size: 1150, Age: 60, Share: 6},
			{ID: keys.EnvelopeID{2}, Sender: device(1), Wanted: []keys.PublicKey{device(2)}, Expires: 1, Size: MostHanded, Hops: 255, Moves: true, Near: 9, Opens: true}}}.Frame(),
		"wants":   Wants{List: []Want{{ID: keys.EnvelopeID{1}, Offset: 1024, Share: 3}, {ID: keys.EnvelopeID{2}, Share: 1, Moves: true}}}.Frame(),
		"handing": Handing{ID: keys.EnvelopeID{1}, Offset: 1024, Piece: []byte("piece")}.Frame(),
		"last":    Handing{ID: keys.EnvelopeID{1}, Piece: []byte("piece"), Last: &LastPiece{Signature: keys.Signature{7}, Share: 3}}.Frame(),
		"done":    Done{List: []Outcome{{ID: keys.EnvelopeID{1}, Taken: true}, {ID: keys.EnvelopeID{2}}}}.Frame(),
		"summary": (&ReceiptSummary{Groups: [ReceiptGroups][8]byte{1: {1, 2, 3}}}).Frame(),
		"listed":  ReceiptList{Groups: Groups{0: 1}, Names: []ReceiptName{{0, 1}, {0, 2}}}.Frame(),
	}
}

// reread reads a frame as its kind says, and returns it written again.
func reread(f Frame) (again Frame, err error) {
	switch f.Kind {
	case KindHello:
		m, err := ReadHello(f)
		return m.Frame(), err
	case KindKnown:
		m, err := ReadKnown(f)
		return m.Frame(), err
	case KindPrekeys:
		m, err := ReadPrekeys(f)
		return m.Frame(), err
	case KindAsk:
		m, err := ReadAsk(f)
		return m.Frame(), err
	case KindPing:
		m, err := ReadPing(f)
		return m.Frame(), err
	case KindPresence:
		m, err := ReadPresence(f)
		return m.Frame(), err
	}
	return rereadCarriers(f)
}

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	for name, f := range some() {
		got, err := Parse(f.Bytes())
		if err != nil || got.Kind != f.Kind {
			t.Errorf("%s: kind %d, %v", name, got.Kind, err)
			continue
		}
		again, err := reread(got)
		if err != nil || !bytes.Equal(again.Bytes(), f.Bytes()) {
			t.Errorf("%s: %x became %x, %v", name, f.Bytes(), again.Bytes(), err)
		}
	}
}

// Each kind is read as itself alone.
func TestFramesAreNotReadAsOthers(t *testing.T) {
	for name, f := range some() {
		f.Kind++
		if _, known := most[f.Kind]; !known {
			continue
		}
		if again, err := reread(f); err == nil && f.Kind != KindEnvelope && f.Kind != KindReceipt {
			t.Errorf("%s is read as kind %d: %x", name, f.Kind, again.Body)
		}
	}
	if _, err := ReadHello(Ping{}.Frame()); !errors.Is(err, wire.ErrDecode) {
		t.Errorf("a ping is read as a hello: %v", err)
	}
}

func TestCaps(t *testing.T) {
	for kind := range 256 {
		k := Kind(kind)
		if _, err := Parse(Frame{k, make([]byte, k.Most())}.Bytes()); err != nil {
			t.Errorf("kind %d: %v", kind, err)
		}
		if _, err := Parse(Frame{k, make([]byte, k.Most()+1)}.Bytes()); !errors.Is(err, wire.ErrDecode) {
			t.Errorf("kind %d beyond its cap: %v", kind, err)
		}
		if k.Most() >= MaxFrame {
			t.Errorf("kind %d is longer than any frame", kind)
		}
	}
	list := make([]Prekey, MostPrekeys)
	asked := make([]keys.PublicKey, MostPrekeys)
	for i := range list {
		list[i] = Prekey{Device: device(byte(i + 1)), Signed: make([]byte, MaxPrekey)}
		asked[i] = device(byte(i + 1))
	}
	for name, f := range map[string]Frame{"prekeys": Prekeys{List: list}.Frame(), "ask": Ask{Devices: asked}.Frame(),
		"hello": Hello{Version: Version, Size: 1<<64 - 1, Can: 1<<64 - 1, State: StateAway, Clock: -1 << 63}.Frame(),
		"ping":  Ping{Number: 1<<64 - 1, Answer: true}.Frame()} {
		if _, err := Parse(f.Bytes()); err != nil {
			t.Errorf("the longest %s: %v", name, err)
		}
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	for name, f := range map[string]Frame{
		"another version":              Hello{Version: 2}.Frame(),
		"a state that there is not":    Hello{Version: Version, State: 3}.Frame(),
		"such a presence":              Presence{State: 3}.Frame(),
		"entries without a checkpoint": Known{Size: 3, Entries: [][]byte{{1}}}.Frame(),
		"a checkpoint alone":           Known{Size: 3, Checkpoint: []byte{1}}.Frame(),
		"more entries than the roll":   Known{Size: 1, Checkpoint: []byte{1}, Entries: [][]byte{{1}, {2}}}.Frame(),
		"too many bars":                Known{Bars: make([][]byte, MostBars+1)}.Frame(),
		"no prekeys":                   Prekeys{}.Frame(),
		"too many prekeys":             Prekeys{List: make([]Prekey, MostPrekeys+1)}.Frame(),
		"an empty prekey":              Prekeys{List: []Prekey{{Device: device(1)}}}.Frame(),
		"a large prekey":               Prekeys{List: []Prekey{{Device: device(1), Signed: make([]byte, MaxPrekey+1)}}}.Frame(),
		"nobody asked for":             Ask{}.Frame(),
		"too many asked for":           Ask{Devices: make([]keys.PublicKey, MostPrekeys+1)}.Frame(),
		"out of order":                 Ask{Devices: []keys.PublicKey{device(2), device(1)}}.Frame(),
		"named twice":                  Ask{Devices: []keys.PublicKey{device(2), device(2)}}.Frame(),
		"the zero device":              Ask{Devices: []keys.PublicKey{{}}}.Frame(),
	} {
		if _, err := reread(f); !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, data := range [][]byte{nil, {1}} {
		if _, err := Parse(data); !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%x: %v", data, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, one := range some() {
		f.Add(one.Bytes())
	}
	f.Add([]byte{byte(KindAsk), 0xa1, 0x01, 0x9a, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(data)
		if err == nil {
			got, err = reread(got)
		}
		if err != nil {
			if !errors.Is(err, wire.ErrDecode) {
				t.Errorf("%v does not wrap ErrDecode", err)
			}
			return
		}
		if !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%x is written again as %x", data, got.Bytes())
		}
	})
}
