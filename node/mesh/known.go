package mesh

import "muster.example/internal/wire"

// Known is what a device tells another one of the organization before they exchange anything: how far its roll goes, what of the roll the
// other one lacks, as far as it knows, and the bars that it obeys ahead of the roll. Devices of one account tell each other the same.
// [MSH-8] [NEAR-7]
type Known struct {
	Size       uint64     `cbor:"1,keyasint"`
	Checkpoint []byte     `cbor:"2,keyasint,omitempty"` // of Size, if there are entries
	Entries    [][]byte   `cbor:"3,keyasint,omitempty"` // from the other one's size on
	Proof      [][32]byte `cbor:"4,keyasint,omitempty"` // consistency of the two sizes
	Bars       [][]byte   `cbor:"5,keyasint,omitempty"`
}

// Frame encodes it.
func (k Known) Frame() Frame { return Frame{KindKnown, wire.Encode(k)} }

// ReadKnown reads what the other side knows. Nothing of it is verified. Errors wrap wire.ErrDecode.
func ReadKnown(f Frame) (k Known, err error) { return k, read(f, KindKnown, &k) }

func (k Known) check() error {
	switch {
	case len(k.Bars) > MostBars:
		return malformed("%d bars", len(k.Bars))
	case uint64(len(k.Entries)) > k.Size:
		return malformed("%d entries of a roll of %d", len(k.Entries), k.Size)
	case (len(k.Entries) > 0) != (len(k.Checkpoint) > 0):
		return malformed("entries without a checkpoint, or one without entries")
	}
	return nil
}
