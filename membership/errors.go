package membership

import (
	"errors"
	"fmt"
)

// The errors of proofs, checkpoints and heads.
var (
	// ErrProof means that a proof does not lead from what it starts with to the root it is held against.
	ErrProof = errors.New("membership: the proof does not hold")
	// ErrCheckpoint means that bytes are not a checkpoint of the organization in its one form.
	ErrCheckpoint = errors.New("membership: not a checkpoint of this organization")
	// ErrCheckpointSignature means that a checkpoint lacks the log signature or the cosignature of the node expected.
	ErrCheckpointSignature = errors.New("membership: the checkpoint is not signed by the sequencer")
	// ErrSequencer means that the roll names another sequencer, or another term, than the one that signed.
	ErrSequencer = errors.New("membership: the roll names another sequencer")
	// ErrShrunk means that a checkpoint is shorter than the roll we have, and a true beginning of it: old, not forked.
	ErrShrunk = errors.New("membership: the roll shown is older than the one we have")
	// ErrEntries means that entries are not those that the checkpoint commits to.
	ErrEntries = errors.New("membership: the entries are not those of the checkpoint")
	// ErrWithheld means that the member whose device holds the roll has become a reader of entries that it holds without
	// their events: the roll is to be fetched anew from its first entry.
	ErrWithheld = errors.New("membership: the roll lacks events that this member must hold")
	// ErrAhead means that a head is of a longer roll than ours, so that nothing can be said before fetching.
	ErrAhead = errors.New("membership: the head is ahead of our roll")
	// ErrSize means that an index or size is beyond the roll.
	ErrSize = errors.New("membership: beyond the size of the roll")
	// ErrInvitation means that text is not an invitation link in its one form.
	ErrInvitation = errors.New("membership: not an invitation link")
)

// Reason is why the rules refuse an event, an entry or a grant. A Reason is an error, so that errors.Is(err, reason)
// reads a Refusal. The list is append-only: vectors and logs name its numbers. [ROLL-41]
type Reason uint8

// The reasons.
const (
	ReasonMalformed         Reason = 1  // not the canonical bytes of its kind, or beyond a cap
	ReasonSignature         Reason = 2  // a signature does not belong to the key that the body names
	ReasonOrg               Reason = 3  // of another organization
	ReasonClock             Reason = 4  // the sequencer's stamp goes back or is no date
	ReasonAudience          Reason = 5  // an audience that this kind of event does not have
	ReasonFounded           Reason = 6  // a second founding event
	ReasonNotFounded        Reason = 7  // the first entry is not a founding event
	ReasonSequencer         Reason = 8  // the second entry does not name the sequencer
	ReasonFuture            Reason = 9  // made at a size that the roll has not reached
	ReasonStale             Reason = 10 // what the author had not seen is older than the policy allows
	ReasonNotMember         Reason = 11 // not signed by a device of a member
	ReasonRole              Reason = 12 // the member's role does not allow it
	ReasonCounter           Reason = 13 // not the signer's next counter: replayed or out of turn
	ReasonDuplicateKey      Reason = 14 // a key that the organization already has in some use
	ReasonKey               Reason = 15 // a key with which anybody can sign
	ReasonNameRule          Reason = 16 // a name that the rule refuses
	ReasonNameTaken         Reason = 17 // another member has the name
	ReasonInvitationUnknown Reason = 18 // no such invitation
	ReasonInvitationUsed    Reason = 19 // as many have joined by it as it allows
	ReasonInvitationExpired Reason = 20 // its date is past
	ReasonPolicy            Reason = 21 // a policy beyond its bounds
	ReasonTerm              Reason = 22 // a term of sequencing that cannot follow
	ReasonMove              Reason = 23 // a move of the sequencing duty that does not name the roll before it
	ReasonLimit             Reason = 24 // as many as there may be
	ReasonKeyRole           Reason = 25 // this takes another key: a recovery key, a device, an admin
	ReasonSenior            Reason = 26 // the device is not junior to the one that signed
	ReasonFrozen            Reason = 27 // the account is frozen
	ReasonCooling           Reason = 28 // the account was frozen too short a time ago
	ReasonSuspended         Reason = 29 // the member is suspended
	ReasonBarred            Reason = 30 // the device is barred, or ended by a re-admission
	ReasonUnknown           Reason = 31 // no such device, member or re-admission
	ReasonAlready           Reason = 32 // it is so already
	ReasonLastAdmin         Reason = 33 // nobody would be left to act for the organization
	ReasonNameHeld          Reason = 34 // the name was somebody else's until lately
	ReasonNameReserved      Reason = 35 // the name is reserved, and no admin gives it
	ReasonEarly             Reason = 36 // the delay of a re-admission is not over
	ReasonInvitationRevoked Reason = 37 // taken back, or its maker may not invite any more
	ReasonOwnAccount        Reason = 38 // an admin's power does not reach the admin's own account
	ReasonRemoved           Reason = 39 // the member was removed
	ReasonLastModerator     Reason = 40 // the group would be left without a moderator
	ReasonGroupClosed       Reason = 41 // the group is closed, or its creation counts no more
	ReasonNotInvited        Reason = 42 // the group is by invitation
	ReasonVouch             Reason = 43 // a join by an invitation to apply takes a vouch, and no other takes one
	ReasonContrast          Reason = 44 // text that cannot be read on its surface
)

var reasonText = [...]string{
	ReasonMalformed:         "malformed",
	ReasonSignature:         "signature does not verify",
	ReasonOrg:               "of another organization",
	ReasonClock:             "stamp goes back or is no date",
	ReasonAudience:          "audience not allowed",
	ReasonFounded:           "already founded",
	ReasonNotFounded:        "not founded yet",
	ReasonSequencer:         "no sequencer named yet",
	ReasonFuture:            "made at a size that the roll has not reached",
	ReasonStale:             "made too long ago",
	ReasonNotMember:         "not signed by a member's device",
	ReasonRole:              "role does not allow it",
	ReasonCounter:           "not the signer's next counter",
	ReasonDuplicateKey:      "key already in use",
	ReasonKey:               "weak key",
	ReasonNameRule:          "name breaks the rule",
	ReasonNameTaken:         "name is taken",
	ReasonInvitationUnknown: "invitation is not on the roll",
	ReasonInvitationUsed:    "invitation is used up",
	ReasonInvitationExpired: "invitation has expired",
	ReasonPolicy:            "policy beyond its bounds",
	ReasonTerm:              "term does not follow",
	ReasonMove:              "move does not follow the roll",
	ReasonLimit:             "as many as there may be",
	ReasonKeyRole:           "this takes another key",
	ReasonSenior:            "not junior to the device that signed",
	ReasonFrozen:            "account is frozen",
	ReasonCooling:           "account was frozen too short a time ago",
	ReasonSuspended:         "member is suspended",
	ReasonBarred:            "device is barred",
	ReasonUnknown:           "not on the roll",
	ReasonAlready:           "it is so already",
	ReasonLastAdmin:         "an organization keeps an admin",
	ReasonNameHeld:          "name was another member's until lately",
	ReasonNameReserved:      "name is reserved",
	ReasonEarly:             "delay is not over",
	ReasonInvitationRevoked: "invitation was taken back",
	ReasonOwnAccount:        "not for the admin's own account",
	ReasonRemoved:           "member was removed",
	ReasonLastModerator:     "a group keeps a moderator",
	ReasonGroupClosed:       "group is closed",
	ReasonNotInvited:        "not invited to the group",
	ReasonVouch:             "a vouch goes with an invitation to apply",
	ReasonContrast:          "too little contrast",
}

// String returns a short English text.
func (r Reason) String() string {
	if int(r) < len(reasonText) && reasonText[r] != "" {
		return reasonText[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Error implements error.
func (r Reason) Error() string { return "membership: " + r.String() }

// Refusal says that the rules refuse something, and why. What was there before is unchanged.
type Refusal struct {
	Reason Reason
	Detail string // what was wrong, for people; may quote names and numbers, never secrets; may be empty
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Detail == "" {
		return "membership: refused: " + r.Reason.String()
	}
	return "membership: refused: " + r.Reason.String() + ": " + r.Detail
}

// Unwrap returns the reason, so that errors.Is(err, ReasonNameTaken) holds.
func (r *Refusal) Unwrap() error { return r.Reason }

// ReasonOf returns the reason of the refusal in err, or false if err holds none.
func ReasonOf(err error) (Reason, bool) {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		return 0, false
	}
	return refusal.Reason, true
}

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// ForkError means that the sequencer signed, or a member holds, a roll that cannot be continued from or to ours. Its
// notes are evidence: the caller keeps them.
type ForkError struct {
	Own, Other         []byte // checkpoints: the last we adopted, nil if none; the one refused, nil from Compare
	Size               uint64 // the size of the other head
	OwnRoot, OtherRoot Hash   // our root at our size or, if Proved, at Size; the other root
	// Proved is true if the two roots alone show the fork: both are of one size. It is false if a proof of
	// consistency did not hold, which whoever passed it on can have caused.
	Proved bool
}

// Error implements error.
func (e *ForkError) Error() string {
	if e.Proved {
		return fmt.Sprintf("membership: the roll has forked: two roots at size %d", e.Size)
	}
	return fmt.Sprintf("membership: the roll may have forked: no proof that size %d continues ours", e.Size)
}

// RuleBrokenError means that the sequencer signed a roll with an entry that the rules refuse. The entries before it
// are folded, it and those after it are not. The note and the entry are evidence: the caller keeps them.
type RuleBrokenError struct {
	Index   uint64 // of the entry in the roll
	Refusal *Refusal
	Note    []byte // the checkpoint that commits to the entry
}

// Error implements error.
func (e *RuleBrokenError) Error() string {
	return fmt.Sprintf("membership: entry %d of the signed roll breaks a rule: %v", e.Index, e.Refusal)
}

// Unwrap returns the refusal.
func (e *RuleBrokenError) Unwrap() error { return e.Refusal }
