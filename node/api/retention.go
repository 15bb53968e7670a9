package api

import "time"

// Retention is for how long an account keeps its history in one organization.
type Retention struct {
	Org     string    `json:"org"`
	OrgName string    `json:"org_name"`
	Keep    string    `json:"keep"`            // what was chosen: "forever", or months, "12m"
	Default bool      `json:"default"`         // nobody chose it
	From    time.Time `json:"from,omitzero"`   // what came before is not kept; zero: all is kept
	Older   int       `json:"older"`           // messages on this device that came before
	Due     time.Time `json:"due,omitzero"`    // when a choice of another device takes effect here; zero: it has
	Chosen  bool      `json:"chosen,omitzero"` // the request has chosen it now; else the choice that it asks for is described
}

// RetentionQuery asks for how long history is kept.
type RetentionQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}

// RetentionRequest chooses for how long history is kept. Nothing is chosen while messages would go by it and Erase does not say so.
type RetentionRequest struct {
	Org   string `json:"org,omitzero"` // name or id; empty: in all organizations
	Keep  string `json:"keep"`         // "forever", or months, "12m"
	Erase bool   `json:"erase,omitzero"`
}
