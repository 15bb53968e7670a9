package api

import "time"

// AroundQuery asks who is around. [API-181]
type AroundQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}

// Around is which devices of an organization this one has direct connections with, and what waits and is carried where it is. [API-181]
type Around struct {
	Org       string          `json:"org"`
	OrgName   string          `json:"org_name"`
	Connected bool            `json:"connected"` // a rendezvous node of the organization is
	Devices   List[Neighbour] `json:"devices"`   // by the names of members and devices
	Waiting   int             `json:"waiting"`   // own messages that some device has not acknowledged
	Carried   CarriedTotal    `json:"carried_for_others"`
	Carriers  List[Carrier]   `json:"carriers"` // who was handed own envelopes to carry, by the names of members; in reach or not
}

// Neighbour is a device in reach, of another member or of the own account.
type Neighbour struct {
	Member     string        `json:"member"`
	Name       string        `json:"name"`
	Device     string        `json:"device"`
	DeviceName string        `json:"device_name,omitzero"`
	Own        bool          `json:"own"`              // of the own account
	Path       Path          `json:"path"`             // empty: no connection stands, it was heard on a local network
	Since      time.Time     `json:"since,omitzero"`   // when the connection began
	Heard      time.Time     `json:"heard,omitzero"`   // when it was last heard, where no connection stands
	Present    PresenceState `json:"present,omitzero"` // online or away, as its member lets this account see it; empty: not told
	Carrying   int           `json:"carrying"`         // envelopes of this device that it was handed to carry, and that still wait
}

// Carrier is a device that was handed envelopes of this one to carry, which some device has not acknowledged. Whether it has them still, it
// alone knows.
type Carrier struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Device string `json:"device"`
	Count  int    `json:"count"` // envelopes
}

// CarriedTotal is how much is carried for others.
type CarriedTotal struct {
	Count  int               `json:"count"` // envelopes
	Bytes  int64             `json:"bytes"`
	Oldest time.Time         `json:"oldest,omitzero"` // when the first of them was taken
	From   List[CarriedFrom] `json:"from"`            // whose they are; who takes most room first
}

// CarriedFrom is what is carried of one member.
type CarriedFrom struct {
	Member string    `json:"member"`
	Name   string    `json:"name"`
	Count  int       `json:"count"`
	Bytes  int64     `json:"bytes"`
	Oldest time.Time `json:"oldest"`
}
