package rendezvous

import (
	"errors"
	"fmt"
	"sync"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// grants is the table of who may write to whom in one organization: the highest-numbered grant of each pair, on disk as
// signed and in memory as judged.
type grants struct {
	org   keys.OrgID
	store *kv.Store
	roll  *roll

	writing sync.Mutex // held while a grant is judged and stored; taken before mu

	mu    sync.RWMutex // guards the following; never held across disk calls, which posts would wait for
	leave map[pair]leave
}

// pair is a direction: to may write to from, since from gave the grant.
type pair struct{ from, to keys.MemberID }

// leave is what a grant amounts to. The zero value: none was ever given.
type leave struct {
	number uint64
	open   bool // false with a number: ended, which the sender must not learn
}

// openGrants reads the table. A grant whose signer has since left the roll still counts: the member gave it, and it was
// held against the roll of then.
func openGrants(store *kv.Store, r *roll) (*grants, error) {
	g := &grants{org: r.org, store: store, roll: r, leave: make(map[pair]leave)}
	err := store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableGrant, r.org[:]), 0, func(_, value []byte) error {
			grant, err := storedGrant(value, r)
			if err != nil {
				return fmt.Errorf("%w: a grant: %v", kv.ErrCorrupt, err)
			}
			g.leave[pair{grant.From, grant.To}] = leave{grant.Number, grant.Open}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the grants: %w", err)
	}
	return g, nil
}

// storedGrant reads a grant that was verified before it was stored.
func storedGrant(value []byte, r *roll) (membership.Grant, error) {
	grant, err := membership.OpenGrant(value, r.roll.State())
	if !errors.Is(err, membership.ReasonNotMember) {
		return grant, err
	}
	var signed struct {
		_         struct{} `cbor:",toarray"`
		Body      []byte
		Signer    keys.PublicKey
		Signature keys.Signature
	}
	if err = wire.Decode(value, &signed); err == nil {
		err = wire.Decode(signed.Body, &grant)
	}
	if err == nil {
		err = signed.Signer.Verify(keys.DomainGrant, r.org, signed.Body, signed.Signature)
	}
	return grant, err
}

// put keeps a grant given by member unless a higher-numbered one of the pair is there. The same number again is no
// error and changes nothing. [RV-32]
func (g *grants) put(member keys.MemberID, signed []byte) wire.Status {
	var grant membership.Grant
	var err error
	g.roll.read(func(state *membership.State) { grant, err = membership.OpenGrant(signed, state) })
	if errors.Is(err, membership.ReasonNotMember) {
		return wire.StatusNotFound
	}
	if err != nil {
		return statusOf(err)
	}
	if grant.From != member {
		return wire.StatusRefused
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	held := g.of(grant.From, grant.To)
	switch {
	case held.number == grant.Number:
		return wire.StatusOK
	case held.number > grant.Number:
		return wire.StatusStale
	}
	err = g.store.Update(func(tx *kv.Tx) error {
		return tx.Put(kv.Key(tableGrant, g.org[:], grant.From[:], grant.To[:]), signed)
	})
	if err != nil {
		return statusOf(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave[pair{grant.From, grant.To}] = leave{grant.Number, grant.Open}
	return wire.StatusOK
}

// of returns the leave that from has given to.
func (g *grants) of(from, to keys.MemberID) leave {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.leave[pair{from, to}]
}
