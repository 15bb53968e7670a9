package mesh

import (
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// rereadCarriers is reread for the kinds of carriers.
func rereadCarriers(f Frame) (again Frame, err error) {
	switch f.Kind {
	case KindOffers:
		m, err := ReadOffers(f)
		return m.Frame(), err
	case KindWants:
		m, err := ReadWants(f)
		return m.Frame(), err
	case KindHanding:
		m, err := ReadHanding(f)
		return m.Frame(), err
	case KindDone:
		m, err := ReadDone(f)
		return m.Frame(), err
	case KindReceipts:
		m, err := ReadReceiptSummary(f)
		return m.Frame(), err
	case KindListed:
		m, err := ReadReceiptList(f)
		return m.Frame(), err
	}
	return f, nil
}

// wrongOfCarriers is what is wrong with frames of carriers, one fault each, and the rule.
func wrongOfCarriers() map[string]struct {
	rule string
	f    Frame
} {
	offer := func(change func(*Offer)) Frame {
		o := Offer{ID: keys.EnvelopeID{1}, Sender: device(1), Wanted: []keys.PublicKey{device(2)}, Size: 1, Share: 1}
		change(&o)
		return Offers{List: []Offer{o}}.Frame()
	}
	return map[string]struct {
		rule string
		f    Frame
	}{
		"offers_none":    {"MSH-42", Offers{}.Frame()},
		"offers_many":    {"MSH-42", Offers{List: make([]Offer, MostOffers+1)}.Frame()},
		"offer_nobody":   {"MSH-42", offer(func(o *Offer) { o.Wanted = nil })},
		"offer_crowd":    {"MSH-42", offer(func(o *Offer) { o.Wanted = make([]keys.PublicKey, MostWanted+1) })},
		"offer_order":    {"MSH-42", offer(func(o *Offer) { o.Wanted = []keys.PublicKey{device(3), device(2)} })},
		"offer_twice":    {"MSH-42", offer(func(o *Offer) { o.Wanted = []keys.PublicKey{device(2), device(2)} })},
		"offer_empty":    {"MSH-42", offer(func(o *Offer) { o.Size = 0 })},
		"offer_large":    {"MSH-42", offer(func(o *Offer) { o.Size = MostHanded + 1 })},
		"offer_hops":     {"MSH-42", offer(func(o *Offer) { o.Hops = 256 })},
		"offer_near":     {"MSH-42", offer(func(o *Offer) { o.Near = 1 })},
		"offer_both":     {"MSH-42", offer(func(o *Offer) { o.Moves = true })},
		"wants_none":     {"MSH-46", Wants{}.Frame()},
		"wants_beyond":   {"MSH-46", Wants{List: []Want{{Offset: MostHanded}}}.Frame()},
		"wants_moves":    {"MSH-46", Wants{List: []Want{{Moves: true}}}.Frame()},
		"handing_empty":  {"MSH-47", Handing{}.Frame()},
		"handing_long":   {"MSH-47", Handing{Piece: make([]byte, MaxPiece+1)}.Frame()},
		"handing_beyond": {"MSH-47", Handing{Offset: MostHanded, Piece: []byte{1}}.Frame()},
		"handing_wraps":  {"MSH-47", Handing{Offset: 1<<64 - 1, Piece: []byte{1}}.Frame()},
		"done_none":      {"MSH-48", Done{}.Frame()},
		"summary_short":  {"MSH-50", Frame{KindReceipts, wire.Encode(summaryWire{Groups: make([]byte, 8)})}},
		"listed_order":   {"MSH-50", ReceiptList{Groups: Groups{1}, Names: []ReceiptName{{0, 2}, {0, 1}}}.Frame()},
		"listed_twice":   {"MSH-50", ReceiptList{Groups: Groups{1}, Names: []ReceiptName{{0, 2}, {0, 2}}}.Frame()},
		"listed_group":   {"MSH-50", ReceiptList{Groups: Groups{1}, Names: []ReceiptName{{1, 2}}}.Frame()},
	}
}

func TestWhatIsWrongOfCarriersIsRefused(t *testing.T) {
	for name, wrong := range wrongOfCarriers() {
		if _, err := reread(wrong.f); !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What one has and the other lacks is found by the groups that differ.
func TestSummariesTellWhatDiffers(t *testing.T) {
	var a, b ReceiptSummary
	for i := range 1000 {
		id := keys.EnvelopeID{byte(i), byte(i >> 8), byte(i * 7)}
		a.Add(id)
		b.Add(id)
	}
	if groups := a.Differs(&b); groups.Len() != 0 {
		t.Errorf("%d groups differ of two that have the same", groups.Len())
	}
	b.Add(keys.EnvelopeID{17, 99, 99})
	if groups := a.Differs(&b); groups.Len() != 1 || !groups.Has(17) {
		t.Errorf("the groups %x differ where group 17 does", groups)
	}
}

func TestLongestOfCarriers(t *testing.T) {
	names := make([]ReceiptName, MostListed)
	for i := range names {
		names[i] = ReceiptName{0, byte(i >> 8), byte(i)}
	}
	for name, f := range map[string]Frame{
		"piece": Handing{ID: keys.EnvelopeID{1}, Offset: MostHanded - MaxPiece, Piece: make([]byte, MaxPiece), Last: &LastPiece{}}.Frame(),
		"list":  ReceiptList{Groups: Groups{1}, Names: names}.Frame(),
		"offer": Offers{List: []Offer{{Wanted: make([]keys.PublicKey, MostWanted), Size: MostHanded}}}.Frame(),
	} {
		if _, err := Parse(f.Bytes()); err != nil {
			t.Errorf("the longest %s: %v", name, err)
		}
	}
}
