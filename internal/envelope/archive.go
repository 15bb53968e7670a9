package envelope

import (
	"crypto/hpke"
	"fmt"
	"io"
	"log/slog"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// ArchiveKey is the public key of an organization's archive, as its roll names it. It stands where a device's prekey does
// and is no prekey: it does not rotate, so that whoever gets its private half reads what was ever sealed to it. [ARC-1]
type ArchiveKey struct{ prekey Prekey }

// NewArchiveKey returns the key of the archive whose service has a key, from its bytes on the roll: ErrMalformed. [ARC-1]
func NewArchiveKey(org keys.OrgID, service keys.PublicKey, kem []byte) (ArchiveKey, error) {
	public, err := hpkeKEM.NewPublicKey(kem)
	if err != nil {
		return ArchiveKey{}, fmt.Errorf("%w: the archive's key: %w", ErrMalformed, err)
	}
	prekey := Prekey{Org: org, Device: service, Key: kem, public: public, archive: true}
	prekey.id = keys.Hash[keys.Prekey](keys.DomainArchive, org[:], service[:], kem)
	return ArchiveKey{prekey}, nil
}

// Prekey returns what a chain is announced to, and what a slot of an introduction or report is for. It never expires.
func (k ArchiveKey) Prekey() Prekey { return k.prekey }

// ID returns the hash that names the key in what is sealed to it. [ARC-1]
func (k ArchiveKey) ID() keys.PrekeyID { return k.prekey.id }

// ArchivePrivate is the private half of an archive's key, which lies offline. It prints and logs as a placeholder.
type ArchivePrivate struct {
	seed    [keySize]byte
	private hpke.PrivateKey
}

// GenerateArchiveKey makes a key for an archive.
func GenerateArchiveKey(random io.Reader) (ArchivePrivate, error) {
	var seed [keySize]byte
	if err := fill(random, seed[:]); err != nil {
		return ArchivePrivate{}, err
	}
	return newArchivePrivate(seed)
}

func newArchivePrivate(seed [keySize]byte) (ArchivePrivate, error) {
	private, err := hpkeKEM.NewPrivateKey(seed[:])
	if err != nil {
		return ArchivePrivate{}, fmt.Errorf("%w: the archive's private key", ErrMalformed)
	}
	return ArchivePrivate{seed, private}, nil
}

// Public returns the public key as the roll has it: PrekeySize bytes.
func (p ArchivePrivate) Public() []byte { return p.private.PublicKey().Bytes() }

// String implements fmt.Stringer without showing the key.
func (p ArchivePrivate) String() string { return "[archive key]" }

// GoString keeps %#v from showing the key.
func (p ArchivePrivate) GoString() string { return p.String() }

// LogValue implements slog.LogValuer without showing the key.
func (p ArchivePrivate) LogValue() slog.Value { return slog.StringValue(p.String()) }

// ArchiveOpener opens what was sealed to the archive of one organization whose service has one key.
type ArchiveOpener struct {
	org     keys.OrgID
	key     ArchiveKey
	private hpke.PrivateKey
}

// For returns what opens with the key for an archive. The key must not be zero.
func (p ArchivePrivate) For(org keys.OrgID, service keys.PublicKey) (ArchiveOpener, error) {
	key, err := NewArchiveKey(org, service, p.Public())
	return ArchiveOpener{org, key, p.private}, err
}

// Announce opens the announcement of a chain: what is sealed on the chain from there on opens with it. Who the sender is, the
// roll says. Errors: ErrKind, ErrPrekey (for somebody else), ErrOpen, ErrMalformed, ErrBinding, ErrSignature. [ARC-2]
func (o ArchiveOpener) Announce(e Envelope) (*Inbound, error) {
	padded, err := o.open(e, KindAnnounce)
	if err != nil {
		return nil, err
	}
	body, err := openAnnounceBody(padded, o.org, e.parsed, o.key.ID(), keys.DomainArchive)
	if err != nil {
		return nil, err
	}
	return newInbound(o.org, e.parsed.Sender, body), nil
}

// open opens what is sealed to the archive as a whole.
func (o ArchiveOpener) open(e Envelope, kind Kind) ([]byte, error) {
	if e.parsed.Kind != kind {
		return nil, ErrKind
	}
	if keys.PrekeyID(e.Sealed[:keys.IDSize]) != o.key.ID() {
		return nil, ErrPrekey
	}
	info := hpkeInfo(e.parsed.Kind.archiveDomain(), o.org, e.parsed.Chain, e.parsed.Sender, o.key.prekey)
	return hpkeOpen(o.private, info, e.Header, e.Sealed[keys.IDSize:])
}

// archiveDomain returns the domain of what is sealed to the archive as a whole.
func (k Kind) archiveDomain() keys.Domain {
	if k == KindAttestation {
		return keys.DomainAttestation
	}
	return keys.DomainArchive
}

// slots returns the private key where openSlot looks for a device's.
func (o ArchiveOpener) slots() []PrekeyPrivate {
	return []PrekeyPrivate{{Prekey: o.key.prekey, private: o.private}}
}

// Introduction opens an introduction with what names its content in attestations. Errors as OpenIntroduction's, but that
// nobody is asked who the sender is. [ARC-3]
func (o ArchiveOpener) Introduction(e Envelope) (Introduction, keys.ContentID, error) {
	if e.parsed.Kind != KindIntroduction {
		return Introduction{}, keys.ContentID{}, ErrKind
	}
	key, err := openSlot(e, keys.DomainIntroduction, IntroductionSlots, o.org, o.key.prekey.Device, o.slots())
	if err != nil {
		return Introduction{}, keys.ContentID{}, err
	}
	padded, err := key.open(e.parsed.Salt, e.Header, e.Sealed[IntroductionSlots*slotSize:])
	if err != nil {
		return Introduction{}, keys.ContentID{}, err
	}
	in, err := openIntroductionBody(padded, o.org, e.parsed)
	return in, in.ContentID(), err
}

// Report opens a report with what names its content in attestations. Errors as OpenReport's, but that nobody is asked who
// the sender is. [ARC-3]
func (o ArchiveOpener) Report(e Envelope) (Report, keys.ContentID, error) {
	if e.parsed.Kind != KindReport {
		return Report{}, keys.ContentID{}, ErrKind
	}
	slots := reportSlots(len(e.Sealed))
	key, err := openSlot(e, keys.DomainReport, slots, o.org, o.key.prekey.Device, o.slots())
	if err != nil {
		return Report{}, keys.ContentID{}, err
	}
	padded, err := key.open(e.parsed.Salt, e.Header, e.Sealed[slots*slotSize:])
	if err != nil {
		return Report{}, keys.ContentID{}, err
	}
	report, err := openReportBody(padded, o.org, e.parsed)
	if err != nil {
		return Report{}, keys.ContentID{}, err
	}
	return report, report.ContentID(), report.verify()
}

// ContentID names what an introduction says, for attestations. [ARC-5]
func (in Introduction) ContentID() keys.ContentID {
	return keys.Hash[keys.Content](keys.DomainAttestation, []byte("introduction"), wire.Encode(in))
}

// ContentID names what a report says, for attestations. [ARC-5]
func (r Report) ContentID() keys.ContentID {
	return keys.Hash[keys.Content](keys.DomainAttestation, []byte("report"), wire.Encode(r))
}
