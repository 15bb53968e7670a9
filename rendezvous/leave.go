package rendezvous

import (
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// verdict is what becomes of one post.
type verdict struct {
	status     wire.Status
	recipients []keys.PublicKey  // who gets it; may be empty
	refused    []rvproto.Refusal // who does not, and why
	toll       bool              // it is an introduction that uses up allowance
}

// judge decides who of a post's recipients gets the envelope: the sender's own devices, and those of members who have
// given the sender's member leave; an introduction reaches one member without. A recipient who has ended their leave
// looks like one who is away: the sender is told "accepted", and the body goes nowhere. Accepted recipients are
// appended to room. [RV-41] [RV-42]
func (o *org) judge(sender keys.MemberID, kind envelope.Kind, fixedSize bool, to, room []keys.PublicKey) (v verdict) {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	state := o.roll.roll.State()
	v.recipients = room
	var introduced keys.MemberID
	if kind == envelope.KindIntroduction {
		if !fixedSize {
			v.status = wire.StatusRefused
			return v
		}
		for i := range to {
			member, ok := state.MemberOf(to[i])
			if !ok || member == sender || member == introduced {
				continue
			}
			if !introduced.IsZero() {
				v.status = wire.StatusRefused // to two members at once
				return v
			}
			introduced = member
		}
	}
	var last keys.MemberID // the leave of consecutive devices of one member is looked up once
	var given leave
	for i := range to {
		member, ok := state.MemberOf(to[i])
		if !ok {
			v.refused = append(v.refused, rvproto.Refusal{Device: to[i], Status: wire.StatusNotFound})
			continue
		}
		if member == sender {
			v.recipients = append(v.recipients, to[i])
			continue
		}
		if member != last {
			last, given = member, o.grants.of(member, sender)
		}
		switch {
		case given.open:
			v.recipients = append(v.recipients, to[i])
		case given.number > 0: // ended: dropped in silence
		case member == introduced:
			v.recipients = append(v.recipients, to[i])
			v.toll = true
		default:
			v.refused = append(v.refused, rvproto.Refusal{Device: to[i], Status: wire.StatusNoLeave})
		}
	}
	return v
}

// terms are the parts of the policy that a post is held against.
type terms struct {
	maxEnvelope   int
	queueTime     time.Duration
	introductions uint64
}

// terms returns the policy in force.
func (o *org) terms() terms {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	policy := o.roll.roll.State().Policy()
	return terms{
		maxEnvelope:   int(min(policy.MaxEnvelope, rvproto.MaxEnvelope)),
		queueTime:     time.Duration(policy.QueueTime) * time.Second,
		introductions: policy.IntroductionsPerDay,
	}
}
