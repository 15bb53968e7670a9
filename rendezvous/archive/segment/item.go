package segment

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Item is one thing that the archive was handed, or that it notes by itself.
type Item struct {
	Arrived int64          `cbor:"1,keyasint"`          // Unix milliseconds by the service's clock
	Kind    uint8          `cbor:"2,keyasint"`          // what Body is: the numbers are the archive's
	From    keys.PublicKey `cbor:"3,keyasint,omitzero"` // the rendezvous node that handed it over
	Body    []byte         `cbor:"4,keyasint"`          // exact bytes
}

// Named is an item with the id by which it is stored once: an envelope's, or the hash of its bytes.
type Named struct {
	ID keys.EnvelopeID
	Item
}

// parseItem reads the plain form of an item. [ARC-42]
func parseItem(plain []byte) (Item, error) {
	var item Item
	if err := wire.Decode(plain, &item); err != nil {
		return Item{}, fmt.Errorf("%w: item: %w", ErrForm, err)
	}
	if item.Kind == 0 || len(item.Body) > MaxBody {
		return Item{}, fmt.Errorf("%w: item of kind %d with %d bytes", ErrForm, item.Kind, len(item.Body))
	}
	return item, nil
}
