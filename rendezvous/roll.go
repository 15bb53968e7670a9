package rendezvous

import (
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

	mu     sync.RWMutex // guards the following
	roll   *membership.Roll
	seen   map[keys.EventID]struct{}
	note   []byte    // newest checkpoint, never changed in place
	signed time.Time // when it was signed; never goes back
}

// openRoll folds what is on disk. An entry that the rules refuse means that the store is damaged.
func openRoll(store *kv.Store, node keys.PrivateKey, org keys.OrgID, now time.Time) (*roll, error) {
	r := &roll{org: org, node: node, store: store, roll: membership.NewRoll(org), seen: make(map[keys.EventID]struct{})}
	err := store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableRoll, org[:]), 8, func(_, value []byte) error {
			entry, err := membership.ParseEntry(value)
			if err == nil {
				err = r.roll.Append(entry)
			}
			if err != nil {
				return fmt.Errorf("%w: entry %d of the roll of %s: %v", kv.ErrCorrupt, r.roll.Size(), org.Short(), err)
			}
			r.seen[membership.SignedEvent(entry.Event).ID()] = struct{}{}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the roll: %w", err)
	}
	return r, r.sign(now)
}

// sign makes a checkpoint of the roll as it is. The caller holds mu, or is alone.
func (r *roll) sign(now time.Time) error {
	size := r.roll.Size()
	root, err := r.roll.Root(size)
	if err != nil {
		return fmt.Errorf("root of the roll: %w", err)
	}
	sequencer, ok := r.roll.State().Sequencer()
	if !ok || sequencer.Node != r.node.Public() {
		return fmt.Errorf("%w: the roll of %s names another node", kv.ErrCorrupt, r.org.Short())
	}
	if now.Before(r.signed) {
		now = r.signed
	}
	if last := time.UnixMilli(r.roll.State().Time()); now.Before(last) {
		now = last
	}
	r.note, r.signed = membership.SignCheckpoint(r.node, r.org, sequencer.Term, size, root, now), now
	return nil
}

// signAnew signs the roll again, so that devices see that it is fresh.
func (r *roll) signAnew(now time.Time) error {
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

// append judges, stores and folds an event. held is true if the roll has it already: then nothing happens. The caller
// is the sequencer. On return of nil the entry is durable and covered by a new checkpoint. [RV-20] [RV-21]
func (r *roll) append(random io.Reader, now time.Time, event []byte) (held bool, err error) {
	id := membership.SignedEvent(event).ID()
	r.mu.RLock()
	_, held = r.seen[id]
	stamp := stampAfter(r.roll.State(), now)
	if !held {
		err = r.roll.Check(event, stamp)
	}
	r.mu.RUnlock()
	if held || err != nil {
		return held, err
	}
	entry, err := membership.NewEntry(random, stamp, event)
	if err != nil {
		return false, err
	}
	index := r.roll.Size() // only the sequencer changes it
	err = r.store.Update(func(tx *kv.Tx) error {
		return tx.Put(kv.Key(tableRoll, r.org[:], kv.Number(index)), entry.Marshal())
	})
	if err != nil {
		return false, fmt.Errorf("storing entry %d of the roll: %w", index, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.roll.Append(entry); err != nil {
		return false, fmt.Errorf("folding entry %d, which was allowed: %v", index, err)
	}
	r.seen[id] = struct{}{}
	return false, r.sign(now)
}

// stampAfter is the sequencer's stamp: its clock in Unix milliseconds, but never before the entry before. [RV-20]
func stampAfter(state *membership.State, now time.Time) int64 {
	return max(now.UnixMilli(), state.Time())
}

// page answers a fetch. [RV-9]
func (r *roll) page(from, to uint64) (rvproto.RollAnswer, error) {
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
	return answer, err
}

// entries reads from the store what one answer holds of [from, to).
func (r *roll) entries(from, to uint64) (entries [][]byte, err error) {
	if from >= to {
		return nil, nil
	}
	prefix := kv.Key(tableRoll, r.org[:])
	var after []byte
	if from > 0 {
		after = kv.Key(tableRoll, r.org[:], kv.Number(from-1))
	}
	left := min(to-from, rvproto.MaxPageEntries)
	bytes := 0
	err = r.store.View(func(tx *kv.Tx) error {
		return tx.Range(prefix, after, false, func(_, value []byte) (bool, error) {
			if bytes += len(value); bytes > rvproto.MaxPageBytes && len(entries) > 0 {
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
	case membership.ReasonOrg, membership.ReasonInvitationUnknown:
		return wire.StatusNotFound
	case membership.ReasonStale, membership.ReasonFuture:
		return wire.StatusStale
	case membership.ReasonNotMember:
		return wire.StatusNotMember
	case membership.ReasonCounter, membership.ReasonInvitationUsed, membership.ReasonDuplicateKey:
		return wire.StatusUsed
	case membership.ReasonInvitationExpired:
		return wire.StatusExpired
	case membership.ReasonNameTaken:
		return wire.StatusNameTaken
	case membership.ReasonNameRule:
		return wire.StatusBadName
	case membership.ReasonLimit:
		return wire.StatusLimit
	}
	return wire.StatusRefused
}
