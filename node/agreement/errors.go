package agreement

import (
	"errors"
	"fmt"
)

var (
	// ErrText means that a text is not a code, or whatever else stands for one, in its one form.
	ErrText = errors.New("agreement: not a code")
	// ErrFrame means that the other side sent what the conversation has no place for.
	ErrFrame = errors.New("agreement: the other side breaks the protocol")
	// ErrCode means that the other side has another code: a try was wrong.
	ErrCode = errors.New("agreement: the other side has another code")
	// ErrPeer means that the other side is not the device that the link or the connection names.
	ErrPeer = errors.New("agreement: the other side is another device than was meant")
	// ErrSealed means that a sealed frame was changed, repeated or left out on its way.
	ErrSealed = errors.New("agreement: a sealed frame was tampered with")
)

// RefusedError means that the host found the code wrong, as it says itself. Nobody vouches for it.
type RefusedError struct{ Left int }

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("agreement: the other device says that the code is wrong; tries left: %d", e.Left)
}

// FrameError returns an ErrFrame that says what is wrong.
func FrameError(format string, args ...any) error { return frameError(format, args...) }

func frameError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
}
