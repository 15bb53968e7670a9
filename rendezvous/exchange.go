package rendezvous

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// exchange reads one request from a stream and writes one answer, each within limit. A request that does not decode is
// answered with StatusMalformed, one beyond max bytes resets the stream. may says whether the peer is still served once
// its request is there.
func exchange[Request rvproto.Message, Answer any](s network.Stream, max int, limit time.Duration,
	may func() refusal, refused func(refusal) Answer, answer func(Request) Answer) error {
	if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	frame, err := wire.NewFrameReader(s, exchangeBuffer, max).Read()
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var reply Answer
	if request, err := rvproto.Parse[Request](frame); err != nil {
		reply = refused(refusal{status: wire.StatusMalformed})
	} else if no := may(); no.status != wire.StatusOK {
		reply = refused(no)
	} else {
		reply = answer(request)
	}
	return writeAnswer(s, limit, wire.Encode(reply))
}

// writeAnswer writes one frame, each 4 KiB of it within limit: over a slow link a page of the roll takes minutes.
func writeAnswer(s network.Stream, limit time.Duration, answer []byte) error {
	for piece := range slices.Chunk(wire.AppendFrame(nil, answer), exchangeBuffer) {
		if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		if _, err := s.Write(piece); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
	return nil
}

// refusal is why somebody is not served.
type refusal struct {
	status wire.Status
	org    keys.OrgID // under StatusMoved
	move   []byte     // under StatusMoved: the event by which another node has taken over
}

func rollRefusal(status wire.Status) rvproto.RollAnswer { return rvproto.RollAnswer{Status: status} }
func grantRefusal(status wire.Status) rvproto.GrantAnswer {
	return rvproto.GrantAnswer{Status: status}
}
func prekeyRefusal(status wire.Status) rvproto.PrekeyAnswer {
	return rvproto.PrekeyAnswer{Status: status}
}

func (r refusal) roll() rvproto.RollAnswer { return rvproto.RollAnswer{Status: r.status, Move: r.move} }
func (r refusal) grant() rvproto.GrantAnswer {
	return rvproto.GrantAnswer{Status: r.status, Move: r.move}
}
func (r refusal) prekey() rvproto.PrekeyAnswer {
	return rvproto.PrekeyAnswer{Status: r.status, Move: r.move}
}
func (r refusal) hello() rvproto.HelloFrame {
	return rvproto.HelloFrame{Status: r.status, Org: r.org, Move: r.move}
}

// The bytes of refusals before anything is read.
func encodeRoll(r refusal) []byte   { return wire.Encode(r.roll()) }
func encodeGrant(r refusal) []byte  { return wire.Encode(r.grant()) }
func encodePrekey(r refusal) []byte { return wire.Encode(r.prekey()) }
func encodeHello(r refusal) []byte  { return rvproto.AppendHello(nil, r.hello()) }

// admits returns the organization that a device speaks for, or why it is not served. [RV-2] [RV-72]
func (n *Node) admits(device keys.PublicKey) (*org, refusal) {
	p := n.directory.place(device)
	if status := statusOfStanding(p.standing); status != wire.StatusOK {
		return nil, refusal{status: status}
	}
	return p.org, p.org.moved()
}

// membersOnly makes a handler that answers whoever is not served with a refusal before a byte of theirs is read. [RV-2]
func membersOnly(n *Node, encode func(refusal) []byte,
	handle func(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error) handler {
	return func(ctx context.Context, from keys.PublicKey, s network.Stream) error {
		o, no := n.admits(from)
		if no.status == wire.StatusMoved {
			n.inform(o, from)
			if isDeliver(s.Protocol()) {
				no = refusal{} // what is here is still delivered
			}
		}
		if no.status == wire.StatusOK && o.isGuest(from) && !n.guests.mayAsk(from, n.cfg.Now()) {
			no.status = wire.StatusFull
		}
		if no.status == wire.StatusOK {
			return handle(ctx, o, from, s)
		}
		if o == nil {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
		}
		n.counters.refusedStreams.Add(1)
		return writeAnswer(s, n.cfg.Strangers.JoinTime, encode(no))
	}
}

// orArchive makes a handler of a deliver stream that the service of an archive may open too. It is all that it may do: to every
// other protocol it is a stranger. [RV-150]
func orArchive(n *Node, others handler) handler {
	return func(ctx context.Context, from keys.PublicKey, s network.Stream) error {
		if o := n.directory.archiveOf(from); o != nil {
			return n.serveDeliver(ctx, o, from, s)
		}
		return others(ctx, from, s)
	}
}

// still is asked when the request of a member's device has arrived.
func (n *Node) still(from keys.PublicKey) func() refusal {
	return func() refusal {
		_, no := n.admits(from)
		return no
	}
}

// beforeMove reports whether an event was made before the duty moved here: it may have been on the roll, and been left
// behind, so that others hand it in again.
func (o *org) beforeMove(event membership.Event) (before bool) {
	o.roll.read(func(state *membership.State) {
		terms := state.Terms()
		before = len(terms) > 1 && event.At <= terms[len(terms)-1].From+membership.MaxLost
	})
	return before
}

// takesAhead reports whether any member's device may hand in a join, or the event of its invitation: where the policy has such events
// travel ahead of the roll, and the joiner becomes a plain member. [ROLL-193] [ROLL-196]
func (o *org) takesAhead(event membership.Event) (takes bool) {
	o.roll.read(func(state *membership.State) {
		switch {
		case !state.Policy().TakesEarly():
		case event.Invite != nil:
			takes = event.Invite.Role == membership.RoleMember && !event.Invite.Apply
		case event.Join != nil:
			issued, known := state.Invitation(event.Join.Invitation)
			takes = known && issued.Role == membership.RoleMember && !issued.Apply
		}
	})
	return takes
}

// serveRoll answers /muster/roll/1. A join is handed in by the device that signed it, here too, unless a move of the duty
// may have left it behind, or the policy has joins travel ahead of the roll. [RV-9] [RV-24] [RV-26]
func (n *Node) serveRoll(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxRollRequest, rvproto.AnswerTime, n.still(from), refusal.roll,
		func(request rvproto.RollRequest) rvproto.RollAnswer {
			if request.Fetch != nil {
				member, _ := o.roll.memberOf(from)
				return n.page(o, reader{member: member}, request.Fetch.From, request.Fetch.To)
			}
			if request.Show != nil {
				return n.show(ctx, o, from, request.Show)
			}
			if no := o.elsewhere(); no.status != wire.StatusOK && !n.takesOver(request.Submit) {
				return no.roll()
			}
			if request.Applications != nil {
				return n.listApplications(o, from, request.Applications.After)
			}
			if request.Decline != nil {
				return n.decline(o, from, request.Decline.Event)
			}
			event, principal, err := membership.OpenEvent(request.Submit)
			if err == nil && event.Join != nil && principal.Signer != from && !o.beforeMove(event) && !o.takesAhead(event) {
				return rollRefusal(wire.StatusRefused)
			}
			return n.submitted(o, n.submit(ctx, o, from, from, request.Submit, request.Checkpoint))
		})
}

// page is what a fetch gets.
func (n *Node) page(o *org, who reader, from, to uint64) rvproto.RollAnswer {
	answer, err := o.roll.page(who, from, to)
	if err != nil {
		return rollRefusal(n.fault("reading the roll", err))
	}
	return answer
}

// submitted is what a submission gets: the newest checkpoint if it was taken.
func (n *Node) submitted(o *org, status wire.Status) rvproto.RollAnswer {
	if status == wire.StatusMoved {
		return o.elsewhere().roll()
	}
	if status != wire.StatusOK {
		return rollRefusal(status)
	}
	return rvproto.RollAnswer{Checkpoint: o.roll.checkpoint()}
}

// servePrekey answers /muster/prekey/1. [RV-30] [RV-31]
func (n *Node) servePrekey(_ context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxPrekeyRequest, rvproto.AnswerTime, n.still(from), refusal.prekey,
		func(request rvproto.PrekeyRequest) rvproto.PrekeyAnswer {
			if len(request.Put) > 0 {
				status := o.prekeys.put(from, request.Put, n.cfg.Now())
				if status == wire.StatusOK {
					o.note(rvproto.NodeNote{Kind: rvproto.NotePrekey, Device: from, Signed: request.Put})
				}
				return prekeyRefusal(status)
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
	return exchange(s, rvproto.MaxGrantRequest, rvproto.AnswerTime, n.still(from), refusal.grant,
		func(request rvproto.GrantRequest) rvproto.GrantAnswer {
			member, ok := o.roll.memberOf(from)
			if !ok {
				return grantRefusal(wire.StatusNotMember)
			}
			status := n.grant(o, member, request)
			if status == wire.StatusOK {
				o.note(rvproto.NodeNote{Kind: rvproto.NoteGrant, Signed: request.Put, Members: request.Members})
			}
			return grantRefusal(status)
		})
}

// grant keeps a grant that a member hands in: of a pair, or for a conversation of several.
func (n *Node) grant(o *org, member keys.MemberID, request rvproto.GrantRequest) wire.Status {
	grant, err := membership.DecodeGrant(request.Put)
	switch {
	case err != nil:
		return statusOf(err)
	case grant.ForConversation():
		return o.talks.put(member, request.Put, request.Members)
	case len(request.Members) > 0:
		return wire.StatusMalformed
	}
	status, p, news := o.grants.put(member, request.Put)
	if news { // what it answers was accepted; leave that is known gives nothing back, or its end would show
		if err := o.intros.giveBack(p.to, p.from, n.cfg.Now()); err != nil {
			n.fault("giving an allowance back", err)
		}
	}
	return status
}

// serveJoin answers /muster/join/1, which is open to everybody under tight limits. A request that is refused uses
// nothing up but the patience with its address. [RV-7] [RV-24]
func (n *Node) serveJoin(ctx context.Context, from keys.PublicKey, s network.Stream) error {
	limit := n.cfg.Strangers.JoinTime
	select {
	case n.joins <- struct{}{}:
		defer func() { <-n.joins }()
	default:
		return writeAnswer(s, limit, wire.Encode(rollRefusal(wire.StatusFull)))
	}
	if n.directory.active(from) == nil && !n.strangers.allowed(s.Conn().RemoteMultiaddr()) {
		return writeAnswer(s, limit, wire.Encode(rollRefusal(wire.StatusLimit)))
	}
	open := func() refusal { return refusal{} }
	return exchange(s, rvproto.MaxJoinRequest, limit, open, refusal.roll, func(request rvproto.JoinRequest) rvproto.RollAnswer {
		var answer rvproto.RollAnswer
		if request.Apply != nil {
			answer = n.apply(from, s.Conn().RemoteMultiaddr(), request.Apply)
		} else {
			answer = n.join(ctx, from, s.Conn().RemoteMultiaddr(), request)
		}
		if (answer.Status != wire.StatusOK || costs(request)) && n.directory.active(from) == nil {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
		}
		return answer
	})
}

// costs reports whether a request uses up patience with a stranger's address even if it is granted: there is no invitation
// that bounds how many can ask. Further pages of a roll are part of the first.
func costs(r rvproto.JoinRequest) bool {
	return r.Present != nil || r.Verdict != nil || r.Recover != nil && r.Recover.To == 0 || r.Promised != nil && r.Promised.To == 0
}

func (n *Node) join(ctx context.Context, from keys.PublicKey, at ma.Multiaddr, request rvproto.JoinRequest) rvproto.RollAnswer {
	switch {
	case request.Claim != nil:
		status := n.claim(from, request.Claim)
		if status != wire.StatusOK {
			return rollRefusal(status)
		}
		return n.submitted(n.directory.org(membership.OrgOf(request.Claim.Found)), status)
	case request.View != nil:
		v := request.View
		o, no := n.invited(from, v.Org, v.Invitation, v.Proof)
		if no.status == wire.StatusOK {
			no.status = o.usable(v.Invitation, from, n.cfg.Now())
		}
		if no.status != wire.StatusOK {
			return no.roll()
		}
		return n.page(o, reader{}, v.From, v.To)
	case request.Submit != nil:
		v := request.Submit
		o, no := n.invited(from, v.Org, v.Invitation, v.Proof)
		if no.status != wire.StatusOK {
			return no.roll()
		}
		if no := o.elsewhere(); no.status != wire.StatusOK {
			return no.roll()
		}
		return n.submitted(o, n.submitJoin(ctx, o, from, at, v))
	case request.Recover != nil:
		return n.recover(from, request.Recover)
	case request.Present != nil:
		return n.present(ctx, from, request.Present)
	case request.Verdict != nil:
		return n.verdict(from, request.Verdict)
	case request.Promised != nil:
		return n.promised(from, request.Promised)
	case request.HandOver != nil:
		return n.handOver(request.HandOver)
	case request.Take != nil:
		return n.takeDuty(ctx, request.Take)
	case request.Serve != nil:
		return n.takeService(request.Serve)
	}
	return rollRefusal(wire.StatusUnavailable)
}

// invited returns the organization if the peer proves that it holds an invitation of it, or has the word of who holds an
// enrolment key. [RV-8]
func (n *Node) invited(from keys.PublicKey, id keys.OrgID, invitation keys.PublicKey, proof keys.Signature) (*org, refusal) {
	if invitation.Verify(keys.DomainInvitation, id, rvproto.ProofBytes(n.key.Public(), from), proof) != nil {
		return nil, refusal{status: wire.StatusRefused}
	}
	o := n.directory.org(id)
	if o == nil {
		return nil, refusal{status: wire.StatusNotFound}
	}
	known := false
	o.roll.read(func(state *membership.State) {
		_, issued := state.Invitation(invitation)
		_, enrols := state.Enrolment(invitation)
		known = issued || enrols
	})
	if !known {
		return nil, refusal{status: wire.StatusNotFound}
	}
	return o, o.moved()
}

// usable says whether another may still join by an invitation, or an enrolment key speaks. A device that has joined may
// always look.
func (o *org) usable(invitation, from keys.PublicKey, now time.Time) (status wire.Status) {
	o.roll.read(func(state *membership.State) {
		if _, enrols := state.Enrolment(invitation); enrols {
			status = statusOf(state.CheckEnrolment(invitation)) // who holds it follows the roll, whoever may join today
		} else if _, joined := state.MemberOf(from); !joined {
			status = statusOf(state.Usable(invitation, stampAfter(state, now)))
		}
	})
	return status
}

// submitJoin puts a join event of this very device, by this very invitation, on the roll. A guest's counts for its hour.
// [RV-96]
func (n *Node) submitJoin(ctx context.Context, o *org, from keys.PublicKey, at ma.Multiaddr, request *rvproto.SubmitRequest) wire.Status {
	event, principal, err := membership.OpenEvent(request.Event)
	if err != nil {
		return statusOf(err)
	}
	if event.Join == nil || principal.Signer != from || principal.Cosigner != request.Invitation {
		return wire.StatusRefused
	}
	return n.submitFor(ctx, o, from, func() (err error) {
		guest, perHour := false, uint64(0)
		o.roll.read(func(state *membership.State) {
			issued, _ := state.Invitation(request.Invitation)
			guest, perHour = issued.Role == membership.RoleGuest, state.Policy().GuestsPerHour
		})
		if guest && n.room.full(o.id) >= shedGuests {
			return wire.StatusFull
		}
		if guest {
			err = o.arrivals.take(at, perHour, n.cfg.Now()).Err()
		}
		return err
	}, request.Event, nil)
}
