package pairing

import (
	"io"

	"muster.example/internal/keys"
	"muster.example/node/agreement"
)

// Slots is how many numbers of slots there are: five digits.
const Slots = agreement.Slots

// Code is what a person reads out. It is a secret. [PAIR-1]
type Code = agreement.Code

// Setup is what a side knows before the conversation.
type Setup = agreement.Setup

// purpose is what keeps codes of a pairing apart from all others.
var purpose = agreement.Purpose{Domain: keys.DomainPairing, Host: "old", Visitor: "new"}

// NewCode makes a code for a slot. It panics if random fails, as crypto/rand does.
func NewCode(random io.Reader, slot uint32) Code { return agreement.NewCode(random, slot) }

// NewSlot draws the number of a slot.
func NewSlot(random io.Reader) uint32 { return agreement.NewSlot(random) }

// ParseCode reads a code as people type it. Errors wrap ErrText, and are for the person alone.
func ParseCode(text string) (Code, error) { return agreement.ParseCode(text) }

// RefuseFrame is what a new device with a wrong code is told in the place of a confirmation.
func RefuseFrame(left int) []byte { return agreement.RefuseFrame(left) }
