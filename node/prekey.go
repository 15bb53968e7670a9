package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// prekeyLife is how long others may seal to a prekey.
	prekeyLife = 14 * 24 * time.Hour
	// prekeyRotation is the age at which a fresh prekey is published: at least weekly.
	prekeyRotation = 5 * 24 * time.Hour
	// prekeyGrace is kept beside the policy's queue time before a private half is destroyed: clocks differ.
	prekeyGrace = 24 * time.Hour
)

func (o *organization) readPrekeys(tx *store.Tx) error {
	kept, err := tx.Prekeys(o.org)
	if err != nil {
		return err
	}
	for _, p := range kept {
		private, err := envelope.UnmarshalPrekeyPrivate(p.Private, o.org, o.device)
		if err != nil {
			return fmt.Errorf("reading a prekey: %w", err)
		}
		o.prekeys[p.ID] = private
	}
	return nil
}

// publishPrekey makes a fresh prekey when the newest is old, destroys those that no unexpired envelope can need, and
// gives the newest to the rendezvous node.
func (o *organization) publishPrekey(ctx context.Context, client *rvclient.Client) error {
	signed, err := o.currentPrekey()
	if err != nil {
		return err
	}
	err = client.PutPrekey(ctx, signed)
	if errors.Is(err, wire.StatusStale) {
		err = o.outlastPrekey(ctx, client)
	}
	if err != nil {
		o.log.Warn("the prekey is not published", "error", err)
		return fmt.Errorf("publishing the prekey: %w", err)
	}
	return nil
}

// outlastPrekey deals with a rendezvous node that has a prekey of this device of a later date, made when the clock was
// ahead, or before the folder was put back from a copy. If its private half is here it serves; else others would seal
// to what nobody can open, and a new one of a still later date takes its place.
func (o *organization) outlastPrekey(ctx context.Context, client *rvclient.Client) error {
	answers, err := client.GetPrekeys(ctx, []keys.PublicKey{o.device})
	if err != nil {
		return err
	}
	held, err := envelope.OpenPrekey(answers[0], o.org, o.device, o.now())
	if err != nil {
		return err
	}
	var signed []byte
	o.mu.Lock()
	if _, ok := o.prekeys[held.ID()]; !ok {
		err = o.updatePrekeysLocked(func(tx *store.Tx) error {
			signed, err = o.makePrekeyLocked(tx, time.Unix(held.LastSealing+1, 0))
			return err
		})
	}
	o.mu.Unlock()
	if err != nil || signed == nil {
		return err
	}
	return client.PutPrekey(ctx, signed)
}

func (o *organization) currentPrekey() (signed []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.updatePrekeysLocked(func(tx *store.Tx) error {
		signed, err = o.rotatePrekeysLocked(tx, o.now())
		return err
	})
	return signed, err
}

// updatePrekeysLocked changes the prekeys in the store and in memory. Callers hold mu.
func (o *organization) updatePrekeysLocked(change func(tx *store.Tx) error) error {
	before := maps.Clone(o.prekeys)
	err := o.node.store.Update(change)
	if err != nil {
		o.prekeys = before
	}
	return err
}

// rotatePrekeysLocked returns the newest prekey, making one when there is none young enough. One of a later date than any
// made today has was made when the clock was ahead: it opens what was sealed to it, and is not published. Callers hold mu.
func (o *organization) rotatePrekeysLocked(tx *store.Tx, now time.Time) (signed []byte, err error) {
	kept, err := tx.Prekeys(o.org)
	if err != nil {
		return nil, err
	}
	keep := time.Duration(o.roll.State().Policy().QueueTime)*time.Second + prekeyGrace
	var newest store.Prekey
	for _, p := range kept {
		if time.Unix(p.LastSealing, 0).Add(keep).Before(o.sober()) {
			if err := tx.DeletePrekey(o.org, p.ID); err != nil {
				return nil, err
			}
			delete(o.prekeys, p.ID)
			continue
		}
		if p.LastSealing > newest.LastSealing && p.LastSealing <= now.Add(prekeyLife).Unix() {
			newest = p
		}
	}
	if time.Unix(newest.LastSealing, 0).Sub(now) > prekeyLife-prekeyRotation {
		return o.prekeys[newest.ID].Signed(), nil
	}
	return o.makePrekeyLocked(tx, now.Add(prekeyLife))
}

// makePrekeyLocked makes and stores a prekey. Callers hold mu.
func (o *organization) makePrekeyLocked(tx *store.Tx, lastSealing time.Time) (signed []byte, err error) {
	private, signed, err := envelope.NewPrekey(rand.Reader, o.self, o.org, lastSealing)
	if err != nil {
		return nil, err
	}
	id := private.Prekey.ID()
	o.prekeys[id] = private
	return signed, tx.PutPrekey(o.org, store.Prekey{ID: id, Private: private.Marshal(), LastSealing: private.Prekey.LastSealing})
}

// prekeysLocked returns the private halves, the newest first. Callers hold mu.
func (o *organization) prekeysLocked() []envelope.PrekeyPrivate {
	all := slices.Collect(maps.Values(o.prekeys))
	slices.SortFunc(all, func(a, b envelope.PrekeyPrivate) int { return cmp.Compare(b.Prekey.LastSealing, a.Prekey.LastSealing) })
	return all
}

// fetchPrekeys asks the rendezvous node for the prekeys of devices and checks each. A device whose prekey is missing,
// expired or not its own is left out.
func (o *organization) fetchPrekeys(ctx context.Context, client *rvclient.Client, devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) {
	found := make(map[keys.PublicKey]envelope.Prekey, len(devices))
	const batch = 64
	for start := 0; start < len(devices); start += batch {
		asked := devices[start:min(start+batch, len(devices))]
		answers, err := client.GetPrekeys(ctx, asked)
		if err != nil {
			return nil, fmt.Errorf("fetching prekeys: %w", err)
		}
		fresh := make(map[keys.PublicKey][]byte)
		for i, device := range asked {
			if i >= len(answers) || len(answers[i]) == 0 {
				o.log.Info("a device has no prekey yet", "device", device.Short())
				continue
			}
			prekey, err := envelope.OpenPrekey(answers[i], o.org, device, o.now())
			if errors.Is(err, envelope.ErrExpired) { // the device has been away for long
				o.log.Info("a device's prekey is too old", "device", device.Short())
				continue
			} else if err != nil {
				o.mu.Lock()
				o.alarmLocked(store.Alarm{Kind: "prekey", Evidence: [][]byte{answers[i]},
					Text: "the rendezvous node gave a prekey for device " + device.Short() + " that is not the device's"})
				o.mu.Unlock()
				continue
			}
			found[device] = prekey
			fresh[device] = answers[i]
		}
		o.keepPrekeys(fresh)
	}
	return found, nil
}

// keepPrekeys keeps what the rendezvous node gave, for when it cannot be asked.
func (o *organization) keepPrekeys(fresh map[keys.PublicKey][]byte) {
	if len(fresh) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.node.store.Update(func(tx *store.Tx) error {
		for device, signed := range fresh {
			if _, err := o.knowPrekey(tx, device, signed); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.log.Warn("keeping prekeys", "error", err)
	}
}
