package api

import "time"

// RendezvousResult is who orders the roll, and who did before.
type RendezvousResult struct {
	Org     string               `json:"org"`
	OrgName string               `json:"org_name"`
	Terms   List[RendezvousTerm] `json:"terms"`
	Nodes   List[RendezvousNode] `json:"nodes"` // that serve now, the one that orders the roll first
	Already bool                 `json:"already,omitzero"`
}

// What a rendezvous node does.
const (
	NodeOrders = "orders" // it orders the roll, and serves
	NodeServes = "serves"
)

// RendezvousNode is a node that serves an organization now. [API-140]
type RendezvousNode struct {
	Node      string       `json:"node"`
	Addresses List[string] `json:"addresses"`
	Role      string       `json:"role"` // NodeOrders, NodeServes
	Connected bool         `json:"connected"`
	LatencyMS int64        `json:"latency_ms,omitzero"` // of an answer, while connected
	Posting   bool         `json:"posting,omitzero"`    // this device posts to it
}

// NodesRequest adds a further rendezvous node or takes one away. [API-141]
type NodesRequest struct {
	Org       string `json:"org,omitzero"`
	Claim     string `json:"claim,omitzero"`      // the new node's link "muster:claim/…"
	Remove    string `json:"remove,omitzero"`     // key, its end, or address of the node to take away
	RootWords string `json:"root_words,omitzero"` // the root key signs in place of this device; kept nowhere
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
	Claim     string `json:"claim,omitzero"`      // the new node's link "muster:claim/…"
	To        string `json:"to,omitzero"`         // a node that serves already: its key, the end of that, or an address
	Here      bool   `json:"here,omitzero"`       // the new node is part of this program; there is no claim then
	RootWords string `json:"root_words,omitzero"` // the root key signs in place of this device; kept nowhere
	// Listen and Announce are as in CreateOrgRequest, for Here.
	Listen   []string `json:"listen,omitempty"`
	Announce []string `json:"announce,omitempty"`
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
