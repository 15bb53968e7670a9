package rendezvous

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
)

// org is one organization on the node. Nothing in it knows of another.
type org struct {
	id       keys.OrgID
	roll     *roll
	prekeys  prekeys
	grants   *grants
	intros   allowances
	pace     *pace
	sessions *sessions
}

// openOrg reads an organization's tables from the store.
func openOrg(store *kv.Store, node keys.PrivateKey, id keys.OrgID, now time.Time) (*org, error) {
	r, err := openRoll(store, node, id, now)
	if err != nil {
		return nil, err
	}
	g, err := openGrants(store, r)
	if err != nil {
		return nil, err
	}
	return &org{
		id: id, roll: r, grants: g,
		prekeys:  prekeys{org: id, store: store},
		intros:   allowances{org: id, store: store},
		pace:     newPace(),
		sessions: newSessions(),
	}, nil
}

// devices returns every active device of the organization.
func (o *org) devices() (devices []keys.PublicKey) {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	state := o.roll.roll.State()
	for _, member := range state.Members() {
		for _, device := range member.Devices {
			devices = append(devices, device.Key)
		}
	}
	return devices
}
