package api

// AroundCall asks the node to try now to have a direct connection with the devices of a member. [API-171]
type AroundCall struct {
	Org    string `json:"org,omitzero"` // name or id; empty: the one in which there is such a member
	Member string `json:"member"`
}

// AroundCalled says which devices are being called.
type AroundCalled struct {
	Org     string       `json:"org"`
	OrgName string       `json:"org_name"`
	Member  string       `json:"member"`
	Name    string       `json:"name"`
	Devices List[string] `json:"devices"` // those that a connection may be had with from here: on a local network, or from anywhere
}
