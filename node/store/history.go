package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// place is where a message's record lies.
type place struct {
	Device   keys.PublicKey `cbor:"1,keyasint"`
	Sequence uint64         `cbor:"2,keyasint"`
}

// counters of a history: the next sequence number and the newest clock.
type counters struct {
	Sequence uint64        `cbor:"1,keyasint"`
	Clock    history.Clock `cbor:"2,keyasint"`
}

var (
	records   = bucket[[]byte]{20, "a record"}
	messages  = bucket[place]{21, "a message"}
	timeline  = bucket[keys.MessageID]{22, "the timeline"}
	histories = bucket[counters]{23, "the history's counters"}
)

// AppendRecord gives a record this device, the next number and the clock at wall time now (unix milliseconds), has the device sign
// it, and stores it. A message is put on the timeline once, whatever the number of its records; what a
// draft said before is erased. A record that no reader would take is refused. [HIST-26]
func (tx *Tx) AppendRecord(org keys.OrgID, self keys.PrivateKey, now int64, r history.Record) (history.Record, error) {
	c, err := histories.get(tx, org[:])
	if err != nil && !errors.Is(err, ErrNotFound) {
		return r, err
	}
	c.Sequence++
	c.Clock = c.Clock.Tick(now)
	r.Device, r.Sequence, r.Clock = self.Public(), c.Sequence, c.Clock
	r = r.Sign(org, self)
	if err := r.Validate(); err != nil { // a record that cannot be read again would keep the organization from opening
		return r, err
	}
	if err := histories.put(tx, c, org[:]); err != nil {
		return r, err
	}
	if err := tx.putRecord(org, r, shares(r)); err != nil {
		return r, err
	}
	switch r.Kind {
	case history.RecordMessage:
		return r, tx.indexMessage(org, r)
	case history.RecordDraft:
		return r, tx.indexDraft(org, r)
	}
	return r, nil
}

func (tx *Tx) indexMessage(org keys.OrgID, r history.Record) error {
	id := r.Message.ID()
	have, err := tx.Message(org, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return tx.enterMessage(org, r)
	case err != nil:
		return err
	case history.Stands(have, r).Compare(have) == 0:
		return nil
	}
	return errors.Join(tx.noteChanged(org, id), messages.put(tx, place{r.Device, r.Sequence}, org[:], id[:]))
}

// enterMessage has a message be found that was not here before.
func (tx *Tx) enterMessage(org keys.OrgID, r history.Record) error {
	id := r.Message.ID()
	if err := timeline.put(tx, id, org[:], momentOf(r), id[:]); err != nil {
		return err
	}
	if expires := r.Message.Expires(r.Clock.Wall); expires > 0 { // one that is deleted expires too
		if err := expiries.put(tx, id, org[:], number(uint64(expires)), id[:]); err != nil {
			return err
		}
	}
	return errors.Join(tx.noteChanged(org, id), messages.put(tx, place{r.Device, r.Sequence}, org[:], id[:]))
}

// Message returns the record of a message that stands.
func (tx *Tx) Message(org keys.OrgID, id keys.MessageID) (history.Record, error) {
	at, err := messages.get(tx, org[:], id[:])
	if err != nil {
		return history.Record{}, err
	}
	data, err := records.get(tx, org[:], at.Device[:], number(at.Sequence))
	if err != nil {
		return history.Record{}, fmt.Errorf("reading message %s: %w", id.Short(), err)
	}
	return history.DecodeRecord(data)
}

// Messages visits the organization's messages in the order of their first record, from behind the place after (nil: from
// the first), until visit returns false. at is the message's place.
func (tx *Tx) Messages(org keys.OrgID, after []byte, visit func(at []byte, r history.Record) (more bool, err error)) error {
	return timeline.each(tx, after, func(at []byte, id keys.MessageID) (bool, error) {
		r, err := tx.Message(org, id)
		if err != nil {
			return false, err
		}
		return visit(at, r)
	}, org[:])
}

// MessagesByPrefix returns up to limit messages whose id's text begins with prefix.
func (tx *Tx) MessagesByPrefix(org keys.OrgID, prefix string, limit int) ([]keys.MessageID, error) {
	begin, ok := keys.BytesOfPrefix(prefix)
	if !ok {
		return nil, nil
	}
	var found []keys.MessageID
	err := messages.each(tx, nil, func(rest []byte, _ place) (bool, error) {
		if id := keys.MessageID(slices.Concat(begin, rest)); strings.HasPrefix(id.String(), prefix) {
			found = append(found, id)
		}
		return len(found) < limit, nil
	}, org[:], begin)
	return found, err
}

// Fold applies every record of the organization that counts to a view of a member's account.
func (tx *Tx) Fold(org keys.OrgID, self keys.MemberID, counts func(history.Record) bool) (*history.View, error) {
	view := history.NewView(self)
	err := records.each(tx, nil, func(_ []byte, data []byte) (bool, error) {
		r, err := history.DecodeRecord(data)
		if err != nil {
			return false, err
		}
		if counts(r) {
			view.Apply(r)
		}
		return true, nil
	}, org[:])
	return view, err
}

// Records visits the organization's records, device by device, each in the order of its numbers.
func (tx *Tx) Records(org keys.OrgID, visit func(record []byte) error) error {
	return records.each(tx, nil, func(_ []byte, data []byte) (bool, error) { return true, visit(data) }, org[:])
}
