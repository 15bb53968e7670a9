package sim

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/pairing"
)

// onLAN simulates people whose devices hear each other on one local network.
func onLAN(t *testing.T, seed uint64, test func(w *world)) {
	t.Helper()
	simulate(t, seed, func(w *world) {
		w.near = true
		test(w)
	})
}

// yes says on the old device that both screens show the same words, and checks that they do.
func (p *person) yes(next *person) {
	t := p.world.t
	t.Helper()
	ofOld, ofNew := p.awaitPairing(api.PairingCompare), next.awaitPairing(api.PairingCompare)
	if len(ofOld.Words) != 2 || strings.Join(ofOld.Words, " ") != strings.Join(ofNew.Words, " ") {
		t.Fatalf("the screens show %v and %v", ofOld.Words, ofNew.Words)
	}
	if _, err := p.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: ofOld.Words}); err != nil {
		t.Fatal(err)
	}
}

// TestSimPairingNearby adds devices by a code alone and by a link, on a local network on which the new device cannot reach the
// rendezvous node: it is signed in, and enters once it can. [PAIR-13] [PAIR-15]
func TestSimPairingNearby(t *testing.T) {
	onLAN(t, 3, func(w *world) {
		desk, phone, _ := w.account()
		tablet := w.person("Tablet")
		for i, next := range []*person{phone, tablet} {
			with := desk.addDevice()
			w.net.Partition([]string{testnet.Address(serverPlace)}, []string{next.address()})
			if next == phone {
				next.pair(with.Code, "")
			} else {
				next.pair(with.Link, "")
			}
			desk.yes(next)
			if said := desk.awaitPairing(api.PairingDone); len(said.Orgs) != 1 || said.Orgs[0].State != "added" {
				w.t.Errorf("the old device says %+v", said)
			}
			if said := next.awaitPairing(api.PairingDone); len(said.Orgs) != 1 || said.Orgs[0].State != "waiting" {
				w.t.Errorf("the new device says %+v", said)
			}
			w.net.Heal()
			w.await(10*time.Minute, "the new device is in", func() bool { return next.devices() == 2+i })
		}
	})
}

// TestSimPairingNearbyAlone: with no rendezvous node in reach of either device they meet, and are told that nothing was added; on the
// same network a wrong code is counted, and three of them void it. [PAIR-12] [PAIR-13]
func TestSimPairingNearbyAlone(t *testing.T) {
	onLAN(t, 4, func(w *world) {
		t := w.t
		desk, phone, _ := w.account()
		w.node.crash()
		w.await(10*time.Minute, "the connection is lost", func() bool { return !desk.status().Rendezvous[0].Connected })
		made := desk.addDevice()
		if len(made.At) != 0 {
			t.Errorf("an address of a node that is not there: %q", made.At)
		}
		slot, _, _ := strings.Cut(made.Code, "-")
		phone.pair(slot+"-zoo-zoo-zoo", "")
		if failed := phone.awaitPairing(api.PairingFailed); failed.Error.Message != "the code is wrong" {
			t.Errorf("a wrong code: %v", failed.Error)
		}
		phone.pair(made.Code, "")
		desk.yes(phone)
		failed := desk.awaitPairing(api.PairingFailed)
		if len(failed.Orgs) != 1 || failed.Orgs[0].State != "missed" {
			t.Errorf("the old device says %+v, %v", failed, failed.Error)
		}
		if said := phone.awaitPairing(api.PairingFailed); phone.devices() != 0 || len(said.Orgs) != 1 || said.Orgs[0].State != "missed" {
			t.Errorf("the new device says %+v", said)
		}
		made = desk.addDevice()
		slot, _, _ = strings.Cut(made.Code, "-")
		for left := 2; left >= 0; left-- {
			phone.pair(slot+"-zoo-zoo-zoo", "")
			phone.awaitPairing(api.PairingFailed)
			w.await(time.Minute, "a try is counted", func() bool { return desk.pairing().Tries == left })
		}
		desk.awaitPairing(api.PairingFailed)
		phone.pair(made.Code, "")
		if failed := phone.awaitPairing(api.PairingFailed); failed.Error.Code != api.CodeNotFound {
			t.Errorf("a void code: %v", failed.Error)
		}
	})
}

// impostor announces a code that is not its own at a place of the network, and has the new device make tries at it.
func (w *world) impostor(place int, slot string, meet func(ctx context.Context, self keys.PublicKey, s network.Stream) error) {
	t := w.t
	number, err := strconv.ParseUint(slot, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	self := keys.Generate()
	local := w.net.Host(t, w.net.Config(place, self))
	ctx, stop := context.WithCancel(t.Context())
	unhandle := p2p.Handle(ctx, local, "/muster/meet/1", func(ctx context.Context, _ keys.PublicKey, s network.Stream) error {
		return meet(ctx, self.Public(), s)
	})
	key := self.Public()
	group := task.New(ctx)
	for _, payload := range [][]byte{
		append(binary.BigEndian.AppendUint32([]byte{1, 1}, uint32(number)), key[:]...), // for a pairing, an invitation, cards
		append(binary.BigEndian.AppendUint32([]byte{1, 2}, uint32(number)), key[:]...),
		append(binary.BigEndian.AppendUint32([]byte{1, 3}, uint32(number)), key[:]...),
		append(binary.BigEndian.AppendUint32([]byte{1, 1}, 100_000), key[:]...),
		[]byte("garbage"),
	} {
		group.Go("announcement", func(ctx context.Context) error {
			return w.net.Nearby(place).Announce(ctx, nearby.Announcement{Kind: nearby.Meetings, Port: 8000, Payload: payload})
		})
	}
	t.Cleanup(func() { stop(); unhandle(); _ = group.Wait() })
}

// TestSimPairingNearbyHostile: others on the network announce the same code: one guesses its words, one says nothing, one says garbage.
// The new device finds the right one all the same, and nothing is counted against its code. A visitor who says nothing is sent away.
// [PAIR-14] [PAIR-15]
func TestSimPairingNearbyHostile(t *testing.T) {
	onLAN(t, 5, func(w *world) {
		t := w.t
		desk, phone, _ := w.account()
		w.net.Cut(testnet.Address(desk.place), testnet.Address(phone.place)) // the liars are heard first
		made := desk.addDevice()
		slot, _, _ := strings.Cut(made.Code, "-")
		guesses := 0
		w.impostor(20, slot, func(_ context.Context, self keys.PublicKey, s network.Stream) error {
			guesses++
			frames := wire.NewFrameReader(s, 4096, pairing.MaxFrame)
			old := pairing.NewOld(rand.Reader, pairing.Setup{Secret: []byte("zoo-zoo-zoo"), Slot: 1, Own: self})
			_, err := s.Write(wire.AppendFrame(nil, old.Hello()))
			share, _ := frames.Read()
			reply, refused := old.Share(share)
			_, _ = s.Write(wire.AppendFrame(nil, reply))
			tag, _ := frames.Read()
			if _, err := old.Confirm(tag); err == nil {
				t.Error("a guess was right")
			}
			_, _ = s.Write(wire.AppendFrame(nil, pairing.RefuseFrame(0)))
			return errors.Join(err, refused)
		})
		w.impostor(21, slot, func(ctx context.Context, _ keys.PublicKey, _ network.Stream) error { <-ctx.Done(); return nil })
		w.impostor(22, slot, func(_ context.Context, _ keys.PublicKey, s network.Stream) error {
			_, err := s.Write([]byte("\xff\xff\xff\xff\xff\xff"))
			return err
		})
		phone.pair(made.Code, "")
		time.Sleep(2 * time.Second)
		w.net.Heal()
		desk.yes(phone)
		phone.awaitPairing(api.PairingDone)
		if tries := desk.pairing().Tries; tries != pairing.Tries || guesses != 1 {
			t.Errorf("tries left: %d; the impostor had %d guesses", tries, guesses)
		}
	})
}
