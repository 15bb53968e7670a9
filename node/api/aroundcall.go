package api

// AroundCall asks the node to try now to have a direct connection with the devices of a member. [API-171]
type AroundCall struct {
	Org    string `json:"org,omitzero"` // name or id; empty: the one in which there is such a member
	Member string `json:"member"`
}

// AroundCalled says which devices are being called, and with which there is a direct connection already.
type AroundCalled struct {
	Org       string       `json:"org"`
	OrgName   string       `json:"org_name"`
	Member    string       `json:"member"`
	Name      string       `json:"name"`
	Devices   List[string] `json:"devices"`   // being called: those that a connection may be had with from here, on a local network or across networks
	Connected List[string] `json:"connected"` // that need no call
}
