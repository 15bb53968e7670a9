package rendezvous

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// talks are the conversations of several for which members have given leave: who is in each, and of each member who gave
// leave for it the highest-numbered grant of each device. They lie on disk; those that were posted in of late are in memory
// too. [RV-46]
type talks struct {
	org   keys.OrgID
	store *kv.Store
	roll  *roll

	writing sync.Mutex            // held while grants are judged and stored; taken before mu
	counts  map[keys.MemberID]int // grants stored of a member; filled when it is first asked for. Guarded by writing

	mu     sync.Mutex // guards the following; never held across disk calls
	recent map[keys.ConversationID]*talk
	people int // in all of recent
	change uint64
}

// talk is one conversation of several. It is never changed.
type talk struct {
	members []keys.MemberID // ascending
	leave   map[keys.MemberID]leave
}

func newTalks(store *kv.Store, r *roll) *talks {
	return &talks{
		org: r.org, store: store, roll: r, counts: make(map[keys.MemberID]int),
		recent: make(map[keys.ConversationID]*talk),
	}
}

// of returns the leave that a member has given for the conversation to a sender, if both are in it. There may be no
// conversation.
func (t *talk) of(sender, member keys.MemberID) leave {
	if t == nil || !t.has(sender) || !t.has(member) {
		return leave{}
	}
	return t.leave[member]
}

func (t *talk) has(member keys.MemberID) bool {
	_, found := slices.BinarySearchFunc(t.members, member, keys.MemberID.Compare)
	return found
}

// put keeps a grant for the conversation of members, which asker gave or which lets asker write, unless a higher-numbered
// one stands. [RV-46]
func (t *talks) put(asker keys.MemberID, signed []byte, members []keys.MemberID) wire.Status {
	t.writing.Lock()
	defer t.writing.Unlock()
	var grant membership.Grant
	var size uint64
	var err error
	t.roll.read(func(state *membership.State) {
		size = state.Size()
		grant, err = membership.OpenGrant(signed, state, size)
	})
	if err != nil {
		return grantStatus(err)
	}
	place := envelope.Place{Members: members}
	switch {
	case len(members) < minTalk || !place.Valid() || place.ID(t.org) != grant.Conversation:
		return wire.StatusMalformed
	case !place.Has(grant.From) || !place.Has(asker):
		return wire.StatusRefused
	}
	held, err := t.standing(grant.From, grant.Conversation)
	if err != nil {
		return statusOf(err)
	}
	if status, known := held.answers(grant, grant.From == asker); known {
		return status
	}
	status := t.keep(grant, heardGrant{Heard: size, Signed: signed, Opened: grant.Open}, held.number > grant.Number, members)
	t.forget(grant.Conversation)
	return status
}

// keep stores a grant with the list of its conversation; late says that a higher-numbered one counts. The caller holds
// writing.
func (t *talks) keep(grant membership.Grant, heard heardGrant, late bool, members []keys.MemberID) wire.Status {
	var layout signedGrant
	if err := wire.Decode(heard.Signed, &layout); err != nil {
		return wire.StatusMalformed
	}
	count, err := t.count(grant.From)
	if err != nil {
		return statusOf(err)
	}
	list := kv.Key(tableTalk, t.org[:], grant.Conversation[:])
	key := kv.Key(tableSay, t.org[:], grant.From[:], grant.Conversation[:], layout.Signer[:])
	first := false
	err = t.store.Update(func(tx *kv.Tx) (err error) {
		if first, err = heard.keep(tx, key, late); err != nil {
			return err
		}
		if first && count >= maxTalks {
			return wire.StatusLimit
		}
		return tx.Put(list, wire.Encode(members))
	})
	switch {
	case err != nil:
		return statusOf(err)
	case first:
		t.counts[grant.From] = count + 1
	}
	return wire.StatusOK
}

// count returns how many grants of a member are stored. The caller holds writing.
func (t *talks) count(member keys.MemberID) (n int, err error) {
	if n, known := t.counts[member]; known {
		return n, nil
	}
	err = t.store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableSay, t.org[:], member[:]), 0, func(_, _ []byte) error { n++; return nil })
	})
	if err == nil {
		t.counts[member] = n
	}
	return n, err
}

// standing returns the leave that a member has given for a conversation, by the roll of now.
func (t *talks) standing(member keys.MemberID, id keys.ConversationID) (best leave, err error) {
	err = t.store.View(func(tx *kv.Tx) error {
		prefix := kv.Key(tableSay, t.org[:], member[:], id[:])
		return visitAll(tx, prefix, 0, func(_, value []byte) error {
			grant, opened, stands, err := openHeard(t.roll, value)
			if err != nil || stands && (grant.From != member || grant.Conversation != id) {
				return fmt.Errorf("%w: a grant for a conversation: %v", kv.ErrCorrupt, err)
			}
			if stands && grant.Number > best.number {
				best.number, best.open = grant.Number, grant.Open
			}
			best.opened = best.opened || opened
			return nil
		})
	})
	return best, err
}

// get returns a conversation, nil for one of which nothing is known.
func (t *talks) get(id keys.ConversationID) (*talk, error) {
	t.mu.Lock()
	known, change := t.recent[id], t.change
	t.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := t.load(id)
	if err != nil || found == nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.change != change {
		return found, nil // as it was a moment ago
	}
	if t.people += len(found.members); t.people > maxTalkPeople {
		clear(t.recent)
		t.people = len(found.members)
	}
	t.recent[id] = found
	return found, nil
}

func (t *talks) load(id keys.ConversationID) (*talk, error) {
	found := &talk{leave: make(map[keys.MemberID]leave)}
	err := t.store.View(func(tx *kv.Tx) error {
		value, err := tx.Get(kv.Key(tableTalk, t.org[:], id[:]))
		if err != nil {
			return err
		}
		if err := wire.Decode(value, &found.members); err != nil {
			return fmt.Errorf("%w: the members of a conversation: %v", kv.ErrCorrupt, err)
		}
		return nil
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	for _, member := range found.members {
		if err != nil {
			return nil, err
		}
		found.leave[member], err = t.standing(member, id)
	}
	return found, err
}

// forget makes the next post look at the disk again, for a conversation or, with a zero id, for all.
func (t *talks) forget(id keys.ConversationID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.change++
	if known := t.recent[id]; known != nil {
		t.people -= len(known.members)
		delete(t.recent, id)
	} else if id.IsZero() {
		clear(t.recent)
		t.people = 0
	}
}
