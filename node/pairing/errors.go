package pairing

import (
	"fmt"

	"muster.example/node/agreement"
)

// The errors of a conversation. See node/agreement.
var (
	// ErrText means that a text is neither a code nor a link in its one form.
	ErrText = agreement.ErrText
	// ErrFrame means that the other side sent what the conversation has no place for.
	ErrFrame = agreement.ErrFrame
	// ErrCode means that the other side has another code: a try was wrong.
	ErrCode = agreement.ErrCode
	// ErrPeer means that the other side is not the device that the link or the connection names.
	ErrPeer = agreement.ErrPeer
	// ErrSealed means that a sealed frame was changed, repeated or left out on its way.
	ErrSealed = agreement.ErrSealed
)

// RefusedError means that the old device found the code wrong, as it says itself. Nobody vouches for it.
type RefusedError = agreement.RefusedError

func frameError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
}
