package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/rvproto"
)

// group has one sender post to a group whose members are away, as many posts on their way as all senders otherwise have
// together, and then these come and take what waits. A message is one envelope, which the node gives to each of them.
func (b *bench) group(ctx context.Context) error {
	members := min(b.members, b.receivers)
	if err := b.org.foundGroup(ctx, members, b.addresses(b.transport)); err != nil {
		return fmt.Errorf("founding the group: %w", err)
	}
	letters, err := b.org.sealForGroup(b.posts, b.body)
	if err != nil {
		return err
	}
	column := fmt.Sprintf("group of %d, %s", members, column(b.posts))
	window := min(b.window*b.senders, rvproto.PostWindow)
	return b.forward(ctx, column, letters, false, window)
}

// foundGroup makes a group of the first sender and so many receivers, unless there is one.
func (o *org) foundGroup(ctx context.Context, members int, node []string) error {
	if !o.group.IsZero() {
		return nil
	}
	founder := o.senders[0]
	created := membership.SignEvent(membership.Event{Org: o.id, Counter: 2, At: o.size, Group: &membership.NewGroup{
		Name: "Everybody", Admission: group.Open, Writers: group.Everybody, Listed: true,
	}}, founder.key, nil)
	if err := founder.client.Submit(ctx, created); err != nil {
		return err
	}
	o.group = membership.GroupOf(o.id, created)
	o.audience = o.receivers[:members]
	at := o.size + 1
	err := some(ctx, joinAtOnce, o.audience, func(ctx context.Context, _ int, d *device) error {
		if err := d.open(o.id, node); err != nil {
			return err
		}
		defer d.close()
		return d.client.Submit(ctx, membership.SignEvent(membership.Event{
			Org: o.id, Counter: 2, At: at, GroupJoin: &membership.GroupJoin{Group: o.group},
		}, d.key, nil))
	})
	o.size += uint64(1 + members)
	return err
}

// sealForGroup seals the first sender's messages to the group.
func (o *org) sealForGroup(count, body int) ([][]letter, error) {
	from, place := o.senders[0], envelope.InGroup(o.group)
	var chain *envelope.Chain
	var line envelope.Line
	meta := o.meta()
	meta.Leave = envelope.LeaveOf(place, o.id, false)
	var to []keys.PublicKey
	for _, d := range o.audience {
		to = append(to, d.public)
	}
	all := make([][]letter, len(o.senders))
	text := make([]byte, body)
	for range count {
		if chain == nil || chain.Due(time.Now()) {
			var err error
			if chain, err = envelope.NewChain(rand.Reader, o.id, place, from.public, time.Now(), o.size); err != nil {
				return nil, err
			}
			line = envelope.Line{}
		}
		if _, err := rand.Read(text); err != nil {
			return nil, err
		}
		sealed, _, err := chain.Seal(rand.Reader, from.key, &line, envelope.Content{Head: make([]byte, 120), Kind: 1, Body: text}, meta)
		if err != nil {
			return nil, fmt.Errorf("sealing: %w", err)
		}
		all[0] = append(all[0], letter{rvproto.PostFrame{Envelope: sealed.Bytes()}, sealed.ID(), to})
	}
	return all, nil
}
