package rendezvous

import (
	"errors"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
)

// prekeys is the table of the newest prekey of each device of one organization.
type prekeys struct {
	org   keys.OrgID
	store *kv.Store
}

// put keeps a device's own prekey unless the one that is there lasts longer. [RV-30]
func (p prekeys) put(device keys.PublicKey, signed []byte, now time.Time) wire.Status {
	fresh, err := envelope.OpenPrekey(signed, p.org, device, now)
	switch {
	case errors.Is(err, envelope.ErrExpired):
		return wire.StatusExpired
	case err != nil:
		return wire.StatusMalformed
	}
	stale := false
	err = p.store.Update(func(tx *kv.Tx) error {
		key := kv.Key(tablePrekey, p.org[:], device[:])
		held, err := tx.Get(key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if err == nil {
			old, err := envelope.OpenPrekey(held, p.org, device, now)
			if err == nil && old.LastSealing > fresh.LastSealing {
				stale = true
				return nil
			}
		}
		return tx.Put(key, signed)
	})
	if stale {
		return wire.StatusStale
	}
	return statusOf(err)
}

// drop removes a device's prekey.
func (p prekeys) drop(device keys.PublicKey) error {
	key := kv.Key(tablePrekey, p.org[:], device[:])
	err := p.store.View(func(tx *kv.Tx) error {
		_, err := tx.Get(key)
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	return p.store.Update(func(tx *kv.Tx) error { return tx.Delete(key) })
}

// get returns the signed prekeys of devices in their order, empty where there is none. [RV-31]
func (p prekeys) get(devices []keys.PublicKey) ([][]byte, error) {
	found := make([][]byte, len(devices))
	err := p.store.View(func(tx *kv.Tx) error {
		for i := range devices {
			held, err := tx.Get(kv.Key(tablePrekey, p.org[:], devices[i][:]))
			switch {
			case errors.Is(err, kv.ErrNotFound):
				found[i] = []byte{}
			case err != nil:
				return fmt.Errorf("reading a prekey: %w", err)
			default:
				found[i] = held
			}
		}
		return nil
	})
	return found, err
}
