package node

import (
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// talkLeaves answers, while the envelopes that wait are looked through, whose devices may be handed what is said at places of several. Each
// member is asked about once. One goroutine uses it; nil lets all.
type talkLeaves struct {
	o     *organization
	known map[talker]bool
}

type talker struct {
	talk   keys.ConversationID
	device keys.PublicKey
}

func (o *organization) newTalkLeaves() *talkLeaves {
	return &talkLeaves{o, make(map[talker]bool)}
}

// lets reports whether an envelope may go straight to a device: at a place of several only if its member's leave is known here. Else it is
// the rendezvous node's, which refuses it until there is leave, or it waits. Without a node announcements and leave for the
// conversation go all the same: two who were both asked in learn so that the other takes part. [MSH-24] Callers hold no lock.
func (l *talkLeaves) lets(w store.Waiting, device keys.PublicKey, connected bool) bool {
	if l == nil || !several(w.Place) {
		return true
	}
	leads := envelope.Kind(w.Kind) == envelope.KindAnnounce || w.Message == nil && history.Kind(w.BodyKind)&^history.Anew == history.KindLeave
	if leads && !connected {
		return true
	}
	key := talker{w.Place.ID(l.o.org), device}
	lets, known := l.known[key]
	if !known {
		l.o.mu.Lock()
		lets = l.o.letsLocked(w.Place, device)
		l.o.mu.Unlock()
		l.known[key] = lets
	}
	return lets
}

// letsLocked reports whether a device's member lets this account write at a place of several, as far as is known here. Callers hold mu.
func (o *organization) letsLocked(place envelope.Place, device keys.PublicKey) bool {
	member, known := o.memberOfLocked(device)
	if !known || member == o.member {
		return known
	}
	if grant, _ := o.talkLeaveLocked(place, member); grant.Open {
		return true
	}
	contact, _ := o.view.Contact(member)
	return o.gotLocked(contact).Open || o.roll.State().MayContact(o.member, member) == membership.ContactFree
}
