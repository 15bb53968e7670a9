package node

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
	"muster.example/node/agreement"
	"muster.example/node/api"
	"muster.example/node/face"
)

// visiting is a meeting on the device that has the code entered.
type visiting struct {
	*encounter
	host host.Host
	code agreement.Code
}

// VisitMeeting looks on the local network for who shows a code. It returns at once: Meeting tells what comes of it. [FACE-1]
func (n *Node) VisitMeeting(ctx context.Context, request api.VisitRequest) (api.Meeting, error) {
	if meetingPurposes[request.Kind] == 0 {
		return api.Meeting{}, api.Errorf(api.CodeUsage, "one meets for an invitation or to exchange cards")
	}
	code, err := agreement.ParseCode(request.Code)
	if err != nil {
		return api.Meeting{}, api.Errorf(api.CodeUsage, "this is no code: %s", strings.TrimPrefix(err.Error(), agreement.ErrText.Error()+": ")).
			WithHint("a code is like 01234-apple-river-stone")
	}
	e, life, err := n.beginEncounter(ctx, api.Meeting{State: api.MeetingWaiting, Kind: request.Kind})
	if err != nil {
		return api.Meeting{}, err
	}
	v := &visiting{encounter: e, code: code}
	if v.host, err = n.config.NewHost(p2p.Config{Identity: e.self, Gater: localGate{}, Connections: meetingConnections}); err != nil {
		e.abort(err)
		return api.Meeting{}, err
	}
	err = e.start(life, map[string]func(context.Context) error{"encounter visit": v.run})
	if err != nil {
		v.host.Close()
	}
	return e.said.now(), err
}

// run is the whole of it.
func (v *visiting) run(ctx context.Context) error {
	defer v.host.Close()
	search := v.node.searchMeeting(ctx, v.host, meetingPlace{meetingPurposes[v.kind], v.code.Slot}, keys.PublicKey{})
	defer search.close()
	var failed error
	for limit := nearTime; ; limit = nearMore {
		t, err := search.next(ctx, limit)
		if err != nil {
			return nobodyMet(err, failed)
		}
		channel, err := v.agree(ctx, t)
		if err == nil {
			defer t.leave()
			return v.talk(ctx, t, face.NewVisitor(channel))
		}
		t.leave()
		if failed == nil || errors.Is(err, errMeetingWrong) {
			failed = err
		}
	}
}

// nobodyMet says why nobody was met. What one who was met has said says more.
func nobodyMet(err, met error) error {
	switch {
	case met != nil:
		return met
	case errors.Is(err, errNobodyNear):
		return api.Errorf(api.CodeNotFound, "nobody on this local network shows this code").
			WithHint("are both in the same Wi-Fi, and is the code still shown, and for the same? Check its number")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return api.Errorf(api.CodeFailed, "this local network cannot be searched").WithHint("connect this device to the same Wi-Fi or cable as the other")
}

// agree finds out whether who was found has the same code. [FACE-2]
func (v *visiting) agree(ctx context.Context, t *talk) (*agreement.Channel, error) {
	visitor := agreement.NewVisitor(rand.Reader, face.Purpose, agreement.Setup{
		Secret: v.code.Secret(), Slot: v.code.Slot, Own: v.self.Public(), Peer: t.peer,
	})
	hello, err := t.receive(ctx, agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	share, err := visitor.Hello(hello)
	if err != nil {
		return nil, err
	}
	reply, err := t.exchange(ctx, share, agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	tag, err := visitor.Reply(reply)
	if err != nil {
		return nil, err
	}
	confirmed, err := t.exchange(ctx, tag, agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	err = visitor.Confirm(confirmed)
	if refused, ok := errors.AsType[*agreement.RefusedError](err); ok {
		if refused.Left == 0 {
			return nil, errMeetingVoid
		}
		return nil, errMeetingWrong
	}
	return visitor.Channel(), err
}

// talk hears what the host has, and answers.
func (v *visiting) talk(ctx context.Context, t *talk, c *face.Course) error {
	data, err := t.receive(ctx, agreement.AnswerTime)
	if err != nil {
		return err
	}
	m, err := c.Hear(data)
	switch {
	case err != nil:
		return err
	case c.Kind() != face.Kind(v.kind):
		_ = t.send(c.Say(face.Message{No: &face.No{Reason: face.OtherKind}}))
		return noError(face.OtherKind)
	case m.Card != nil:
		return v.exchange(ctx, t, c, *m.Card)
	}
	return v.accept(ctx, t, c, *m.Invitation)
}

// accept asks the person about an invitation, and has whoever said yes join by it. A name that is refused can be chosen anew.
// [FACE-5]
func (v *visiting) accept(ctx context.Context, t *talk, c *face.Course, offer face.Invitation) error {
	v.tell(func(m *api.Meeting) {
		m.State, m.Org, m.OrgName, m.Who = api.MeetingAsked, offer.Org.String(), offer.OrgName, api.Person{Name: offer.By}
		m.Role, m.Name, m.Apply = offer.Role.String(), offer.Name, offer.Apply
	})
	var link *face.Link
	for {
		said, err := v.hearPerson(ctx, t, c, link != nil)
		if err != nil {
			return err
		}
		if said.no {
			_ = t.send(c.Say(face.Message{No: &face.No{Reason: face.Declined}}))
			return errMeetingEnded
		}
		v.tell(func(m *api.Meeting) { m.State, m.Error = api.MeetingTalking, nil })
		if link == nil {
			if link, err = v.takeLink(ctx, t, c, offer); err != nil {
				return err
			}
		}
		said.link <- link.Text
		select {
		case err = <-said.joined:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err == nil {
			break
		}
		v.tell(func(m *api.Meeting) { m.State, m.Error = api.MeetingAsked, meetingError(err) })
	}
	last := face.Message{Done: true}
	if event := v.node.joinAhead(offer, *link); len(event) > 0 {
		last = face.Message{Join: event}
	}
	if t.send(c.Say(last)) == nil {
		v.part(ctx, t, c, offer.Org, last)
	}
	v.tell(func(m *api.Meeting) {
		if m.State, m.Invitation = api.MeetingDone, api.InvitationActive; link.Waiting {
			m.Invitation = api.InvitationWaiting
		}
	})
	return nil
}

// part ends the conversation: with the roll, if the host hands it over, by which this device enters at once.
func (v *visiting) part(ctx context.Context, t *talk, c *face.Course, org keys.OrgID, last face.Message) {
	if len(last.Join) == 0 {
		_, _ = t.receive(ctx, agreement.AnswerTime) // it leaves once it has read that
		return
	}
	roll, err := v.fetchRoll(ctx, t, c)
	if err == nil {
		err = v.node.enterAhead(ctx, org, roll)
	}
	if err != nil { // it waits for the roll, as ever
		v.node.log.Info("the organization is not entered ahead of the roll", "error", err)
	}
}

// takeLink says yes, and returns the link that comes then: one to the organization that was offered.
func (v *visiting) takeLink(ctx context.Context, t *talk, c *face.Course, offer face.Invitation) (*face.Link, error) {
	data, err := t.exchange(ctx, c.Say(face.Message{Yes: true}), agreement.AnswerTime)
	if err != nil {
		return nil, err
	}
	m, err := c.Hear(data)
	if err != nil {
		return nil, err
	}
	if invitation, err := membership.ParseInvitation(m.Link.Text); err != nil || invitation.Org != offer.Org {
		return nil, agreement.FrameError("a link to another organization")
	}
	return m.Link, nil
}

// hearPerson waits for what the person says, as long as the other stays. alone: the other has said all.
func (e *encounter) hearPerson(ctx context.Context, t *talk, c *face.Course, alone bool) (answer, error) {
	frames := t.frames
	if alone {
		frames = nil
	}
	select {
	case said := <-e.answer:
		return said, nil
	case data, ok := <-frames:
		if !ok {
			return answer{}, errMeetingGone
		}
		if _, err := c.Hear(data); err != nil {
			return answer{}, err
		}
		return answer{}, agreement.FrameError("something is said while a person is asked")
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}
