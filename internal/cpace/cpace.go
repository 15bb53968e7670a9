package cpace

import (
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/gtank/ristretto255"
)

// Sizes in bytes.
const (
	ShareSize = 32               // of a share, the encoding of a point
	KeySize   = sha512.Size      // of the key that a run yields
	TagSize   = sha512.Size      // of a confirmation
	blockSize = sha512.BlockSize // of the hash's input: the secret is padded to fill one
)

// The draft's domain separation strings of the group.
const (
	domain    = "CPaceRistretto255"
	domainKey = "CPaceRistretto255_ISK"
	domainMAC = "CPaceMac"
)

var (
	// ErrShare means that the other side's share encodes no point, or the one of which every multiple is alike.
	ErrShare = errors.New("cpace: the share is no point that counts")
	// ErrConfirm means that the other side has another key: it does not know the secret, or means another run.
	ErrConfirm = errors.New("cpace: the other side has another key")
)

// Input is what both sides must put in alike.
type Input struct {
	Secret  []byte // the short secret, of any length
	Context []byte // what the key is for, and between whom, as far as both know it before
	Session []byte // unique for the run
}

// Run is one side of one run, from its share on. It is used once and is a secret.
type Run struct {
	initiator bool
	session   []byte
	scalar    *ristretto255.Scalar
	share     [ShareSize]byte
	data      []byte // associated data of this side
}

// String implements fmt.Stringer without showing the secret scalar.
func (r *Run) String() string { return "[cpace run]" }

// GoString keeps %#v from showing the secret scalar.
func (r *Run) GoString() string { return r.String() }

// LogValue implements slog.LogValuer without showing the secret scalar.
func (r *Run) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Start begins a run. data is what this side says openly beside its share, and what the key then vouches for. Only the
// two sides' roles tell them apart, so they must differ. It panics if random fails, as crypto/rand does. [PAIR-3]
func Start(random io.Reader, initiator bool, in Input, data []byte) *Run {
	var raw [32]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		panic(fmt.Sprintf("cpace: no randomness: %v", err))
	}
	return start(raw, initiator, in, data)
}

// start is Start with the scalar's bytes, of which the bits from 252 on are dropped, as section 8.3 has it: what is left
// is below the order of the group.
func start(raw [32]byte, initiator bool, in Input, data []byte) *Run {
	raw[31] &= 0x0f
	scalar, err := ristretto255.NewScalar().SetCanonicalBytes(raw[:])
	if err != nil {
		panic(fmt.Sprintf("cpace: 252 bits refused as a scalar: %v", err))
	}
	r := &Run{initiator: initiator, session: in.Session, scalar: scalar, data: data}
	copy(r.share[:], ristretto255.NewIdentityElement().ScalarMult(scalar, generator(in)).Bytes())
	return r
}

// Share returns what the other side is to get.
func (r *Run) Share() [ShareSize]byte { return r.share }

// Finish ends the run with the other side's share and associated data. The error is ErrShare. That it is nil says nothing
// of whether the other side knows the secret: Confirm does.
func (r *Run) Finish(share [ShareSize]byte, data []byte) (*Session, error) {
	point, err := multiply(r.scalar, share)
	if err != nil {
		return nil, err
	}
	own, other := transcript(r.share, r.data), transcript(share, data)
	first, second := own, other
	if !r.initiator {
		first, second = other, own
	}
	hash := sha512.New()
	hash.Write(concatenated([]byte(domainKey), r.session, point[:]))
	hash.Write(first)
	hash.Write(second)
	s := &Session{own: own, other: other}
	hash.Sum(s.key[:0])
	mac := sha512.New()
	mac.Write([]byte(domainMAC))
	mac.Write(r.session)
	mac.Write(s.key[:])
	s.mac = mac.Sum(nil)
	return s, nil
}

// multiply is the draft's scalar_mult_vfy, with an error in the place of the neutral element. [PAIR-4]
func multiply(scalar *ristretto255.Scalar, share [ShareSize]byte) (product [ShareSize]byte, err error) {
	point, err := ristretto255.NewIdentityElement().SetCanonicalBytes(share[:])
	if err != nil {
		return product, ErrShare
	}
	point.ScalarMult(scalar, point)
	if point.Equal(ristretto255.NewIdentityElement()) == 1 {
		return product, ErrShare
	}
	copy(product[:], point.Bytes())
	return product, nil
}

// generator is the draft's calculate_generator: the point that the secret stands for in this run.
func generator(in Input) *ristretto255.Element {
	hash := sha512.Sum512(generatorString(in))
	point, err := ristretto255.NewIdentityElement().SetUniformBytes(hash[:])
	if err != nil {
		panic(fmt.Sprintf("cpace: 64 bytes refused as uniform: %v", err))
	}
	return point
}

// generatorString puts the secret into the first block of the hash alone.
func generatorString(in Input) []byte {
	padding := max(0, blockSize-1-len(prefixed(nil, in.Secret))-len(prefixed(nil, []byte(domain))))
	return concatenated([]byte(domain), in.Secret, make([]byte, padding), in.Context, in.Session)
}

func transcript(share [ShareSize]byte, data []byte) []byte { return concatenated(share[:], data) }

// concatenated is the draft's lv_cat: each part with its length before it.
func concatenated(parts ...[]byte) (all []byte) {
	for _, part := range parts {
		all = prefixed(all, part)
	}
	return all
}

// prefixed is the draft's prepend_len: the length in LEB128, then the part.
func prefixed(b, part []byte) []byte {
	n := len(part)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), part...)
}

// Session is what a run yields. It is a secret.
type Session struct {
	key        [KeySize]byte
	mac        []byte
	own, other []byte
}

// String implements fmt.Stringer without showing the key.
func (s *Session) String() string { return "[cpace session]" }

// GoString keeps %#v from showing the key.
func (s *Session) GoString() string { return s.String() }

// LogValue implements slog.LogValuer without showing the key.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Key returns the key that the run yields, to derive others from: the draft's ISK. It is shared with whoever knows the
// secret only once Confirm has returned nil.
func (s *Session) Key() [KeySize]byte { return s.key }

// Tag returns the confirmation for the other side. A side that may be guessed at sends it only after it got the other's.
func (s *Session) Tag() [TagSize]byte { return s.tag(s.own) }

// Confirm returns nil if tag is the other side's confirmation of the same key, else ErrConfirm. [PAIR-5]
func (s *Session) Confirm(tag [TagSize]byte) error {
	want := s.tag(s.other)
	if !hmac.Equal(want[:], tag[:]) {
		return ErrConfirm
	}
	return nil
}

func (s *Session) tag(of []byte) (tag [TagSize]byte) {
	mac := hmac.New(sha512.New, s.mac)
	mac.Write(of)
	mac.Sum(tag[:0])
	return tag
}
