package rvclient

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// Share returns what this device's member lets others see of their presence; nil if none was ever put.
func (c *Client) Share(ctx context.Context) (*rvproto.Share, error) {
	return c.presence(ctx, rvproto.PresenceRequest{Get: new(struct{})})
}

// PutShare says what this device's member lets others see of their presence, from now on and on all devices. It returns the
// share that counts: beside wire.StatusStale, the one with a higher number that the node has.
func (c *Client) PutShare(ctx context.Context, share rvproto.Share) (*rvproto.Share, error) {
	return c.presence(ctx, rvproto.PresenceRequest{Put: &share})
}

func (c *Client) presence(ctx context.Context, request rvproto.PresenceRequest) (*rvproto.Share, error) {
	var answer rvproto.PresenceAnswer
	err := c.request(ctx, rvproto.Presence, request, &answer, rvproto.MaxPresenceAnswer)
	if err == nil {
		err = answer.Check()
	}
	if err != nil {
		return nil, err
	}
	return answer.Share, errors.Join(refusal(answer.Status, answer.Move))
}

// Say tells the node what this device's person is: online or away.
func (s *DeliverStream) Say(state rvproto.State) error {
	return s.speak("saying who is there", func(b []byte) []byte {
		return rvproto.AppendStatus(b, rvproto.StatusFrame{State: state})
	})
}

// Watch names the members whose presence is wanted, at most rvproto.MaxWatched, in the place of those named before. What
// they are comes by Next; who is not told of is offline.
func (s *DeliverStream) Watch(members []keys.MemberID) error {
	return s.speak("asking who is there", func(b []byte) []byte {
		return rvproto.AppendWatch(b, rvproto.WatchFrame{Members: members})
	})
}

// Typing tells up to rvproto.MaxTyping members that this device's person is typing to them, if they and the person take
// part in that.
func (s *DeliverStream) Typing(members []keys.MemberID) error {
	return s.speak("telling of typing", func(b []byte) []byte {
		return rvproto.AppendTyping(b, rvproto.TypingFrame{Members: members})
	})
}

func (s *DeliverStream) speak(doing string, frame func(b []byte) []byte) error {
	err := s.write(func(b []byte) ([]byte, bool) { return frame(b), false })
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// presenceIn reads a frame about presence; false if it is another.
func presenceIn(kind rvproto.FrameType, frame []byte) (in Incoming, ok bool, err error) {
	switch kind {
	case rvproto.FramePresence:
		presence, err := rvproto.ParsePresence(frame)
		return Incoming{Presence: &presence}, true, err
	case rvproto.FrameTypist:
		member, err := rvproto.ParseTypist(frame)
		return Incoming{Typist: member}, true, err
	}
	return Incoming{}, false, nil
}
