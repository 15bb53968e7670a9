package mesh

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Prekey is a device's prekey, as it signed it. [ENV-11]
type Prekey struct {
	_      struct{} `cbor:",toarray"`
	Device keys.PublicKey
	Signed []byte
}

// Prekeys hands over prekeys: a device's own unasked, others' that were asked for. [MSH-10]
type Prekeys struct {
	List []Prekey `cbor:"1,keyasint"`
}

// Frame encodes it.
func (p Prekeys) Frame() Frame { return Frame{KindPrekeys, wire.Encode(p)} }

// ReadPrekeys reads prekeys. Nothing of them is verified. Errors wrap wire.ErrDecode.
func ReadPrekeys(f Frame) (p Prekeys, err error) { return p, read(f, KindPrekeys, &p) }

func (p Prekeys) check() error {
	if len(p.List) == 0 || len(p.List) > MostPrekeys {
		return malformed("%d prekeys", len(p.List))
	}
	for _, one := range p.List {
		if len(one.Signed) == 0 || len(one.Signed) > MaxPrekey {
			return malformed("a prekey of %d bytes", len(one.Signed))
		}
	}
	return nil
}

// Ask asks for the prekeys of devices. [MSH-11]
type Ask struct {
	Devices []keys.PublicKey `cbor:"1,keyasint"` // increasing
}

// Frame encodes it.
func (a Ask) Frame() Frame { return Frame{KindAsk, wire.Encode(a)} }

// ReadAsk reads which prekeys the other side asks for. Errors wrap wire.ErrDecode.
func ReadAsk(f Frame) (a Ask, err error) { return a, read(f, KindAsk, &a) }

func (a Ask) check() error {
	if len(a.Devices) == 0 || len(a.Devices) > MostPrekeys {
		return malformed("prekeys of %d devices are asked for", len(a.Devices))
	}
	for i, device := range a.Devices {
		if device.IsZero() || i > 0 && a.Devices[i-1].Compare(device) >= 0 {
			return malformed("devices out of order or named twice")
		}
	}
	return nil
}
