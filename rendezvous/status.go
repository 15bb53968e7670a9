package rendezvous

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// Status is what a node says of itself: the JSON of `muster-rendezvous status`.
type Status struct {
	Version string      `json:"version"`
	Orgs    []OrgStatus `json:"orgs"`

	Node      keys.PublicKey `json:"node"`
	Addresses []string       `json:"addresses"`
}

// OrgStatus is what a node says of one organization.
type OrgStatus struct {
	Org           keys.OrgID `json:"org"`
	Name          string     `json:"name"`
	Members       int        `json:"members"`
	DevicesOnline int        `json:"devices_online"`
	Entries       int64      `json:"entries"` // unacknowledged (envelope, device) pairs
	Bodies        int64      `json:"bodies"`
	Bytes         int64      `json:"bytes"`
	RollSize      uint64     `json:"roll_size"`
	Moved         bool       `json:"moved,omitempty"` // another node has taken over
}

// Status returns the state of the node. Valid once Ready.
func (n *Node) Status() Status {
	s := Status{Version: n.cfg.Version, Orgs: []OrgStatus{}, Node: n.Key(), Addresses: n.Addresses()}
	queued := n.queue.Stats()
	for _, o := range n.directory.all() {
		held := queued[o.id]
		one := OrgStatus{
			Org: o.id, DevicesOnline: o.sessions.online(),
			Moved:   o.moved().status == wire.StatusMoved,
			Entries: held.Entries, Bodies: held.Bodies, Bytes: held.Bytes,
		}
		o.roll.read(func(state *membership.State) {
			one.Name, one.Members, one.RollSize = state.OrgName(), state.Count(), state.Size()
		})
		s.Orgs = append(s.Orgs, one)
	}
	return s
}
