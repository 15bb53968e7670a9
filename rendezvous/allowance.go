package rendezvous

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
)

// allowances counts the first contacts that each member of one organization has made today (UTC): introductions, reports,
// and invitations to groups. What is offered to the same member again under its id counts once. [RV-43]
type allowances struct {
	org   keys.OrgID
	store *kv.Store
}

// toll is one first contact.
type toll struct {
	id keys.EnvelopeID // what it is made by: an envelope, or a stand-in for what is none
	to keys.MemberID   // whom it is made with; zero: it counts for nobody alone, as a report does
}

const tollSize = 2 * keys.IDSize

// contacts are a member's tolls of a day: the record in the store is the day in 8 bytes, and id and member of each.
type contacts []byte

// today returns the record if it is of a day, else an empty one of it.
func (c contacts) today(now time.Time) contacts {
	day := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/86400))
	if len(c) < len(day) || string(c[:len(day)]) != string(day) || (len(c)-len(day))%tollSize != 0 {
		return day
	}
	return c
}

func (c contacts) has(t toll) bool {
	for known := range slices.Chunk(c[8:], tollSize) {
		if string(known[:keys.IDSize]) == string(t.id[:]) && string(known[keys.IDSize:]) == string(t.to[:]) {
			return true
		}
	}
	return false
}

// count returns how many there are, and how many with a member.
func (c contacts) count(to keys.MemberID) (all, pair uint64) {
	for known := range slices.Chunk(c[8:], tollSize) {
		all++
		if string(known[keys.IDSize:]) == string(to[:]) {
			pair++
		}
	}
	return all, pair
}

func (c contacts) with(t toll) contacts { return append(append(c, t.id[:]...), t.to[:]...) }

// without returns c without the contacts with a member.
func (c contacts) without(to keys.MemberID) contacts {
	left := c[:8:8]
	for known := range slices.Chunk(c[8:], tollSize) {
		if string(known[keys.IDSize:]) != string(to[:]) {
			left = append(left, known...)
		}
	}
	return left
}

// spend takes tolls from member's allowance, all or none; StatusLimit if there is not enough of it, for the day or for
// one of those they are made with.
func (a allowances) spend(member keys.MemberID, tolls []toll, terms terms, now time.Time) wire.Status {
	full := false
	err := a.change(member, now, func(c contacts) contacts {
		for _, t := range tolls {
			if c.has(t) {
				continue
			}
			all, pair := c.count(t.to)
			if all >= terms.introductions || !t.to.IsZero() && pair >= terms.perPair {
				full = true
				return nil
			}
			c = c.with(t)
		}
		return c
	})
	if full {
		return wire.StatusLimit
	}
	return statusOf(err)
}

// giveBack returns what a member has spent today on first contact with another, who has now given leave. [RV-43]
func (a allowances) giveBack(member, from keys.MemberID, now time.Time) error {
	return a.change(member, now, func(c contacts) contacts { return c.without(from) })
}

// change replaces the record of a member by what a function makes of it; nil for no change.
func (a allowances) change(member keys.MemberID, now time.Time, make func(contacts) contacts) error {
	key := kv.Key(tableIntro, a.org[:], member[:])
	return a.store.Update(func(tx *kv.Tx) error {
		record, err := tx.Get(key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		before := contacts(record).today(now)
		length := len(before)
		after := make(before)
		if after == nil || len(after) == length {
			return nil
		}
		return tx.Put(key, after)
	})
}
