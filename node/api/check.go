package api

import "time"

// CheckResult is what `muster check` found in a folder at rest.
type CheckResult struct {
	Orgs   List[CheckedOrg] `json:"orgs"`
	Values int              `json:"values"` // read in the store
	Proofs int              `json:"proofs"` // files of evidence that prove what they say
	Damage List[string]     `json:"damage"` // what cannot be read, or contradicts itself; one line each
}

// CheckedOrg is one organization's part of CheckResult.
type CheckedOrg struct {
	Org        string    `json:"org"`
	Name       string    `json:"name"`       // "" if the roll cannot be folded
	Entries    uint64    `json:"entries"`    // of the roll, folded again
	Checkpoint time.Time `json:"checkpoint"` // when the newest was signed
	Distrusted bool      `json:"distrusted"` // as in RollStatus
	Records    int       `json:"records"`    // of the history
	Messages   int       `json:"messages"`   // among them
	Alarms     int       `json:"alarms"`
}

// EvidenceResult is what `muster check --evidence` found.
type EvidenceResult struct {
	Proved  bool   `json:"proved"`
	Org     string `json:"org"`
	OrgName string `json:"org_name"` // as its founder named it
	Node    string `json:"node"`     // the rendezvous node that broke its word: its peer id
	Term    uint64 `json:"term"`
	What    string `json:"what"` // it did
}
