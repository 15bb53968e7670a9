package rendezvous

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// exchange reads one request from a stream and writes one answer, each within limit. A request that does not decode is
// answered with StatusMalformed, one beyond max bytes resets the stream.
func exchange[Request rvproto.Message, Answer any](s network.Stream, max int, limit time.Duration,
	refusal func(wire.Status) Answer, answer func(Request) Answer) error {
	if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	frame, err := wire.NewFrameReader(s, exchangeBuffer, max).Read()
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var reply Answer
	if request, err := rvproto.Parse[Request](frame); err != nil {
		reply = refusal(wire.StatusMalformed)
	} else {
		reply = answer(request)
	}
	return writeAnswer(s, limit, wire.Encode(reply))
}

// writeAnswer writes one frame within limit.
func writeAnswer(s network.Stream, limit time.Duration, answer []byte) error {
	if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := s.Write(wire.AppendFrame(nil, answer)); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	return nil
}

func rollRefusal(status wire.Status) rvproto.RollAnswer { return rvproto.RollAnswer{Status: status} }
func prekeyRefusal(status wire.Status) rvproto.PrekeyAnswer {
	return rvproto.PrekeyAnswer{Status: status}
}
func grantRefusal(status wire.Status) rvproto.GrantAnswer { return rvproto.GrantAnswer{Status: status} }

// membersOnly makes a handler that answers strangers with a refusal before a byte of theirs is read. [RV-2]
func membersOnly(n *Node, refusal []byte,
	handle func(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error) handler {
	return func(ctx context.Context, from keys.PublicKey, s network.Stream) error {
		o := n.directory.of(from)
		if o == nil {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
			n.counters.refusedStreams.Add(1)
			return writeAnswer(s, n.cfg.Strangers.JoinTime, refusal)
		}
		return handle(ctx, o, from, s)
	}
}

// serveRoll answers /muster/roll/1. A join is handed in by the device that signed it, here too. [RV-9] [RV-24] [RV-26]
func (n *Node) serveRoll(_ context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxRollRequest, rvproto.RequestTime, rollRefusal,
		func(request rvproto.RollRequest) rvproto.RollAnswer {
			if request.Fetch != nil {
				return n.page(o, request.Fetch.From, request.Fetch.To)
			}
			if !o.pace.take(from, n.cfg.Now()) {
				return rollRefusal(wire.StatusFull)
			}
			event, principal, err := membership.OpenEvent(request.Submit)
			if err == nil && event.Join != nil && principal.Signer != from {
				return rollRefusal(wire.StatusRefused)
			}
			return n.submitted(o, n.submit(o, request.Submit))
		})
}

// page is what a fetch gets.
func (n *Node) page(o *org, from, to uint64) rvproto.RollAnswer {
	answer, err := o.roll.page(from, to)
	if err != nil {
		return rollRefusal(n.fault("reading the roll", err))
	}
	return answer
}

// submitted is what a submission gets: the newest checkpoint if it was taken.
func (n *Node) submitted(o *org, status wire.Status) rvproto.RollAnswer {
	if status != wire.StatusOK {
		return rollRefusal(status)
	}
	return rvproto.RollAnswer{Checkpoint: o.roll.checkpoint()}
}

// servePrekey answers /muster/prekey/1. [RV-30] [RV-31]
func (n *Node) servePrekey(_ context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxPrekeyRequest, rvproto.RequestTime, prekeyRefusal,
		func(request rvproto.PrekeyRequest) rvproto.PrekeyAnswer {
			if len(request.Put) > 0 {
				return prekeyRefusal(o.prekeys.put(from, request.Put, n.cfg.Now()))
			}
			found, err := o.prekeys.get(request.Get)
			if err != nil {
				return prekeyRefusal(n.fault("reading prekeys", err))
			}
			return rvproto.PrekeyAnswer{Prekeys: found}
		})
}

// serveGrant answers /muster/grant/1. [RV-32]
func (n *Node) serveGrant(_ context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxGrantRequest, rvproto.RequestTime, grantRefusal,
		func(request rvproto.GrantRequest) rvproto.GrantAnswer {
			member, ok := o.roll.memberOf(from)
			if !ok {
				return grantRefusal(wire.StatusNotMember)
			}
			return grantRefusal(o.grants.put(member, request.Put))
		})
}

// serveJoin answers /muster/join/1, which is open to everybody under tight limits. A request that is refused uses
// nothing up but the patience with its address. [RV-7] [RV-24]
func (n *Node) serveJoin(_ context.Context, from keys.PublicKey, s network.Stream) error {
	limit := n.cfg.Strangers.JoinTime
	select {
	case n.joins <- struct{}{}:
		defer func() { <-n.joins }()
	default:
		return writeAnswer(s, limit, wire.Encode(rollRefusal(wire.StatusFull)))
	}
	if n.directory.of(from) == nil && !n.strangers.allowed(s.Conn().RemoteMultiaddr()) {
		return writeAnswer(s, limit, wire.Encode(rollRefusal(wire.StatusLimit)))
	}
	return exchange(s, rvproto.MaxJoinRequest, limit, rollRefusal, func(request rvproto.JoinRequest) rvproto.RollAnswer {
		answer := n.join(from, request)
		if answer.Status != wire.StatusOK && n.directory.of(from) == nil {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
		}
		return answer
	})
}

func (n *Node) join(from keys.PublicKey, request rvproto.JoinRequest) rvproto.RollAnswer {
	switch {
	case request.Claim != nil:
		status := n.claim(from, request.Claim)
		if status != wire.StatusOK {
			return rollRefusal(status)
		}
		return n.submitted(n.directory.org(membership.OrgOf(request.Claim.Found)), status)
	case request.View != nil:
		v := request.View
		o, status := n.invited(from, v.Org, v.Invitation, v.Proof)
		if status == wire.StatusOK {
			status = o.usable(v.Invitation, from, n.cfg.Now())
		}
		if status != wire.StatusOK {
			return rollRefusal(status)
		}
		return n.page(o, v.From, v.To)
	default:
		v := request.Submit
		o, status := n.invited(from, v.Org, v.Invitation, v.Proof)
		if status != wire.StatusOK {
			return rollRefusal(status)
		}
		return n.submitted(o, n.submitJoin(o, from, v))
	}
}

// invited returns the organization if the peer proves that it holds an invitation of it. [RV-8]
func (n *Node) invited(from keys.PublicKey, id keys.OrgID, invitation keys.PublicKey, proof keys.Signature) (*org, wire.Status) {
	if invitation.Verify(keys.DomainInvitation, id, rvproto.ProofBytes(n.key.Public(), from), proof) != nil {
		return nil, wire.StatusRefused
	}
	o := n.directory.org(id)
	if o == nil {
		return nil, wire.StatusNotFound
	}
	known := false
	o.roll.read(func(state *membership.State) { _, known = state.Invitation(invitation) })
	if !known {
		return nil, wire.StatusNotFound
	}
	return o, wire.StatusOK
}

// usable says whether another may still join by an invitation. A device that has joined may always look.
func (o *org) usable(invitation, from keys.PublicKey, now time.Time) (status wire.Status) {
	o.roll.read(func(state *membership.State) {
		issued, _ := state.Invitation(invitation)
		if _, joined := state.MemberOf(from); joined {
			return
		}
		switch {
		case issued.Used >= issued.Uses:
			status = wire.StatusUsed
		case stampAfter(state, now) >= issued.Expires*1000:
			status = wire.StatusExpired
		}
	})
	return status
}

// submitJoin puts a join event of this very device, by this very invitation, on the roll.
func (n *Node) submitJoin(o *org, from keys.PublicKey, request *rvproto.SubmitRequest) wire.Status {
	event, principal, err := membership.OpenEvent(request.Event)
	if err != nil {
		return statusOf(err)
	}
	if event.Join == nil || principal.Signer != from || principal.Cosigner != request.Invitation {
		return wire.StatusRefused
	}
	return n.submit(o, request.Event)
}
