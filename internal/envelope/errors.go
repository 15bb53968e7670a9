package envelope

import (
	"errors"
	"fmt"
)

// What can be wrong with bytes from elsewhere, one error a layer, outermost first. Every error of this package wraps
// one of these, one of the caller's mistakes below, or an error of the io.Reader.
var (
	// ErrMalformed: not the one encoding, or against a rule of form.
	ErrMalformed = errors.New("envelope: malformed")
	// ErrTooLarge: above a limit.
	ErrTooLarge = errors.New("envelope: too large")
	// ErrKind: a message where an announcement is meant, or the like.
	ErrKind = errors.New("envelope: not of the expected kind")
	// ErrPrekey: unknown, destroyed, or another device's.
	ErrPrekey = errors.New("envelope: sealed to a prekey that is not here")
	// ErrChain: not for this Inbound.
	ErrChain = errors.New("envelope: of another chain or sender")
	// ErrOpen: wrong key, or altered on the way.
	ErrOpen = errors.New("envelope: does not open")
	// ErrSignature: not signed by the named device.
	ErrSignature = errors.New("envelope: signature does not verify")
	// ErrBinding: other organization, conversation, chain, position, prekey or envelope.
	ErrBinding = errors.New("envelope: signed for another place")
	// ErrMember: the conversation or introduction is of other members.
	ErrMember = errors.New("envelope: sender or receiver is not a party to it")
	// ErrExpired: fetch a newer one.
	ErrExpired = errors.New("envelope: prekey's last sealing date has passed")
	// ErrReplayed: see ReplayError.
	ErrReplayed = errors.New("envelope: position was opened before")
	// ErrCloned: see ReplayError.
	ErrCloned = errors.New("envelope: two messages at one position")
	// ErrSkipped: more than MaxSkip positions.
	ErrSkipped = errors.New("envelope: too far ahead of the last message")
	// ErrBefore: position before the announced one.
	ErrBefore = errors.New("envelope: from before this device was let in")
	// ErrText: see CheckText.
	ErrText = errors.New("envelope: text breaks the rule of introductions")
)

// The caller's own mistakes when sealing.
var (
	ErrPlace  = errors.New("envelope: a conversation is of 1 to 256 members, a group, or a guest, and its leave fits it")
	ErrSlots  = errors.New("envelope: an introduction is for 1 to 8 prekeys of one organization, a report for 1 to 64")
	ErrSpent  = errors.New("envelope: the chain has no position left")
	ErrDevice = errors.New("envelope: the signing key is not the chain's device")
)

// Replay says what is known about a message whose position was opened before.
type Replay uint8

// The cases of Replay.
const (
	ReplayRepeat    Replay = iota + 1 // the very message: harmless, answer it again
	ReplayClone                       // another message by a holder of the chain: the sender runs twice, or was put back
	ReplayForgotten                   // opened too long ago to tell, or its key was dropped unused for want of room
)

// ReplayError is what Inbound.Open returns for a position whose key is gone. It matches ErrReplayed, and ErrCloned
// too if a different message was opened there. A clone is reported only for bytes that a holder of the chain's keys
// made: the rendezvous node or a carrier cannot provoke it by altering a message. [ENV-34]
type ReplayError struct {
	Position uint64
	Case     Replay
}

// Error implements error.
func (e *ReplayError) Error() string {
	if e.Case == ReplayClone {
		return fmt.Sprintf("%v: %d", ErrCloned, e.Position)
	}
	return fmt.Sprintf("%v: %d", ErrReplayed, e.Position)
}

// Is makes errors.Is work with the two sentinels.
func (e *ReplayError) Is(target error) bool {
	return target == ErrReplayed || target == ErrCloned && e.Case == ReplayClone
}
