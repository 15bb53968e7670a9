package node

import (
	"slices"

	"muster.example/internal/keys"
)

// difference returns what is in a and not in b.
func difference(a, b []keys.PublicKey) []keys.PublicKey {
	in := keySet(b)
	return filter(a, func(k keys.PublicKey) bool { return !in[k] })
}

// intersection returns what is in both, in the order of a.
func intersection(a, b []keys.PublicKey) []keys.PublicKey {
	in := keySet(b)
	return filter(a, func(k keys.PublicKey) bool { return in[k] })
}

// union returns what is in either, sorted.
func union(a, b []keys.PublicKey) []keys.PublicKey {
	all := slices.Concat(a, b)
	slices.SortFunc(all, keys.PublicKey.Compare)
	return slices.Compact(all)
}

func keySet(all []keys.PublicKey) map[keys.PublicKey]bool {
	set := make(map[keys.PublicKey]bool, len(all))
	for _, k := range all {
		set[k] = true
	}
	return set
}

func filter(all []keys.PublicKey, keep func(keys.PublicKey) bool) []keys.PublicKey {
	var kept []keys.PublicKey
	for _, k := range all {
		if keep(k) {
			kept = append(kept, k)
		}
	}
	return kept
}
