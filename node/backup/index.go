package backup

import (
	"fmt"

	"muster.example/internal/wire"
)

// index is the list of a pack: its contents once more, in a file that its writer can open. [BAK-7]
type index struct {
	Pack     hash   `cbor:"1,keyasint"`
	Size     uint32 `cbor:"2,keyasint"` // of the pack's file
	Contents []byte `cbor:"3,keyasint"` // encoded
}

// parseIndex reads an index strictly. Errors wrap ErrDamaged.
func parseIndex(data []byte) (index, contents, error) {
	var x index
	if err := wire.Decode(data, &x); err != nil {
		return x, contents{}, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if x.Size > MaxFile {
		return x, contents{}, fmt.Errorf("%w: a list of a pack of %d bytes", ErrDamaged, x.Size)
	}
	c, err := parseContents(x.Contents)
	return x, c, err
}
