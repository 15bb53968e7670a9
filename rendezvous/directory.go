package rendezvous

import (
	"maps"
	"slices"
	"sync"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// directory is which organization each device belongs or belonged to, and what it is to it now. A device is in one only: a
// key that an organization here has on its roll is refused by the others, so that a stream's peer says which organization
// is meant. [RV-13]
type directory struct {
	mu      sync.RWMutex // guards the following
	orgs    map[keys.OrgID]*org
	topics  map[string]*org // by the names of their topics of gossip
	devices map[keys.PublicKey]place
}

// place is where a device belongs.
type place struct {
	org      *org
	standing membership.Standing
}

func newDirectory() *directory {
	return &directory{
		orgs: make(map[keys.OrgID]*org), topics: make(map[string]*org), devices: make(map[keys.PublicKey]place),
	}
}

// add enters an organization with its devices, in the place of one with the same id.
func (d *directory) add(o *org) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if before := d.orgs[o.id]; before != nil {
		maps.DeleteFunc(d.devices, func(_ keys.PublicKey, p place) bool { return p.org == before })
	}
	d.orgs[o.id], d.topics[o.topic] = o, o
	for device, c := range o.conditions {
		d.devices[device] = place{o, c.standing}
	}
}

// enter notes what a device is to an organization.
func (d *directory) enter(device keys.PublicKey, o *org, standing membership.Standing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.devices[device] = place{o, standing}
}

// of returns the organization whose roll has a device, active or not; nil for none.
func (d *directory) of(device keys.PublicKey) *org { return d.place(device).org }

// active returns the organization for which a device may speak; nil for a stranger.
func (d *directory) active(device keys.PublicKey) *org {
	if p := d.place(device); p.standing == membership.StandingActive {
		return p.org
	}
	return nil
}

// place returns where a device belongs: the zero place for one that nobody has or had.
func (d *directory) place(device keys.PublicKey) place {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.devices[device]
}

// org returns an organization, nil if it is not here.
func (d *directory) org(id keys.OrgID) *org {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.orgs[id]
}

// byTopic returns the organization whose gossip has a topic, nil if it is not here.
func (d *directory) byTopic(topic string) *org {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.topics[topic]
}

// all returns the organizations in the order of their ids.
func (d *directory) all() []*org {
	d.mu.RLock()
	defer d.mu.RUnlock()
	orgs := make([]*org, 0, len(d.orgs))
	for _, o := range d.orgs {
		orgs = append(orgs, o)
	}
	slices.SortFunc(orgs, func(a, b *org) int { return a.id.Compare(b.id) })
	return orgs
}

// statusOfStanding is how a device of a standing is refused; StatusOK for an active one. [RV-2]
func statusOfStanding(standing membership.Standing) wire.Status {
	switch standing {
	case membership.StandingActive:
		return wire.StatusOK
	case membership.StandingBarred, membership.StandingEnded:
		return wire.StatusBarred
	case membership.StandingSuspended:
		return wire.StatusSuspended
	}
	return wire.StatusNotMember
}
