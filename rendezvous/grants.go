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

// grants is the table of who may write to whom in one organization: of each pair the highest-numbered grant of each of
// the giver's devices, on disk as signed, and in memory the highest that stands. So when a device is barred, what another
// had said before counts again.
type grants struct {
	org   keys.OrgID
	store *kv.Store
	roll  *roll

	changed func(from keys.MemberID) // called when what a member has granted may have changed

	writing sync.Mutex // held while grants are judged and stored; taken before mu

	mu    sync.RWMutex // guards the following; never held across disk calls, which posts would wait for
	leave map[pair]leave
}

// pair is a direction: to may write to from, since from gave the grant.
type pair struct{ from, to keys.MemberID }

// leave is what a grant amounts to. The zero value: none was ever given, or none stands.
type leave struct {
	number uint64
	open   bool // false with a number: ended, which the sender must not learn
	opened bool // a grant that was kept here once was open, whatever stands now
}

// ended reports whether leave was given, or refused, and is no more.
func (l leave) ended() bool { return l.number > 0 && !l.open }

// heardGrant is a grant in the store.
type heardGrant struct {
	_      struct{} `cbor:",toarray"`
	Heard  uint64   // the size of the roll when the node got it: a bar voids what came after its position
	Signed []byte
	Opened bool // it is open, or one of the same device before it was
}

// signedGrant is the layout of a signed grant, of which the table needs the signer.
type signedGrant struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signer    keys.PublicKey
	Signature keys.Signature
}

// openGrants reads the table.
func openGrants(store *kv.Store, r *roll) (*grants, error) {
	g := &grants{org: r.org, store: store, roll: r, leave: make(map[pair]leave), changed: func(keys.MemberID) {}}
	standing, err := g.read(kv.Key(tableGrant, r.org[:]), func(pair) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("reading the grants: %w", err)
	}
	for p, l := range standing {
		g.leave[p] = l
	}
	return g, nil
}

// read judges what is stored under a prefix, by the roll of now, for the pairs that wanted names. Each of these is in the
// answer, with the zero leave if no grant of it stands.
func (g *grants) read(prefix []byte, wanted func(pair) bool) (standing map[pair]leave, err error) {
	standing = make(map[pair]leave)
	err = g.store.View(func(tx *kv.Tx) error {
		return visitAll(tx, prefix, 3*(keys.IDSize+1), func(last, value []byte) error {
			p := pair{keys.MemberID(last[1 : 1+keys.IDSize]), keys.MemberID(last[2+keys.IDSize : 2+2*keys.IDSize])}
			if !wanted(p) {
				return nil
			}
			grant, opened, stands, err := openHeard(g.roll, value)
			if err != nil || stands && (grant.From != p.from || grant.To != p.to) {
				return fmt.Errorf("%w: a grant: %v", kv.ErrCorrupt, err)
			}
			best := standing[p]
			if stands && grant.Number > best.number {
				best.number, best.open = grant.Number, grant.Open
			}
			best.opened = best.opened || opened
			standing[p] = best
			return nil
		})
	})
	return standing, err
}

// openHeard reads a stored grant. One that a later event has made void does not stand; anything else that is wrong is damage.
func openHeard(r *roll, value []byte) (grant membership.Grant, opened, stands bool, err error) {
	var held heardGrant
	if err := wire.Decode(value, &held); err != nil {
		return grant, false, false, err
	}
	r.read(func(state *membership.State) { grant, err = membership.OpenGrant(held.Signed, state, held.Heard) })
	for _, reason := range []membership.Reason{membership.ReasonBarred, membership.ReasonRemoved, membership.ReasonStale} {
		if errors.Is(err, reason) {
			return grant, held.Opened, false, nil
		}
	}
	return grant, held.Opened, err == nil, err
}

// grantStatus says in a number why a grant was not taken. [RV-32]
func grantStatus(err error) wire.Status {
	switch {
	case errors.Is(err, membership.ReasonNotMember), errors.Is(err, membership.ReasonRemoved):
		return wire.StatusNotFound
	case errors.Is(err, membership.ReasonBarred):
		return wire.StatusRefused
	}
	return statusOf(err)
}

// judge judges the grants of and to members anew.
func (g *grants) judge(touched map[keys.MemberID]struct{}) error {
	if len(touched) == 0 {
		return nil
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	standing, err := g.read(kv.Key(tableGrant, g.org[:]), func(p pair) bool {
		_, from := touched[p.from]
		_, to := touched[p.to]
		return from || to
	})
	g.take(standing)
	return err
}

func (g *grants) take(standing map[pair]leave) {
	g.mu.Lock()
	for p, l := range standing {
		g.leave[p] = l
	}
	g.mu.Unlock()
	for p := range standing {
		g.changed(p.from)
	}
}

// put keeps a grant that member gave, or got, unless a higher-numbered one of the pair stands: that is StatusStale for the
// giver, and no error for who got it, who must not learn of an end. The same number again is no error and changes nothing. It
// returns whose grant to whom it is, and whether it is leave that was not known here. [RV-32]
func (g *grants) put(member keys.MemberID, signed []byte) (status wire.Status, p pair, news bool) {
	g.writing.Lock()
	defer g.writing.Unlock()
	var grant membership.Grant
	var size uint64
	var err error
	g.roll.read(func(state *membership.State) {
		size = state.Size()
		grant, err = membership.OpenGrant(signed, state, size)
	})
	switch {
	case err != nil:
		return grantStatus(err), p, false
	case grant.From != member && grant.To != member:
		return wire.StatusRefused, p, false
	}
	p = pair{grant.From, grant.To}
	held := g.of(p.from, p.to)
	if status, known := held.answers(grant, grant.From == member); known {
		return status, p, false
	}
	var layout signedGrant
	if err := wire.Decode(signed, &layout); err != nil {
		return wire.StatusMalformed, p, false
	}
	key, heard := g.key(p, layout.Signer), heardGrant{Heard: size, Signed: signed, Opened: grant.Open}
	err = g.store.Update(func(tx *kv.Tx) error {
		_, err := heard.keep(tx, key, held.number > grant.Number)
		return err
	})
	if err != nil {
		return statusOf(err), p, false
	}
	// The roll may have gone on meanwhile, and a judgement of it waited for us or be through.
	standing, err := g.read(kv.Key(tableGrant, g.org[:], p.from[:], p.to[:]), func(pair) bool { return true })
	if err != nil {
		return statusOf(err), p, false
	}
	g.take(standing)
	return wire.StatusOK, p, grant.Open
}

// answers is the status of a grant that changes nothing where the leave counts already; false if it is to be kept. Who got
// the grant is answered alike whether it counts or was followed by an end: so older leave that was not known here is kept too,
// as something that there was once. [RV-32]
func (l leave) answers(grant membership.Grant, giver bool) (status wire.Status, known bool) {
	switch {
	case l.number < grant.Number:
		return wire.StatusOK, false
	case l.number > grant.Number && giver:
		return wire.StatusStale, true
	}
	return wire.StatusOK, l.number == grant.Number || !grant.Open || l.opened
}

// keep stores a grant under a key, in the place of one that is there; unless it is late, which is to say that a higher number
// counts: then what is there stays, and only that there was leave is added. first reports whether nothing was there.
func (h heardGrant) keep(tx *kv.Tx, key []byte, late bool) (first bool, err error) {
	value, err := tx.Get(key)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return true, tx.Put(key, wire.Encode(h))
	case err != nil:
		return false, err
	}
	var before heardGrant
	if err := wire.Decode(value, &before); err != nil {
		return false, fmt.Errorf("%w: a grant: %v", kv.ErrCorrupt, err)
	}
	kept := h
	if late {
		kept = before
	}
	kept.Opened = h.Opened || before.Opened
	return false, tx.Put(key, wire.Encode(kept))
}

func (g *grants) key(p pair, signer keys.PublicKey) []byte {
	return kv.Key(tableGrant, g.org[:], p.from[:], p.to[:], signer[:])
}

// of returns the leave that from has given to.
func (g *grants) of(from, to keys.MemberID) leave {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.leave[pair{from, to}]
}
