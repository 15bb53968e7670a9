package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// From where on something is worth a warning.
const (
	oldWait     = 7 * 24 * time.Hour
	littleDisk  = 1 << 30 // bytes
	littleRoom  = 80      // percent that are used: from there on a node refuses some things [RV-131]
	lateSigning = 2 * time.Hour
	clockOff    = 2 * time.Minute
	healthTime  = 10 * time.Second
)

// RendezvousHealth asks the rendezvous node how it is. Only an admin's device is told.
func (n *Node) RendezvousHealth(ctx context.Context, query api.AdminQuery) (api.NodeHealth, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.NodeHealth{}, err
	}
	o.mu.Lock()
	client := o.client
	health := api.NodeHealth{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(),
	}
	asked := o.askedLocked()
	health.Node, health.Addresses = asked.Key.String(), slices.Clone(n.shownAt(asked))
	o.mu.Unlock()
	if client == nil {
		health.Why = "there is no connection"
		health.Warnings = []api.HealthWarning{{Kind: api.HealthUnreachable}}
		return health, nil
	}
	asking, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	said, err := client.Health(asking)
	switch status, answered := errors.AsType[wire.Status](err); {
	case status == wire.StatusRefused:
		return health, api.Errorf(api.CodeRefused, "only an admin may do this")
	case answered:
		return health, refusal("asking the rendezvous node how it is", err)
	case err != nil && ctx.Err() != nil:
		return health, ctx.Err()
	case err != nil:
		health.Why = err.Error()
		health.Warnings = []api.HealthWarning{{Kind: api.HealthUnreachable}}
		return health, nil
	}
	describeHealth(&health, said, time.Now())
	return health, nil
}

// askedLocked returns the node that the main session is with: where several serve, another one stands in for the one that orders the
// roll while that is away. Callers hold mu.
func (o *organization) askedLocked() store.Node {
	if o.client == nil {
		return o.at
	}
	for _, at := range o.nodesLocked() {
		if at.Key == o.client.Node {
			return at
		}
	}
	return store.Node{Key: o.client.Node, Addresses: o.client.Addresses}
}

// describeHealth fills in what a node says of itself. It may say anything: numbers are within the protocol's caps, and nothing but
// what is shown depends on them.
func describeHealth(h *api.NodeHealth, said *rvproto.Health, now time.Time) {
	h.Reachable, h.Version, h.DevicesOnline = true, said.Version, int(said.Online)
	h.Since, h.Signed, h.Oldest = saidTime(said.Since), saidTime(said.Signed), saidTime(said.Oldest)
	h.Clock = int64(said.Now) - now.Unix()
	h.Entries, h.Bodies, h.Bytes = int64(said.Entries), int64(said.Bodies), int64(said.Bytes)
	h.Disk, h.Damaged, h.Damage = int64(said.Disk), int64(said.Damaged), said.Damage
	h.Free = int64(min(said.Free, 1<<62))
	h.ShareUsed, h.RoomUsed, h.Shared = int(said.Share), int(said.Room), said.Shared
	h.Day, h.Week = undone(said.Day), undone(said.Week)
	warn := func(is bool, kind api.HealthWarningKind, count int64) {
		if is {
			h.Warnings = append(h.Warnings, api.HealthWarning{Kind: kind, Count: count})
		}
	}
	there := time.Unix(int64(said.Now), 0) // ages are by its own clock
	waited, unsigned := there.Sub(h.Oldest), there.Sub(h.Signed)
	diskFull := said.Troubles&rvproto.TroubleDisk != 0
	if a := said.Archive; a != nil {
		h.Archive = &api.ArchiveHealth{
			Connected: a.Connected, Behind: a.Behind, Waiting: int64(a.Waiting), Bytes: int64(a.Bytes), Missed: int64(a.Missed),
		}
		if a.Since > 0 {
			h.Archive.Since = time.Unix(int64(a.Since), 0).UTC()
		}
		warn(a.Behind, api.HealthArchive, int64(a.Waiting))
		warn(a.Missed > 0, api.HealthArchiveMissed, int64(a.Missed))
	}
	warn(diskFull, api.HealthDiskFull, 0)
	warn(said.Troubles&rvproto.TroubleQueue != 0, api.HealthQueue, 0)
	warn(said.Damaged > 0, api.HealthDamage, h.Damaged)
	warn(!diskFull && said.Free > 0 && said.Free <= littleDisk, api.HealthDisk, h.Free)
	warn(said.Room >= littleRoom, api.HealthRoom, int64(h.RoomUsed))
	warn(said.Share >= littleRoom, api.HealthShare, int64(h.ShareUsed))
	warn(h.Day.Full > 0, api.HealthFull, h.Day.Full)
	warn(said.Oldest > 0 && waited >= oldWait, api.HealthOld, int64(waited/(24*time.Hour)))
	warn(h.Day.Returned() > 0, api.HealthReturned, h.Day.Returned())
	warn(unsigned >= lateSigning, api.HealthUnsigned, int64(unsigned/time.Minute))
	warn(max(h.Clock, -h.Clock) >= int64(clockOff/time.Second), api.HealthClock, h.Clock)
}

// saidTime is a time as a node says it; zero for none.
func saidTime(seconds uint64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	const last = 253402300799 // of the year 9999
	return time.Unix(int64(min(seconds, last)), 0).UTC()
}

func undone(t rvproto.Tally) api.Undone {
	return api.Undone{
		Expired: int64(t.Expired), Parked: int64(t.Parked), Shut: int64(t.Shut),
		Full: int64(t.Full), Leave: int64(t.Leave), Allowance: int64(t.Allowance), Other: int64(t.Other),
	}
}
