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

// ContactState says who of the two may write.
type ContactState string

// The states of a contact.
const (
	ContactAcquainted ContactState = "acquainted" // both may write
	ContactIntroduced ContactState = "introduced" // we introduced ourselves: they have not accepted
	ContactAsks       ContactState = "asks"       // they introduced themselves: `accept` lets them write
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
	Introduction string       `json:"introduction,omitzero"` // the text of theirs, when State is ContactAsks
	Since        time.Time    `json:"since,omitzero"`        // when State began
}
