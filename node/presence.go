package node

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

const (
	// idleAfter is how long after the last request that a person made a device says "away".
	idleAfter = 10 * time.Minute
	// askedMembers bounds the members that are watched because somebody asked for them by name.
	askedMembers = 128
	// smallOrg is up to how many members all of them are watched, if one may write to them freely.
	smallOrg = 64
	// presenceEvery is the time between looks for new contacts.
	presenceEvery = time.Minute
	// presenceWait is how long a question for members who were not watched before waits to be told.
	presenceWait = 2 * time.Second
)

// usage is when a person last used this device, for all organizations.
type usage struct {
	last atomic.Int64 // unix nanoseconds
	away atomic.Bool  // they said so
}

// presence is what this device knows of who is there in one organization. What others say is not stored, and is over with the connection; what
// the own account shares the rendezvous node keeps, and this device remembers it for its neighbours.
type presence struct {
	wake chan struct{} // capacity 1: what is to be said or asked may have changed

	mu      sync.Mutex // guards the following; never held while waiting, nor while organization.mu is taken
	stream  *rvclient.DeliverStream
	sides   map[*rvclient.DeliverStream]rvproto.State // of other nodes, with what was said there
	said    rvproto.State
	share   *rvproto.Share // as the rendezvous node last told, nil for none
	asked   []keys.MemberID
	watched []keys.MemberID
	told    map[keys.MemberID]rvproto.PresenceFrame
	near    map[keys.PublicKey]mesh.State // what neighbours say of their persons; absent: nothing
}

func newPresence() *presence {
	return &presence{
		wake: make(chan struct{}, 1), told: make(map[keys.MemberID]rvproto.PresenceFrame), near: make(map[keys.PublicKey]mesh.State),
	}
}

// Used notes that a person uses this device.
func (n *Node) Used() {
	now := time.Now()
	if last := n.usage.last.Swap(now.UnixNano()); now.Sub(time.Unix(0, last)) >= idleAfter {
		n.wakePresence()
	}
}

func (n *Node) wakePresence() {
	for _, o := range n.all() {
		wake(o.presence.wake)
	}
}

// status returns what this device says of its person, and how long that holds if nothing happens.
func (u *usage) status(now time.Time) (state rvproto.State, holds time.Duration) {
	used := now.Sub(time.Unix(0, u.last.Load()))
	if u.away.Load() || used >= idleAfter {
		return rvproto.StateAway, time.Hour
	}
	return rvproto.StateOnline, idleAfter - used
}

// attend makes a deliver stream the one by which presence is told. The returned function ends that, and with it all that
// was told on it.
func (p *presence) attend(stream *rvclient.DeliverStream, main bool) (leave func()) {
	if stream.Moved() != nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !main {
		return p.attendSideLocked(stream)
	}
	p.stream = stream
	wake(p.wake)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stream == stream {
			p.stream, p.said, p.watched = nil, rvproto.StateOffline, nil
			clear(p.told)
		}
	}
}

// attendSideLocked has another node know that this device is there: who watches may do so at either.
func (p *presence) attendSideLocked(stream *rvclient.DeliverStream) (leave func()) {
	if p.sides == nil {
		p.sides = make(map[*rvclient.DeliverStream]rvproto.State)
	}
	p.sides[stream] = rvproto.StateOffline
	wake(p.wake)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.sides, stream)
	}
}

// sayBeside says to the other nodes what was said to the one of the main session. One that does not take it loses the session
// with it, whose own goroutines see that.
func (p *presence) sayBeside(state rvproto.State) {
	p.mu.Lock()
	var told []*rvclient.DeliverStream
	for stream, said := range p.sides {
		if said != state {
			told = append(told, stream)
			p.sides[stream] = state
		}
	}
	p.mu.Unlock()
	for _, stream := range told {
		_ = stream.Say(state)
	}
}

// bring gives another node what the own account shares, as far as this device knows that; a newer one that is there stays.
func (p *presence) bring(ctx context.Context, client *rvclient.Client) error {
	p.mu.Lock()
	share := p.share
	p.mu.Unlock()
	if share == nil {
		return nil
	}
	_, err := client.PutShare(ctx, *share)
	return unlessRefused(err)
}

// keepPresence says on the deliver stream whether somebody is there and whose presence is wanted, whenever that changes.
func (o *organization) keepPresence(ctx context.Context, client *rvclient.Client) error {
	if share, err := client.Share(ctx); err == nil {
		if o.setNewerShare(share) {
			err = o.presence.bring(ctx, client)
		}
		if unlessRefused(err) != nil {
			return err
		}
	} else if unlessRefused(err) != nil {
		return err
	}
	for {
		holds, err := o.sayPresence()
		if err != nil {
			return err
		}
		timer := time.NewTimer(min(holds, presenceEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-o.presence.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sayPresence says what has changed. Who shares their presence with nobody is online to the rendezvous node for as long as
// there is a connection, which it knows, and no more is said.
func (o *organization) sayPresence() (holds time.Duration, err error) {
	state, holds := o.node.usage.status(time.Now())
	wanted, may := o.wantedPresence()
	p := o.presence
	p.mu.Lock()
	stream, said, watched := p.stream, p.said, p.watched
	if p.share == nil || p.share.With == rvproto.ShareNobody {
		state = rvproto.StateOnline
	}
	p.mu.Unlock()
	if stream == nil || !may {
		return time.Hour, nil
	}
	if state != said {
		if err := stream.Say(state); err != nil {
			return 0, err
		}
	}
	p.sayBeside(state)
	if !slices.Equal(wanted, watched) {
		if err := stream.Watch(wanted); err != nil {
			return 0, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream == stream {
		p.said, p.watched = state, wanted
		for member := range p.told {
			if _, still := slices.BinarySearchFunc(wanted, member, keys.MemberID.Compare); !still {
				delete(p.told, member)
			}
		}
	}
	return holds, nil
}

// wantedPresence returns whose presence this device wants to see, sorted: contacts, in a small organization everybody to
// whom it may write freely, and who was asked for; but for the last nobody who is blocked. may is false where the policy allows
// none, and for guests.
func (o *organization) wantedPresence() (wanted []keys.MemberID, may bool) {
	o.presence.mu.Lock()
	wanted = slices.Clone(o.presence.asked)
	o.presence.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	if !o.mayPresenceLocked() {
		return nil, false
	}
	for _, contact := range o.view.Contacts() {
		if contact.State == history.ContactAccepted && !o.blocksLocked(contact) {
			wanted = append(wanted, contact.Member)
		}
	}
	if state.Count() <= smallOrg {
		for _, m := range state.Members() {
			if m.ID != o.member && !m.Removed && !o.blockedLocked(m.ID) && state.MayContact(o.member, m.ID) == membership.ContactFree {
				wanted = append(wanted, m.ID)
			}
		}
	}
	slices.SortFunc(wanted, keys.MemberID.Compare)
	wanted = slices.Compact(wanted)
	return wanted[:min(len(wanted), rvproto.MaxWatched)], true
}

// mayPresenceLocked reports whether there is presence for this account. Callers hold mu.
func (o *organization) mayPresenceLocked() bool {
	self, _ := o.roll.State().Member(o.member)
	return o.roll.State().Policy().Presence == membership.Allowed && self.Role != membership.RoleGuest
}

// heardPresence takes what the rendezvous node tells of others. What was not asked for is not believed to be of use.
func (o *organization) heardPresence(in rvclient.Incoming) {
	p := o.presence
	var event api.Event
	switch {
	case in.Presence != nil:
		p.mu.Lock()
		before := p.told[in.Presence.Member]
		_, wanted := slices.BinarySearchFunc(p.watched, in.Presence.Member, keys.MemberID.Compare)
		if wanted {
			p.told[in.Presence.Member] = *in.Presence
		}
		p.mu.Unlock()
		if !wanted || before == *in.Presence {
			return
		}
		event = api.Event{Kind: api.EventPresence}
		o.mu.Lock()
		described := o.presenceLocked(in.Presence.Member)
		o.noteChangeLocked()
		o.mu.Unlock()
		event.Presence = &described
	case !in.Typist.IsZero():
		event = api.Event{Kind: api.EventTyping}
		o.mu.Lock()
		blocked := o.blockedLocked(in.Typist)
		_, known := o.roll.State().Member(in.Typist)
		described := o.presenceLocked(in.Typist)
		o.mu.Unlock()
		if !known || blocked {
			return
		}
		event.Presence = &described
	default:
		return
	}
	event.Time, event.Org = o.now().UTC(), o.org.String()
	o.node.hub.publish(event)
}

// presenceLocked describes what is known of a member. Callers hold mu.
func (o *organization) presenceLocked(member keys.MemberID) api.Presence {
	described := api.Presence{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), Member: member.String(), Name: o.memberNameLocked(member),
		State: api.PresenceUnknown,
	}
	p := o.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream != nil {
		told := p.told[member]
		described.State = presenceWords[told.State]
		if told.Seen > 0 {
			described.LastSeen = time.Unix(int64(told.Seen), 0).UTC()
		}
	}
	if near, told := o.nearLocked(member); told && described.State != api.PresenceOnline {
		described.State = presenceWords[near]
	}
	return described
}

var presenceWords = map[rvproto.State]api.PresenceState{
	rvproto.StateOffline: api.PresenceOffline, rvproto.StateOnline: api.PresenceOnline, rvproto.StateAway: api.PresenceAway,
}

// ask has members watched. fresh is true if some were not.
func (p *presence) ask(members []keys.MemberID) (fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range members {
		if _, known := slices.BinarySearchFunc(p.watched, member, keys.MemberID.Compare); known {
			continue
		}
		fresh = true
		if !slices.Contains(p.asked, member) {
			p.asked = append(p.asked, member)
		}
	}
	if over := len(p.asked) - askedMembers; over > 0 {
		p.asked = slices.Delete(p.asked, 0, over)
	}
	if fresh {
		wake(p.wake)
	}
	return fresh
}

// knows reports whether something was told of all members.
func (p *presence) knows(members []keys.MemberID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range members {
		if _, told := p.told[member]; !told {
			return false
		}
	}
	return true
}
