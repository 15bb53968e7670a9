package rendezvous

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// simSite starts a node at place 0 of a simulated network; devices get the places after it.
func simSite(t *testing.T, net *testnet.Net, change ...func(*Config)) *site {
	t.Helper()
	s := &site{t: t, queue: newMemQueue()}
	s.cfg = Config{
		Dir: t.TempDir(), Listen: []string{testnet.Address(0)}, QUIC: net.QUICOptions(testnet.Address(0)),
		NoControl: true, Logger: slog.New(slog.DiscardHandler), Connections: 200,
		OpenQueue: func() (Queue, error) { return s.queue, nil },
	}
	place := 0
	s.host = func(name string) p2p.Config {
		place++
		return net.Config(place, net.Key(name))
	}
	for _, c := range change {
		c(&s.cfg)
	}
	s.start()
	return s
}

func TestSimIdleStreamsLast(t *testing.T) { // [RV-6]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		phone := anna.add("phone")
		post := anna.openPost()
		delivery := phone.openDeliver()
		body := anna.sealed(1)
		go func() {
			time.Sleep(10 * time.Minute)
			if err := post.Send([]rvproto.PostFrame{{Recipients: keysOf([]*device{phone}), Envelope: body}}); err != nil {
				t.Error(err)
			}
		}()
		begin := time.Now()
		nextDeliver(t, delivery)
		if waited := time.Since(begin); waited < 10*time.Minute {
			t.Errorf("waited %v", waited)
		}
		wantAnswer(t, "post", <-post.answers, wire.StatusOK)
	})
}

func TestSimDeadNodeIsNoticed(t *testing.T) { // [RV-6]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		post := anna.openPost()
		delivery := anna.openDeliver()
		net.Down(testnet.Address(0))
		begin := time.Now()
		if _, err := delivery.Next(); err == nil {
			t.Error("a delivery from nowhere")
		}
		<-post.failed
		if took := time.Since(begin); took > rvproto.Silence+rvproto.PingEvery {
			t.Errorf("noticed after %v", took)
		}
		net.Up(testnet.Address(0))
	})
}

func TestSimSilentDeviceIsGivenUp(t *testing.T) { // [RV-6]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		for _, id := range protocols(longLived) {
			stream := anna.raw(id)
			frames := wire.NewFrameReader(stream, 100, rvproto.MaxDeliverFrame)
			if _, err := frames.Read(); err != nil {
				t.Fatal(err)
			}
			if id == rvproto.PostPieces {
				if _, err := frames.Read(); err != nil { // what it has in pieces
					t.Fatal(err)
				}
			}
			begin := time.Now()
			if _, err := frames.Read(); err == nil {
				t.Errorf("%s: a frame to a silent device", id)
			}
			limit := rvproto.Silence
			if id == rvproto.Post || id == rvproto.PostPieces {
				limit = rvproto.RestSilence
			}
			if took := time.Since(begin); took < limit-time.Second || took > limit+time.Second {
				t.Errorf("%s: given up after %v", id, took)
			}
		}
		for _, id := range protocols(oneShot, thenTalk, ofNodes) {
			stream := anna.raw(id)
			if _, err := stream.Write([]byte{100}); err != nil { // half a frame, then nothing
				t.Fatal(err)
			}
			begin := time.Now()
			if _, err := wire.NewFrameReader(stream, 100, 100).Read(); err == nil {
				t.Errorf("%s: half a request was answered", id)
			}
			if took := time.Since(begin); took > rvproto.AnswerTime+time.Second {
				t.Errorf("%s: given up after %v", id, took)
			}
		}
	})
}

func TestSimStrangerMustGo(t *testing.T) { // [RV-2]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		zoe := s.device("zoe")
		if err := zoe.Connect(s.ctx()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(s.node.cfg.Strangers.Time + 2*sweepTime)
		if connected := len(s.node.host.Network().ConnsToPeer(p2p.PeerID(zoe.key.Public()))); connected != 0 {
			t.Error("a stranger is still connected")
		}
		if connected := len(s.node.host.Network().ConnsToPeer(p2p.PeerID(anna.key.Public()))); connected == 0 {
			t.Error("a member, who was a stranger before, was cut off")
		}
	})
}

func TestSimCheckpointsStayFresh(t *testing.T) { // [RV-21]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		stream := anna.openDeliver()
		last := time.Time{}
		for range 5 {
			in, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			checkpoint, err := membership.OpenCheckpoint(in.Head, anna.Org, anna.Node)
			if err != nil {
				t.Fatal(err)
			}
			if age := time.Since(checkpoint.Time); age > time.Minute {
				t.Errorf("told at the age of %v", age)
			}
			if !last.IsZero() && checkpoint.Time.Sub(last) > time.Hour {
				t.Errorf("%v between two", checkpoint.Time.Sub(last))
			}
			last = checkpoint.Time
		}
	})
}

func TestSimCrashAndReturn(t *testing.T) { // [RV-11]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		phone := anna.add("phone")
		mail(t, anna, phone, 1)
		place := testnet.Address(2)
		delivery := phone.openDeliver()
		nextDeliver(t, delivery)

		// The phone vanishes without a word and comes back at once: its new stream serves though the old one stands.
		net.Down(place)
		_ = phone.host.Close()
		net.Up(place)
		again := &rvclient.Client{Host: net.Host(t, net.Config(2, phone.key)), Node: phone.Node, Addresses: phone.Addresses, Org: phone.Org}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		stream, err := again.OpenDeliver(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		nextDeliver(t, stream)
		if online := s.node.Status().Orgs[0].DevicesOnline; online != 1 {
			t.Errorf("%d devices online", online)
		}
	})
}

func TestSimSlowLinkIsNoDeath(t *testing.T) { // [RV-6]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		phone := anna.add("phone")
		for _, way := range [][2]int{{0, 1}, {1, 0}} {
			net.SetLatency(testnet.Address(way[0]), testnet.Address(way[1]), 4*time.Second)
		}
		post := anna.openPost()
		answer := post.post(t, anna.sealed(300_000), phone)
		if answer.Status != wire.StatusOK {
			t.Error(answer.Status)
		}
	})
}
