package rendezvous

import (
	"context"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// open reads what members share, and when they were last seen.
func (p *presence) open() error {
	return p.store.View(func(tx *kv.Tx) error {
		err := visitAll(tx, kv.Key(tableShare, p.org[:]), keys.IDSize, func(last, value []byte) error {
			share := new(rvproto.Share)
			if err := wire.Decode(value, share); err != nil {
				return fmt.Errorf("%w: a share: %v", kv.ErrCorrupt, err)
			}
			p.personLocked(keys.MemberID(last)).share = share
			return nil
		})
		if err != nil {
			return err
		}
		return visitAll(tx, kv.Key(tableSeen, p.org[:]), keys.IDSize, func(last, value []byte) error {
			if len(value) != 8 {
				return fmt.Errorf("%w: when a member was seen", kv.ErrCorrupt)
			}
			p.personLocked(keys.MemberID(last)).seen = int64(binary.BigEndian.Uint64(value))
			return nil
		})
	})
}

// get returns the share of a member, nil for none.
func (p *presence) get(member keys.MemberID) *rvproto.Share {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.people[member]; one != nil {
		return one.share
	}
	return nil
}

// put keeps a member's share unless one with a higher number, or another with the same, is there. When it returns
// StatusOK the share is on disk and counts, and so does its grain for when the member was last seen. [RV-103] [RV-105]
func (p *presence) put(member keys.MemberID, share *rvproto.Share) wire.Status {
	p.putting.Lock()
	defer p.putting.Unlock()
	held := p.get(member)
	switch {
	case held != nil && reflect.DeepEqual(held, share):
		return wire.StatusOK
	case held != nil && held.Number >= share.Number:
		return wire.StatusStale
	case !p.mayPut(member):
		return wire.StatusFull
	}
	err := p.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableShare, p.org[:], member[:]), wire.Encode(*share)) })
	if err != nil {
		return statusOf(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.personLocked(member)
	one.share = share
	if one.seen != 0 {
		one.see(one.grained(one.seen))
	}
	p.touchLocked(member)
	return wire.StatusOK
}

// mayPut counts a put, and reports whether there were not too many within the minute.
func (p *presence) mayPut(member keys.MemberID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.personLocked(member)
	if minute := p.clock().Unix() / 60; minute != one.minute {
		one.minute, one.puts = minute, 0
	}
	one.puts++
	return one.puts <= maxPuts
}

// saveSeen stores when members were last seen, and no finer than they chose; and forgets the shares of those who were
// removed. What cannot be stored is tried again with the next change.
func (p *presence) saveSeen(unsaved []*person) error {
	for len(unsaved) > 0 {
		part := unsaved[:min(len(unsaved), seenAtOnce)]
		unsaved = unsaved[len(part):]
		type record struct {
			seen int64
			gone bool
		}
		records := make([]record, len(part))
		p.mu.Lock()
		for i, one := range part {
			records[i] = record{one.seen, one.share == nil}
			one.unsaved = false
		}
		p.mu.Unlock()
		err := p.store.Update(func(tx *kv.Tx) error {
			for i, one := range part {
				if err := putSeen(tx, p.org, one.member, records[i].seen, records[i].gone); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			p.mu.Lock()
			for _, one := range part {
				one.unsaved = true
			}
			p.mu.Unlock()
			return err
		}
	}
	return nil
}

func putSeen(tx *kv.Tx, org keys.OrgID, member keys.MemberID, seen int64, gone bool) error {
	if gone {
		if err := tx.Delete(kv.Key(tableShare, org[:], member[:])); err != nil {
			return err
		}
	}
	key := kv.Key(tableSeen, org[:], member[:])
	if seen == 0 {
		return tx.Delete(key)
	}
	return tx.Put(key, binary.BigEndian.AppendUint64(nil, uint64(seen)))
}

// servePresence answers /muster/presence/1. [RV-103]
func (n *Node) servePresence(_ context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxPresenceRequest, rvproto.AnswerTime, n.still(from), refusal.presence,
		func(request rvproto.PresenceRequest) rvproto.PresenceAnswer {
			member, ok := o.roll.memberOf(from)
			if !ok {
				return rvproto.PresenceAnswer{Status: wire.StatusNotMember}
			}
			answer := rvproto.PresenceAnswer{}
			if request.Put != nil {
				answer.Status = o.presence.put(member, request.Put)
			}
			if answer.Status == wire.StatusOK || answer.Status == wire.StatusStale {
				answer.Share = o.presence.get(member)
			}
			return answer
		})
}

func (r refusal) presence() rvproto.PresenceAnswer {
	return rvproto.PresenceAnswer{Status: r.status, Move: r.move}
}
func encodePresence(r refusal) []byte { return wire.Encode(r.presence()) }

// look lets a deliver stream say who is there, and hear of it. leave ends that. A node that gave up the duty tells nothing.
func (d *deliverer) look() (leave func()) {
	member, role := keys.MemberID{}, membership.Role(0)
	d.org.roll.read(func(state *membership.State) {
		member, _ = state.MemberOf(d.device)
		m, _ := state.Member(member)
		role = m.Role
	})
	if member.IsZero() || d.org.moved().status != wire.StatusOK {
		return func() {}
	}
	l := d.org.presence.enter(d.device, member, role == membership.RoleGuest, d.session)
	d.onlooker = l
	return func() { d.org.presence.leave(l) }
}

// hear takes a frame about presence, and reports whether it is one. [RV-100] [RV-101] [RV-106]
func (d *deliverer) hear(frame []byte) (heard bool, err error) {
	kind, err := rvproto.TypeOf(frame)
	if err != nil {
		return false, err
	}
	switch kind {
	case rvproto.FrameStatus:
		status, err := rvproto.ParseStatus(frame)
		if err == nil && d.onlooker != nil {
			d.org.presence.say(d.onlooker, status.State)
		}
		return true, err
	case rvproto.FrameWatch:
		watch, err := rvproto.ParseWatch(frame)
		if err == nil && d.onlooker != nil {
			d.org.presence.want(d.onlooker, watch.Members)
		}
		return true, err
	case rvproto.FrameTyping:
		typing, err := rvproto.ParseTyping(frame)
		if err == nil && d.onlooker != nil {
			now := d.node.cfg.Now()
			d.org.roll.read(func(state *membership.State) { d.org.presence.typing(state, d.onlooker, typing.Members, now) })
		}
		return true, err
	}
	return false, nil
}

// tell sends what there is to be told of others.
func (d *deliverer) tell(out *outbox) error {
	if d.onlooker == nil {
		return nil
	}
	for _, frame := range d.org.presence.take(d.onlooker) {
		out.frame = append(out.frame[:0], frame...)
		if err := out.add(nil); err != nil {
			return err
		}
		d.node.counters.presenceTold.Add(1)
	}
	return nil
}
