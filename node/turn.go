package node

import (
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
)

// which is whether a poster has something to offer.
type which uint8

const (
	idle   which = iota
	first        // it offers what no node is known to have
	second       // it offers what one other node has, if the policy says that two are to have it
)

// turn is what a poster offers now.
type turn struct {
	which   which
	several bool
	node    keys.PublicKey
	home    keys.PublicKey // the node that has what was taken while there was one alone
	gone    func(keys.PublicKey) bool
	wake    <-chan struct{} // there may be something for the second
}

// turn says what a poster offers. With one node it is always everything.
func (o *organization) turn(p *poster) turn {
	t := turn{which: first, node: p.node}
	if !o.fleet.isPrimary(p) {
		t.which = idle
	}
	if !o.several.Load() {
		return t
	}
	o.mu.Lock()
	twice := o.roll.State().Policy().Posts() > 1
	t.home = o.at.Key
	var serves []keys.PublicKey
	for _, node := range o.nodesLocked() {
		serves = append(serves, node.Key)
	}
	o.mu.Unlock()
	t.several, t.gone = true, o.fleet.gone(serves)
	if t.which == idle && twice && o.fleet.isSecond(p) {
		t.which, t.wake = second, o.wakeTwice
	}
	return t
}

// deserted reports whether an envelope was taken, and by nobody who is there any more.
func (t turn) deserted(w store.Waiting) bool {
	if !t.several || t.which != first || !w.Accepted {
		return false
	}
	for _, node := range t.holders(w) {
		if node == t.node || !t.gone(node) {
			return false
		}
	}
	return true
}

// twice reports whether an envelope is to be offered to this node too, which another has.
func (t turn) twice(w store.Waiting) bool {
	if !w.Accepted || envelope.Kind(w.Kind) == envelope.KindIntroduction {
		return false // which is counted for a member's day
	}
	there := 0
	for _, node := range t.holders(w) {
		if node == t.node {
			return false
		}
		if !t.gone(node) {
			there++
		}
	}
	return there == 1
}

// holders returns the nodes that have an envelope on disk.
func (t turn) holders(w store.Waiting) []keys.PublicKey {
	if len(w.Nodes) == 0 {
		return []keys.PublicKey{t.home}
	}
	return w.Nodes
}

// mostHolders bounds the nodes that are noted to have one envelope.
const mostHolders = 8

// takenBy returns the nodes that have an envelope once one more has taken it; nothing where there is one alone.
func (o *organization) takenBy(w store.Waiting, node keys.PublicKey) []keys.PublicKey {
	if !o.several.Load() || slices.Contains(w.Nodes, node) {
		return w.Nodes
	}
	all := append(slices.Clone(w.Nodes), node)
	return all[max(0, len(all)-mostHolders):]
}

// recordSecond notes what a second node says. It is a spare: what it refuses is not offered to it again, and nobody is told.
func (o *organization) recordSecond(tx *store.Tx, w store.Waiting, a answered) error {
	if a.answer.Status != wire.StatusOK && a.answer.Status.Retryable() {
		o.log.Info("a second rendezvous node has no room", "status", a.answer.Status)
	}
	if w.Nodes = o.takenBy(w, a.waiting.node); len(w.Nodes) == 1 {
		w.Nodes = []keys.PublicKey{o.at.Key, a.waiting.node}
	}
	return tx.PutWaiting(o.org, w)
}
