package api

import "time"

// RollQuery asks for a page of an organization's roll.
type RollQuery struct {
	Org   string `json:"org,omitzero"`   // name or id; may be empty if there is only one
	From  uint64 `json:"from,omitzero"`  // index of the first entry
	Limit int    `json:"limit,omitzero"` // at most so many; 0 or too many: MaxRollPage
}

// MaxRollPage is the most entries in a page of the roll.
const MaxRollPage = 1000

// RollPage is a page of the roll.
type RollPage struct {
	Org     string          `json:"org"`
	OrgName string          `json:"org_name"`
	Size    uint64          `json:"size"` // entries of the whole roll
	Entries List[RollEntry] `json:"entries"`
}

// RollEntry is one entry of the roll, in words.
type RollEntry struct {
	Index uint64    `json:"index"`
	Time  time.Time `json:"time,omitzero"` // the rendezvous node's stamp; none if Kind is "hidden"
	Kind  string    `json:"kind"`          // "hidden": for others
	What  string    `json:"what"`          // one line
	// Clauses are what What says, for who says it in another language; none if Kind is "hidden".
	Clauses List[Clause] `json:"clauses"`
	By      Person       `json:"by,omitzero"`     // whose key signed; none for the root key
	Key     string       `json:"key,omitzero"`    // that signed
	As      string       `json:"as,omitzero"`     // admin, device, recovery key, root key, new device
	Event   string       `json:"event,omitzero"`  // the event's id
	Void    bool         `json:"void"`            // it counts no more
	Since   uint64       `json:"since,omitzero"`  // if Void: the index of the bar that made it so, if one entry did
	Detail  string       `json:"detail,omitzero"` // the key that it is about: a device, an invitation, a node
}

// Clause is a part of what an entry says: its kind, such as "bar.wipe", and what it puts in, in the order of the English.
type Clause struct {
	Kind   string       `json:"kind"`
	Values List[string] `json:"values"`
}

// RollFileResult is what `muster check --roll` found: the file folds, and its checkpoint covers all of it.
type RollFileResult struct {
	Org        string    `json:"org"`
	OrgName    string    `json:"org_name"`
	Entries    uint64    `json:"entries"`
	Hidden     uint64    `json:"hidden"` // among them, for others than who exported it
	Checkpoint time.Time `json:"checkpoint"`
	Node       string    `json:"node"` // that signed it
	Term       uint64    `json:"term"`
	Members    int       `json:"members"` // that were not removed
}
