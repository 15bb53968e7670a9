package rvclient_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// attentive is a node in a simulation that greets, and answers pings until it is told to be silent.
type attentive struct {
	client *rvclient.Client

	mu     sync.Mutex          // guards the following
	heard  map[protocol.ID]int // frames
	silent bool
}

// hear notes a frame, and reports whether a ping is to be answered.
func (a *attentive) hear(id protocol.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard[id]++
	return !a.silent
}

// frames returns how many frames came on a stream.
func (a *attentive) frames(id protocol.ID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heard[id]
}

func (a *attentive) fallSilent() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.silent = true
}

func newAttentive(t *testing.T, net *testnet.Net) *attentive {
	org := keys.OrgID{1}
	there := net.Host(t, net.Config(0, net.Key("node")))
	a := &attentive{heard: make(map[protocol.ID]int), client: &rvclient.Client{
		Host: net.Host(t, net.Config(1, net.Key("device"))), Node: net.Key("node").Public(), Addresses: []string{testnet.Address(0)}, Org: org,
	}}
	for _, id := range []protocol.ID{rvproto.Post, rvproto.Deliver} {
		there.SetStreamHandler(id, func(s network.Stream) {
			_, _ = s.Write(wire.AppendFrame(nil, rvproto.AppendHello(nil, rvproto.HelloFrame{Org: org, Checkpoint: []byte("note")})))
			frames := wire.NewFrameReader(s, 100, rvproto.MaxPostFrame)
			for {
				frame, err := frames.Read()
				if err != nil {
					return
				}
				if a.hear(id) && rvproto.IsPing(frame) {
					_, _ = s.Write(wire.AppendFrame(nil, rvproto.AppendPong(nil)))
				}
			}
		})
	}
	return a
}

// A post stream without a post is left alone; the deliver stream shows that the node is there. [RV-6]
func TestSimRestingStreamIsQuiet(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		a := newAttentive(t, net)
		post, err := a.client.OpenPost(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delivery, err := a.client.OpenDeliver(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		group := task.New(t.Context())
		answer, next := make(chan time.Time, 1), make(chan time.Time, 1)
		group.Go("answers", func(context.Context) error { _, err := post.Answer(); answer <- time.Now(); return err })
		group.Go("deliveries", func(context.Context) error { _, err := delivery.Next(); next <- time.Now(); return err })
		time.Sleep(61 * time.Minute)
		if got := a.frames(rvproto.Post); got < 10 || got > 13 {
			t.Errorf("%d pings in an hour on the post stream", got)
		}
		if got := a.frames(rvproto.Deliver); got < 170 || got > 184 {
			t.Errorf("%d pings in an hour on the deliver stream", got)
		}

		a.fallSilent()
		begin := time.Now()
		if err := post.Send(posts(1)[:1]); err != nil {
			t.Fatal(err)
		}
		if took := (<-answer).Sub(begin); took < rvproto.Patience || took > rvproto.Patience+time.Second {
			t.Errorf("a node that does not answer a post was given up after %v", took)
		}
		if took := (<-next).Sub(begin); took > rvproto.PingEvery+rvproto.Patience+time.Second {
			t.Errorf("a node that does not answer pings was given up after %v", took)
		}
		if err := group.Wait(); !errors.Is(err, rvclient.ErrSilent) {
			t.Error(err)
		}
	})
}

// A node that takes nothing is given up, on a link that was late before after as much more time as for an answer. [RV-6]
func TestSimNodeThatTakesNothing(t *testing.T) {
	for _, slow := range []int{1, rvproto.Slow} {
		testnet.Run(t, 2, func(t *testing.T, net *testnet.Net) {
			a := newAttentive(t, net)
			a.client.Slow = slow
			there := net.Host(t, net.Config(2, net.Key("deaf")))
			a.client.Node, a.client.Addresses = net.Key("deaf").Public(), []string{testnet.Address(2)}
			there.SetStreamHandler(rvproto.Post, func(s network.Stream) {
				_, _ = s.Write(wire.AppendFrame(nil, rvproto.AppendHello(nil, rvproto.HelloFrame{Org: a.client.Org, Checkpoint: []byte("note")})))
			})
			post, err := a.client.OpenPost(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer post.Close()
			began := time.Now()
			if err := post.Send(posts(64 << 10)); !errors.Is(err, rvclient.ErrSilent) {
				t.Error(err)
			}
			most := time.Duration(slow) * rvproto.WriteTime
			if took := time.Since(began); took < most || took > most+10*time.Second {
				t.Errorf("with patience %d it took %v", slow, took)
			}
		})
	}
}
