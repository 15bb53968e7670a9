package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// shareTries is how often a share is put again because another device of the account put one meanwhile.
const shareTries = 3

var (
	sharings = map[string]rvproto.Sharing{
		api.ShareNobody: rvproto.ShareNobody, api.ShareMembers: rvproto.ShareListed,
		api.ShareContacts: rvproto.ShareContacts, api.ShareEverybody: rvproto.ShareEverybody,
	}
	grains = map[string]rvproto.Grain{
		api.SeenNone: rvproto.GrainNone, api.SeenDay: rvproto.GrainDay, api.SeenHour: rvproto.GrainHour, api.SeenExact: rvproto.GrainExact,
	}
)

func wordOf[K ~uint8](words map[string]K, value K) string {
	for word, v := range words {
		if v == value {
			return word
		}
	}
	return ""
}

// Presence tells who is there, and what the own account shows.
func (n *Node) Presence(ctx context.Context, query api.PresenceQuery) (api.PresenceResult, error) {
	result := api.PresenceResult{Own: api.List[api.OwnPresence]{}, Members: api.List[api.Presence]{}}
	if len(query.Members) > 0 {
		o, members, err := n.resolve(query.Org, query.Members)
		if err != nil {
			return result, err
		}
		if o.presence.ask(members) && o.connection() != nil {
			o.await(ctx, presenceWait, func() bool { return o.presence.knows(members) })
		}
		result.Own = append(result.Own, o.ownPresence(ctx))
		result.Members = o.presencesOf(members)
		return result, nil
	}
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return result, err
	}
	for _, o := range named {
		result.Own = append(result.Own, o.ownPresence(ctx))
		wanted, _ := o.wantedPresence()
		result.Members = append(result.Members, o.presencesOf(wanted)...)
	}
	return result, nil
}

func (o *organization) presencesOf(members []keys.MemberID) (all []api.Presence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, member := range members {
		all = append(all, o.presenceLocked(member))
	}
	slices.SortFunc(all, func(a, b api.Presence) int { return strings.Compare(a.Name+a.Member, b.Name+b.Member) })
	return all
}

// ownPresence describes what the own account shows. Another of its devices may have changed that: the rendezvous node is asked.
func (o *organization) ownPresence(ctx context.Context) api.OwnPresence {
	if client := o.connection(); client != nil {
		ctx, cancel := context.WithTimeout(ctx, presenceWait)
		defer cancel()
		if share, err := client.Share(ctx); err == nil {
			o.setShare(share)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	own := api.OwnPresence{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), State: api.PresenceOffline, Share: api.ShareNobody,
		Members: api.List[string]{}, LastSeen: api.SeenNone, Allowed: o.mayPresenceLocked(),
	}
	if (p.stream != nil || o.mesh.anyReady()) && own.Allowed {
		state, _ := o.node.usage.status(time.Now())
		own.State = presenceWords[state]
	}
	if share := p.share; share != nil {
		own.Share, own.LastSeen, own.Typing = wordOf(sharings, share.With), wordOf(grains, share.Grain), share.Typing
		for _, member := range share.Members {
			own.Members = append(own.Members, o.memberNameLocked(member))
		}
		if share.Hidden {
			own.State = api.PresenceInvisible
		}
	}
	return own
}

// SetPresence says whether the person is there. Invisible counts for all devices of the account, and so does its end.
func (n *Node) SetPresence(ctx context.Context, request api.SetPresenceRequest) (api.PresenceResult, error) {
	result := api.PresenceResult{Own: api.List[api.OwnPresence]{}, Members: api.List[api.Presence]{}}
	hidden := request.State == api.PresenceInvisible
	if !hidden && request.State != api.PresenceOnline && request.State != api.PresenceAway {
		return result, api.Errorf(api.CodeUsage, "%q is not online, away or invisible", request.State)
	}
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return result, err
	}
	if !hidden {
		n.usage.away.Store(request.State == api.PresenceAway)
		n.wakePresence()
	}
	for _, o := range named {
		if err := o.changeShare(ctx, func(share *rvproto.Share) { share.Hidden = hidden }); err != nil {
			return result, err
		}
		result.Own = append(result.Own, o.ownPresence(ctx))
	}
	return result, nil
}

// SharePresence says who may see the own presence. When it returns the rendezvous node keeps to it.
func (n *Node) SharePresence(ctx context.Context, request api.SharePresenceRequest) (api.OwnPresence, error) {
	with, grain := sharings[request.Share], grains[request.LastSeen]
	switch {
	case request.Share != "" && with == 0:
		return api.OwnPresence{}, api.Errorf(api.CodeUsage, "presence is not shared with %q", request.Share)
	case request.LastSeen != "" && grain == 0:
		return api.OwnPresence{}, api.Errorf(api.CodeUsage, "%q is not none, day, hour or exact", request.LastSeen)
	case (with == rvproto.ShareListed) != (len(request.Members) > 0):
		return api.OwnPresence{}, api.Errorf(api.CodeUsage, "members are named to share with them, and only then")
	case len(request.Members) > rvproto.MaxShared:
		return api.OwnPresence{}, api.Errorf(api.CodeUsage, "presence is shared with at most %d members by name", rvproto.MaxShared)
	}
	var o *organization
	var members []keys.MemberID
	var err error
	if len(request.Members) > 0 {
		o, members, err = n.resolve(request.Org, request.Members)
	} else {
		o, err = n.oneOrganization(request.Org)
	}
	if err != nil {
		return api.OwnPresence{}, err
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	err = o.changeShare(ctx, func(share *rvproto.Share) {
		if with != 0 {
			share.With, share.Members = with, members
		}
		if grain != 0 {
			share.Grain = grain
		}
		if request.Typing != nil {
			share.Typing = *request.Typing
		}
	})
	if err != nil {
		return api.OwnPresence{}, err
	}
	return o.ownPresence(ctx), nil
}

// changeShare changes what the rendezvous node has, and returns when it has the change. If another device was faster the
// change is made to what that one put.
func (o *organization) changeShare(ctx context.Context, change func(*rvproto.Share)) error {
	if err := o.mayAct(); err != nil {
		return err
	}
	client, err := o.awaitConnection(ctx)
	if err != nil {
		return err
	}
	held, err := client.Share(ctx)
	for try := 0; err == nil && try < shareTries; try++ {
		next := rvproto.Share{With: rvproto.ShareNobody, Grain: rvproto.GrainDay}
		if held != nil {
			next = *held
		}
		before := next
		change(&next)
		if held != nil && sameShare(before, next) || held == nil && sameShare(next, before) {
			o.setShare(held)
			return nil
		}
		next.Number++
		held, err = client.PutShare(ctx, next)
		if err == nil {
			o.setShare(held)
			o.shareBeside(ctx, client)
			return nil
		}
		if errors.Is(err, wire.StatusStale) && held != nil {
			err = nil
		}
	}
	if err == nil {
		err = wire.StatusStale
	}
	return refusal("telling the rendezvous node", err)
}

// shareBeside gives the other nodes that are connected what the one of the main session has: who is not learns it when it is.
func (o *organization) shareBeside(ctx context.Context, main *rvclient.Client) {
	for _, client := range o.fleet.clients() {
		if client == main {
			continue
		}
		if err := o.presence.bring(ctx, client); err != nil {
			o.log.Info("telling another rendezvous node what is shared", "error", err)
		}
	}
}

func sameShare(a, b rvproto.Share) bool {
	return a.With == b.With && a.Grain == b.Grain && a.Typing == b.Typing && a.Hidden == b.Hidden && slices.Equal(a.Members, b.Members)
}

// Typing tells members that the person is typing to them, if both sides take part in that. Nothing is stored or waits.
func (n *Node) Typing(_ context.Context, request api.TypingRequest) (api.TypingResult, error) {
	o, members, err := n.resolve(request.Org, request.To)
	if err != nil {
		return api.TypingResult{}, err
	}
	if len(members) > rvproto.MaxTyping {
		return api.TypingResult{}, api.Errorf(api.CodeUsage, "at most %d members are told of typing", rvproto.MaxTyping)
	}
	p := o.presence
	p.mu.Lock()
	stream := p.stream
	if p.share == nil || !p.share.Typing || p.share.Hidden { // it does not leave this device
		stream = nil
	}
	p.mu.Unlock()
	result := api.TypingResult{Members: api.List[string]{}}
	if stream == nil {
		return result, nil
	}
	for _, member := range members {
		result.Members = append(result.Members, member.String())
	}
	if err := stream.Typing(members); err != nil {
		return api.TypingResult{}, api.Errorf(api.CodeFailed, "the connection was lost")
	}
	return result, nil
}
