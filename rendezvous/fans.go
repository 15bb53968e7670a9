package rendezvous

import (
	"slices"
	"sync"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
)

// fans remembers the devices of the groups in which something was posted since the roll last changed: a post to a group
// costs no more than one to a single device.
type fans struct {
	mu     sync.Mutex // guards the following; taken while the roll's lock is held
	size   uint64     // of the roll
	groups map[keys.GroupID]*fan
}

// fan is the active devices of a group's members. It never changes.
type fan struct {
	devices []membership.GroupDevice // in the order of their keys
	set     *queue.Set               // the same devices; nil if there are none
	newest  uint64                   // the last entry of the roll by which one of them came
}

// has reports whether a device is one of them.
func (f *fan) has(device keys.PublicKey) bool {
	_, found := slices.BinarySearchFunc(f.devices, device, func(d membership.GroupDevice, key keys.PublicKey) int {
		return d.Device.Compare(key)
	})
	return found
}

// of returns the active devices of a group's members. The caller holds the roll's lock.
func (f *fans) of(state *membership.State, id keys.GroupID) *fan {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups == nil || f.size != state.Size() {
		f.groups, f.size = make(map[keys.GroupID]*fan), state.Size()
	}
	found := f.groups[id]
	if found == nil {
		found = newFan(state.GroupDevices(id))
		f.groups[id] = found
	}
	return found
}

func newFan(devices []membership.GroupDevice) *fan {
	slices.SortFunc(devices, func(a, b membership.GroupDevice) int { return a.Device.Compare(b.Device) })
	f := &fan{devices: devices}
	list := make([]keys.PublicKey, len(devices))
	for i, d := range devices {
		list[i] = d.Device
		f.newest = max(f.newest, d.Joined, d.Since)
	}
	if len(list) > 0 {
		f.set = queue.NewSet(list)
	}
	return f
}
