package rendezvous

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// roll is an organization's roll with what serving it takes: the entries on disk, the newest checkpoint, and which
// events it holds. Only the sequencer (Node.sequence) appends.
type roll struct {
	org   keys.OrgID
	node  keys.PrivateKey
	store *kv.Store
	table []byte // of the entries

	mu     sync.RWMutex // guards the following
	roll   *membership.Roll
	seen   map[keys.EventID]struct{}
	about  map[keys.MemberID][]mention
	note   []byte        // newest checkpoint, never changed in place
	signed time.Time     // when it was signed; never goes back
	more   chan struct{} // closed and replaced when note is another
	ahead  uint64        // the size of a checkpoint of ours that goes beyond what we have, 0 for none: nothing is appended

	unstored []membership.Entry // of another node's roll: folded, and not on disk; the newest
}

// blankRoll returns a roll without entries that lie in a table.
func blankRoll(store *kv.Store, node keys.PrivateKey, org keys.OrgID, table []byte) *roll {
	return &roll{
		org: org, node: node, store: store, table: table, roll: membership.NewRoll(org),
		seen: make(map[keys.EventID]struct{}), about: make(map[keys.MemberID][]mention), more: make(chan struct{}),
	}
}

// openRoll folds what is on disk. An entry that the rules refuse means that the store is damaged.
func openRoll(store *kv.Store, node keys.PrivateKey, org keys.OrgID, table []byte) (*roll, error) {
	r := blankRoll(store, node, org, table)
	known, err := r.vouched()
	if err != nil {
		return nil, fmt.Errorf("reading the roll: %w", err)
	}
	if known.Size == 0 || r.reload(known.Size, membership.Hash(known.Root)) != nil {
		r, known = blankRoll(store, node, org, table), vouchRecord{}
	}
	if err := r.load(membership.MaxSize); err != nil {
		return nil, fmt.Errorf("reading the roll: %w", err)
	}
	if r.roll.Size() > known.Size+vouchEvery {
		if err := r.vouchNow(); err != nil {
			return nil, err
		}
	}
	return r, r.recall()
}

// load folds what is on disk beyond what is folded, up to size entries in all.
func (r *roll) load(size uint64) error {
	return r.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(r.table, r.org[:]), r.last(), false, func(_, value []byte) (bool, error) {
			if r.roll.Size() >= size {
				return false, nil
			}
			entry, err := membership.ParseEntry(value)
			if err == nil {
				err = r.take(entry)
			}
			if err != nil {
				return false, fmt.Errorf("%w: entry %d of the roll of %s: %v", kv.ErrCorrupt, r.roll.Size(), r.org.Short(), err)
			}
			return true, nil
		})
	})
}

// take folds an entry that is, or will be, on disk. The caller holds mu, or is alone.
func (r *roll) take(entry membership.Entry) error {
	index := r.roll.Size()
	if err := r.roll.Append(entry); err != nil {
		return err
	}
	r.index(index, entry)
	return nil
}

// index notes what is looked for of an entry that was folded. The caller holds mu, or is alone.
func (r *roll) index(index uint64, entry membership.Entry) {
	if !entry.Hidden() {
		r.seen[membership.SignedEvent(entry.Event).ID()] = struct{}{}
		r.remember(index, entry.Event)
	}
}

// noted makes a checkpoint the newest. The caller holds mu, or is alone.
func (r *roll) noted(note []byte, signed time.Time) {
	r.note, r.signed = note, signed
	close(r.more)
	r.more = make(chan struct{})
}

// grown returns a channel that is closed when there is another checkpoint.
func (r *roll) grown() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.more
}

// sign makes a checkpoint of the roll as it is, if this node orders it; a further node has that of another. The caller
// holds mu, or is alone.
func (r *roll) sign(now time.Time) error {
	size := r.roll.Size()
	root, err := r.roll.Root(size)
	if err != nil {
		return fmt.Errorf("root of the roll: %w", err)
	}
	sequencer, ok := r.roll.State().Sequencer()
	if ok && r.roll.State().IsFurther(r.node.Public()) {
		return nil
	}
	if !ok || sequencer.Node != r.node.Public() {
		return fmt.Errorf("%w: the roll of %s names another node", kv.ErrCorrupt, r.org.Short())
	}
	if now.Before(r.signed) {
		now = r.signed
	}
	if last := time.UnixMilli(r.roll.State().Time()); now.Before(last) {
		now = last
	}
	r.noted(membership.SignCheckpoint(r.node, r.org, sequencer.Term, size, root, now), now)
	return nil
}

// signAnew signs the roll again, so that devices see that it is fresh.
func (o *org) signAnew(now time.Time) error {
	if o.moved().status != wire.StatusOK {
		return nil
	}
	r := o.roll
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sign(now)
}

// checkpoint returns the newest checkpoint.
func (r *roll) checkpoint() []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.note
}

// read calls visit with the state, which must not be kept or changed.
func (r *roll) read(visit func(*membership.State)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	visit(r.roll.State())
}

// memberOf returns whose device a key is.
func (r *roll) memberOf(device keys.PublicKey) (keys.MemberID, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll.State().MemberOf(device)
}

// holds reports whether the roll has an event.
func (r *roll) holds(event []byte) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, held := r.seen[membership.SignedEvent(event).ID()]
	return held
}

// append judges, stores and folds an event. held is true if the roll has it already: then nothing happens. The caller
// is the sequencer. On return of nil the entry is durable and covered by a new checkpoint. [RV-20] [RV-21]
// charge is called when the rules allow the event.
func (r *roll) append(random io.Reader, now time.Time, event []byte, charge func() error) (held bool, err error) {
	id := membership.SignedEvent(event).ID()
	r.mu.RLock()
	_, held = r.seen[id]
	stamp := stampAfter(r.roll.State(), now)
	if !held {
		err = r.roll.Check(event, stamp)
	}
	behind := r.ahead > 0
	r.mu.RUnlock()
	if held || err != nil {
		return held, err
	}
	if behind {
		return false, errBehind
	}
	if err := charge(); err != nil {
		return false, err
	}
	entry, err := membership.NewEntry(random, stamp, r.roll.AudienceOf(event), event)
	if err != nil {
		return false, err
	}
	index := r.roll.Size() // only the sequencer changes it
	root, err := r.roll.Root(index)
	if err != nil {
		return false, err
	}
	key := kv.Key(r.table, r.org[:], kv.Number(index))
	err = r.store.Update(func(tx *kv.Tx) error {
		if _, err := tx.Get(key); err == nil && tx.Shared() {
			return errOvertaken // and not what a commit of our own left that failed: that is not on the disk
		}
		return errors.Join(tx.Put(key, entry.Marshal()), r.vouch(tx, index, root))
	})
	if err != nil {
		return false, fmt.Errorf("storing entry %d of the roll: %w", index, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.take(entry); err != nil {
		return false, fmt.Errorf("folding entry %d, which was allowed: %v", index, err)
	}
	return false, r.sign(now)
}

// follow folds one more event into a roll that is only being tried, and returns its entry.
func (r *roll) follow(random io.Reader, now time.Time, event []byte) (membership.Entry, error) {
	entry, err := membership.NewEntry(random, stampAfter(r.roll.State(), now), r.roll.AudienceOf(event), event)
	if err != nil {
		return entry, err
	}
	return entry, r.take(entry)
}

// stampAfter is the sequencer's stamp: its clock in Unix milliseconds, but never before the entry before. [RV-20]
func stampAfter(state *membership.State, now time.Time) int64 {
	return max(now.UnixMilli(), state.Time())
}

// reader is who asks for entries. The zero reader gets only what is for everybody.
type reader struct {
	member     keys.MemberID
	everything bool // the organization itself, by its root key
}

// reads reports whether a reader gets the entry at an index for an audience. The caller holds mu. [RV-27]
func (r *roll) reads(who reader, audience membership.Audience, index uint64) bool {
	return who.everything || r.roll.State().Reads(who.member, audience, index)
}

// page answers a fetch. [RV-9] [RV-27]
func (r *roll) page(who reader, from, to uint64) (rvproto.RollAnswer, error) {
	r.mu.RLock()
	size, note := r.roll.Size(), r.note
	var proof []membership.Hash
	var err error
	if to == 0 && from < size {
		proof, err = r.roll.ProveConsistency(from, size)
	}
	r.mu.RUnlock()
	if err != nil {
		return rvproto.RollAnswer{}, err
	}
	var answer rvproto.RollAnswer
	if to == 0 {
		answer.Checkpoint, to = note, size
		for _, hash := range proof {
			answer.Proof = append(answer.Proof, hash)
		}
	}
	if to > size {
		return rvproto.RollAnswer{Status: wire.StatusMalformed}, nil
	}
	answer.Entries, err = r.entries(from, to)
	if err == nil {
		err = r.hide(who, from, answer.Entries)
	}
	return answer, err
}

// hide puts entries from an index on into the form in which a reader gets them. [RV-27]
func (r *roll) hide(who reader, from uint64, entries [][]byte) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for i, value := range entries {
		if bytes.HasPrefix(value, plainEntry) {
			continue
		}
		entry, err := membership.ParseEntry(value)
		if err != nil {
			return fmt.Errorf("%w: an entry of the roll: %v", kv.ErrCorrupt, err)
		}
		if !r.reads(who, entry.Audience, from+uint64(i)) {
			entries[i] = entry.Hide().Marshal()
		}
	}
	return nil
}

// plainEntry is how an entry for everybody begins: an array of four, the first the audience with kind 0 alone.
var plainEntry = []byte{0x84, 0xa1, 0x01, 0x00}

// entries reads from the store what one answer holds of [from, to).
func (r *roll) entries(from, to uint64) (entries [][]byte, err error) {
	if from >= to {
		return nil, nil
	}
	prefix := kv.Key(r.table, r.org[:])
	var after []byte
	if from > 0 {
		after = kv.Key(r.table, r.org[:], kv.Number(from-1))
	}
	left := min(to-from, rvproto.MaxPageEntries)
	total := 0
	err = r.store.View(func(tx *kv.Tx) error {
		return tx.Range(prefix, after, false, func(_, value []byte) (bool, error) {
			if total += len(value); total > rvproto.MaxPageBytes && len(entries) > 0 {
				return false, nil
			}
			entries = append(entries, value)
			left--
			return left > 0, nil
		})
	})
	return entries, err
}

// statusOf says in a number why an event was not taken. [RV-22]
func statusOf(err error) wire.Status {
	if err == nil {
		return wire.StatusOK
	}
	if status, ok := errors.AsType[wire.Status](err); ok {
		return status
	}
	reason, refused := membership.ReasonOf(err)
	if !refused {
		if errors.Is(err, kv.ErrFull) {
			return wire.StatusFull
		}
		return wire.StatusUnavailable
	}
	switch reason {
	case membership.ReasonMalformed, membership.ReasonSignature, membership.ReasonKey:
		return wire.StatusMalformed
	case membership.ReasonOrg, membership.ReasonInvitationUnknown, membership.ReasonUnknown:
		return wire.StatusNotFound
	case membership.ReasonStale, membership.ReasonFuture, membership.ReasonTerm, membership.ReasonMove:
		return wire.StatusStale
	case membership.ReasonNotMember:
		return wire.StatusNotMember
	case membership.ReasonCounter, membership.ReasonInvitationUsed, membership.ReasonDuplicateKey:
		return wire.StatusUsed
	case membership.ReasonInvitationExpired, membership.ReasonInvitationRevoked:
		return wire.StatusExpired
	case membership.ReasonNameTaken, membership.ReasonNameHeld:
		return wire.StatusNameTaken
	case membership.ReasonNameRule, membership.ReasonNameReserved:
		return wire.StatusBadName
	case membership.ReasonSenior, membership.ReasonFrozen, membership.ReasonCooling, membership.ReasonAlready,
		membership.ReasonLastAdmin, membership.ReasonEarly, membership.ReasonBarred, membership.ReasonSuspended,
		membership.ReasonRemoved:
		return wire.StatusConflict
	case membership.ReasonLimit:
		return wire.StatusLimit
	}
	return wire.StatusRefused
}
