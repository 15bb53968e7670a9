package api

import "time"

// CreateOrgRequest founds an organization on the rendezvous node that issued the claim, or on one in this very program.
type CreateOrgRequest struct {
	Claim string `json:"claim,omitzero"` // the link "muster:claim/…"
	Name  string `json:"name"`           // of the organization
	As    string `json:"as"`             // the founder's name in it
	// Here: the rendezvous node is part of this program; there is no claim then. Listen and Announce say where it listens, if it is
	// the first organization there, and by which addresses it is reached besides; multiaddrs, the usual ones if empty.
	Here     bool     `json:"here,omitzero"`
	Listen   []string `json:"listen,omitempty"`
	Announce []string `json:"announce,omitempty"`
}

// CreateOrgResult answers CreateOrgRequest once the organization is usable by the next request.
type CreateOrgResult struct {
	Org           string       `json:"org"`
	Member        string       `json:"member"`
	Device        string       `json:"device"`
	RecoveryWords List[string] `json:"recovery_words"` // 24 words the first time this person is in any organization, else none
	RootWords     List[string] `json:"root_words"`     // 24 words of the organization's root key; shown this once
	Card          string       `json:"card"`           // "muster:card/…", to keep beside the recovery words; no secret
}

// OrgSummary is one organization that this node is in.
type OrgSummary struct {
	Org        string `json:"org"`
	Name       string `json:"name"`
	Member     string `json:"member"`      // own member id
	MemberName string `json:"member_name"` // own name there
	Role       string `json:"role"`        // own role: admin, member, desk or guest
	Members    int    `json:"members"`     // how many are on the roll
	RollSize   uint64 `json:"roll_size"`   // events on the roll
	Unread     int    `json:"unread"`      // received messages that were not read
	Mentions   int    `json:"mentions"`    // those of them that mention this account
	Requests   int    `json:"requests"`    // introductions and invitations to groups that wait for an answer
}

// InviteRequest asks for an invitation. Zero values stand for the defaults.
type InviteRequest struct {
	Org       string `json:"org,omitzero"`        // name or id; may be empty if there is only one
	Role      string `json:"role,omitzero"`       // default "member"
	Uses      uint64 `json:"uses,omitzero"`       // default 1
	ExpiresIn int64  `json:"expires_in,omitzero"` // seconds from now; default seven days
	Name      string `json:"name,omitzero"`       // that the joiner must take; by an admin, for one use
	// Open makes a link to be published: the defaults are then as many uses as there may be, the longest time, and, unless
	// Apply is set, the role guest.
	Open  bool `json:"open,omitzero"`
	Apply bool `json:"apply,omitzero"` // who has it applies, and joins when an admin or enough members vouch
}

// InviteResult is an invitation, which can be used at once if it is active.
type InviteResult struct {
	Invitation string    `json:"invitation"` // the link "muster:join/…": who holds it can join
	Expires    time.Time `json:"expires"`
	Uses       uint64    `json:"uses"`
	Org        string    `json:"org"`
	OrgName    string    `json:"org_name"`
	Role       string    `json:"role"`
	Name       string    `json:"name,omitzero"` // that the joiner must take
	Apply      bool      `json:"apply"`
	// State is active, or waiting: nobody can join by it before this device has reached a rendezvous node.
	State InvitationState `json:"state"`
}

// InvitationState is how an invitation stands. The list is append-only. [API-76]
type InvitationState string

// The states.
const (
	InvitationWaiting InvitationState = "waiting" // it is to be put on the roll as soon as a rendezvous node can be reached
	InvitationActive  InvitationState = "active"  // it is on the roll, and somebody may still join by it
	InvitationRefused InvitationState = "refused" // it waited, and the rules refused it then
	InvitationOver    InvitationState = "over"    // it is on the roll, and nobody can join by it any more
)

// JoinRequest joins the organization that issued the invitation.
type JoinRequest struct {
	Invitation string `json:"invitation"`    // the link "muster:join/…"
	As         string `json:"as,omitzero"`   // the name to have there; a guest needs none
	Text       string `json:"text,omitzero"` // for an invitation to apply: who one is, at most 140 characters
	// Wait: if the rendezvous node does not know the invitation, its maker has not reached it yet. The joining is then kept, as it
	// always is while no rendezvous node answers.
	Wait bool `json:"wait,omitzero"`
}

// JoinResult answers JoinRequest once the membership is usable by the next request, the application is handed in, or the joining
// is kept for when the organization can be reached.
type JoinResult struct {
	State         JoinState    `json:"state"`
	Org           string       `json:"org"`
	OrgName       string       `json:"org_name"`
	Member        string       `json:"member"`
	Device        string       `json:"device"`
	RecoveryWords List[string] `json:"recovery_words"` // 24 words the first time this person joins anything, else none
	Card          string       `json:"card"`           // "muster:card/…", to keep beside the recovery words; no secret
}

// GiveUpRequest ends a joining that waits, or that cannot succeed any more.
type GiveUpRequest struct {
	Org string `json:"org"` // id, or name as the invitation says it
}
