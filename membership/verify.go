package membership

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// SafetyNumber stands for who two members are to each other. It changes exactly when a recovery key is replaced, when a
// recovery key adds a device, and when a re-admission takes effect: when somebody who does not hold a device of the
// account comes to speak for it. Devices that devices add, and bars, leave it as it is. [ROLL-130]
type SafetyNumber [keys.IDSize]byte

// side is what a safety number says of one of the two.
type side struct {
	Member   keys.MemberID    `cbor:"1,keyasint"`
	Recovery keys.PublicKey   `cbor:"2,keyasint"` // the key that counts now
	Origins  []keys.PublicKey `cbor:"3,keyasint"` // devices that no device introduced, in the order of the roll
}

// SafetyNumber returns the number of two members, the same whoever asks; false unless both are on the roll and differ.
// [ROLL-130]
func (s *State) SafetyNumber(a, b keys.MemberID) (SafetyNumber, bool) {
	first, okFirst := s.side(a)
	second, okSecond := s.side(b)
	if !okFirst || !okSecond || a == b {
		return SafetyNumber{}, false
	}
	if a.Compare(b) > 0 {
		first, second = second, first
	}
	return SafetyNumber(keys.Hash[keys.Event](keys.DomainVerify, s.org[:], wire.Encode(first), wire.Encode(second))), true
}

// Speakers returns the hash of one side of a safety number: it changes exactly when that member's part of it does; false
// for who is not on the roll. [ROLL-130]
func (s *State) Speakers(member keys.MemberID) ([keys.IDSize]byte, bool) {
	said, ok := s.side(member)
	if !ok {
		return [keys.IDSize]byte{}, false
	}
	return keys.Hash[keys.Event](keys.DomainVerify, s.org[:], wire.Encode(said)), true
}

func (s *State) side(id keys.MemberID) (side, bool) {
	a, ok := s.members[id]
	if !ok {
		return side{}, false
	}
	said := side{Member: id, Recovery: a.devices.Recovery()}
	for _, d := range a.devices.Devices() {
		if d.By.IsZero() {
			said.Origins = append(said.Origins, d.Key)
		}
	}
	return said, true
}

// Groups of digits of a safety number, and the digits of each.
const (
	numberGroups = 12
	groupDigits  = 5
)

// String returns the number as people compare it: twelve groups of five digits. [ROLL-131]
func (n SafetyNumber) String() string {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(numberGroups*groupDigits), nil)
	rest := new(big.Int).Mod(new(big.Int).SetBytes(n[:]), most)
	digits := fmt.Sprintf("%0*d", numberGroups*groupDigits, rest)
	groups := make([]string, numberGroups)
	for i := range groups {
		groups[i] = digits[i*groupDigits : (i+1)*groupDigits]
	}
	return strings.Join(groups, " ")
}

// verifyPrefix starts what one device shows to another; after it come only base64url characters.
const verifyPrefix = "muster:verify/"

// MaxVerification is the size of a verification's line in bytes.
const MaxVerification = 256

// ErrVerification means that text is not a verification in its one form.
var ErrVerification = errors.New("membership: not a verification")

// Verification is what one device shows to another's camera, so that nobody has to compare digits. It is no secret.
// [ROLL-132]
type Verification struct {
	Org    keys.OrgID    `cbor:"1,keyasint"`
	Member keys.MemberID `cbor:"2,keyasint"` // who shows it
	Number SafetyNumber  `cbor:"3,keyasint"`
}

// Link returns the verification as a line.
func (v Verification) Link() string {
	return encodeLink(verifyPrefix, v)
}

// ParseVerification reads what Link writes, and nothing else. Errors wrap ErrVerification.
func ParseVerification(link string) (Verification, error) {
	var v Verification
	if err := decodeLink(verifyPrefix, link, MaxVerification, &v, ErrVerification); err != nil {
		return Verification{}, err
	}
	return v, nil
}
