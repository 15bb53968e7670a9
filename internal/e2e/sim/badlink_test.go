package sim

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
)

// badLink is what lies between one device and the rendezvous node.
type badLink struct {
	name   string
	bits   int           // a second, each way
	round  time.Duration // there and back
	loss   float64       // share of the packets, each way
	buffer int           // bytes that wait in it
}

// The links of the measurements.
var badLinks = []badLink{
	{"good", 0, 20 * time.Millisecond, 0, 0},
	{"satellite 64k", 64_000, time.Second, 0, 32 << 10},
	{"radio 9.6k", 9600, time.Second, 0, 8 << 10},
	{"radio 9.6k, 10%", 9600, time.Second, 0.1, 8 << 10},
	{"radio 9.6k, 30%", 9600, time.Second, 0.3, 8 << 10},
	{"64k, 30%", 64_000, time.Second, 0.3, 32 << 10},
}

// lay puts a link between a person's device and the rendezvous node.
func (w *world) lay(p *person, l badLink) {
	here, there := p.address(), testnet.Address(serverPlace)
	for _, way := range [][2]string{{here, there}, {there, here}} {
		w.net.SetLatency(way[0], way[1], l.round/2)
		w.net.SetLoss(way[0], way[1], l.loss)
		w.net.SetBandwidth(way[0], way[1], l.bits, l.buffer)
	}
}

// meter counts what a device puts on its link to the rendezvous node and takes from it.
type meter struct {
	w        *world
	p        *person
	up, down int
	began    time.Time
}

func (w *world) meter(p *person) *meter {
	there := testnet.Address(serverPlace)
	return &meter{w, p, w.net.Sent(p.address(), there), w.net.Sent(there, p.address()), time.Now()}
}

func (m *meter) read() (up, down int, took time.Duration) {
	there := testnet.Address(serverPlace)
	return m.w.net.Sent(m.p.address(), there) - m.up, m.w.net.Sent(there, m.p.address()) - m.down, time.Since(m.began)
}

func (m *meter) log(what string) {
	up, down, took := m.read()
	m.w.t.Logf("%-40s %10v  %8d up %8d down", what, took.Round(10*time.Millisecond), up, down)
}

// overtakes is log, for a text that was sent behind a file: it is there before it, and after seconds where no packet is lost. Where a
// third is lost chance alone decides. [RV-202] [RV-203] [RV-204]
func (m *meter) overtakes(what string, l badLink, from *person, file string) {
	m.log(what)
	if l.bits > 0 && l.loss < 0.3 && from.delivered(file) {
		m.w.t.Errorf("%s: not before the file", what)
	}
	if took := time.Since(m.began); l.loss == 0 && took > 20*time.Second {
		m.w.t.Errorf("%s: %v", what, took)
	}
}

// noShortcut keeps devices from each other, so that all goes over the link that is measured: between them there would be a good one.
func noShortcut(_ *person, config *node.Config) { config.NoDirect = true }

// envFile is the variable by which a measurement has larger files sent: bytes.
const envFile = "MUSTER_LINKS_FILE"

func fileSize(t *testing.T) int {
	text := os.Getenv(envFile)
	if text == "" {
		return 128 << 10
	}
	size, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", envFile, err)
	}
	return size
}

// sendFile sends a file of a size to somebody.
func (p *person) sendFile(to *person, name string, size int) string {
	p.world.t.Helper()
	content := bytes.Repeat([]byte(name), size/len(name)+1)[:size]
	upload, err := p.node.Upload(context.Background(), name, bytes.NewReader(content))
	if err != nil {
		p.world.t.Fatal(err)
	}
	sent, err := p.node.Send(context.Background(), api.SendRequest{To: []string{to.id}, Text: name, Attachments: []string{upload.ID}})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return sent.ID
}

// TestSimBadLinks measures, over each link, a text of 200 bytes from a device that starts and from one that is connected, a file,
// and a text while the file is under way.
func TestSimBadLinks(t *testing.T) {
	text := string(bytes.Repeat([]byte("x"), 192))
	for i, l := range badLinks {
		t.Run(l.name, func(t *testing.T) {
			simulate(t, uint64(60+i), func(w *world) {
				w.change = noShortcut
				alice, bob := w.person("alice"), w.person("bob")
				alice.found("Harbour")
				bob.join(alice.invite(api.InviteRequest{}))
				alice.acquaint(bob)
				first := alice.send("first", bob)
				w.await(time.Hour, "the first is delivered", func() bool { return alice.delivered(first) })
				time.Sleep(time.Minute)

				alice.stop()
				time.Sleep(2 * time.Minute)
				w.lay(alice, l)
				m := w.meter(alice)
				alice.start()
				id := alice.send(text+" cold", bob)
				w.await(2*time.Hour, "connected", func() bool { return alice.status().Rendezvous[0].Connected })
				m.log("cold: connected")
				w.await(2*time.Hour, "bob has it", func() bool { return slices.Contains(bob.inbox(), text+" cold") })
				m.log("cold: bob has it")
				w.await(2*time.Hour, "delivered", func() bool { return alice.delivered(id) })
				m.log("cold: receipt")
				time.Sleep(10 * time.Minute)

				m = w.meter(alice)
				id = alice.send(text+" warm", bob)
				w.await(2*time.Hour, "bob has it", func() bool { return slices.Contains(bob.inbox(), text+" warm") })
				m.log("warm: bob has it")
				w.await(2*time.Hour, "delivered", func() bool { return alice.delivered(id) })
				m.log("warm: receipt")
				time.Sleep(10 * time.Minute)
				m.log("warm: ten minutes later")

				size := fileSize(t)
				m = w.meter(alice)
				file := alice.sendFile(bob, "chart", size)
				time.Sleep(5 * time.Second)
				small := w.meter(alice)
				id = alice.send(text+" meanwhile", bob)
				w.await(12*time.Hour, "delivered", func() bool { return alice.delivered(id) })
				small.overtakes("text while the file is under way: receipt", l, alice, file)
				w.await(48*time.Hour, "the file is delivered", func() bool { return alice.delivered(file) })
				m.log(fmt.Sprintf("file of %d bytes", size))

				m = w.meter(alice)
				file = bob.sendFile(alice, "chart", size)
				time.Sleep(5 * time.Second)
				small = w.meter(alice)
				id = bob.send(text+" meanwhile back", alice)
				w.await(12*time.Hour, "delivered", func() bool { return bob.delivered(id) })
				small.overtakes("back: text while the file is under way", l, bob, file)
				w.await(48*time.Hour, "the file is delivered", func() bool { return bob.delivered(file) })
				m.log(fmt.Sprintf("back: file of %d bytes", size))
			})
		})
	}
}

// TestSimLinkUpForSeconds has a file go over a link of 64 kbit/s and a second there and back that is up for 20 seconds an hour, most of
// which the beginning of a session takes: what has come stays, on both sides, and nothing of it goes twice. [RV-200] [RV-204]
func TestSimLinkUpForSeconds(t *testing.T) {
	const up, size = 20 * time.Second, 256 << 10
	simulate(t, 70, func(w *world) {
		w.change = noShortcut
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		time.Sleep(time.Minute)
		w.lay(alice, badLink{bits: 64_000, round: time.Second, buffer: 16 << 10})
		here, there := testnet.Address(serverPlace), alice.address()
		for _, send := range []func() bool{
			func() func() bool {
				id := alice.sendFile(bob, "chart", size)
				return func() bool { return alice.delivered(id) }
			}(),
			func() func() bool {
				id := bob.sendFile(alice, "log", size)
				return func() bool { return bob.delivered(id) }
			}(),
		} {
			m, windows := w.meter(alice), 0
			for ; !send() && windows < 100; windows++ {
				w.net.Cut(here, there)
				w.net.Cut(there, here)
				time.Sleep(time.Hour - up)
				w.net.Heal()
				alice.node.Reconnect() // as when the system says that there is a network
				time.Sleep(up)
			}
			m.log(fmt.Sprintf("a file of %d bytes in %d windows", size, windows))
			if windows > 12 {
				t.Errorf("%d windows", windows)
			}
			sent, came, _ := m.read()
			if most := size*5/4 + windows*(48<<10); max(sent, came) > most {
				t.Errorf("%d and %d bytes for a file of %d in %d windows", sent, came, size, windows)
			}
		}
	})
}
