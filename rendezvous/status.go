package rendezvous

import (
	"time"

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
	Troubles  []string       `json:"troubles"` // what keeps the node from its work
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
	Moved         bool       `json:"moved,omitempty"`   // another node has taken over
	MovedAt       time.Time  `json:"moved_at,omitzero"` // when
	Untold        int        `json:"untold,omitempty"`  // active devices that this node has not told so

	Archive *ArchiveStatus `json:"archive,omitempty"` // nil if the organization has none
}

// ArchiveStatus is what a node says of an organization's archive. [RV-156]
type ArchiveStatus struct {
	Service   keys.PublicKey `json:"service"`
	Closed    bool           `json:"closed"`         // messages wait when it is behind
	Connected bool           `json:"connected"`      // the service listens
	Behind    bool           `json:"behind"`         // more waits for it than may
	Waiting   int64          `json:"waiting"`        // envelopes
	Bytes     int64          `json:"bytes"`          // of them
	Since     time.Time      `json:"since,omitzero"` // something waits, and nothing was taken since
	Missed    int64          `json:"missed"`         // envelopes that went on without a copy, in all
}

// Status returns the state of the node. Valid once Ready.
func (n *Node) Status() Status {
	s := Status{Version: n.cfg.Version, Orgs: []OrgStatus{}, Node: n.Key(), Addresses: n.Addresses(), Troubles: n.Health()}
	if s.Troubles == nil {
		s.Troubles = []string{}
	}
	queued := n.queue.Stats()
	for _, o := range n.directory.all() {
		held := queued[o.id]
		one := OrgStatus{
			Org: o.id, DevicesOnline: o.sessions.online(),
			Entries: held.Entries, Bodies: held.Bodies, Bytes: held.Bytes,
		}
		o.roll.read(func(state *membership.State) {
			one.Name, one.Members, one.RollSize = state.OrgName(), state.Count(), state.Size()
		})
		if one.Moved = o.moved().status == wire.StatusMoved; one.Moved {
			one.MovedAt, one.Untold = o.movedAt().UTC(), o.untold()
		}
		one.Archive = n.archiveStatus(o)
		s.Orgs = append(s.Orgs, one)
	}
	return s
}
