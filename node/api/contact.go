package api

import "time"

// IntroduceRequest makes first contact with a member.
type IntroduceRequest struct {
	Org    string `json:"org,omitzero"` // name or id; needed only where Member alone is in doubt
	Member string `json:"member"`       // name, name@org or member id
	Text   string `json:"text"`         // plain text of at most 140 characters
}

// IntroduceResult answers IntroduceRequest. To introduce oneself to an acquaintance is no error.
type IntroduceResult struct {
	Contact Contact `json:"contact"`
	ID      string  `json:"id,omitzero"` // of the introduction; none if nothing was sent
	Already bool    `json:"already"`     // both may write already: nothing was sent
}

// AcceptRequest lets a member write to this one. [API-12]
type AcceptRequest struct {
	Org    string `json:"org,omitzero"` // name or id; needed only where Member alone is in doubt
	Member string `json:"member"`       // name, name@org or member id
}

// AcceptResult answers AcceptRequest once the next message can be sent. To accept twice is no error.
type AcceptResult struct {
	Contact Contact `json:"contact"`
	Already bool    `json:"already"` // had been accepted before
}

// ContactRequest changes how one stands with a member: blocks, unblocks or declines. [API-17]
type ContactRequest struct {
	Org    string `json:"org,omitzero"` // name or id; needed only where Member alone is in doubt
	Member string `json:"member"`       // name, name@org or member id
}

// ContactResult answers ContactRequest. What is so already is no error.
type ContactResult struct {
	Contact Contact `json:"contact"`
	Already bool    `json:"already"`
}

// ContactState says who of the two may write.
type ContactState string

// The states of a contact.
const (
	ContactAcquainted ContactState = "acquainted" // both may write
	ContactIntroduced ContactState = "introduced" // we introduced ourselves: they have not accepted
	ContactAsks       ContactState = "asks"       // they introduced themselves: `accept` lets them write
	ContactReadmitted ContactState = "readmitted" // an admin gave the account to a new device: `accept` confirms that it is still them
	ContactAllowed    ContactState = "allowed"    // they may write; they have not let this account
	ContactBlocked    ContactState = "blocked"    // this account hears nothing of them, and they are not told: `unblock` ends it
	ContactDeclined   ContactState = "declined"   // they introduced themselves and get no answer: `accept` still lets them write
	ContactMember     ContactState = "member"     // on the roll, neither has introduced itself; listed on demand only
)

// ContactsQuery asks for contacts.
type ContactsQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
	All bool   `json:"all,omitzero"` // also the members without any contact
}

// Contact is another member and how one stands with them.
type Contact struct {
	Org          string       `json:"org"`
	OrgName      string       `json:"org_name"`
	Member       string       `json:"member"`
	Name         string       `json:"name"`
	Role         string       `json:"role"`
	State        ContactState `json:"state"`
	Introduction string       `json:"introduction,omitzero"` // the text of theirs, when State is ContactAsks or ContactDeclined
	Since        time.Time    `json:"since,omitzero"`        // when State began
	Verified     bool         `json:"verified"`              // the safety number was compared, and has not changed since
	Warning      string       `json:"warning,omitzero"`      // verified once, and not any more: what changed
	Contact      string       `json:"contact,omitzero"`      // by the policy: free, introduction or refused
	Archived     bool         `json:"archived,omitzero"`     // the account's messages go to the organization's archive
	Formerly     List[string] `json:"formerly,omitzero"`     // earlier names, oldest first; with All alone
	Unconfirmed  Unconfirmed  `json:"unconfirmed,omitzero"`  // the roll does not have them
}
