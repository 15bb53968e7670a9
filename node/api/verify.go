package api

import "time"

// VerifyQuery asks for the safety number of this account and another member.
type VerifyQuery struct {
	Org    string `json:"org,omitzero"` // name or id; needed only where Member alone is in doubt
	Member string `json:"member"`       // name, name@org or member id
}

// VerifyRequest marks a member as verified: their number was compared, by a person or by their payload. [API-16]
type VerifyRequest struct {
	Org     string `json:"org,omitzero"`
	Member  string `json:"member"`
	Payload string `json:"payload,omitzero"` // that the other's device shows; one of another number is refused
}

// VerifyResult is the safety number of two members and how it stands.
type VerifyResult struct {
	Org      string    `json:"org"`
	OrgName  string    `json:"org_name"`
	Member   Person    `json:"member"`
	Number   string    `json:"number"`  // twelve groups of five digits: the same on both sides
	Payload  string    `json:"payload"` // "muster:verify/…", to be shown to the other's device
	Verified bool      `json:"verified"`
	Since    time.Time `json:"since,omitzero"`   // when it was marked, if it was
	Warning  string    `json:"warning,omitzero"` // marked once, and fallen: what changed since
	Already  bool      `json:"already"`          // it was marked before
}

// Notice tells a person something about a member, once.
type Notice struct {
	Time   time.Time `json:"time"`
	Org    string    `json:"org"`
	Member Person    `json:"member"`
	Text   string    `json:"text"`
	// Kind is there in a notice of the device itself, for programs that say what it means; Count is how many, of NoticeDropped. [API-184]
	Kind  NoticeKind `json:"kind,omitzero"`
	Count int        `json:"count,omitzero"`
	// Returned is there in a notice of messages that the member did not get.
	Returned *ReturnedNotice `json:"returned,omitempty"`
}

// NoticeKind is what a notice of the device itself is about. The list is append-only. [API-184]
type NoticeKind string

// The kinds.
const (
	NoticeDropped NoticeKind = "dropped" // envelopes of others that were carried had to go, for want of room or for their age
	NoticeClock   NoticeKind = "clock"   // the device's clock is wrong
)

// ReturnedNotice is what a notice says of messages that were returned.
type ReturnedNotice struct {
	ID     string      `json:"id"`    // of the last of them
	Count  int         `json:"count"` // how many
	Reason StateReason `json:"reason"`
}
