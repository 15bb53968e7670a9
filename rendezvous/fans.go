package rendezvous

import (
	"slices"
	"sync"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// fans remembers the devices of the groups in which something was posted since the roll last changed: a post to a group
// costs no more than the list of those who get it.
type fans struct {
	mu     sync.Mutex // guards the following; taken while the roll's lock is held
	size   uint64     // of the roll
	groups map[keys.GroupID][]membership.GroupDevice
}

// of returns the active devices of a group's members, in the order of their keys. The list is shared: nobody changes it.
// The caller holds the roll's lock.
func (f *fans) of(state *membership.State, id keys.GroupID) []membership.GroupDevice {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups == nil || f.size != state.Size() {
		f.groups, f.size = make(map[keys.GroupID][]membership.GroupDevice), state.Size()
	}
	devices, known := f.groups[id]
	if !known {
		devices = state.GroupDevices(id)
		slices.SortFunc(devices, func(a, b membership.GroupDevice) int { return a.Device.Compare(b.Device) })
		f.groups[id] = devices
	}
	return devices
}
