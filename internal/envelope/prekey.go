package envelope

import (
	"crypto/hpke"
	"fmt"
	"io"
	"log/slog"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// The one suite of HPKE (RFC 9180) in use: the hybrid KEM of ML-KEM-768 and X25519, so that it holds as long as either
// does. [ENV-10]
var (
	hpkeKEM  = hpke.MLKEM768X25519()
	hpkeKDF  = hpke.HKDFSHA256()
	hpkeAEAD = hpke.ChaCha20Poly1305()
)

// Prekey is a device's signed, rotating public encryption key in one organization. It comes from OpenPrekey; treat
// Key as read-only.
type Prekey struct {
	Org         keys.OrgID     `cbor:"1,keyasint"`
	Device      keys.PublicKey `cbor:"2,keyasint"`
	Key         []byte         `cbor:"3,keyasint"` // PrekeySize bytes
	LastSealing int64          `cbor:"4,keyasint"` // unix seconds: nothing is sealed to it later

	id      keys.PrekeyID
	public  hpke.PublicKey
	archive bool // it is no prekey, but an archive's key from the roll
}

// ID returns the hash of the signed fields. [ENV-12]
func (p Prekey) ID() keys.PrekeyID { return p.id }

// Expired reports whether nothing may be sealed to the prekey any more at now.
func (p Prekey) Expired(now time.Time) bool { return now.Unix() > p.LastSealing }

// signedWire is the form of everything that is signed: exact bytes and a signature over them.
type signedWire struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signature keys.Signature
}

// PrekeyPrivate is a prekey with its private half, parsed. It prints and logs as a placeholder.
type PrekeyPrivate struct {
	Prekey  Prekey
	seed    [keySize]byte
	private hpke.PrivateKey
	signed  []byte
}

// NewPrekey makes a prekey of device from 32 bytes of random and returns it with the signed bytes to publish.
// lastSealing is when senders stop using it; the caller destroys the private half once no unexpired envelope can need
// it. [ENV-11]
func NewPrekey(random io.Reader, device keys.PrivateKey, org keys.OrgID,
	lastSealing time.Time) (PrekeyPrivate, []byte, error) {
	var seed [keySize]byte
	if err := fill(random, seed[:]); err != nil {
		return PrekeyPrivate{}, nil, err
	}
	private, err := hpkeKEM.NewPrivateKey(seed[:])
	if err != nil {
		return PrekeyPrivate{}, nil, fmt.Errorf("envelope: making a prekey: %w", err)
	}
	public := private.PublicKey()
	prekey := Prekey{Org: org, Device: device.Public(), Key: public.Bytes(), LastSealing: lastSealing.Unix(), public: public}
	body := wire.Encode(prekey)
	prekey.id = keys.Hash[keys.Prekey](keys.DomainPrekey, body)
	signed := wire.Encode(signedWire{Body: body, Signature: device.Sign(keys.DomainPrekey, org, body)})
	return PrekeyPrivate{Prekey: prekey, seed: seed, private: private, signed: signed}, signed, nil
}

// OpenPrekey reads a prekey that device published in org and that can be sealed to at now: ErrMalformed, ErrBinding
// for another organization or device, ErrSignature, ErrExpired. [ENV-11] [ENV-13]
func OpenPrekey(data []byte, org keys.OrgID, device keys.PublicKey, now time.Time) (Prekey, error) {
	prekey, err := verifyPrekey(data, org, device)
	if err != nil {
		return Prekey{}, err
	}
	if prekey.Expired(now) {
		return Prekey{}, ErrExpired
	}
	if prekey.LastSealing > now.Add(MaxPrekeyTerm).Unix() {
		return Prekey{}, fmt.Errorf("%w: prekey of more than %v", ErrMalformed, MaxPrekeyTerm)
	}
	return prekey, nil
}

// OpenPrekeyInHand reads a prekey that its device hands over itself, on a connection of this moment: whatever its date, the device has
// what opens what is sealed to it, since only one of the two clocks can be right. Errors: those of OpenPrekey but for its dates. [ENV-13]
func OpenPrekeyInHand(data []byte, org keys.OrgID, device keys.PublicKey) (Prekey, error) {
	return verifyPrekey(data, org, device)
}

func verifyPrekey(data []byte, org keys.OrgID, device keys.PublicKey) (Prekey, error) {
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Prekey{}, fmt.Errorf("%w: prekey: %w", ErrMalformed, err)
	}
	var prekey Prekey
	if err := wire.Decode(signed.Body, &prekey); err != nil {
		return Prekey{}, fmt.Errorf("%w: prekey: %w", ErrMalformed, err)
	}
	if prekey.Org != org || prekey.Device != device {
		return Prekey{}, fmt.Errorf("%w: prekey of another device", ErrBinding)
	}
	if device.Verify(keys.DomainPrekey, org, signed.Body, signed.Signature) != nil {
		return Prekey{}, fmt.Errorf("%w: prekey", ErrSignature)
	}
	public, err := hpkeKEM.NewPublicKey(prekey.Key)
	if err != nil {
		return Prekey{}, fmt.Errorf("%w: prekey: %w", ErrMalformed, err)
	}
	prekey.public = public
	prekey.id = keys.Hash[keys.Prekey](keys.DomainPrekey, signed.Body)
	return prekey, nil
}

type prekeyPrivateWire struct {
	_      struct{} `cbor:",toarray"`
	Seed   [keySize]byte
	Signed []byte
}

// Signed returns the bytes to publish, as NewPrekey did.
func (p PrekeyPrivate) Signed() []byte { return p.signed }

// Marshal returns the secret form for the store at rest.
func (p PrekeyPrivate) Marshal() []byte {
	return wire.Encode(prekeyPrivateWire{Seed: p.seed, Signed: p.signed})
}

// UnmarshalPrekeyPrivate reads what Marshal wrote for device in org. Parsing takes about 0.1 ms: keep the result.
func UnmarshalPrekeyPrivate(data []byte, org keys.OrgID, device keys.PublicKey) (PrekeyPrivate, error) {
	var w prekeyPrivateWire
	if err := wire.Decode(data, &w); err != nil {
		return PrekeyPrivate{}, fmt.Errorf("%w: private prekey: %w", ErrMalformed, err)
	}
	prekey, err := verifyPrekey(w.Signed, org, device)
	if err != nil {
		return PrekeyPrivate{}, err
	}
	private, err := hpkeKEM.NewPrivateKey(w.Seed[:])
	if err != nil {
		return PrekeyPrivate{}, fmt.Errorf("%w: private prekey: %w", ErrMalformed, err)
	}
	if string(private.PublicKey().Bytes()) != string(prekey.Key) {
		return PrekeyPrivate{}, fmt.Errorf("%w: private prekey does not fit its public half", ErrMalformed)
	}
	return PrekeyPrivate{Prekey: prekey, seed: w.Seed, private: private, signed: w.Signed}, nil
}

// String implements fmt.Stringer without showing the key.
func (p PrekeyPrivate) String() string { return "[private prekey]" }

// GoString keeps %#v from showing the key.
func (p PrekeyPrivate) GoString() string { return p.String() }

// LogValue implements slog.LogValuer without showing the key.
func (p PrekeyPrivate) LogValue() slog.Value { return slog.StringValue(p.String()) }

// hpkeInfo binds an encapsulation to its place: every part has a fixed length. [ENV-14]
func hpkeInfo(domain keys.Domain, org keys.OrgID, chain keys.ChainID, sender keys.PublicKey, to Prekey) []byte {
	info := make([]byte, 0, len(domain)+1+5*keys.IDSize)
	info = append(info, domain...)
	info = append(info, 0)
	info = append(info, org[:]...)
	info = append(info, chain[:]...)
	info = append(info, sender[:]...)
	info = append(info, to.Device[:]...)
	return append(info, to.id[:]...)
}

// hpkeSeal returns encapsulation ‖ ciphertext with header as associated data.
func hpkeSeal(to hpke.PublicKey, info, header, plain []byte) ([]byte, error) {
	encapsulation, sender, err := hpke.NewSender(to, hpkeKDF, hpkeAEAD, info)
	if err != nil {
		return nil, fmt.Errorf("envelope: sealing to a prekey: %w", err)
	}
	ciphertext, err := sender.Seal(header, plain)
	if err != nil {
		return nil, fmt.Errorf("envelope: sealing to a prekey: %w", err)
	}
	return append(encapsulation, ciphertext...), nil
}

// hpkeOpen undoes hpkeSeal, or returns ErrOpen.
func hpkeOpen(private hpke.PrivateKey, info, header, sealed []byte) ([]byte, error) {
	if len(sealed) < encapsulationSize {
		return nil, ErrOpen
	}
	recipient, err := hpke.NewRecipient(sealed[:encapsulationSize], private, hpkeKDF, hpkeAEAD, info)
	if err != nil {
		return nil, ErrOpen
	}
	plain, err := recipient.Open(header, sealed[encapsulationSize:])
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
