package wire

import "fmt"

// Status is a peer's answer as a number. The list is append-only; text never crosses the wire. A Status other than OK
// is an error. [WIRE-5]
type Status uint16

// The statuses.
const (
	StatusOK          Status = 0
	StatusMalformed   Status = 1  // the request did not decode
	StatusNotMember   Status = 2  // the peer is not on the roll
	StatusRefused     Status = 3  // the roll's rules or the policy forbid it
	StatusNoLeave     Status = 4  // the recipient has not granted leave to write
	StatusTooLarge    Status = 5  // above the policy's or the protocol's size
	StatusFull        Status = 6  // no room now: try later
	StatusUnavailable Status = 7  // a fault on the answering side: try later
	StatusNotFound    Status = 8  // no such organization, member, device or object
	StatusStale       Status = 9  // made at a roll size or time that is too old: fetch and try again
	StatusUsed        Status = 10 // the claim, invitation or counter is used up
	StatusExpired     Status = 11 // the invitation or object has expired
	StatusNameTaken   Status = 12 // another member has the name
	StatusBadName     Status = 13 // the name breaks the name rule
	StatusLimit       Status = 14 // a daily allowance is used up
	StatusBarred      Status = 15 // the device is barred, or was ended by a re-admission
	StatusSuspended   Status = 16 // the member is suspended
	StatusMoved       Status = 17 // another node orders the roll now: the answer holds the event that says so
	StatusConflict    Status = 18 // a rule about accounts forbids it as things are: it may be allowed later
	StatusPending     Status = 19 // an application that waits for a decision: ask again
	StatusParked      Status = 20 // the device stayed away for so long that nothing is kept for it

	StatusArchive     Status = 30 // the archive must be among the recipients: fetch the roll and seal again
	StatusArchiveFull Status = 31 // what waits for the archive leaves no room: try later
)

var statusText = [...]string{
	StatusOK:          "ok",
	StatusMalformed:   "malformed request",
	StatusNotMember:   "not a member",
	StatusRefused:     "refused by the rules of the organization",
	StatusNoLeave:     "the recipient has not allowed this sender to write",
	StatusTooLarge:    "too large",
	StatusFull:        "no room now",
	StatusUnavailable: "not available now",
	StatusNotFound:    "not found",
	StatusStale:       "made against a roll that is too old",
	StatusUsed:        "already used up",
	StatusExpired:     "expired",
	StatusNameTaken:   "the name is taken",
	StatusBadName:     "the name breaks the name rule",
	StatusLimit:       "the daily allowance is used up",
	StatusBarred:      "the device is barred",
	StatusSuspended:   "the member is suspended",
	StatusMoved:       "the organization has moved to another rendezvous node",
	StatusConflict:    "not as things are: the account is frozen, the device not senior, it is so already, or it is too early",
	StatusPending:     "the application waits for a decision",
	StatusParked:      "the device has stayed away for too long: nothing is kept for it",

	StatusArchive:     "it touches an account that is archived, and is not for the archive",
	StatusArchiveFull: "the archive is behind, and messages of archived accounts wait for it",
}

// Error implements error with a short English text that was never on the wire.
func (s Status) Error() string {
	if int(s) < len(statusText) && statusText[s] != "" {
		return statusText[s]
	}
	return fmt.Sprintf("status %d, which this version does not know", uint16(s))
}

// Retryable reports whether the same request may succeed later without a change.
func (s Status) Retryable() bool {
	return s == StatusFull || s == StatusUnavailable || s == StatusArchiveFull
}

// Err returns nil for StatusOK, else the status as an error.
func (s Status) Err() error {
	if s == StatusOK {
		return nil
	}
	return s
}
