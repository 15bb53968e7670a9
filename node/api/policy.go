package api

// PolicyRequest changes an organization's policy, or shows what would change.
type PolicyRequest struct {
	Org       string       `json:"org,omitzero"` // name or id; may be empty if there is only one
	Set       List[string] `json:"set"`          // each KEY=VALUE, as PolicySetting has them
	Check     bool         `json:"check,omitzero"`
	RootWords string       `json:"root_words,omitzero"` // the root key signs in place of this device; kept nowhere
}

// PolicyResult is an organization's policy: after the change if there was one, and before it if Check was set.
type PolicyResult struct {
	Org      string              `json:"org"`
	OrgName  string              `json:"org_name"`
	Settings List[PolicySetting] `json:"settings"`
	Changes  List[PolicyChange]  `json:"changes"`
	Already  bool                `json:"already"` // nothing was to be changed
}

// PolicySetting is one value of a policy in the form in which it is set.
type PolicySetting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	About string `json:"about"` // one line
}

// PolicyChange is a value that changes.
type PolicyChange struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
}
