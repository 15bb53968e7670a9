package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// pairing is how far a pairing is on a device.
func (p *person) pairing() api.Pairing {
	p.world.t.Helper()
	said, err := p.node.Pairing(context.Background(), api.PairingQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return said
}

func (p *person) addDevice() api.AddDeviceResult {
	p.world.t.Helper()
	made, err := p.node.AddDevice(context.Background(), api.AddDeviceRequest{})
	if err != nil {
		p.world.t.Fatalf("%s makes a code: %v", p.name, err)
	}
	return made
}

func (p *person) pair(with, at string) {
	p.world.t.Helper()
	if _, err := p.node.Pair(context.Background(), api.PairRequest{With: with, At: at}); err != nil {
		p.world.t.Fatalf("%s pairs: %v", p.name, err)
	}
}

// awaitPairing waits until a pairing is in a state.
func (p *person) awaitPairing(state api.PairingState) (said api.Pairing) {
	p.world.t.Helper()
	p.world.await(15*time.Minute, fmt.Sprintf("%s is at %q", p.name, state), func() bool {
		said = p.pairing()
		if said.Over() && said.State != state {
			p.world.t.Fatalf("%s: the pairing is over: %+v, %v", p.name, said, said.Error)
		}
		return said.State == state
	})
	return said
}

// devices returns how many active devices the account has, as a device of it sees.
func (p *person) devices() int {
	status, err := p.node.Status(context.Background())
	if err != nil || len(status.Orgs) == 0 {
		return 0
	}
	return len(status.Orgs[0].Devices)
}

// roll returns the size of the roll that a device has.
func (p *person) roll() uint64 {
	status, err := p.node.Status(context.Background())
	if err != nil {
		p.world.t.Fatal(err)
	}
	return status.Orgs[0].Roll.Size
}

// account is Ann with a desk, somebody to write to her, and a device of hers that is in nothing yet.
func (w *world) account() (desk, phone, friend *person) {
	desk, friend, phone = w.person("Ann"), w.person("Ben"), w.person("Phone")
	desk.found("Harbour")
	friend.join(desk.invite(api.InviteRequest{Uses: 1}))
	desk.acquaint(friend)
	return desk, phone, friend
}

// TestSimPairing adds a device by link and another by code: both screens show the same words, nothing is added before the
// person says yes, what was written before comes along, and a message reaches all. [PAIR-5] [PAIR-10] [PAIR-11]
func TestSimPairing(t *testing.T) {
	simulate(t, 1, func(w *world) {
		t := w.t
		desk, phone, friend := w.account()
		tablet := w.person("Tablet")
		friend.send("before", desk)
		w.await(time.Minute, "it is there", func() bool { return len(desk.inbox()) > 0 })
		for i, next := range []*person{phone, tablet} {
			made := desk.addDevice()
			if next == phone {
				next.pair(made.Link, "")
			} else {
				next.pair(strings.ToUpper(strings.ReplaceAll(made.Code, "-", " ")), made.At[0])
			}
			ofOld, ofNew := desk.awaitPairing(api.PairingCompare), next.awaitPairing(api.PairingCompare)
			if len(ofOld.Words) != 2 || !slices.Equal(ofOld.Words, ofNew.Words) || ofOld.New || !ofNew.New {
				t.Errorf("the screens show %v and %v", ofOld, ofNew)
			}
			time.Sleep(5 * time.Minute) // a person takes their time
			if n := desk.devices(); n != 1+i {
				t.Errorf("%d devices before anybody said yes", n)
			}
			if _, err := desk.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: []string{"zoo", "zoo"}}); api.AsError(err).Code != api.CodeUsage {
				t.Errorf("yes to other words: %v", err)
			}
			if _, err := next.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: ofNew.Words}); api.AsError(err).Code != api.CodeUsage {
				t.Errorf("yes on the new device: %v", err)
			}
			if _, err := desk.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: ofOld.Words}); err != nil {
				t.Fatal(err)
			}
			done := next.awaitPairing(api.PairingDone)
			if len(done.Orgs) != 1 || done.Orgs[0].State != "added" || done.Orgs[0].Name != "Harbour" || done.Orgs[0].Member != desk.id {
				t.Errorf("the new device says %+v", done)
			}
			if said := desk.awaitPairing(api.PairingDone); len(said.Orgs) != 1 || said.Orgs[0] != done.Orgs[0] {
				t.Errorf("the old device says %+v, the new one %+v", said, done)
			}
			if next.devices() != 2+i || desk.devices() != 2+i {
				t.Errorf("%d and %d devices", desk.devices(), next.devices())
			}
			next.id = desk.id
			// What is written at once, before the new device can know whom it hears from, comes as well.
			w.await(time.Minute, "the friend sees the device", func() bool { return friend.roll() == desk.roll() })
			id := friend.send(fmt.Sprint("to all ", 2+i), desk)
			w.await(time.Minute, "all devices have it", func() bool {
				delivered := slices.DeleteFunc(friend.states(id), func(s api.State) bool { return s != api.StateDelivered })
				return len(delivered) == 2+i
			})
			w.alike(5*time.Minute, desk, next)
		}
		// The recovery words are good for the new device too.
		card, err := phone.node.Card(t.Context(), api.DevicesQuery{})
		if own, _ := desk.node.Card(t.Context(), api.DevicesQuery{}); err != nil || card != own {
			t.Errorf("the new device's card is %+v, %v", card, err)
		}
	})
}

// TestSimPairingEnds: a code that is wrong three times is void, one that nobody uses is void after ten minutes, and one that
// a person says no to, at either end, adds nothing. [PAIR-12]
func TestSimPairingEnds(t *testing.T) {
	simulate(t, 2, func(w *world) {
		t := w.t
		desk, phone, _ := w.account()
		made := desk.addDevice()
		slot, _, _ := strings.Cut(made.Code, "-")
		for left := 2; left >= 0; left-- {
			phone.pair(slot+"-zoo-zoo-zoo", made.At[0])
			failed := phone.awaitPairing(api.PairingFailed)
			if failed.Error.Code != api.CodeRefused {
				t.Errorf("a wrong code: %v", failed.Error)
			}
			w.await(time.Minute, "a try is counted", func() bool { return desk.pairing().Tries == left })
		}
		if said := desk.awaitPairing(api.PairingFailed); said.Error.Code != api.CodeRefused {
			t.Errorf("after three wrong tries: %v", said.Error)
		}
		phone.pair(made.Link, "")
		if failed := phone.awaitPairing(api.PairingFailed); failed.Error.Code != api.CodeRefused {
			t.Errorf("a void link: %v", failed.Error)
		}

		begin := time.Now()
		made = desk.addDevice()
		desk.awaitPairing(api.PairingFailed)
		if took := time.Since(begin); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("a code lasted %v", took)
		}

		for _, no := range []*person{desk, phone} {
			made = desk.addDevice()
			phone.pair(made.Link, "")
			desk.awaitPairing(api.PairingCompare)
			phone.awaitPairing(api.PairingCompare)
			if said, err := no.node.ConfirmPairing(t.Context(), api.ConfirmRequest{No: true}); err != nil || said.State != api.PairingFailed {
				t.Errorf("%s says no: %+v, %v", no.name, said, err)
			}
			if no == desk {
				phone.awaitPairing(api.PairingFailed)
			} else {
				desk.awaitPairing(api.PairingWaiting)
			}
		}
		// A new code ends the one before.
		before := desk.addDevice()
		desk.addDevice()
		phone.pair(before.Link, "")
		phone.awaitPairing(api.PairingFailed)
		if desk.devices() != 1 || phone.devices() != 0 {
			t.Errorf("%d devices, and the other is in %d", desk.devices(), phone.devices())
		}
	})
}

// TestSimPairingBreaks cuts the new device off at every moment after the yes, and crashes it: in the end it is a device of
// the account and knows it, or is none and can be added anew. [PAIR-11]
func TestSimPairingBreaks(t *testing.T) {
	for step := range 8 {
		simulate(t, uint64(10+step), func(w *world) {
			t := w.t
			desk, phone, _ := w.account()
			phone.pair(desk.addDevice().Link, "")
			words := desk.awaitPairing(api.PairingCompare).Words
			phone.awaitPairing(api.PairingCompare)
			if _, err := desk.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: words}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(step) * 15 * time.Millisecond)
			phone.crash()
			w.await(10*time.Minute, "the old device has done with it", func() bool { return desk.pairing().Over() })
			w.net.Up(testnet.Address(phone.place))
			phone.start()
			if desk.devices() == 2 {
				w.await(5*time.Minute, "the new device finds that it was added", func() bool { return phone.devices() == 2 })
			}
			added := desk.devices()
			phone.pair(desk.addDevice().Link, "")
			words = desk.awaitPairing(api.PairingCompare).Words
			if _, err := desk.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: words}); err != nil {
				t.Fatal(err)
			}
			if done := phone.awaitPairing(api.PairingDone); len(done.Orgs) != 1 || done.Orgs[0].State != "added" {
				t.Errorf("step %d: paired again: %+v", step, done)
			}
			desk.awaitPairing(api.PairingDone)
			if desk.devices() != 2 || phone.devices() != 2 {
				t.Errorf("step %d: %d devices before pairing again, %d after", step, added, desk.devices())
			}
			t.Logf("step %d: %d devices before pairing again", step, added)
		})
	}
}
