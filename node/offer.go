package node

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// offer is one post of an envelope: to some devices, or to none by name, for the node to find those of the group.
type offer struct {
	store.Waiting
	to     []keys.PublicKey
	node   keys.PublicKey // that it is posted to
	second bool           // another node has it already
	poster *poster        // by which it is posted
}

// asked returns the devices that an answer to the offer is about.
func (f offer) asked() []keys.PublicKey {
	if len(f.to) == 0 {
		return f.Pending
	}
	return f.to
}

// offers returns the posts that it takes to offer an envelope to all devices that it waits for.
func offers(w store.Waiting) []offer {
	if w.Spread {
		return []offer{{Waiting: w}}
	}
	to := w.Pending
	if w.Accepted && len(w.Full) > 0 {
		to = w.Full
	}
	if !w.Archive.IsZero() { // which each post brings, or it is refused
		return archiveOffers(w, difference(to, []keys.PublicKey{w.Archive}))
	}
	var all []offer
	for to := range slices.Chunk(to, rvproto.MaxRecipients) {
		all = append(all, offer{Waiting: w, to: to})
	}
	return all
}

// archiveOffers returns the posts that offer an envelope to devices and, with each, to the archive: also if that has its copy. [RV-151]
func archiveOffers(w store.Waiting, to []keys.PublicKey) (all []offer) {
	for to := range slices.Chunk(to, rvproto.MaxRecipients-1) {
		all = append(all, offer{Waiting: w, to: append(slices.Clone(to), w.Archive)})
	}
	if len(all) == 0 {
		all = []offer{{Waiting: w, to: []keys.PublicKey{w.Archive}}}
	}
	return all
}

// outgoing is an envelope that waits, with its sealed bytes.
type outgoing struct {
	store.Waiting
	envelope []byte
}
