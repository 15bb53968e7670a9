package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// rubbish is what is written on every protocol.
var rubbish = map[string][]byte{
	"noise":                bytes.Repeat([]byte{0x5a, 0xff, 0x00, 0x13, 0x80}, 2000),
	"half a frame":         {100, 1, 2, 3},
	"half a length":        {0x80},
	"a huge length":        append(binary.AppendUvarint(nil, 1<<40), make([]byte, 5000)...),
	"a length without end": bytes.Repeat([]byte{0xff}, 64),
	"an empty frame":       {0},
	"no CBOR":              wire.AppendFrame(nil, []byte{0xff, 0xff, 0xff}),
	"deep CBOR":            wire.AppendFrame(nil, bytes.Repeat([]byte{0x81}, 900)),
	"a map without end":    wire.AppendFrame(nil, []byte{0xbf, 0xff}),
	"an unknown frame":     wire.AppendFrame(nil, []byte{0x82, 0x18, 0x63, 0x00}),
}

// sendGarbage is `garbage INVITATION`: a stranger and a new member, Mallory, open each protocol of the organization's
// rendezvous node and write rubbish, and on each one stream on which they write nothing, which stays open until the
// script ends. What the node answers is its own tests' matter.
func sendGarbage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: garbage invitation")
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	invitation, err := membership.ParseInvitation(args[0])
	ts.Check(err)
	at := invitation.Nodes[0]
	for _, member := range []bool{false, true} {
		self := keys.Generate()
		h, err := p2p.NewHost(p2p.Config{Identity: self})
		ts.Check(err)
		ts.Defer(func() { h.Close() })
		client := &rvclient.Client{Host: h, Node: at.Key, Addresses: at.Addresses, Org: invitation.Org}
		ts.Check(client.Connect(ctx))
		if member {
			ts.Check(client.SubmitJoin(ctx, invitation.Key(), joinAsMallory(invitation, self)))
		}
		node := p2p.PeerID(at.Key)
		// A protocol's name is a type of libp2p's, which stays in the rooms that own a part of the network.
		protocols := map[string]func() (io.ReadWriteCloser, error){
			rvproto.Join:    func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Join) },
			rvproto.Roll:    func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Roll) },
			rvproto.Prekey:  func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Prekey) },
			rvproto.Grant:   func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Grant) },
			rvproto.Post:    func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Post) },
			rvproto.Deliver: func() (io.ReadWriteCloser, error) { return h.NewStream(ctx, node, rvproto.Deliver) },
		}
		for protocol, open := range protocols {
			for what, data := range rubbish {
				ts.Check(annotate(protocol+", "+what, throw(open, data)))
			}
			silent, err := open()
			ts.Check(annotate(protocol+", silence", err))
			ts.Defer(func() { silent.Close() })
			_, err = silent.Write(nil) // the name of the protocol, and nothing after it
			ts.Check(annotate(protocol+", silence", err))
		}
	}
}

// throw writes data on a new stream and leaves it when the node has ended it, or after a moment.
func throw(open func() (io.ReadWriteCloser, error), data []byte) error {
	stream, err := open()
	if err != nil {
		return err
	}
	_, _ = stream.Write(data) // a node that has enough may cut the stream at any byte
	if half, ok := stream.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	if timed, ok := stream.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = timed.SetReadDeadline(time.Now().Add(5 * time.Second))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(stream, 1<<20))
	_ = stream.Close() // the node may have reset it
	return nil
}

func annotate(what string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(what + ": " + err.Error())
}

// joinAsMallory returns the event by which a device joins with an invitation.
func joinAsMallory(invitation membership.Invitation, self keys.PrivateKey) membership.SignedEvent {
	key := invitation.Key()
	return membership.SignEvent(membership.Event{Org: invitation.Org, Counter: 1, At: invitation.Size, Join: &membership.Join{
		Invitation: key.Public(), Name: "Mallory", Recovery: keys.Generate().Public(),
	}}, self, &key)
}
