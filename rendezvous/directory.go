package rendezvous

import (
	"slices"
	"sync"

	"muster.example/internal/keys"
)

// directory is which organization each device belongs to. A device is in one only: a key that has joined one
// organization here is refused by the others, so that a stream's peer says which organization is meant. [RV-13]
type directory struct {
	mu      sync.RWMutex // guards the following
	orgs    map[keys.OrgID]*org
	devices map[keys.PublicKey]*org
}

func newDirectory() *directory {
	return &directory{orgs: make(map[keys.OrgID]*org), devices: make(map[keys.PublicKey]*org)}
}

// add enters an organization with its devices.
func (d *directory) add(o *org) {
	devices := o.devices()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orgs[o.id] = o
	for _, device := range devices {
		d.devices[device] = o
	}
}

// enter notes a device that an organization's roll has taken.
func (d *directory) enter(device keys.PublicKey, o *org) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.devices[device] = o
}

// of returns the organization of a device, nil for a stranger.
func (d *directory) of(device keys.PublicKey) *org {
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
