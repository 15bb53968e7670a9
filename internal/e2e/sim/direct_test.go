package sim

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
)

// direct has devices wait for calls as real ones do, with the gate that they have, on a network where all hear each other if lan.
func (w *world) direct(lan bool) {
	w.change = func(p *person, config *node.Config) {
		if lan {
			config.Nearby = w.net.Nearby(p.place)
		}
		config.NewHost = func(cfg p2p.Config) (host.Host, error) {
			cfg.QUIC = w.net.QUICOptions(p.address())
			if cfg.Direct != nil {
				cfg.QUIC = w.net.QUICOptions(p.address(), cfg.Direct.Callers.Guard)
			}
			made, err := p2p.NewHost(cfg)
			p.host = made
			return made, err
		}
	}
}

// path returns how a device reaches another one of its account.
func (p *person) path(to *person) api.Path {
	device := to.ownDevice()
	for _, d := range p.status().Devices {
		if d.Device == device {
			return d.Path
		}
	}
	return ""
}

// alone cuts the rendezvous node off from everybody.
func (w *world) alone() {
	var others []string
	for _, p := range w.all {
		others = append(others, p.address())
	}
	w.net.Partition([]string{testnet.Address(serverPlace)}, others)
}

// waitsAt returns where a device waits for calls, no port if it does not.
func (p *person) waitsAt() netip.AddrPort {
	for _, address := range p.host.Network().ListenAddresses() {
		port, err := address.ValueForProtocol(ma.P_UDP)
		if err == nil {
			ip, _ := ma.StringCast(p.address()).ValueForProtocol(ma.P_IP4)
			return netip.MustParseAddrPort(ip + ":" + port)
		}
	}
	return netip.AddrPort{}
}

// TestSimSiblingsOnALAN cuts off the rendezvous node. Two devices of one person on one network stay in step; one that was away while a
// message came gets it from the other.
func TestSimSiblingsOnALAN(t *testing.T) {
	simulate(t, 51, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, writer := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		w.await(time.Minute, "they have met", func() bool { return desk.path(phone) == api.PathLAN && phone.path(desk) == api.PathLAN })

		phone.crash()
		first := writer.send("while the phone is away", desk)
		w.await(time.Minute, "it came", func() bool { return len(desk.inbox()) == 1 })
		w.alone()
		time.Sleep(time.Minute)
		phone.start()
		w.alike(time.Minute, desk, phone)
		if !slices.Contains(phone.inbox(), "while the phone is away") {
			t.Fatalf("the phone has %v", phone.inbox())
		}
		if _, err := phone.node.Mark(t.Context(), api.MarkRequest{IDs: []string{first}}); err != nil {
			t.Fatal(err)
		}
		if _, err := desk.node.Tag(t.Context(), api.TagRequest{IDs: []string{first}, Tag: "harbour"}); err != nil {
			t.Fatal(err)
		}
		if _, err := desk.node.SaveDraft(t.Context(), api.Draft{To: []string{writer.id}, Text: "half an answer"}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, phone)
		for _, want := range []string{"unread false", "harbour", "half an answer"} {
			if seen := phone.seen() + desk.seen(); strings.Count(seen, want) < 2 {
				t.Errorf("not both show %q:\n%s", want, seen)
			}
		}
		if phone.status().Rendezvous[0].Connected {
			t.Error("the rendezvous node was not cut off")
		}
		// Hours later the beacons are others, and one waits at another port.
		desk.crash()
		time.Sleep(200 * time.Minute)
		desk.start()
		if _, err := desk.node.Tag(t.Context(), api.TagRequest{IDs: []string{first}, Tag: "later"}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, phone)
		if !strings.Contains(phone.seen(), "later") {
			t.Errorf("the phone shows\n%s", phone.seen())
		}
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)
		desk.send("an answer", writer)
		w.await(time.Minute, "it comes", func() bool { return slices.Contains(writer.inbox(), "an answer") })
	})
}

// TestSimBarOnALAN bars a device that is on the same network and has heard nothing of it: it is cut off within a second.
func TestSimBarOnALAN(t *testing.T) {
	simulate(t, 52, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(1, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone := accounts[0].devices[0], accounts[0].devices[1]
		w.await(time.Minute, "they have met", func() bool { return desk.path(phone) == api.PathLAN })
		if _, err := desk.node.SaveDraft(t.Context(), api.Draft{To: []string{desk.id}, Text: "before"}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, phone)

		w.net.Partition([]string{testnet.Address(serverPlace)}, []string{phone.address()})
		connected := func() bool { return len(desk.host.Network().ConnsToPeer(phone.host.ID())) > 0 }
		if !connected() {
			t.Fatal("no connection stands")
		}
		if plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: accounts[0].words}); err != nil || !plan.Done {
			t.Fatalf("barring the phone: %+v, %v", plan, err)
		}
		w.await(time.Second, "the phone is cut off", func() bool { return !connected() })
		if _, err := desk.node.SaveDraft(t.Context(), api.Draft{To: []string{desk.id}, Text: "secret"}); err != nil {
			t.Fatal(err)
		}
		if _, err := phone.node.SaveDraft(t.Context(), api.Draft{To: []string{desk.id}, Text: "forged"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Minute)
		if strings.Contains(phone.seen(), "secret") || strings.Contains(desk.seen(), "forged") || connected() {
			t.Errorf("after its bar:\nthe phone shows\n%s\nthe desk shows\n%s", phone.seen(), desk.seen())
		}
	})
}

// TestSimBarPassedOn has one device that reaches the rendezvous node bar a second one, and a third one, which does not reach it, hear of
// that on the LAN, with the roll: the second one gets nothing from it either.
func TestSimBarPassedOn(t *testing.T) {
	simulate(t, 57, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(1, 3, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, laptop := accounts[0].devices[0], accounts[0].devices[1], accounts[0].devices[2]
		w.await(time.Minute, "they have met", func() bool { return desk.path(laptop) == api.PathLAN && phone.path(laptop) == api.PathLAN })
		w.net.Partition([]string{testnet.Address(serverPlace)}, []string{phone.address(), laptop.address()})
		time.Sleep(2 * time.Minute)
		size := laptop.status().Roll.Size
		invited := desk.invite(api.InviteRequest{}) // events that the bar comes after
		if plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: accounts[0].words}); err != nil || !plan.Done {
			t.Fatalf("barring the phone: %+v, %v, after %s", plan, err, invited)
		}
		w.await(20*time.Second, "the laptop knows", func() bool { return laptop.status().Roll.Size >= size+2 })
		connected := func() bool { return len(laptop.host.Network().ConnsToPeer(phone.host.ID())) > 0 }
		w.await(time.Second, "the phone is cut off", func() bool { return !connected() })
		if _, err := laptop.node.SaveDraft(t.Context(), api.Draft{To: []string{desk.id}, Text: "secret"}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, laptop)
		time.Sleep(90 * time.Minute)
		if strings.Contains(phone.seen(), "secret") {
			t.Errorf("after its bar the phone shows\n%s", phone.seen())
		}
	})
}

// TestSimStrangersCallAPort has somebody from elsewhere, a member where the policy lets members meet nowhere, and one with the key of a
// device of the account that is barred call a device at its port.
func TestSimStrangersCallAPort(t *testing.T) {
	simulate(t, 53, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, writer := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		w.await(time.Minute, "they have met", func() bool { return desk.path(phone) == api.PathLAN })
		desk.policy("direct=never")
		time.Sleep(4 * time.Hour) // until nobody is expected where the writer was heard
		at, err := p2p.Key(desk.host.ID())
		if err != nil {
			t.Fatal(err)
		}
		call := func(h host.Host) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			return p2p.CallAt(ctx, h, at, []netip.AddrPort{desk.waitsAt()})
		}
		place := len(w.all) + 1
		stranger := w.net.Host(t, w.net.Config(place, keys.Generate()))
		defer stranger.Close()
		if err := call(stranger); err == nil {
			t.Error("a stranger gets through")
		}
		if got := w.net.Delivered(desk.address(), testnet.Address(place)); got != 0 {
			t.Errorf("a stranger is answered with %d packets", got)
		}
		before := w.net.Delivered(desk.address(), writer.address())
		if err := call(writer.host); err == nil {
			t.Error("another member gets through")
		}
		if got := w.net.Delivered(desk.address(), writer.address()); got != before {
			t.Errorf("another member is answered with %d packets", got-before)
		}
		// From an address that is expected the handshake goes on, and then the connection ends.
		other := w.net.Config(phone.place, keys.Generate())
		phone.crash()
		w.net.Up(phone.address())
		thief := w.net.Host(t, other)
		defer thief.Close()
		if err := call(thief); err != nil {
			t.Logf("one who poses as a sibling: %v", err)
		}
		time.Sleep(time.Second)
		if len(desk.host.Network().ConnsToPeer(thief.ID())) > 0 {
			t.Error("one with the address of a sibling stays connected")
		}
	})
}

// TestSimNoDirectPaths switches direct paths off: no port, nothing announced, and the relay does.
func TestSimNoDirectPaths(t *testing.T) {
	simulate(t, 54, func(w *world) {
		t := w.t
		w.direct(true)
		change := w.change
		w.change = func(p *person, config *node.Config) {
			change(p, config)
			config.NoDirect = p.place <= 2
		}
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, ben := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		w.await(time.Minute, "they have met", func() bool { return desk.path(phone) == api.PathRelayed && phone.path(desk) == api.PathRelayed })
		time.Sleep(time.Hour)
		for _, p := range accounts[0].devices {
			if p.waitsAt().IsValid() {
				t.Errorf("%s waits at %v", p.name, p.waitsAt())
			}
		}
		if desk.path(phone) != api.PathRelayed || ben.path(accounts[1].devices[1]) != api.PathLAN {
			t.Errorf("the paths are %q and %q", desk.path(phone), ben.path(accounts[1].devices[1]))
		}
	})
}

// TestSimAloneInTheAccount has one device wait for nobody, until there is another.
func TestSimAloneInTheAccount(t *testing.T) {
	simulate(t, 55, func(w *world) {
		t := w.t
		w.direct(true)
		ann := w.crowd(1, 1, func(int, *person) {})[0]
		w.assemble(func(*person) {})
		time.Sleep(time.Hour)
		if at := ann.devices[0].waitsAt(); at.IsValid() {
			t.Errorf("a device alone in its account waits at %v", at)
		}
		fresh := w.another(ann)
		w.await(time.Minute, "they meet on the LAN", func() bool { return ann.devices[0].path(fresh) == api.PathLAN })
	})
}

// TestSimPunchedPath has two devices that cannot hear each other meet through the relay, and go on without it.
func TestSimPunchedPath(t *testing.T) {
	simulate(t, 56, func(w *world) {
		t := w.t
		w.direct(false)
		accounts := w.crowd(1, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone := accounts[0].devices[0], accounts[0].devices[1]
		w.await(time.Minute, "they have a direct path", func() bool { return desk.path(phone) == api.PathDirect && phone.path(desk) == api.PathDirect })
		before := w.net.Delivered(desk.address(), phone.address())
		if _, err := desk.node.SaveDraft(t.Context(), api.Draft{To: []string{desk.id}, Text: strings.Repeat("half an answer ", 1000)}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, phone)
		if got := w.net.Delivered(desk.address(), phone.address()) - before; got < 10 {
			t.Errorf("%d packets went the direct way", got)
		}
	})
}
