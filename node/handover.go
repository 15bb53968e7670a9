package node

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/agreement"
	"muster.example/node/face"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// errNoHandover means that a roll is not handed over: it is none to judge a join by, or too large.
var errNoHandover = errors.New("the roll is not handed over")

// rollFor returns the roll as this device knows it, for somebody whose join it has just taken ahead of it: what any other member may
// read. [FACE-9]
func (o *organization) rollFor(join membership.SignedEvent) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.newcomers[join.ID()]
	head, signed := o.roll.Head()
	if n == nil || o.distrust != nil || !signed || head.Size != o.roll.Size() {
		return nil, errNoHandover
	}
	r := face.Roll{Checkpoint: o.roll.Note()}
	if !n.Listed {
		r.Invite = n.Invite
	}
	size := 0
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, 0, func(index uint64, data []byte) (bool, error) {
			if index >= head.Size {
				return false, nil
			}
			shown, err := o.entryForLocked(data, index, n.Member)
			r.Entries, size = append(r.Entries, shown), size+len(shown)
			return size <= face.MaxRoll, err
		})
	})
	if err != nil {
		return nil, err
	}
	data := r.Encode()
	if len(data) > face.MaxRoll || uint64(len(r.Entries)) != head.Size {
		return nil, errNoHandover
	}
	return data, nil
}

// handRoll hands the visitor whose join was taken the roll, piece by piece, for as long as it asks. [FACE-9]
func (h *hosting) handRoll(ctx context.Context, t *talk, c *face.Course, join []byte) error {
	data, err := h.o.rollFor(join)
	if err != nil {
		return err
	}
	for {
		frame, err := t.receive(ctx, agreement.AnswerTime)
		if err != nil {
			return nil // it has what it wants
		}
		m, err := c.Hear(frame)
		if err != nil {
			return err
		}
		from := m.Ask.From
		if from >= uint64(len(data)) {
			return agreement.FrameError("a piece behind the end")
		}
		piece := data[from:min(from+face.MaxPiece, uint64(len(data)))]
		if err := t.send(c.Say(face.Message{Piece: &face.Piece{Size: uint64(len(data)), Data: piece}})); err != nil {
			return err
		}
	}
}

// fetchRoll asks the host for the roll. A host that does not hand it over breaks off. [FACE-9]
func (v *visiting) fetchRoll(ctx context.Context, t *talk, c *face.Course) (face.Roll, error) {
	var data []byte
	for {
		frame, err := t.exchange(ctx, c.Say(face.Message{Ask: &face.Ask{From: uint64(len(data))}}), agreement.AnswerTime)
		if err != nil {
			return face.Roll{}, err
		}
		m, err := c.Hear(frame)
		if err != nil {
			return face.Roll{}, err
		}
		if data = append(data, m.Piece.Data...); uint64(len(data)) >= m.Piece.Size {
			return face.ReadRoll(data)
		}
	}
}

// enterAhead enters an organization ahead of its roll, by the roll as whoever invited this device knows it. It is held against what the
// invitation says of it, and signed by a rendezvous node that the invitation names; the own join is judged by it as everybody else does who
// takes it. From then on this device runs there, with those who have heard of its join; the joining goes on. [FACE-9]
func (n *Node) enterAhead(ctx context.Context, org keys.OrgID, shown face.Roll) error {
	c := n.candidateOf(org)
	if c == nil {
		return errNoHandover
	}
	if err := c.turn(ctx); err != nil {
		return err
	}
	defer c.pass()
	kept := c.snapshot()
	if _, in := n.entered(org); in || !kept.Waiting || len(kept.Event) == 0 {
		return errNoHandover
	}
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return err
	}
	err = errNoHandover
	for _, node := range invitation.Nodes {
		roll := membership.NewRoll(org)
		var entries []membership.Entry
		_, entries, err = extend(roll, rvclient.Page{Checkpoint: shown.Checkpoint, Entries: shown.Entries}, node.Key)
		if err == nil {
			err = checkInvited(roll, invitation)
		}
		if err != nil {
			continue
		}
		if _, err = roll.JudgeEarly(shown.Invite, kept.Event, max(n.now().UnixMilli(), roll.State().Time())); err != nil {
			return err
		}
		e := &entry{
			kept: store.Entrance{Org: org, Identity: kept.Identity, Event: kept.Event}, at: store.Node{Key: node.Key, Addresses: node.Addresses},
			ahead: &store.Newcomer{Join: kept.Event, Invite: shown.Invite, Heard: n.now().UnixMilli()},
		}
		return n.runAhead(ctx, e, entries, shown.Checkpoint)
	}
	return err
}

// runAhead stores the organization, and runs it if it takes its own join.
func (n *Node) runAhead(ctx context.Context, e *entry, entries []membership.Entry, note []byte) error {
	member := membership.MemberOf(e.kept.Org, e.kept.Event)
	o, err := n.settle(e, member, entries, note)
	if err != nil {
		return err
	}
	if err := o.mayAct(); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errNoHandover, err), o.landing.Close(), n.erase(e.kept.Org))
	}
	n.log.Info("entered ahead of the roll", "org", o.org.Short(), "member", member.Short())
	if err := n.add(ctx, o); err != nil {
		return err
	}
	n.tellJoining()
	return nil
}

// confirm takes in the roll that has this device, which was entered ahead of it.
func (n *Node) confirm(ctx context.Context, o *organization, client *rvclient.Client) error {
	page, err := client.Fetch(ctx, o.rollSize())
	if err != nil {
		return fmt.Errorf("fetching the roll: %w", err)
	}
	if err := o.takeRoll(page); err != nil {
		return fmt.Errorf("taking in the roll: %w", err)
	}
	if !o.isConfirmed() {
		return errors.New("the rendezvous node says that it admitted this device, and the roll does not hold it")
	}
	return nil
}

func (o *organization) rollSize() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.roll.Size()
}
