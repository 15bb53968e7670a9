package store

import (
	"errors"

	"muster.example/internal/keys"
)

// Meeting is how often another member's device was in reach.
type Meeting struct {
	Last   int64  `cbor:"1,keyasint"` // when it was counted last, unix milliseconds
	Weight uint64 `cbor:"2,keyasint"` // then, in 1,024ths of an hour
}

var (
	meetings  = bucket[Meeting]{137, "a meeting with a device"}
	receipted = bucket[int64]{138, "that a device has given a receipt"}
	chosen    = bucket[string]{139, "a setting of this device"}
)

// PutMeeting keeps how often a device was in reach.
func (tx *Tx) PutMeeting(org keys.OrgID, device keys.PublicKey, m Meeting) error {
	return meetings.put(tx, m, org[:], device[:])
}

// DeleteMeeting forgets a device.
func (tx *Tx) DeleteMeeting(org keys.OrgID, device keys.PublicKey) error {
	return meetings.delete(tx, org[:], device[:])
}

// Meetings visits all devices that were in reach until visit returns false.
func (tx *Tx) Meetings(org keys.OrgID, visit func(device keys.PublicKey, m Meeting) (more bool, err error)) error {
	return meetings.each(tx, nil, func(rest []byte, m Meeting) (bool, error) {
		if len(rest) != keys.PublicKeySize {
			return true, nil
		}
		return visit(keys.PublicKey(rest), m)
	}, org[:])
}

// PutReceipted notes, at a time in unix milliseconds, that a device has given a receipt for an envelope: who carries takes no copy for
// that device any more.
func (tx *Tx) PutReceipted(org keys.OrgID, id keys.EnvelopeID, device keys.PublicKey, now int64) error {
	return receipted.put(tx, now, org[:], id[:], device[:])
}

// Receipted reports whether a receipt of a device for an envelope is known.
func (tx *Tx) Receipted(org keys.OrgID, id keys.EnvelopeID, device keys.PublicKey) (bool, error) {
	_, err := receipted.get(tx, org[:], id[:], device[:])
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ForgetReceipted removes up to limit notes made before a time (unix milliseconds) and returns how many.
func (tx *Tx) ForgetReceipted(org keys.OrgID, before int64, limit int) (int, error) {
	var old [][]byte
	err := receipted.each(tx, nil, func(rest []byte, at int64) (bool, error) {
		if at < before {
			old = append(old, append([]byte(nil), rest...))
		}
		return len(old) < limit, nil
	}, org[:])
	for _, rest := range old {
		err = errors.Join(err, receipted.delete(tx, org[:], rest))
	}
	return len(old), err
}

// PutDeviceSetting keeps a setting of this device alone.
func (tx *Tx) PutDeviceSetting(org keys.OrgID, name, value string) error {
	return chosen.put(tx, value, org[:], []byte(name))
}

// DeviceSettings returns the settings of this device alone that were chosen, by their names.
func (tx *Tx) DeviceSettings(org keys.OrgID) (map[string]string, error) {
	all := make(map[string]string)
	return all, chosen.each(tx, nil, func(name []byte, value string) (bool, error) {
		all[string(name)] = value
		return true, nil
	}, org[:])
}
