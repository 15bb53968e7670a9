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

	archives map[keys.PublicKey]*org // by the keys of their archives' services, which are no devices
}

// place is where a device belongs.
type place struct {
	org      *org
	standing membership.Standing
}

func newDirectory() *directory {
	return &directory{
		orgs: make(map[keys.OrgID]*org), topics: make(map[string]*org), devices: make(map[keys.PublicKey]place),
		archives: make(map[keys.PublicKey]*org),
	}
}

// add enters an organization with its devices, in the place of one with the same id.
func (d *directory) add(o *org) {
	var archives []membership.NamedArchive
	o.roll.read(func(state *membership.State) { archives = state.Archives() })
	d.mu.Lock()
	defer d.mu.Unlock()
	if before := d.orgs[o.id]; before != nil {
		maps.DeleteFunc(d.devices, func(_ keys.PublicKey, p place) bool { return p.org == before })
		maps.DeleteFunc(d.archives, func(_ keys.PublicKey, of *org) bool { return of == before })
	}
	d.orgs[o.id], d.topics[o.topic] = o, o
	for device, c := range o.conditions {
		d.devices[device] = place{o, c.standing}
	}
	for _, a := range archives {
		d.archiveLocked(a.Service, o)
	}
}

// archive notes the key of a service that an organization has for its archive.
func (d *directory) archive(service keys.PublicKey, o *org) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.archiveLocked(service, o)
}

// archivesOf notes the keys of all services that an organization has, or had, for its archive.
func (d *directory) archivesOf(o *org) {
	var archives []membership.NamedArchive
	o.roll.read(func(state *membership.State) { archives = state.Archives() })
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range archives {
		d.archiveLocked(a.Service, o)
	}
}

// archiveLocked notes a service, unless the key is another organization's: nobody takes it from them by naming it, which needs no
// signature of it. Callers hold mu.
func (d *directory) archiveLocked(service keys.PublicKey, o *org) {
	if before := d.archives[service]; before != nil && before.id != o.id {
		return
	}
	d.archives[service] = o
}

// archiveOf returns the organization whose archive a service is, or was; nil for none, and for a key that is a device's. [RV-150]
func (d *directory) archiveOf(service keys.PublicKey) *org {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.devices[service].org != nil {
		return nil
	}
	return d.archives[service]
}

// isOthers reports whether a key is that of a device or an archive's service of another organization.
func (d *directory) isOthers(key keys.PublicKey, o *org) bool {
	of, archive := d.of(key), d.archiveOf(key)
	return of != nil && of.id != o.id || archive != nil && archive.id != o.id
}

// serves returns the organization for which a device may speak, or whose archive a service is; nil for a stranger.
func (d *directory) serves(key keys.PublicKey) *org {
	if o := d.active(key); o != nil {
		return o
	}
	return d.archiveOf(key)
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
