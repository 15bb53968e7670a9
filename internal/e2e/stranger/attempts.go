package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

var (
	errUnknown = errors.New("the node does not speak the protocol")
	errCut     = errors.New("the node ended the stream")
)

// attempt is one thing that a stranger may try. nil from try means that it worked.
type attempt struct {
	what string
	try  func(ctx context.Context) error
}

// attempts lists them all. The first ones use the one protocol that is open to strangers, and so prove that the node
// hears them at all.
func (s *stranger) attempts() []attempt {
	c := s.client
	return []attempt{
		{"look at the roll with an invitation of their own making", func(ctx context.Context) error {
			_, err := c.View(ctx, keys.Generate(), 0)
			return err
		}},
		{"join with an invitation of their own making", func(ctx context.Context) error {
			invitation := keys.Generate()
			return c.SubmitJoin(ctx, invitation, s.joinBy(invitation))
		}},
		{"found an organization with a guessed claim", s.claim},
		{"read the roll", func(ctx context.Context) error {
			_, err := c.Fetch(ctx, 0)
			return err
		}},
		{"put an event on the roll", func(ctx context.Context) error {
			return c.Submit(ctx, s.joinBy(keys.Generate()))
		}},
		{"get the member's prekey", func(ctx context.Context) error {
			_, err := c.GetPrekeys(ctx, []keys.PublicKey{s.member})
			return err
		}},
		{"publish a prekey", func(ctx context.Context) error {
			_, prekey, err := envelope.NewPrekey(rand.Reader, s.key, c.Org, time.Now().Add(time.Hour))
			if err != nil {
				return err
			}
			return c.PutPrekey(ctx, prekey)
		}},
		{"give themselves leave to write to the member", func(ctx context.Context) error {
			return c.PutGrant(ctx, membership.SignGrant(membership.Grant{
				Org: c.Org, From: keys.MemberID{1}, To: keys.MemberID{2}, Number: 1, Open: true,
			}, s.key))
		}},
		{"listen for messages", func(ctx context.Context) error {
			stream, err := c.OpenDeliver(ctx)
			if err == nil {
				stream.Close()
			}
			return err
		}},
		{"write to the member", func(ctx context.Context) error {
			stream, err := c.OpenPost(ctx)
			if err == nil {
				stream.Close()
			}
			return err
		}},
		{"write to the member without waiting to be let in", s.pushIn},
		{"wait for calls at the node as a relay", func(ctx context.Context) error {
			_, err := p2p.WaitAt(ctx, s.client.Host, s.client.Node)
			return err
		}},
		{"reach the member through the node as a relay", func(ctx context.Context) error {
			return p2p.Call(ctx, s.client.Host, s.client.Node, s.member)
		}},
	}
}

// joinBy returns an event by which the stranger would be a member.
func (s *stranger) joinBy(invitation keys.PrivateKey) membership.SignedEvent {
	return membership.SignEvent(membership.Event{Org: s.client.Org, Counter: 1, At: 1, Join: &membership.Join{
		Invitation: invitation.Public(), Name: "Stranger", Recovery: keys.Generate().Public(),
	}}, s.key, &invitation)
}

// claim tries to found an organization without a claim link.
func (s *stranger) claim(ctx context.Context) error {
	root := keys.Generate()
	found := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: "Strangers", Root: root.Public(), Member: "Stranger",
		Recovery: keys.Generate().Public(), Policy: membership.DefaultPolicy(),
	}}, s.key, &root)
	place := membership.SignEvent(membership.Event{Org: membership.OrgOf(found), Counter: 2, At: 1,
		Rendezvous: &membership.Rendezvous{Node: s.client.Node, Addresses: s.client.Addresses, Term: 1}}, s.key, nil)
	var token [32]byte
	if _, err := rand.Read(token[:]); err != nil {
		return err
	}
	return s.client.Claim(ctx, token, found, place)
}

// pushIn writes a well-formed post for the member at once and takes whatever the node says until it ends the stream.
func (s *stranger) pushIn(ctx context.Context) error {
	body, err := s.letter()
	if err != nil {
		return err
	}
	stream, err := s.client.Host.NewStream(ctx, p2p.PeerID(s.client.Node), rvproto.Post)
	if err != nil {
		return unknown(err)
	}
	defer stream.Reset()
	if deadline, ok := ctx.Deadline(); ok {
		_ = stream.SetDeadline(deadline)
	}
	post := rvproto.AppendPost(nil, rvproto.PostFrame{Recipients: []keys.PublicKey{s.member}, Envelope: body})
	_, _ = stream.Write(wire.AppendFrame(nil, post)) // that the node does not read it is its right
	frames := wire.NewFrameReader(stream, 4<<10, rvproto.MaxAnswerFrame)
	var refusal error = errCut
	for {
		frame, err := frames.Read()
		if err != nil {
			if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
				return refusal
			}
			return err
		}
		if hello, err := rvproto.ParseHello(frame); err == nil && hello.Status != wire.StatusOK {
			refusal = hello.Status
			continue
		}
		return nil // the node answers: it has taken the post for one
	}
}

// letter is a sound envelope from the stranger.
func (s *stranger) letter() ([]byte, error) {
	members := []keys.MemberID{{1}, {2}}
	chain, err := envelope.NewChain(rand.Reader, s.client.Org, envelope.Among(members...), s.key.Public(), time.Now(), 1)
	if err != nil {
		return nil, err
	}
	sealed, _, err := chain.Seal(rand.Reader, s.key, &envelope.Line{},
		envelope.Content{Kind: 1, Body: bytes.Repeat([]byte("buy! "), 50)},
		envelope.Meta{RollSize: 1, Expires: time.Now().Add(time.Hour).Unix()})
	return sealed.Bytes(), err
}

// unknown marks the error of a protocol that the node does not speak.
func unknown(err error) error {
	if strings.Contains(err.Error(), "protocols not supported") {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return err
}
