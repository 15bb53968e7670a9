package api

import "time"

// RendezvousResult is who orders the roll, and who did before.
type RendezvousResult struct {
	Org     string               `json:"org"`
	OrgName string               `json:"org_name"`
	Terms   List[RendezvousTerm] `json:"terms"`
}

// RendezvousTerm is a time in which one node orders the roll.
type RendezvousTerm struct {
	Number    uint64       `json:"number"`
	Node      string       `json:"node"`
	Addresses List[string] `json:"addresses"`
	From      uint64       `json:"from"` // index of the entry that began it
	Since     time.Time    `json:"since"`
	Current   bool         `json:"current"`
	Connected bool         `json:"connected"` // of the current one
}

// MoveRequest moves the sequencing duty to another rendezvous node.
type MoveRequest struct {
	Org       string `json:"org,omitzero"`        // name or id; may be empty if there is only one
	Claim     string `json:"claim"`               // the new node's link "muster:claim/…"
	RootWords string `json:"root_words,omitzero"` // the root key signs in place of this device; kept nowhere
}

// MoveResult answers MoveRequest once the new node orders the roll.
type MoveResult struct {
	Org  string `json:"org"`
	Node string `json:"node"`
	Term uint64 `json:"term"`
	Link string `json:"link"` // "muster:move/…": for members who cannot reach the old node any more
}

// FollowRequest has this device follow a move that the old node does not tell it of.
type FollowRequest struct {
	Org  string `json:"org,omitzero"` // name or id; may be empty if there is only one
	Link string `json:"link"`         // "muster:move/…"
}
