package node

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// aheadBytes is how much of what waits goes ahead of the node's hello: with the rest of the first flight it fits what QUIC and TCP send
// before anything is acknowledged.
const aheadBytes = 8 << 10

// errSome ends a look through a table that has something in it.
var errSome = errors.New("there is something")

// maySpeakFirst reports whether a session with a node may begin with posts: the node is the only one and known from before, and has
// been told everything by which it judges them. [RV-206]
func (o *organization) maySpeakFirst(client *rvclient.Client, orders bool) (bool, error) {
	if !orders || o.several.Load() || !client.KnowsPieces() {
		return false, nil
	}
	o.mu.Lock()
	told := !o.bear && o.exclusion == nil && o.distrust == nil
	for _, talk := range o.talks {
		told = told && !talk.Due
	}
	o.mu.Unlock()
	if !told {
		return false, nil
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		due, err := tx.Grants(o.org)
		if err != nil {
			return err
		}
		if len(due) > 0 {
			return errSome
		}
		return tx.LostEvents(o.org, func(uint64, []byte) error { return errSome })
	})
	if errors.Is(err, errSome) {
		return false, nil
	}
	return err == nil, err
}

// postAhead posts the first small envelopes that wait, of which the answers are read once the hello is.
func (o *organization) postAhead(stream *rvclient.PostStream, node keys.PublicKey) (all []offer, err error) {
	batch, err := o.toPost(0, o.now(), turn{which: first, node: node}, isSmall)
	if err != nil {
		return nil, err
	}
	var posts []rvproto.PostFrame
	for size := 0; len(batch) > 0; batch = batch[1:] {
		if size += len(batch[0].envelope); size > aheadBytes {
			break
		}
		for _, one := range offers(batch[0].Waiting) {
			one.node = node
			all = append(all, one)
			posts = append(posts, rvproto.PostFrame{Recipients: one.to, Envelope: batch[0].envelope})
		}
	}
	return all, stream.Send(posts)
}
