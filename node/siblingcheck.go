package node

import (
	"bytes"
	"errors"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/sync/history"
)

// checked is a record with what the signature in it proves, or why it proves nothing.
type checked struct {
	record  history.Record
	content *envelope.Content // of a message or an act: what its author signed
	err     error
}

// check checks what a record proves by itself: that its device signed it, and the author what it says of a message or an act.
// [HIST-25] [HIST-26] It needs no lock, and takes most of the time.
func (o *organization) check(r history.Record) checked {
	c := checked{record: r}
	if c.err = r.Check(o.org); c.err != nil {
		return c
	}
	switch {
	case r.Message != nil && r.Message.Erased == history.ErasedExpired:
		c.err = errors.New("it says that a message has expired, which each device finds out by itself")
	case r.IsEarly():
		c.err = errors.New("it says that a message which expires came long before its author wrote it")
	case r.Message != nil && r.Message.Erased == 0:
		c.content, c.err = o.openProof(r.Message.Signed, r.Message.Author, func(content envelope.Content) bool {
			return history.Kind(content.Kind)&^history.Anew == history.KindText && content.Conversation == r.Message.Conversation &&
				bytes.Equal(content.Body, wire.Encode(r.Message.Text))
		})
	case r.Act != nil:
		c.content, c.err = o.openProof(r.Act.Signed, r.Act.Author, func(content envelope.Content) bool {
			return history.Kind(content.Kind)&^history.Anew == r.Act.Kind && content.Conversation == r.Act.Conversation &&
				bytes.Equal(content.Body, r.Act.Body)
		})
	}
	return c
}

func (o *organization) openProof(signed []byte, author keys.PublicKey, says func(envelope.Content) bool) (*envelope.Content, error) {
	proof, err := history.DecodeProof(signed)
	if err != nil {
		return nil, err
	}
	content, _, err := envelope.OpenContent(proof.Content, proof.Signature, o.org, author)
	if err != nil {
		return nil, err
	}
	if !says(content) {
		return nil, errors.New("its author signed something else")
	}
	return &content, nil
}

// admitRecordLocked checks a record against the roll: that its device is one of the account, that its clock can be, and that its author
// is of the member that it names. [HIST-25] Callers hold mu.
func (o *organization) admitRecordLocked(c checked) error {
	r := c.record
	owner, known := o.roll.State().AccountOf(r.Device)
	switch {
	case c.err != nil:
		return c.err
	case !known || owner != o.member:
		return errors.New("it is of no device of the account")
	case r.Clock.Wall > o.reckoning.Bound(history.MaxAhead).UnixMilli():
		return errors.New("its clock is far ahead")
	case !o.countsLocked(r):
		return errors.New("its device was barred before it")
	case !r.ProvesItself():
		return nil
	}
	author, member := authorOf(r)
	if owner, known := o.roll.State().AccountOf(author); !known || owner != member {
		return errors.New("its author is another member's device")
	}
	return nil
}

// authorOf returns who wrote the message or act of a record.
func authorOf(r history.Record) (keys.PublicKey, keys.MemberID) {
	if r.Message != nil {
		return r.Message.Author, r.Message.Member
	}
	return r.Act.Author, r.Act.Member
}
