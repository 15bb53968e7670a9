package node

import (
	"context"
	"errors"

	"muster.example/internal/keys"
	"muster.example/node/agreement"
	"muster.example/node/api"
	"muster.example/node/face"
)

// The purposes of meetings face to face. [FACE-1]
const (
	meetToInvite   meetingPurpose = 2
	meetToExchange meetingPurpose = 3
)

// meetingPurposes are where each kind of meeting is announced.
var meetingPurposes = map[api.MeetingKind]meetingPurpose{api.MeetInvitation: meetToInvite, api.MeetCard: meetToExchange}

// encounter is a meeting of two people that is under way, or was last, on either side.
type encounter struct {
	*undertaking[api.Meeting]
	kind   api.MeetingKind
	self   keys.PrivateKey // an identity for this alone
	answer chan answer     // capacity 1: what the person says
}

// answer is what a person says to what they are asked.
type answer struct {
	no       bool
	as, text string
	link     chan string // capacity 1: the invitation, for who asked to join by it
	joined   chan error  // capacity 1: what came of that
}

// beginEncounter makes room for a meeting. Callers call start, or abort.
func (n *Node) beginEncounter(ctx context.Context, first api.Meeting) (*encounter, context.Context, error) {
	if n.config.Nearby == nil {
		return nil, nil, api.Errorf(api.CodeFailed, "this device looks at no local network").WithHint("start it without --no-direct")
	}
	e := &encounter{kind: first.Kind, self: keys.Generate(), answer: make(chan answer, 1), undertaking: &undertaking[api.Meeting]{
		node: n, name: "encounter", event: api.EventMeeting, over: make(chan struct{}), said: newBulletin(first),
		version: func(m *api.Meeting) *uint64 { return &m.Version },
		ending: func(m *api.Meeting, err error) {
			if m.Over() {
				return
			}
			if err == nil {
				err = errMeetingEnded
			}
			m.State, m.Error = api.MeetingFailed, meetingError(err)
		},
	}}
	life, err := undertake(ctx, &n.encounter, e, meetingLife, errMeetingBusy)
	return e, life, err
}

func (n *Node) currentEncounter() *encounter {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.encounter
}

// Meeting tells how far the meeting is that is under way, or was last. [API-75]
func (n *Node) Meeting(ctx context.Context, query api.MeetingQuery) (api.Meeting, error) {
	e := n.currentEncounter()
	if e == nil {
		return api.Meeting{State: api.MeetingNone}, nil
	}
	return e.said.await(ctx, pairingWait, func(m api.Meeting) bool { return m.Version > query.After })
}

// AnswerMeeting says yes to what is asked, or ends the meeting. A yes to an invitation joins by it, and answers what came of
// that.
func (n *Node) AnswerMeeting(ctx context.Context, request api.AnswerRequest) (api.AnswerResult, error) {
	e := n.currentEncounter()
	if e == nil || e.said.now().Over() {
		if request.No {
			said, err := n.Meeting(ctx, api.MeetingQuery{})
			return api.AnswerResult{Meeting: said}, err
		}
		return api.AnswerResult{}, api.Errorf(api.CodeNotFound, "nobody is met here now").WithHint("show a code, or enter one")
	}
	said := e.said.now()
	switch {
	case request.No && said.State == api.MeetingAsked:
		return e.say(ctx, answer{no: true})
	case request.No:
		e.end()
		now, err := e.awaitEnd(ctx)
		return api.AnswerResult{Meeting: now}, err
	case said.State != api.MeetingAsked:
		return api.AnswerResult{Meeting: said}, api.Errorf(api.CodeUsage, "there is nothing to say yes to").WithHint("wait until the other is there")
	case said.Kind == api.MeetCard:
		return e.say(ctx, answer{})
	}
	join := api.JoinRequest{As: request.As, Text: request.Text, Wait: true}
	if join.As == "" {
		join.As = said.Name
	}
	if err := checkJoin(said, join); err != nil {
		return api.AnswerResult{Meeting: said}, err
	}
	return e.join(ctx, join)
}

// say hands on what the person says, and returns how far that brings the meeting.
func (e *encounter) say(ctx context.Context, said answer) (api.AnswerResult, error) {
	before := e.said.now()
	select {
	case e.answer <- said:
	default: // said already
	}
	now, err := e.said.await(ctx, pairingWait, func(m api.Meeting) bool { return m.Version > before.Version })
	return api.AnswerResult{Meeting: now}, err
}

// join says yes to an invitation, and joins by the link that comes then. The words that this may show are the answer's alone.
func (e *encounter) join(ctx context.Context, join api.JoinRequest) (api.AnswerResult, error) {
	said := answer{as: join.As, text: join.Text, link: make(chan string, 1), joined: make(chan error, 1)}
	select {
	case e.answer <- said:
	default:
		return api.AnswerResult{Meeting: e.said.now()}, errMeetingBusy
	}
	select {
	case join.Invitation = <-said.link:
	case <-e.over:
		now := e.said.now()
		return api.AnswerResult{Meeting: now}, meetingError(asError(now.Error))
	case <-ctx.Done():
		said.joined <- ctx.Err()
		return api.AnswerResult{}, ctx.Err()
	}
	result, err := e.node.Join(ctx, join)
	said.joined <- err
	if err != nil {
		return api.AnswerResult{Meeting: e.said.now()}, err
	}
	<-e.over // it says no more than that it has the link
	return api.AnswerResult{Meeting: e.said.now(), Joined: &result}, nil
}

// asError returns an error that says why a meeting ended, also where none is told.
func asError(err *api.Error) error {
	if err == nil {
		return errMeetingEnded
	}
	return err
}

// The errors of meetings. What is told of a try counts for the person.
var (
	errMeetingBusy    = api.Errorf(api.CodeFailed, "another meeting was begun at the same time").WithHint("try again")
	errMeetingEnded   = api.Errorf(api.CodeInterrupted, "the meeting was ended")
	errMeetingVoid    = api.Errorf(api.CodeRefused, "the code was wrong too often, and is void").WithHint("show another code")
	errMeetingExpired = api.Errorf(api.CodeFailed, "the code was not used within ten minutes: it is void").WithHint("show another code")
	errMeetingGone    = api.Errorf(api.CodeFailed, "the other device has broken off").WithHint("begin again with another code")
	errMeetingFault   = api.Errorf(api.CodeFailed, "the other device says what it should not").
				WithHint("update muster on both; if that does not help, somebody is on the line between them")
	errMeetingWrong = api.Errorf(api.CodeRefused, "the code is wrong there").WithHint("check each word with the other person: a code has three tries")
)

// meetingError says what happened in a person's words.
func meetingError(err error) *api.Error {
	if refused, ok := errors.AsType[*face.NoError](err); ok {
		return noError(refused.Reason)
	}
	switch {
	case errors.Is(err, errOtherGone):
		return errMeetingGone
	case errors.Is(err, agreement.ErrFrame), errors.Is(err, agreement.ErrSealed), errors.Is(err, agreement.ErrPeer):
		return errMeetingFault
	case errors.Is(err, agreement.ErrCode):
		return errMeetingWrong
	case errors.Is(err, context.DeadlineExceeded):
		return errMeetingExpired
	case errors.Is(err, context.Canceled):
		return errMeetingEnded
	}
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known
	}
	return api.AsError(err)
}

// noError says why the other side broke off.
func noError(reason face.Reason) *api.Error {
	switch reason {
	case face.Declined:
		return api.Errorf(api.CodeRefused, "the other person said no")
	case face.OtherKind:
		return api.Errorf(api.CodeUsage, "one of the two came for an invitation, and the other to exchange cards").WithHint("begin again, both for the same")
	case face.Outsider:
		return api.Errorf(api.CodeRefused, "the other is not in this organization").WithHint("give them an invitation")
	case face.NotOnRoll:
		return errNotOnRoll
	case face.Forked:
		return errForked
	}
	return api.Errorf(api.CodeRefused, "the other device cannot do it")
}

var (
	errNotOnRoll = api.Errorf(api.CodeRefused, "one of the two is not on the roll that the other's device has").
			WithHint("let both devices reach the rendezvous node once, and meet again")
	errForked = api.Errorf(api.CodeRefused, "the two devices have rolls that contradict each other").
			WithHint("tell an admin: the rendezvous node shows its members different rolls")
)
