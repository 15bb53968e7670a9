package mesh

import (
	"math/bits"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// The kinds by which devices hand each other what is for others. [MSH-41]
const (
	KindOffers   Kind = 16 // Offers
	KindWants    Kind = 17 // Wants
	KindHanding  Kind = 18 // Handing
	KindReceipts Kind = 19 // ReceiptSummary
	KindDone     Kind = 20 // Done
	KindListed   Kind = 21 // ReceiptList
)

// Caps of what carriers say. [MSH-41]
const (
	// MostOffers is how many offers, wants or answers one frame holds.
	MostOffers = 64
	// MostWanted is how many devices one offer names, as the label of a carried envelope does. [CAR-3]
	MostWanted = 1024
	// MostHanded is the size of the largest envelope that is handed over in pieces.
	MostHanded = 16 << 20
	// MaxPiece is the size of the longest piece of it.
	MaxPiece = 64 << 10
	// ReceiptGroups is how many groups receipts are in, by the first byte of their ids.
	ReceiptGroups = 256
	// MostListed is how many receipts one ReceiptList names.
	MostListed = 16384

	mostHops = 255
)

// Offer is one envelope that the sender of the frame carries, or has sealed itself, and the reader could have. [MSH-42]
type Offer struct {
	ID      keys.EnvelopeID  `cbor:"1,keyasint"`
	Sender  keys.PublicKey   `cbor:"2,keyasint"` // the device that sealed it
	Wanted  []keys.PublicKey `cbor:"3,keyasint"` // increasing: devices whose receipts are not known
	Expires int64            `cbor:"4,keyasint"` // unix seconds, as in the header
	Size    uint64           `cbor:"5,keyasint"` // of the envelope
	Age     uint64           `cbor:"6,keyasint"` // seconds since its sender handed it on first
	Hops    uint64           `cbor:"7,keyasint"` // handings so far
	Share   uint64           `cbor:"8,keyasint,omitempty"`
	Moves   bool             `cbor:"9,keyasint,omitempty"`  // the last copy would move
	Near    uint8            `cbor:"10,keyasint,omitempty"` // with Moves: how near the offering device is
	Opens   bool             `cbor:"11,keyasint,omitempty"` // it announces a chain
}

// Offers offers envelopes. [MSH-42]
type Offers struct {
	List []Offer `cbor:"1,keyasint"`
}

// Frame encodes it.
func (o Offers) Frame() Frame { return Frame{KindOffers, wire.Encode(o)} }

// ReadOffers reads what the other side offers. Errors wrap wire.ErrDecode.
func ReadOffers(f Frame) (o Offers, err error) { return o, read(f, KindOffers, &o) }

func (o Offers) check() error {
	if len(o.List) == 0 || len(o.List) > MostOffers {
		return malformed("%d offers", len(o.List))
	}
	for _, one := range o.List {
		switch {
		case len(one.Wanted) == 0 || len(one.Wanted) > MostWanted:
			return malformed("an offer for %d devices", len(one.Wanted))
		case one.Size == 0 || one.Size > MostHanded:
			return malformed("an offer of %d bytes", one.Size)
		case one.Hops > mostHops:
			return malformed("an offer after %d hops", one.Hops)
		case one.Near != 0 && !one.Moves || one.Share != 0 && one.Moves:
			return malformed("an offer of two kinds")
		}
		for i, device := range one.Wanted {
			if device.IsZero() || i > 0 && one.Wanted[i-1].Compare(device) >= 0 {
				return malformed("devices out of order or named twice")
			}
		}
	}
	return nil
}

// Want asks for one envelope that was offered. [MSH-46]
type Want struct {
	ID     keys.EnvelopeID `cbor:"1,keyasint"`
	Offset uint64          `cbor:"2,keyasint"`           // how much of it is there already
	Share  uint64          `cbor:"3,keyasint,omitempty"` // copies that are taken; none: for itself alone
	Moves  bool            `cbor:"4,keyasint,omitempty"` // the last copy is taken
}

// Wants asks for envelopes that were offered. [MSH-46]
type Wants struct {
	List []Want `cbor:"1,keyasint"`
}

// Frame encodes it.
func (w Wants) Frame() Frame { return Frame{KindWants, wire.Encode(w)} }

// ReadWants reads what the other side wants. Errors wrap wire.ErrDecode.
func ReadWants(f Frame) (w Wants, err error) { return w, read(f, KindWants, &w) }

func (w Wants) check() error {
	if len(w.List) == 0 || len(w.List) > MostOffers {
		return malformed("%d wants", len(w.List))
	}
	for _, one := range w.List {
		if one.Offset >= MostHanded {
			return malformed("a want from byte %d on", one.Offset)
		}
		if one.Moves && one.Share != 1 {
			return malformed("a last copy of %d", one.Share)
		}
	}
	return nil
}

// Handing is a piece of an envelope that was wanted. [MSH-47]
type Handing struct {
	ID     keys.EnvelopeID `cbor:"1,keyasint"`
	Offset uint64          `cbor:"2,keyasint"`
	Piece  []byte          `cbor:"3,keyasint"`
	Last   *LastPiece      `cbor:"4,keyasint,omitempty"` // with the last piece
}

// LastPiece is what comes with the last piece of an envelope. [MSH-47]
type LastPiece struct {
	Signature keys.Signature `cbor:"1,keyasint"` // over id and header. [CAR-2]
	Share     uint64         `cbor:"2,keyasint,omitempty"`
}

// Frame encodes it.
func (h Handing) Frame() Frame { return Frame{KindHanding, wire.Encode(h)} }

// ReadHanding reads a piece of an envelope. The piece points into the frame. Errors wrap wire.ErrDecode.
func ReadHanding(f Frame) (h Handing, err error) { return h, read(f, KindHanding, &h) }

func (h Handing) check() error {
	if len(h.Piece) == 0 || len(h.Piece) > MaxPiece || h.Offset > MostHanded || h.Offset+uint64(len(h.Piece)) > MostHanded {
		return malformed("a piece of %d bytes at byte %d", len(h.Piece), h.Offset)
	}
	return nil
}

// Outcome says what became of one envelope that was handed over. [MSH-48]
type Outcome struct {
	ID    keys.EnvelopeID `cbor:"1,keyasint"`
	Taken bool            `cbor:"2,keyasint,omitempty"` // it is durable there, to be carried
}

// Done says what became of envelopes that were handed over. [MSH-48]
type Done struct {
	List []Outcome `cbor:"1,keyasint"`
}

// Frame encodes it.
func (d Done) Frame() Frame { return Frame{KindDone, wire.Encode(d)} }

// ReadDone reads what became of what was handed over. Errors wrap wire.ErrDecode.
func ReadDone(f Frame) (d Done, err error) { return d, read(f, KindDone, &d) }

func (d Done) check() error {
	if len(d.List) == 0 || len(d.List) > MostOffers {
		return malformed("%d outcomes", len(d.List))
	}
	return nil
}

// ReceiptSummary says which receipts a device has, by groups: those of one group have the first byte of their ids in common. [MSH-50]
type ReceiptSummary struct {
	Groups [ReceiptGroups][8]byte `cbor:"1,keyasint"` // the exclusive or of the first 8 bytes of the ids of each
}

// Add puts a receipt in, or takes one out that is in it.
func (s *ReceiptSummary) Add(id keys.EnvelopeID) {
	group := &s.Groups[id[0]]
	for i := range group {
		group[i] ^= id[i]
	}
}

// Differs returns the groups that are not the same in another summary.
func (s *ReceiptSummary) Differs(other *ReceiptSummary) (groups Groups) {
	for i := range s.Groups {
		if s.Groups[i] != other.Groups[i] {
			groups.Put(byte(i))
		}
	}
	return groups
}

type summaryWire struct {
	Groups []byte `cbor:"1,keyasint"`
}

func (s summaryWire) check() error {
	if len(s.Groups) != ReceiptGroups*8 {
		return malformed("a summary of %d bytes", len(s.Groups))
	}
	return nil
}

// Frame encodes it.
func (s *ReceiptSummary) Frame() Frame {
	var out summaryWire
	for _, group := range s.Groups {
		out.Groups = append(out.Groups, group[:]...)
	}
	return Frame{KindReceipts, wire.Encode(out)}
}

// ReadReceiptSummary reads which receipts the other side has. Errors wrap wire.ErrDecode.
func ReadReceiptSummary(f Frame) (s ReceiptSummary, err error) {
	var in summaryWire
	if err := read(f, KindReceipts, &in); err != nil {
		return s, err
	}
	for i := range s.Groups {
		copy(s.Groups[i][:], in.Groups[i*8:])
	}
	return s, nil
}

// Groups is a set of groups of receipts.
type Groups [ReceiptGroups / 8]byte

// Put puts a group in.
func (g *Groups) Put(group byte) { g[group/8] |= 1 << (group % 8) }

// Has reports whether a group is in it.
func (g Groups) Has(group byte) bool { return g[group/8]&(1<<(group%8)) != 0 }

// Len returns how many groups are in it.
func (g Groups) Len() (n int) {
	for _, b := range g {
		n += bits.OnesCount8(b)
	}
	return n
}

// ReceiptName is the first 8 bytes of a receipt's id.
type ReceiptName [8]byte

// ReceiptList names the receipts of some groups that a device has. [MSH-50]
type ReceiptList struct {
	Groups Groups        `cbor:"1,keyasint"`
	Names  []ReceiptName `cbor:"2,keyasint"` // increasing
}

type listWire struct {
	Groups []byte `cbor:"1,keyasint"`
	Names  []byte `cbor:"2,keyasint"`
}

func (l listWire) check() error {
	if len(l.Groups) != len(Groups{}) || len(l.Names)%len(ReceiptName{}) != 0 || len(l.Names) > MostListed*len(ReceiptName{}) {
		return malformed("a list of %d and %d bytes", len(l.Groups), len(l.Names))
	}
	for i := 8; i < len(l.Names); i += 8 {
		if string(l.Names[i-8:i]) >= string(l.Names[i:i+8]) {
			return malformed("receipts out of order or named twice")
		}
	}
	for i := 0; i < len(l.Names); i += 8 {
		if !Groups(l.Groups).Has(l.Names[i]) {
			return malformed("a receipt of a group that is not listed")
		}
	}
	return nil
}

// Frame encodes it.
func (l ReceiptList) Frame() Frame {
	out := listWire{Groups: l.Groups[:], Names: []byte{}}
	for _, name := range l.Names {
		out.Names = append(out.Names, name[:]...)
	}
	return Frame{KindListed, wire.Encode(out)}
}

// ReadReceiptList reads which receipts of some groups the other side has. Errors wrap wire.ErrDecode.
func ReadReceiptList(f Frame) (l ReceiptList, err error) {
	var in listWire
	if err := read(f, KindListed, &in); err != nil {
		return l, err
	}
	l.Groups = Groups(in.Groups)
	for i := 0; i < len(in.Names); i += 8 {
		l.Names = append(l.Names, ReceiptName(in.Names[i:]))
	}
	return l, nil
}
