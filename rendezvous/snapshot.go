package rendezvous

import (
	"bytes"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// snapshot walks over everything that devices have told a node and that its store keeps, for another node that has to
// begin anew. What is said meanwhile is in the journal behind the place where the walk began.
type snapshot struct {
	org   *org
	epoch [16]byte
	from  uint64 // the journal's last number when the walk began
	table int
	after []byte
}

// snapshotTables are walked in this order; each makes a note of an entry, the zero one for none.
var snapshotTables = []struct {
	table []byte
	note  func(tx *kv.Tx, o *org, key, value []byte) (rvproto.NodeNote, error)
}{
	{tablePrekey, func(_ *kv.Tx, _ *org, key, value []byte) (rvproto.NodeNote, error) {
		return rvproto.NodeNote{Kind: rvproto.NotePrekey, Device: keys.PublicKey(key[len(key)-keys.PublicKeySize:]), Signed: bytes.Clone(value)}, nil
	}},
	{tableGrant, func(_ *kv.Tx, _ *org, _, value []byte) (note rvproto.NodeNote, err error) {
		var held heardGrant
		err = wire.Decode(value, &held)
		return rvproto.NodeNote{Kind: rvproto.NoteGrant, Signed: held.Signed}, err
	}},
	{tableSay, talkNote},
	{tableHere, func(_ *kv.Tx, _ *org, key, value []byte) (rvproto.NodeNote, error) {
		device := keys.PublicKey(key[len(key)-keys.PublicKeySize:])
		var v visit
		if device.IsZero() {
			return rvproto.NodeNote{}, nil
		}
		if err := wire.Decode(value, &v); err != nil || v.Day == 0 {
			return rvproto.NodeNote{}, err
		}
		return rvproto.NodeNote{Kind: rvproto.NoteSeen, Device: device, Day: v.Day}, nil
	}},
}

// talkNote is a grant for a conversation, with who is in that.
func talkNote(tx *kv.Tx, o *org, _, value []byte) (note rvproto.NodeNote, err error) {
	var held heardGrant
	if err := wire.Decode(value, &held); err != nil {
		return note, err
	}
	grant, err := membership.DecodeGrant(held.Signed)
	if err != nil {
		return note, err
	}
	members, err := tx.Get(kv.Key(tableTalk, o.id[:], grant.Conversation[:]))
	if err != nil {
		return note, err
	}
	note = rvproto.NodeNote{Kind: rvproto.NoteGrant, Signed: held.Signed}
	return note, wire.Decode(members, &note.Members)
}

func (o *org) snapshot() *snapshot {
	s := &snapshot{org: o}
	s.epoch, s.from = o.journal.now()
	return s
}

// next returns the next notes, none when the walk is over.
func (s *snapshot) next() (notes []rvproto.NodeNote, err error) {
	size := 0
	for len(notes) == 0 && s.table < len(snapshotTables) {
		table := snapshotTables[s.table]
		full := false
		err = s.org.roll.store.View(func(tx *kv.Tx) error {
			return tx.Range(kv.Key(table.table, s.org.id[:]), s.after, false, func(key, value []byte) (bool, error) {
				note, err := table.note(tx, s.org, key, value)
				if err != nil {
					return false, fmt.Errorf("%w: %v", kv.ErrCorrupt, err)
				}
				if note.Kind != 0 {
					if size += noteSize(note); len(notes) > 0 && (size > rvproto.MaxNoteBytes || len(notes) == rvproto.MaxNotes) {
						full = true
						return false, nil
					}
					notes = append(notes, note)
				}
				s.after = bytes.Clone(key)
				return true, nil
			})
		})
		if err != nil {
			return nil, fmt.Errorf("reading what devices have said: %w", err)
		}
		if !full {
			s.table, s.after = s.table+1, nil
		}
	}
	return notes, nil
}
