package rvclient_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// mute is a node that greets and says nothing more. It reads posts if reads, and hangs up when told.
type mute struct {
	client *rvclient.Client
	hangUp chan struct{}
	there  host.Host
}

func newMute(t *testing.T, reads bool) mute {
	t.Helper()
	node, device := keys.FromSeed(sha256.Sum256([]byte("node"))), keys.FromSeed(sha256.Sum256([]byte("device")))
	there, err := p2p.NewHost(p2p.Config{Identity: node, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	here, err := p2p.NewHost(p2p.Config{Identity: device})
	if err != nil {
		t.Fatal(err)
	}
	m := mute{hangUp: make(chan struct{}), there: there}
	org := keys.OrgID{1}
	serve := func(s network.Stream) {
		hello := rvproto.AppendHello(nil, rvproto.HelloFrame{Org: org, Checkpoint: []byte("note")})
		_, _ = s.Write(wire.AppendFrame(nil, hello))
		if reads {
			go func() { _, _ = io.Copy(io.Discard, s) }()
		}
		<-m.hangUp
		_ = s.Reset()
	}
	there.SetStreamHandler(rvproto.Post, serve)
	there.SetStreamHandler(rvproto.Deliver, serve)
	t.Cleanup(func() {
		_ = here.Close()
		_ = there.Close()
	})
	var addresses []string
	for _, address := range there.Addrs() {
		addresses = append(addresses, address.String())
	}
	m.client = &rvclient.Client{Host: here, Node: node.Public(), Addresses: addresses, Org: org}
	return m
}

// posts are more than the window takes: of so many bytes each.
func posts(size int) []rvproto.PostFrame {
	list := make([]rvproto.PostFrame, 2*rvproto.PostWindow)
	for i := range list {
		list[i] = rvproto.PostFrame{Recipients: []keys.PublicKey{{1}}, Envelope: make([]byte, size)}
	}
	return list
}

// Send waits in a full window, or for a node that reads nothing; whatever ends the stream ends Send.
func TestSendEndsWithTheStream(t *testing.T) { // [RV-5]
	for name, end := range map[string]func(m mute, s *rvclient.PostStream, cancel func()){
		"close":       func(_ mute, s *rvclient.PostStream, _ func()) { s.Close() },
		"context":     func(_ mute, _ *rvclient.PostStream, cancel func()) { cancel() },
		"lost reader": func(m mute, s *rvclient.PostStream, _ func()) { close(m.hangUp); _, _ = s.Answer() },
	} {
		for where, reads := range map[string]bool{"in a full window": true, "while writing": false} {
			t.Run(name+" "+where, func(t *testing.T) {
				m := newMute(t, reads)
				if name != "lost reader" {
					defer close(m.hangUp)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s, err := m.client.OpenPost(ctx)
				if err != nil {
					t.Fatal(err)
				}
				size := 1
				if !reads {
					size = 16 << 10 // the window of the multiplexer is full long before the stream's
				}
				sent := make(chan error, 1)
				go func() { sent <- s.Send(posts(size)) }()
				end(m, s, cancel)
				ended(t, "Send", sent)
				if err := s.Send(posts(1)[:1]); err == nil {
					t.Error("a post is sent on an ended stream")
				}
			})
		}
	}
}

// Next and Ack of a deliver stream end with it too.
func TestDeliverEndsWithTheStream(t *testing.T) {
	for name, end := range map[string]func(s *rvclient.DeliverStream, cancel func()){
		"close":   func(s *rvclient.DeliverStream, _ func()) { s.Close() },
		"context": func(_ *rvclient.DeliverStream, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMute(t, false)
			defer close(m.hangUp)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := m.client.OpenDeliver(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, acked := make(chan error, 1), make(chan error, 1)
			go func() {
				_, err := s.Next()
				next <- err
			}()
			go func() {
				for {
					err := s.Ack(rvproto.AckFrame{IDs: make([]keys.EnvelopeID, rvproto.MaxReceiptIDs)})
					if err != nil {
						acked <- err
						return
					}
				}
			}()
			end(s, cancel)
			ended(t, "Next", next)
			ended(t, "Ack", acked)
		})
	}
}

// ended waits for a call to end, with an error. In real time it only bounds a failing test.
func ended(t *testing.T, what string, result <-chan error) {
	t.Helper()
	bound, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	select {
	case err := <-result:
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s ended with %v", what, err)
		}
	case <-bound.Done():
		t.Fatalf("%s hangs", what)
	}
}

// A node of before knows no returns: its deliver stream has the older name, and serves all the same. [RV-1]
func TestDeliverByANodeOfBefore(t *testing.T) {
	m := newMute(t, true)
	defer close(m.hangUp)
	m.there.RemoveStreamHandler(rvproto.Deliver)
	m.there.SetStreamHandler(rvproto.DeliverOne, func(s network.Stream) {
		hello := rvproto.AppendHello(nil, rvproto.HelloFrame{Org: m.client.Org, Checkpoint: []byte("note")})
		deliver := rvproto.AppendDeliver(nil, rvproto.DeliverFrame{Number: 7, Kind: rvproto.KindReceipt, Body: []byte("receipt")})
		_, _ = s.Write(wire.AppendFrame(wire.AppendFrame(nil, hello), deliver))
	})
	s, err := m.client.OpenDeliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, err := s.Next()
	if err != nil || in.Deliver == nil || in.Deliver.Number != 7 {
		t.Errorf("%+v, %v", in, err)
	}
}

// A delivery before a body in pieces is in the caller's hands, and not awaited together with the rest of the body: neither while a piece
// is here in part, nor after one is whole. How much is here is said all the same. [RV-204]
func TestDeliveryBeforeTheRestOfABody(t *testing.T) {
	m := newMute(t, true)
	defer close(m.hangUp)
	goOn, held := make(chan struct{}), make(chan int, 1)
	m.there.SetStreamHandler(rvproto.DeliverPieces, func(s network.Stream) {
		frames := wire.NewFrameReader(s, 1024, rvproto.MaxAckFrame)
		begin := rvproto.BeginFrame{Size: 32 << 10}
		out := wire.AppendFrame(nil, rvproto.AppendHello(nil, rvproto.HelloFrame{Org: m.client.Org, Checkpoint: []byte("note")}))
		out = wire.AppendFrame(out, rvproto.AppendComing(nil, rvproto.ComingFrame{Number: 7, Kind: rvproto.KindEnvelope, BeginFrame: begin}))
		out = wire.AppendFrame(out, rvproto.AppendDeliver(nil, rvproto.DeliverFrame{Number: 8, Kind: rvproto.KindReceipt, Body: []byte("receipt")}))
		piece := wire.AppendFrame(nil, rvproto.AppendPiece(nil, make([]byte, 1024)))
		_, _ = s.Write(append(out, piece[:100]...))
		<-goOn
		_, _ = s.Write(append(piece[100:], piece[:100]...))
		for {
			frame, err := frames.Read()
			if err != nil {
				return
			}
			if told, err := rvproto.ParseHeld(frame); err == nil && told.Bytes > 0 {
				held <- told.Bytes
				return
			}
		}
	})
	s, err := m.client.OpenDeliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, err := s.Next()
	for ; err == nil && in.Deliver == nil; in, err = s.Next() {
	}
	if err != nil || in.Deliver.Number != 8 {
		t.Fatalf("%+v, %v", in, err)
	}
	if s.Buffered() {
		t.Error("a part of a piece counts as more that is here")
	}
	close(goOn)
	if in, err = s.Next(); err != nil || in.Deliver != nil {
		t.Errorf("after a piece: %+v, %v", in, err)
	}
	group := task.New(t.Context())
	group.Go("next", func(context.Context) error { _, err := s.Next(); return err })
	if got := <-held; got != 1024 {
		t.Errorf("%d bytes are said to be here", got)
	}
	s.Close()
	_ = group.Wait()
}
