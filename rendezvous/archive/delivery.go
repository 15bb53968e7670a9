package archive

import (
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/rvproto"
)

// arrival is a delivery on its way into the store.
type arrival struct {
	item   segment.Named
	sender keys.PublicKey // of an envelope: whom the receipt is for
	from   *connection
}

// taken is what a connection acknowledges: an envelope by a receipt for its sender, what else there is by its id alone.
type taken struct {
	id     keys.EnvelopeID
	sender keys.PublicKey
}

// itemOf makes an item of a delivery. An envelope is stored as it came, whatever it says. Errors: errOther. [ARC-50]
func itemOf(d *rvproto.DeliverFrame, node keys.PublicKey, now int64) (arrival, error) {
	a := arrival{item: segment.Named{Item: segment.Item{Arrived: now, Kind: uint8(d.Kind), From: node, Body: d.Body}}}
	switch d.Kind {
	case rvproto.KindEnvelope:
		e, err := envelope.View(d.Body, rvproto.MaxEnvelope)
		if err != nil {
			return arrival{}, errOther
		}
		a.item.ID, a.sender = e.ID(), e.ParsedHeader().Sender
	case rvproto.KindReceipt:
		a.item.ID = rvproto.ReceiptID(d.Body)
	case rvproto.KindReturn:
		a.item.ID = rvproto.ReturnID(d.Body)
	case rvproto.KindGap:
		a.item.ID = rvproto.GapID(d.Body)
	default:
		return arrival{}, errOther
	}
	return a, nil
}
