package queue

import (
	"slices"

	"muster.example/internal/keys"
)

// Devices returns who an item is for, in the order of their keys. The list may be shared: nobody changes it.
func (item *Item) Devices() []keys.PublicKey {
	list := item.Recipients
	if item.Set != nil {
		list = item.Set.devices
	}
	if len(item.Except) > 0 {
		list = slices.DeleteFunc(slices.Clone(list), func(key keys.PublicKey) bool { return slices.Contains(item.Except, key) })
	}
	if !ascending(list) {
		list = slices.Clone(list)
		slices.SortFunc(list, keys.PublicKey.Compare)
		list = slices.Compact(list)
	}
	return list
}

// Valid reports whether an item can be queued at all: what every engine refuses with ErrItem otherwise.
func (item *Item) Valid() bool { return item.valid() }

func (item *Item) valid() bool {
	n, most := len(item.Recipients), MaxRecipients
	if item.Set != nil {
		if n > 0 {
			return false
		}
		n, most = len(item.Set.devices), MaxSet
	}
	return n > 0 && n <= most && len(item.Body) <= MaxBody && item.Kind >= Envelope && item.Kind <= Gap
}

// ascending reports whether a list is in order and without repeats.
func ascending(list []keys.PublicKey) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1].Compare(list[i]) >= 0 {
			return false
		}
	}
	return true
}
