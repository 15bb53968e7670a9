package api

import "time"

// PresenceState says whether somebody is there.
type PresenceState string

// The states of presence.
const (
	PresenceOnline    PresenceState = "online"
	PresenceAway      PresenceState = "away"
	PresenceOffline   PresenceState = "offline"   // of another member also: not to be seen by us
	PresenceUnknown   PresenceState = "unknown"   // of another member: the rendezvous node cannot be asked now
	PresenceInvisible PresenceState = "invisible" // of the own account: looks offline to everybody
)

// Whom the own presence is shared with.
const (
	ShareNobody    = "nobody"
	ShareMembers   = "members" // those named
	ShareContacts  = "contacts"
	ShareEverybody = "everybody"
)

// How coarsely others see when one was last seen.
const (
	SeenNone  = "none"
	SeenDay   = "day"
	SeenHour  = "hour"
	SeenExact = "exact"
)

// PresenceQuery asks who is there. [API-40]
type PresenceQuery struct {
	Org     string       `json:"org,omitzero"`     // name or id; empty: all organizations, or where Members are
	Members List[string] `json:"members,omitzero"` // names, name@org or member ids; empty: the contacts
}

// PresenceResult answers PresenceQuery: what the own account shows, one an organization, and what others show.
type PresenceResult struct {
	Own     List[OwnPresence] `json:"own"`
	Members List[Presence]    `json:"members"` // by organization and name
}

// Presence is what a member shows.
type Presence struct {
	Org      string        `json:"org"`
	OrgName  string        `json:"org_name"`
	Member   string        `json:"member"`
	Name     string        `json:"name"`
	State    PresenceState `json:"state"`
	LastSeen time.Time     `json:"last_seen,omitzero"` // when they went offline or away, as finely as they tell
}

// OwnPresence is what the own account shows, and to whom.
type OwnPresence struct {
	Org      string        `json:"org"`
	OrgName  string        `json:"org_name"`
	State    PresenceState `json:"state"` // of this device; offline while the rendezvous node is not reached
	Share    string        `json:"share"`
	Members  List[string]  `json:"members"` // names of those it is shared with, under ShareMembers
	LastSeen string        `json:"last_seen"`
	Typing   bool          `json:"typing"`
	Allowed  bool          `json:"allowed"` // by the policy
}

// SetPresenceRequest says whether one is there: online, away or invisible. Online and away count for this device until
// the other is said or the node starts anew; invisible for all devices until another is said.
type SetPresenceRequest struct {
	Org   string        `json:"org,omitzero"` // name or id; empty: in all organizations
	State PresenceState `json:"state"`
}

// SharePresenceRequest says who may see the own presence. What is left out stays as it is.
type SharePresenceRequest struct {
	Org      string       `json:"org,omitzero"`       // name or id
	Share    string       `json:"share,omitzero"`     // nobody, members, contacts or everybody
	Members  List[string] `json:"members,omitzero"`   // with members: who
	LastSeen string       `json:"last_seen,omitzero"` // none, day, hour or exact
	Typing   *bool        `json:"typing,omitzero"`
}

// TypingRequest tells members that one is typing to them. [API-41]
type TypingRequest struct {
	Org string       `json:"org,omitzero"` // name or id; needed only where To alone is in doubt
	To  List[string] `json:"to"`           // names, name@org or member ids
}

// TypingResult answers TypingRequest. Whether anybody was told is not known.
type TypingResult struct {
	Members List[string] `json:"members"` // member ids
}
