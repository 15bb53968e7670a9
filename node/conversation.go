package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// ChangeTalk takes part in a conversation of several members, leaves it, or goes on in a larger one.
func (n *Node) ChangeTalk(ctx context.Context, request api.TalkRequest) (api.TalkResult, error) {
	o, place, last, err := n.findTalk(request.Org, request.ID)
	if err != nil {
		return api.TalkResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.TalkResult{}, err
	}
	switch request.Do {
	case api.TalkJoin, api.TalkLeave:
		return o.stay(ctx, place, request.Do == api.TalkJoin)
	case api.TalkAdd:
		return o.enlarge(ctx, place, last, request)
	}
	return api.TalkResult{}, api.Errorf(api.CodeUsage, "there is nothing %q to do about a conversation", request.Do)
}

// findTalk finds the place of a conversation by its id or that of a message in it, and the newest message of it.
func (n *Node) findTalk(org, text string) (o *organization, place envelope.Place, last history.Message, err error) {
	if in, r, err := n.findMessage(org, text); err == nil {
		return in, placeOf(*r.Message), *r.Message, nil
	}
	named, err := n.organizationsNamed(org)
	if err != nil {
		return nil, place, last, err
	}
	for _, o := range named {
		if place, last, err = o.talkNamed(text); err != nil || !place.IsZero() {
			return o, place, last, err
		}
	}
	return nil, place, last, api.Errorf(api.CodeNotFound, "no conversation or message %q", text).
		WithHint("`muster read ID --json` names a message's conversation")
}

// talkNamed returns the place of the conversation whose id begins with text, and the newest message of it, from the index alone;
// the zero place if there is none.
func (o *organization) talkNamed(text string) (place envelope.Place, last history.Message, err error) {
	if len(text) < shortestPrefix {
		return place, last, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	threads := o.threadsLocked()
	found := threads.ConversationsNamed(strings.ToLower(text))
	switch len(found) {
	case 0:
		return place, last, nil
	case 1:
	default:
		return place, last, api.Errorf(api.CodeUsage, "more than one conversation begins with %q", text).WithHint("give more of its id")
	}
	newest, ok := threads.NewestIn(found[0])
	if !ok {
		return place, last, nil
	}
	r, err := o.recordLocked(newest.Message)
	if err != nil {
		return place, last, fmt.Errorf("reading the newest message of a conversation: %w", err)
	}
	return placeOf(*r.Message), *r.Message, nil
}

// stay gives leave to everybody in a conversation of several, or ends it.
func (o *organization) stay(ctx context.Context, place envelope.Place, open bool) (api.TalkResult, error) {
	if !several(place) {
		return api.TalkResult{}, api.Errorf(api.CodeUsage, "that is no conversation of several members").
			WithHint("a group is joined with `muster group join`; a member is let in with `muster accept`")
	}
	changed, err := o.keepTalkLeave(place, open)
	if err != nil {
		return api.TalkResult{}, err
	}
	if client := o.connection(); client != nil && changed {
		if err := o.publishTalks(ctx, client); err != nil {
			return api.TalkResult{}, refusal("telling the rendezvous node", err)
		}
		wake(o.wakeSeal)
	}
	result := o.talk(place)
	result.Already = !changed
	return result, nil
}

func (o *organization) keepTalkLeave(place envelope.Place, open bool) (changed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) (err error) {
		changed, err = o.setTalkLeave(tx, place, open, &effects)
		return err
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return changed, err
}

// talk describes a conversation of several.
func (o *organization) talk(place envelope.Place) api.TalkResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	result := api.TalkResult{Org: o.org.String(), Conversation: place.ID(o.org).String(), Joined: o.joinedLocked(place)}
	for _, m := range place.Members {
		part := "unknown"
		switch grant, given := o.talkLeaveLocked(place, m); {
		case grant.Open:
			part = "joined"
		case given:
			part = "left"
		}
		result.Members = append(result.Members, api.TalkMember{Member: m.String(), Name: o.memberNameLocked(m), Part: part})
	}
	return result
}

// enlarge goes on with a thread among more members: with a note why, which names who is new. They see what comes from then
// on, and nothing of before.
func (o *organization) enlarge(ctx context.Context, place envelope.Place, last history.Message, request api.TalkRequest) (api.TalkResult, error) {
	members, unknown, ok := o.find(request.Members)
	switch {
	case len(place.Members) == 0:
		return api.TalkResult{}, api.Errorf(api.CodeUsage, "only a conversation of members takes in others so").
			WithHint("`muster group invite` asks somebody into a group; `muster forward` shows messages to others")
	case !ok:
		return api.TalkResult{}, api.Errorf(api.CodeNotFound, "no member %q", unknown).WithHint("`muster contacts --all` lists the members")
	case len(members) == 0:
		return api.TalkResult{}, api.Errorf(api.CodeUsage, "nobody is named")
	case request.Text == "":
		return api.TalkResult{}, api.Errorf(api.CodeUsage, "there is no note why").WithHint("give it with -m")
	}
	d, err := o.larger(place, last, members, request.Text)
	if err != nil {
		return api.TalkResult{}, err
	}
	if err := o.save(d, nil); err != nil {
		return api.TalkResult{}, err
	}
	wake(o.wakeSeal)
	o.await(ctx, sendWait, func() bool { return o.connection() == nil || !o.anyHeld(d.message.ID()) })
	sent, err := o.sendResult(d)
	result := o.talk(d.place)
	result.Sent, result.Refused, result.Message = sent.Recipients, sent.Refused, sent.ID
	return result, err
}

// larger makes the note that begins a larger conversation.
func (o *organization) larger(place envelope.Place, last history.Message, members []keys.MemberID, note string) (draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var d draft
	if err := o.sendingLocked(); err != nil {
		return d, err
	}
	added := slices.DeleteFunc(slices.Clone(members), place.Has)
	if len(added) == 0 {
		return d, api.Errorf(api.CodeUsage, "they are in the conversation already")
	}
	given, err := o.haveLeaveLocked(&d, added)
	if err != nil {
		return d, err
	}
	whole := envelope.Among(append(slices.Clone(place.Members), given...)...)
	if len(whole.Members) > envelope.MaxMembers {
		return d, api.Errorf(api.CodeUsage, "a conversation has at most %d members", envelope.MaxMembers).WithHint("make it a group: muster group create")
	}
	if err := o.addressLocked(&d, target{place: whole}); err != nil {
		return d, err
	}
	text := o.textTo(whole)
	text.Subject, text.Text, text.Time, text.Added = last.Text.Subject, note, o.now().UnixMilli(), given
	id := last.ID()
	if text.Reply, text.Thread = &id, last.Text.Thread; text.Thread == nil {
		text.Thread = &id
	}
	rand.Read(text.Nonce[:])
	return d, o.completeLocked(&d, text)
}
