package node

import (
	"maps"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
)

// allPeopleLocked returns whom this account may meet and write to, one to one: members, and who joins ahead of the roll. Whatever else is asked
// about members asks the roll's state. [ROLL-197] Callers hold mu.
func (o *organization) allPeopleLocked() membership.People { return o.roll.State().With(o.joining) }

// personOfLocked is memberOfLocked, of who joins ahead of the roll too. Callers hold mu.
func (o *organization) personOfLocked(device keys.PublicKey) (keys.MemberID, bool) {
	if o.endedEarlyLocked(device) {
		return keys.MemberID{}, false
	}
	return o.allPeopleLocked().MemberOf(device)
}

// isConfirmed reports whether the roll has, or had, this very device: it has not while it joins ahead of the roll.
func (o *organization) isConfirmed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.isConfirmedLocked()
}

// isConfirmedLocked is isConfirmed. What was restored from a backup goes its own way. Callers hold mu.
func (o *organization) isConfirmedLocked() bool {
	return o.exclusion != nil || o.roll.State().Standing(o.device) != membership.StandingNone
}

// aheadAtLocked returns a member at a place who joins ahead of the roll, this account's own first; false if there is none. Callers hold mu.
func (o *organization) aheadAtLocked(place envelope.Place) (keys.MemberID, bool) {
	people := o.allPeopleLocked()
	if _, ahead := people.Ahead(o.member); ahead {
		return o.member, true
	}
	for _, member := range place.Members {
		if _, ahead := people.Ahead(member); ahead {
			return member, true
		}
	}
	return keys.MemberID{}, false
}

// isPair reports whether a place is that of this account and one other: where somebody may be who joins ahead of the roll.
func (o *organization) isPair(place envelope.Place) bool { return !o.other(place).IsZero() }

// noteJoiningLocked has everything know who joins ahead of the roll now: who may call, and whose streams end. Callers hold mu.
func (o *organization) noteJoiningLocked() {
	o.gatherJoiningLocked()
	o.noteCallableLocked()
	o.noteNeighboursLocked()
	o.noteChangeLocked()
}

// gatherJoiningLocked gathers them from those that are held. Callers hold mu.
func (o *organization) gatherJoiningLocked() {
	joins := make([]membership.EarlyJoin, 0, len(o.newcomers))
	for _, n := range o.newcomers {
		joins = append(joins, n.EarlyJoin)
	}
	o.joining = membership.NewAhead(joins)
}

// aheadDevices returns the devices of all who join ahead of the roll.
func (o *organization) aheadDevices() []keys.PublicKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.allPeopleLocked().AheadDevices()
}

// withAhead adds to a source of prekeys those that devices ahead of the roll told this one themselves: a rendezvous node has none of them.
func (o *organization) withAhead(fetch prekeySource) prekeySource {
	return func(devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) {
		ahead := intersection(devices, o.aheadDevices())
		prekeys, err := fetch(difference(devices, ahead))
		if err != nil || len(ahead) == 0 {
			return prekeys, err
		}
		told, err := o.signedPrekeys(ahead)
		if err != nil {
			return nil, err
		}
		all := maps.Clone(prekeys)
		if all == nil {
			all = make(map[keys.PublicKey]envelope.Prekey)
		}
		for _, one := range told {
			if opened, err := envelope.OpenPrekey(one.Signed, o.org, one.Device, o.now()); err == nil {
				all[one.Device] = opened
			}
		}
		return all, nil
	}
}
