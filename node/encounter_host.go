package node

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"muster.example/membership"
	"muster.example/node/agreement"
	"muster.example/node/api"
	"muster.example/node/face"
	"muster.example/node/store"
)

// hosting is a meeting on the device that shows the code.
type hosting struct {
	*encounter
	o      *organization
	wish   store.Wish // of an invitation
	place  *openMeeting
	code   agreement.Code
	visits chan *talk
}

// MeetToInvite shows a code by which somebody nearby gets an invitation. The rules are asked at once, and nothing is made before
// the other says yes. [FACE-1] [FACE-5]
func (n *Node) MeetToInvite(ctx context.Context, request api.InviteRequest) (api.MeetingCode, error) {
	o, wish, err := n.wish(request)
	if err != nil {
		return api.MeetingCode{}, err
	}
	if wish.Uses != 1 {
		return api.MeetingCode{}, api.Errorf(api.CodeUsage, "an invitation by a code is for one").WithHint("make a link for more: --qr")
	}
	if err := o.mayDecide(inviteEvent(wish), nil); err != nil {
		return api.MeetingCode{}, explained(err)
	}
	return n.host(ctx, &hosting{o: o, wish: wish}, api.Meeting{Kind: api.MeetInvitation, Role: membership.Role(wish.Role).String(), Name: wish.Name, Apply: wish.Apply})
}

// MeetToExchange shows a code by which somebody nearby and this account exchange contact cards. [FACE-1] [FACE-6]
func (n *Node) MeetToExchange(ctx context.Context, request api.CardRequest) (api.MeetingCode, error) {
	o, err := n.oneOrganization(request.Org)
	if err == nil {
		err = o.mayAct()
	}
	if err != nil {
		return api.MeetingCode{}, err
	}
	return n.host(ctx, &hosting{o: o}, api.Meeting{Kind: api.MeetCard})
}

func (n *Node) host(ctx context.Context, h *hosting, first api.Meeting) (api.MeetingCode, error) {
	first.State, first.Host, first.Tries, first.Org, first.OrgName = api.MeetingWaiting, true, agreement.Tries, h.o.org.String(), h.o.name()
	e, life, err := n.beginEncounter(ctx, first)
	if err != nil {
		return api.MeetingCode{}, err
	}
	h.encounter, h.visits = e, make(chan *talk)
	h.code = agreement.NewCode(rand.Reader, agreement.NewSlot(rand.Reader))
	if h.place, err = n.openMeeting(e.self, meetingPlace{meetingPurposes[e.kind], h.code.Slot}, h.visits); err != nil {
		err = api.Errorf(api.CodeFailed, "this device cannot wait on the local network: %v", err).WithHint("connect it to the same Wi-Fi or cable as the other")
		e.abort(err)
		return api.MeetingCode{}, err
	}
	err = e.start(life, map[string]func(context.Context) error{
		"encounter place": h.place.run,
		"encounter talk": func(ctx context.Context) error {
			err := h.run(ctx)
			if err == nil {
				e.end() // nobody else is met
			}
			return err
		},
	})
	if err != nil {
		_ = h.place.host.Close()
	}
	return api.MeetingCode{Code: h.code.Text(), Expires: time.Now().Add(agreement.Life).UTC().Truncate(time.Second)}, err
}

// run lets one after another visit, until the meeting has come to something or the code is void. [FACE-1]
func (h *hosting) run(ctx context.Context) error {
	life := time.NewTimer(agreement.Life)
	defer life.Stop()
	for range agreement.Visits {
		h.tell(func(m *api.Meeting) { m.State = api.MeetingWaiting })
		var t *talk
		select {
		case t = <-h.visits:
		case <-life.C:
			return errMeetingExpired
		case <-ctx.Done():
			return ctx.Err()
		}
		used, err := h.visit(ctx, t)
		t.leave()
		switch {
		case err == nil, used, ctx.Err() != nil:
			return err
		case errors.Is(err, agreement.ErrCode) && h.said.now().Tries == 0:
			return errMeetingVoid
		}
		h.node.log.Info("a visit of a meeting came to nothing", "error", err)
	}
	return errMeetingVoid
}

// visit is one conversation. used: whatever came of it, the code is not good for another.
func (h *hosting) visit(ctx context.Context, t *talk) (used bool, err error) {
	channel, err := h.agree(ctx, t)
	if err != nil {
		return false, err
	}
	if h.kind == api.MeetCard {
		return h.exchange(ctx, t, face.NewHost(channel, face.Exchange), h.o)
	}
	return h.invite(ctx, t, face.NewHost(channel, face.Invite))
}

// agree finds out whether the visitor has the code. [FACE-2]
func (h *hosting) agree(ctx context.Context, t *talk) (*agreement.Channel, error) {
	host := agreement.NewHost(rand.Reader, face.Purpose, agreement.Setup{
		Secret: h.code.Secret(), Slot: h.code.Slot, Own: h.self.Public(), Peer: t.peer,
	})
	share, err := t.exchange(ctx, host.Hello(), agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	reply, err := host.Share(share)
	if err != nil {
		return nil, err
	}
	tag, err := t.exchange(ctx, reply, agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	confirmed, err := host.Confirm(tag)
	if errors.Is(err, agreement.ErrCode) {
		h.tell(func(m *api.Meeting) { m.Tries-- })
		if t.send(agreement.RefuseFrame(h.said.now().Tries)) == nil {
			_, _ = t.receive(ctx, agreement.AnswerTime) // it leaves once it has read that
		}
	}
	if err != nil {
		return nil, err
	}
	return host.Channel(), t.send(confirmed)
}

// invite asks the visitor, and then makes the invitation and hands it over. [FACE-5]
func (h *hosting) invite(ctx context.Context, t *talk, c *face.Course) (used bool, err error) {
	h.tell(func(m *api.Meeting) { m.State = api.MeetingTalking })
	said := h.said.now()
	offer := face.Invitation{
		Org: h.o.org, OrgName: h.o.name(), By: h.o.ownName(), Role: membership.Role(h.wish.Role), Name: said.Name, Apply: said.Apply,
	}
	data, err := t.exchange(ctx, c.Say(face.Message{Invitation: &offer}), agreement.Life)
	if err == nil {
		_, err = c.Hear(data)
	}
	if refused, no := errors.AsType[*face.NoError](err); no {
		return true, refused
	} else if err != nil {
		return false, err
	}
	state, err := h.o.issueNow(ctx, h.wish)
	if err != nil {
		_ = t.send(c.Say(face.Message{No: &face.No{Reason: face.Unable}}))
		return true, err
	}
	invitation, err := h.o.invitation(h.wish)
	if err != nil {
		return true, err
	}
	var join []byte
	data, err = t.exchange(ctx, c.Say(face.Message{Link: &face.Link{Text: invitation.Link(), Waiting: state == api.InvitationWaiting, Ahead: state == api.InvitationWaiting && h.o.takesEarly()}}), agreement.Life)
	if err == nil {
		var m face.Message
		if m, err = c.Hear(data); err == nil && len(m.Join) > 0 {
			join = m.Join
		}
	}
	taken := len(join) > 0 && h.o.takeJoinAhead(h.wish, join)
	h.tell(func(m *api.Meeting) { m.State, m.Invitation, m.Unheard = api.MeetingDone, state, err != nil })
	if taken {
		if err := h.handRoll(ctx, t, c, join); err != nil {
			h.node.log.Info("handing over the roll to who joins ahead of it", "error", err)
		}
	}
	return true, nil
}
