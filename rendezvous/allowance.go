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

// allowances counts the introductions that each member of one organization has sent today (UTC). An envelope that is
// offered again counts once.
type allowances struct {
	org   keys.OrgID
	store *kv.Store
}

// spend takes one introduction from member's allowance, or returns StatusLimit. The stored record is the day in 8
// bytes, then the ids of the day's introductions. [RV-43]
func (a allowances) spend(member keys.MemberID, id keys.EnvelopeID, perDay uint64, now time.Time) wire.Status {
	day := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/86400))
	full := false
	err := a.store.Update(func(tx *kv.Tx) error {
		key := kv.Key(tableIntro, a.org[:], member[:])
		record, err := tx.Get(key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if len(record) < len(day) || string(record[:len(day)]) != string(day) {
			record = day
		}
		ids := record[len(day):]
		for known := range slices.Chunk(ids, keys.IDSize) {
			if string(known) == string(id[:]) {
				return nil
			}
		}
		if uint64(len(ids)/keys.IDSize) >= perDay {
			full = true
			return nil
		}
		return tx.Put(key, append(record, id[:]...))
	})
	if full {
		return wire.StatusLimit
	}
	return statusOf(err)
}
