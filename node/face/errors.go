package face

import (
	"errors"
	"fmt"

	"muster.example/node/agreement"
)

// ErrProof means that a card is not of the device at the other end.
var ErrProof = errors.New("face: the card is not of the device that shows it")

// Reason says why somebody breaks off. The list is append-only.
type Reason uint8

// The reasons.
const (
	Declined  Reason = 0 // the person said no
	OtherKind Reason = 1 // the visitor came for something else
	Outsider  Reason = 2 // not in that organization
	NotOnRoll Reason = 3 // the roll here does not have the other's device as theirs
	Forked    Reason = 4 // the two have rolls that contradict each other
	Unable    Reason = 5 // the rules refuse it, or it does not work
)

// NoError means that the other side has broken off, and says why.
type NoError struct{ Reason Reason }

// Error implements error.
func (e *NoError) Error() string {
	return fmt.Sprintf("face: the other side says no, for reason %d", e.Reason)
}

func frameError(format string, args ...any) error { return agreement.FrameError(format, args...) }
