package node

import (
	"context"
	"errors"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/agreement"
	"muster.example/node/api"
	"muster.example/node/face"
)

// refusedCard is a card that is not taken, with what the other is told of that.
type refusedCard struct {
	reason face.Reason
	error
}

// exchange is the host's side of an exchange of cards. [FACE-6] [FACE-7]
func (h *hosting) exchange(ctx context.Context, t *talk, c *face.Course, o *organization) (used bool, err error) {
	own, err := o.cardFor(c)
	if err != nil {
		return true, err
	}
	data, err := t.exchange(ctx, c.Say(face.Message{Card: &own}), agreement.AnswerTime)
	if err != nil {
		return false, err
	}
	m, err := c.Hear(data)
	if err != nil {
		_, no := errors.AsType[*face.NoError](err)
		return no, err
	}
	s := &swap{encounter: h.encounter, o: o, t: t, c: c}
	if err := s.look(*m.Card); err != nil {
		return true, err
	}
	if err := s.bothSayYes(ctx); err != nil {
		return true, err
	}
	return true, s.finish(ctx)
}

// exchange is the visitor's side of an exchange of cards.
func (v *visiting) exchange(ctx context.Context, t *talk, c *face.Course, theirs face.Card) error {
	o, in := v.node.entered(theirs.Org)
	if !in || o.mayAct() != nil {
		_ = t.send(c.Say(face.Message{No: &face.No{Reason: face.Outsider}}))
		return api.Errorf(api.CodeRefused, "the other shows a card of an organization that you are not in").WithHint("ask them for an invitation")
	}
	v.tell(func(m *api.Meeting) { m.Org, m.OrgName = o.org.String(), o.name() })
	s := &swap{encounter: v.encounter, o: o, t: t, c: c}
	if err := s.look(theirs); err != nil {
		return err
	}
	own, err := o.cardFor(c)
	if err != nil {
		return err
	}
	if err := t.send(c.Say(face.Message{Card: &own})); err != nil {
		return errMeetingGone
	}
	if err := s.bothSayYes(ctx); err != nil {
		return err
	}
	return s.finish(ctx)
}

// swap is an exchange of cards, on either side, once both have been shown.
type swap struct {
	*encounter
	o     *organization
	t     *talk
	c     *face.Course
	other keys.MemberID
}

// look holds the other's card against the own roll, and asks the person.
func (s *swap) look(theirs face.Card) error {
	if err := s.o.checkCard(theirs, s.c); err != nil {
		reason := face.Unable
		if refused, ok := errors.AsType[*refusedCard](err); ok {
			reason, err = refused.reason, refused.error
		}
		_ = s.t.send(s.c.Say(face.Message{No: &face.No{Reason: reason}}))
		return err
	}
	s.other = theirs.Member
	s.o.mu.Lock()
	who := s.o.personLocked(s.other)
	s.o.mu.Unlock()
	s.tell(func(m *api.Meeting) { m.State, m.Who = api.MeetingAsked, who })
	return nil
}

// bothSayYes returns once both people have. The visitor tells its own first; each keeps its own half before it tells it, the visitor
// when it has heard the host's. [FACE-7]
func (s *swap) bothSayYes(ctx context.Context) error {
	visitor := s.c.Side() == face.Visitor
	var own, theirs bool
	for !own || !theirs {
		select {
		case said := <-s.answer:
			if said.no {
				_ = s.t.send(s.c.Say(face.Message{No: &face.No{Reason: face.Declined}}))
				return errMeetingEnded
			}
			if own {
				continue
			}
			own = true
			s.tell(func(m *api.Meeting) { m.State = api.MeetingTalking })
			if visitor && s.t.send(s.c.Say(face.Message{Yes: true})) != nil {
				return errMeetingGone
			}
		case data, ok := <-s.t.frames:
			if !ok {
				return errMeetingGone
			}
			if _, err := s.c.Hear(data); err != nil {
				return err
			}
			if theirs || visitor && !own {
				return agreement.FrameError("a yes out of order")
			}
			theirs = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// finish keeps the own half, tells it, and takes the other's.
func (s *swap) finish(ctx context.Context) error {
	grant, err := s.o.befriend(s.other)
	if err != nil {
		_ = s.t.send(s.c.Say(face.Message{No: &face.No{Reason: face.Unable}}))
		return err
	}
	if s.c.Side() == face.Host {
		data, err := s.t.exchange(ctx, s.c.Say(face.Message{Yes: true}), agreement.AnswerTime)
		if err == nil {
			err = s.take(data)
		}
		if err == nil {
			data, err = s.t.exchange(ctx, s.c.Say(face.Message{Grant: grant}), agreement.AnswerTime)
		}
		if err == nil {
			_, err = s.c.Hear(data)
		}
		return s.kept(ctx, err)
	}
	data, err := s.t.exchange(ctx, s.c.Say(face.Message{Grant: grant}), agreement.AnswerTime)
	if err == nil {
		err = s.take(data)
	}
	if err == nil && s.t.send(s.c.Say(face.Message{Done: true})) == nil {
		_, _ = s.t.receive(ctx, agreement.AnswerTime) // it leaves once it has read that
	}
	return s.kept(ctx, err)
}

// take takes the other's grant.
func (s *swap) take(data []byte) error {
	m, err := s.c.Hear(data)
	if err != nil {
		return err
	}
	return s.o.takeGrantOf(s.other, m.Grant)
}

// kept tells what came of it. What broke off after the own half was kept is finished by the devices once they are online.
func (s *swap) kept(ctx context.Context, broken error) error {
	if client := s.o.connection(); client != nil {
		publishing, cancel := context.WithTimeout(ctx, acquaintanceWait)
		if err := errors.Join(s.o.publishGrants(publishing, client), s.o.bearGrants(publishing, client)); err != nil {
			s.node.log.Info("grants are not published yet", "error", err)
		}
		cancel()
	}
	wake(s.o.wakeSeal)
	if broken != nil {
		s.node.log.Info("an exchange of cards broke off at its end", "error", broken)
	}
	contact, _ := s.o.contact(s.other)
	s.tell(func(m *api.Meeting) { m.State, m.Contact, m.Unheard = api.MeetingDone, &contact, broken != nil })
	return nil
}

// cardFor makes the own card for one conversation. [FACE-6]
func (o *organization) cardFor(c *face.Course) (face.Card, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := o.roll.Size()
	root, err := o.roll.Root(size)
	speakers, _ := o.roll.State().Speakers(o.member)
	return face.Card{
		Org: o.org, Member: o.member, Device: o.device, Speakers: speakers, Size: size, Root: root,
	}.Prove(o.self, c.Channel(), c.Side()), err
}

// checkCard holds a card of the other side against the own roll. The error is a *refusedCard. [FACE-6]
func (o *organization) checkCard(theirs face.Card, c *face.Course) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if theirs.Check(c.Channel(), c.Side().Other()) != nil {
		return &refusedCard{face.Unable, errMeetingFault}
	}
	state := o.roll.State()
	member, there := o.memberOfLocked(theirs.Device)
	speakers, _ := state.Speakers(theirs.Member)
	contact, _ := o.view.Contact(theirs.Member)
	switch {
	case theirs.Org != o.org:
		return &refusedCard{face.Outsider, noError(face.Outsider)}
	case theirs.Member == o.member:
		return &refusedCard{face.Unable, api.Errorf(api.CodeUsage, "%q is yourself", o.memberNameLocked(o.member))}
	case !there || member != theirs.Member:
		return &refusedCard{face.NotOnRoll, errNotOnRoll}
	case o.blocksLocked(contact):
		return &refusedCard{face.Unable, api.Errorf(api.CodeRefused, "you have blocked %s", o.personText(member)).WithHint("let them write with `muster unblock`")}
	case state.MayContact(o.member, member) == membership.ContactRefused || state.MayContact(member, o.member) == membership.ContactRefused:
		return &refusedCard{face.Unable, api.Errorf(api.CodeRefused, "the policy of %s lets the two of you not write to each other", state.OrgName())}
	}
	if theirs.Size <= o.roll.Size() {
		if root, err := o.roll.Root(theirs.Size); err != nil || root != theirs.Root {
			return &refusedCard{face.Forked, errForked}
		}
	}
	if speakers != theirs.Speakers {
		return &refusedCard{face.NotOnRoll, errNotOnRoll}
	}
	return nil
}

// befriend gives a member leave and marks them as verified, and returns the grant.
func (o *organization) befriend(member keys.MemberID) (grant []byte, err error) {
	if err := o.mayAct(); err != nil {
		return nil, err
	}
	if err := o.give(member); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.markLocked(member, o.now().UnixMilli()); err != nil {
		return nil, err
	}
	contact, _ := o.view.Contact(member)
	return contact.Given, nil
}
