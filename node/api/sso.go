package api

import "time"

// SSORequest begins a joining by the login that a person has at their organization's provider. [API-150]
type SSORequest struct {
	URL     string `json:"url"`              // of the enrolment service, https://…, or a link "muster:sso/…"
	As      string `json:"as,omitzero"`      // the name to have there, if the login gives none
	Browser bool   `json:"browser,omitzero"` // the login is in a browser on this computer; else with a code, anywhere
}

// SSOLogin is a login that the person is to make. [API-150]
type SSOLogin struct {
	ID      string    `json:"id"` // for SSOFinishRequest
	Org     string    `json:"org"`
	OrgName string    `json:"org_name"`
	Login   string    `json:"login"`         // the page to open
	Code    string    `json:"code,omitzero"` // to type there, unless the browser is on this computer
	Words   string    `json:"words"`         // to compare with those of the page, where there is a code
	Expires time.Time `json:"expires"`
}

// SSOFinishRequest waits for the login, and joins. [API-151]
type SSOFinishRequest struct {
	ID string `json:"id"`
	// Wait is for how many seconds at most; 0: until the login is made or its time is over.
	Wait int `json:"wait,omitzero"`
}

// SSOResult answers SSOFinishRequest. [API-151]
type SSOResult struct {
	State  SSOState    `json:"state"`
	Login  *SSOLogin   `json:"login,omitzero"`  // SSOWaiting: what the person is still to do
	Joined *JoinResult `json:"joined,omitzero"` // SSOJoined
}

// SSOState is how far a joining by a login is.
type SSOState string

// The states.
const (
	SSOWaiting SSOState = "waiting"
	SSOJoined  SSOState = "joined"
)

// AdminEnrolment is an enrolment key as the roll has it. [API-152]
type AdminEnrolment struct {
	Key      string       `json:"key"`
	Link     string       `json:"link"` // "muster:sso/…", which members join by; no secret
	Issuer   string       `json:"issuer"`
	Client   string       `json:"client"`
	URL      string       `json:"url"`
	Claim    string       `json:"claim,omitzero"` // that gives the name; none: the member chooses it
	Role     string       `json:"role"`           // the highest that it gives
	Daily    uint64       `json:"daily"`          // how many it admits in 24 hours
	Groups   List[string] `json:"groups"`         // names of groups into which it takes members
	Pin      string       `json:"pin,omitzero"`   // of the service's certificate, in hex
	By       Person       `json:"by,omitzero"`    // who named it last; none: the root key
	Named    time.Time    `json:"named"`
	Speaks   bool         `json:"speaks"`
	Why      string       `json:"why,omitzero"` // if it does not
	Admitted List[Person] `json:"admitted"`     // whom it admitted, in the order in which they joined
}

// AdminSSO answers what the roll says of joining by a login. [API-152]
type AdminSSO struct {
	Org     string               `json:"org"`
	OrgName string               `json:"org_name"`
	Card    string               `json:"card"` // what the enrolment service takes as --org
	Keys    List[AdminEnrolment] `json:"keys"` // in the order in which they were named last
}

// SSOSetRequest names an enrolment key, or changes what it may do. What is empty stays as it is, or is as for a new one.
// [API-153]
type SSOSetRequest struct {
	Org       string   `json:"org,omitzero"`
	Key       string   `json:"key"`               // the public half, as muster-rendezvous enrol keygen prints it
	Replaces  string   `json:"replaces,omitzero"` // the key in whose place it comes
	Issuer    string   `json:"issuer,omitzero"`
	Client    string   `json:"client,omitzero"`
	URL       string   `json:"url,omitzero"`
	Claim     string   `json:"claim,omitzero"` // "-" for none
	Role      string   `json:"role,omitzero"`
	Daily     uint64   `json:"daily,omitzero"`
	Groups    []string `json:"groups,omitzero"` // "-" alone for none
	Pin       string   `json:"pin,omitzero"`    // "-" for none
	RootWords string   `json:"root_words,omitzero"`
}

// SSOEndRequest ends an enrolment key. [API-154]
type SSOEndRequest struct {
	Org       string `json:"org,omitzero"`
	Key       string `json:"key"`              // or its last eight characters
	Suspend   int64  `json:"suspend,omitzero"` // suspend whom it admitted in the last so many seconds; -1: all
	Check     bool   `json:"check,omitzero"`   // end nothing: say only whom it would suspend
	RootWords string `json:"root_words,omitzero"`
}

// SSOEndResult answers SSOEndRequest. [API-154]
type SSOEndResult struct {
	Org       string       `json:"org"`
	OrgName   string       `json:"org_name"`
	Key       string       `json:"key"`
	Suspended List[Person] `json:"suspended"` // or who would be
	Already   bool         `json:"already"`   // it had ended before
}
