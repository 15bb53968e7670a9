package store

import (
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// RecordsSince returns the number of the last record of a device that is known here, and of the first one of those at its end whose
// clock is not before a time (Unix milliseconds). Each is 0 if there is none; the second also for time 0.
func (tx *Tx) RecordsSince(org keys.OrgID, device keys.PublicKey, since int64) (last, first uint64, err error) {
	err = tx.kv.Range(records.key(org[:], device[:]), nil, true, func(_, value []byte) (bool, error) {
		var data []byte
		if err := records.decode(value, &data); err != nil {
			return false, err
		}
		r, err := history.DecodeRecord(data)
		if err != nil {
			return false, err
		}
		last = max(last, r.Sequence)
		if since == 0 || r.Clock.Wall < since {
			return false, nil
		}
		first = r.Sequence
		return true, nil
	})
	return last, first, err
}

// UnshareFrom has other devices of the account get no more of a device's records, other than those that prove themselves, from a
// number on. It looks at up to limit of them and returns the number to go on with; 0: there are no more.
func (tx *Tx) UnshareFrom(org keys.OrgID, device keys.PublicKey, from uint64, limit int) (next uint64, err error) {
	var found []history.Record
	seen := 0
	err = records.each(tx, number(max(from, 1)-1), func(_ []byte, data []byte) (bool, error) {
		r, err := history.DecodeRecord(data)
		if err != nil {
			return false, err
		}
		if seen++; seen > limit {
			next = r.Sequence
			return false, nil
		}
		if !r.ProvesItself() {
			found = append(found, r)
		}
		return true, nil
	}, org[:], device[:])
	for _, r := range found {
		if err == nil {
			err = tx.unshare(org, r)
		}
	}
	return next, err
}
