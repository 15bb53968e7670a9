package store

import (
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Delay is why a message can be taken back, or its deletion: nobody has heard of it yet. With a draft the message itself
// waits, else its deletion.
type Delay struct {
	Until int64                 `cbor:"1,keyasint"`           // unix milliseconds
	Asked int64                 `cbor:"2,keyasint"`           // when it was asked for, unix milliseconds
	Draft *history.DraftContent `cbor:"3,keyasint,omitempty"` // what the message is when it is taken back
}

var delays = bucket[Delay]{60, "what can be taken back"}

// Delay returns why a message, or its deletion, waits.
func (tx *Tx) Delay(org keys.OrgID, message keys.MessageID) (Delay, error) {
	return delays.get(tx, org[:], message[:])
}

// PutDelay has a message wait, or its deletion.
func (tx *Tx) PutDelay(org keys.OrgID, message keys.MessageID, d Delay) error {
	return delays.put(tx, d, org[:], message[:])
}

// DeleteDelay notes that nothing of a message waits.
func (tx *Tx) DeleteDelay(org keys.OrgID, message keys.MessageID) error {
	return delays.delete(tx, org[:], message[:])
}

// Delays visits all that waits.
func (tx *Tx) Delays(org keys.OrgID, visit func(keys.MessageID, Delay)) error {
	return delays.each(tx, nil, func(rest []byte, d Delay) (bool, error) {
		visit(keys.MessageID(rest), d)
		return true, nil
	}, org[:])
}

// TakeBack puts a draft into the place of a message that waits: under the number and clock of its record, which no other
// device was given. Nothing is left that says that there was a message. [HIST-23] [STO-35]
func (tx *Tx) TakeBack(org keys.OrgID, self keys.PrivateKey, id keys.MessageID, d history.Draft) (history.Record, error) {
	at, err := messages.get(tx, org[:], id[:])
	if err != nil {
		return history.Record{}, err
	}
	r, err := tx.record(org, at)
	if err != nil {
		return r, err
	}
	if expires := r.Message.Expires(r.Clock.Wall); expires > 0 {
		if err := expiries.delete(tx, org[:], number(uint64(expires)), id[:]); err != nil {
			return r, err
		}
	}
	moment := append(number(uint64(r.Clock.Wall)), number(uint64(r.Clock.Counter))...)
	if err := timeline.delete(tx, org[:], moment, id[:]); err != nil {
		return r, err
	}
	if err := tx.noteChanged(org, id); err != nil {
		return r, err
	}
	if err := messages.delete(tx, org[:], id[:]); err != nil {
		return r, err
	}
	if err := tx.DeleteDelay(org, id); err != nil {
		return r, err
	}
	r.Kind, r.Message, r.Draft = history.RecordDraft, nil, &d
	r = r.Sign(org, self)
	if err := r.Validate(); err != nil {
		return r, err
	}
	if err := tx.putRecord(org, r, true); err != nil {
		return r, err
	}
	return r, tx.indexDraft(org, r)
}
