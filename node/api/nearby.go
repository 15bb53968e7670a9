package api

import "time"

// MeetingKind is what two people meet for on a local network. The list is append-only.
type MeetingKind string

// The kinds.
const (
	MeetInvitation MeetingKind = "invitation" // one gives the other an invitation
	MeetCard       MeetingKind = "card"       // both exchange contact cards
)

// CardRequest shows a code to exchange contact cards by.
type CardRequest struct {
	Org string `json:"org,omitzero"` // name or id; may be empty if there is only one
}

// MeetingCode is what the person who has it shown reads out. It is a secret.
type MeetingCode struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"` // when it is void
}

// VisitRequest looks on the local network for who shows a code.
type VisitRequest struct {
	Code string      `json:"code"`
	Kind MeetingKind `json:"kind"` // what one comes for
}

// MeetingState is how far a meeting is. The list is append-only.
type MeetingState string

// The states.
const (
	MeetingNone    MeetingState = "none"    // there is none, and was none since the node started
	MeetingWaiting MeetingState = "waiting" // for the other: for somebody to enter the code, or to find who shows it
	MeetingAsked   MeetingState = "asked"   // for this person's answer
	MeetingTalking MeetingState = "talking" // for the other's answer, or their device
	MeetingDone    MeetingState = "done"    // the invitation is with the other, or kept here; or both have each other's card
	MeetingFailed  MeetingState = "failed"  // Error says why
)

// Meeting is the meeting that is under way here, or was last.
type Meeting struct {
	State   MeetingState `json:"state"`
	Kind    MeetingKind  `json:"kind,omitzero"`
	Host    bool         `json:"host"`  // the code is shown here
	Tries   int          `json:"tries"` // that are left, on the host
	Org     string       `json:"org,omitzero"`
	OrgName string       `json:"org_name,omitzero"`
	Who     Person       `json:"who,omitzero"`  // the other, once that is known; of who invites the name alone, which nobody vouches for
	Role    string       `json:"role,omitzero"` // of who joins
	Name    string       `json:"name,omitzero"` // that the joiner must take
	Apply   bool         `json:"apply"`         // members decide who joins by the invitation
	// Invitation is how the invitation stood when it was handed over. Unheard: the other device did not say that it has it; whether
	// it has is not known, and the invitation stands.
	Invitation InvitationState `json:"invitation,omitzero"`
	Unheard    bool            `json:"unheard,omitzero"`
	Contact    *Contact        `json:"contact,omitzero"` // once cards are exchanged
	Error      *Error          `json:"error,omitzero"`
	Version    uint64          `json:"version"` // grows with each change
}

// Over reports whether nothing more comes of it.
func (m Meeting) Over() bool {
	return m.State == MeetingNone || m.State == MeetingDone || m.State == MeetingFailed
}

// MeetingQuery asks how far it is.
type MeetingQuery struct {
	After uint64 `json:"after,omitzero"` // wait a while for one of a higher version
}

// AnswerRequest says yes to what is asked, or ends a meeting.
type AnswerRequest struct {
	No   bool   `json:"no,omitzero"`
	As   string `json:"as,omitzero"`   // to an invitation: the name to have there; a guest needs none
	Text string `json:"text,omitzero"` // to one to apply: who one is, at most 140 characters
}

// AnswerResult is how far the meeting is after the answer.
type AnswerResult struct {
	Meeting Meeting `json:"meeting"`
	// Joined is what joining came to, after a yes to an invitation: shown this once, with the recovery words.
	Joined *JoinResult `json:"joined,omitzero"`
}
