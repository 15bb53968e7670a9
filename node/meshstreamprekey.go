package node

import (
	"errors"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// signedPrekeys returns the prekeys of devices that are known here and that one may still seal to. [MSH-11]
func (o *organization) signedPrekeys(devices []keys.PublicKey) (list []mesh.Prekey, err error) {
	now := o.now()
	err = o.node.store.View(func(tx *store.Tx) error {
		for _, device := range devices {
			signed, err := tx.KnownPrekey(o.org, device)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if _, err := envelope.OpenPrekey(signed, o.org, device, now); err == nil && len(signed) <= mesh.MaxPrekey {
				list = append(list, mesh.Prekey{Device: device, Signed: slices.Clone(signed)})
			}
		}
		return nil
	})
	return list, err
}

// takeInHand remembers, for as long as the stream stands, a prekey that the other side hands over as its own; false if it is none. [MSH-70]
func (p *meshPeer) takeInHand(one mesh.Prekey) bool {
	if one.Device != p.key {
		return false
	}
	own, err := envelope.OpenPrekeyInHand(one.Signed, p.streams.o.org, p.key)
	if err != nil {
		return false
	}
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	p.inHand = []envelope.Prekey{own}
	return true
}

// prekeysInHand returns the prekeys of devices that these have handed over themselves on a stream that stands. [MSH-70]
func (m *meshStreams) prekeysInHand(devices []keys.PublicKey) map[keys.PublicKey]envelope.Prekey {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[keys.PublicKey]envelope.Prekey)
	for _, device := range devices {
		if p := m.peers[device]; p != nil && len(p.inHand) > 0 {
			all[device] = p.inHand[0]
		}
	}
	return all
}

// askPrekeys asks every neighbour for the prekeys of devices to which something is to be sealed. [MSH-11]
func (m *meshStreams) askPrekeys(devices []keys.PublicKey) {
	if len(devices) == 0 {
		return
	}
	devices = slices.Clone(devices)
	slices.SortFunc(devices, keys.PublicKey.Compare)
	devices = slices.Compact(devices)
	for _, p := range m.all() {
		p.owe(func(owed *owed) { owed.wanted = devices[:min(len(devices), mesh.MostPrekeys)] })
	}
}
