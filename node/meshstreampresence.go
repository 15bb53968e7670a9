package node

import (
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// stateFor returns what this device says of its person to another member's device: what the rendezvous node would tell that member, by the
// policy and by what the own account shares. [MSH-20] [RV-104]
func (o *organization) stateFor(device keys.PublicKey) mesh.State {
	share := o.presence.sharing()
	if share == nil || share.Hidden || share.With == rvproto.ShareNobody {
		return mesh.StateUntold
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	member, active := o.memberOfLocked(device)
	if !active || !o.seesLocked(member, *share) {
		return mesh.StateUntold
	}
	if state, _ := o.node.usage.status(time.Now()); state == rvproto.StateAway {
		return mesh.StateAway
	}
	return mesh.StateOnline
}

// seesLocked reports whether a member may see whether this account's person is there. Callers hold mu.
func (o *organization) seesLocked(member keys.MemberID, share rvproto.Share) bool {
	state := o.roll.State()
	viewer, _ := state.Member(member)
	contact, _ := o.view.Contact(member)
	given := o.givenLocked(contact)
	switch {
	case !o.mayPresenceLocked(), viewer.Role == membership.RoleGuest, o.blocksLocked(contact),
		given.Number > 0 && !given.Open, state.MayContact(member, o.member) == membership.ContactRefused:
		return false
	case share.With == rvproto.ShareEverybody, share.With == rvproto.ShareContacts && given.Open:
		return true
	}
	return slices.Contains(share.Members, member)
}

// sharing returns what the own account shares, nil if that is not known.
func (p *presence) sharing() *rvproto.Share {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.share
}

// setShare takes what a node has of the own share, and remembers it for when there is none.
func (o *organization) setShare(share *rvproto.Share) {
	p := o.presence
	p.mu.Lock()
	same := share == p.share || share != nil && p.share != nil && p.share.Number == share.Number && sameShare(*p.share, *share)
	p.share = share
	p.mu.Unlock()
	wake(p.wake)
	if same {
		return
	}
	var kept []byte
	if share != nil {
		kept = wire.Encode(*share)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutShare(o.org, kept) }); err != nil {
		o.log.Warn("remembering what is shared of the own presence", "error", err)
	}
}

// setNewerShare takes what a node has of the own share, unless this device knows a newer one: then it returns true.
func (o *organization) setNewerShare(share *rvproto.Share) (newer bool) {
	held := o.presence.sharing()
	newer = held != nil && (share == nil || share.Number < held.Number)
	if !newer {
		o.setShare(share)
	}
	return newer
}

// readShare reads what a rendezvous node had last.
func (o *organization) readShare(tx *store.Tx) error {
	kept, err := tx.Share(o.org)
	if err != nil || len(kept) == 0 {
		return err
	}
	var share rvproto.Share
	if err := wire.Decode(kept, &share); err != nil {
		return fmt.Errorf("reading what is shared of the own presence: %w", err)
	}
	o.presence.share = &share
	return nil
}

// hearNear takes what the other side says of its person. It counts while the stream stands. [MSH-20]
func (p *meshPeer) hearNear(state mesh.State) {
	known := p.streams.o.presence
	known.mu.Lock()
	before := known.near[p.key]
	if state == mesh.StateUntold {
		delete(known.near, p.key)
	} else {
		known.near[p.key] = state
	}
	known.mu.Unlock()
	if before != state {
		p.streams.o.tellNear(p.key)
	}
}

// forgetNear forgets what was said on a stream that has ended, unless another one has its place.
func (o *organization) forgetNear(p *meshPeer) {
	if o.mesh.peer(p.key) == nil {
		p.hearNear(mesh.StateUntold)
	}
}

// tellNear tells watchers that a member's presence is another.
func (o *organization) tellNear(device keys.PublicKey) {
	o.mu.Lock()
	member, known := o.memberOfLocked(device)
	if !known || o.blockedLocked(member) {
		o.mu.Unlock()
		return
	}
	described := o.presenceLocked(member)
	o.noteChangeLocked()
	o.mu.Unlock()
	o.node.hub.publish(api.Event{Kind: api.EventPresence, Presence: &described, Time: time.Now().UTC(), Org: o.org.String()})
}

// nearLocked returns what the devices of a member that are in reach say of their person. Callers hold mu and presence.mu.
func (o *organization) nearLocked(member keys.MemberID) (state rvproto.State, told bool) {
	for device, said := range o.presence.near {
		if of, _ := o.memberOfLocked(device); of != member {
			continue
		}
		told = true
		if said == mesh.StateOnline {
			return rvproto.StateOnline, true
		}
		state = rvproto.StateAway
	}
	return state, told
}
