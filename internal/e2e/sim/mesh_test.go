package sim

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
)

// ways returns by which ways a sent message went, one a device, and whether each has it.
func (p *person) ways(id string) (ways []api.Via, delivered bool) {
	p.world.t.Helper()
	message, err := p.node.Read(p.world.t.Context(), api.ReadRequest{ID: id})
	if err != nil {
		p.world.t.Fatal(err)
	}
	delivered = len(message.States) > 0
	for _, r := range message.States {
		ways = append(ways, r.Via)
		delivered = delivered && r.State == api.StateDelivered
	}
	return ways, delivered
}

// isAt reports whether a file of a message is on a device, whole.
func (p *person) isAt(message string, want []byte) bool {
	_, file, err := p.node.Attachment(p.world.t.Context(), message, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	got, err := io.ReadAll(file)
	return err == nil && bytes.Equal(got, want)
}

// sendChart sends a file of so many bytes.
func (p *person) sendChart(size int, to *person) (message string, data []byte) {
	p.world.t.Helper()
	data = bytes.Repeat([]byte("north of the pier, "), size/19+1)[:size]
	upload, err := p.node.Upload(p.world.t.Context(), "chart.txt", bytes.NewReader(data))
	if err != nil {
		p.world.t.Fatal(err)
	}
	sent, err := p.node.Send(p.world.t.Context(), api.SendRequest{To: []string{to.id}, Text: "the chart", Attachments: []string{upload.ID}})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return sent.ID, data
}

// TestSimFiveOnALAN has five devices write to each other and to a group on a network without any server, and then with one again: everybody
// has everything, once.
func TestSimFiveOnALAN(t *testing.T) {
	simulate(t, 91, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(5, 1, func(int, *person) {})
		w.assemble(func(*person) {})
		group := w.inOneGroup(accounts)
		w.alone()
		for _, p := range w.all { // without what they had of the rendezvous node
			p.crash()
			p.start()
		}
		want := make(map[*person][]string)
		sent := make(map[string]*person)
		write := func(when string) {
			for _, from := range w.all {
				for _, to := range w.all {
					if from != to {
						text := fmt.Sprintf("%s: %s to %s", when, from.name, to.name)
						sent[from.send(text, to)] = from
						want[to] = append(want[to], text)
					}
				}
				text := fmt.Sprintf("%s: %s to all", when, from.name)
				result, err := from.node.Send(t.Context(), api.SendRequest{To: []string{group}, Text: text})
				if err != nil {
					t.Fatal(err)
				}
				sent[result.ID] = from
				for _, to := range w.all {
					if from != to {
						want[to] = append(want[to], text)
					}
				}
			}
		}
		all := func() bool {
			for p, texts := range want {
				slices.Sort(texts)
				if !slices.Equal(p.inbox(), texts) {
					return false
				}
			}
			return true
		}
		write("without")
		w.await(5*time.Minute, "everything came without a server", all)
		for id, from := range sent {
			w.await(time.Minute, "its sender knows", func() bool { _, delivered := from.ways(id); return delivered })
			if ways, _ := from.ways(id); slices.ContainsFunc(ways, func(v api.Via) bool { return v != api.ViaDirect }) {
				t.Errorf("a message without a server went by %v", ways)
			}
		}
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)
		write("with")
		w.await(5*time.Minute, "everything came with a server", all)
		w.await(5*time.Minute, "nothing waits anywhere", func() bool {
			return w.node.queued() == 0 && !slices.ContainsFunc(w.all, func(p *person) bool { return p.status().Outbox > 0 })
		})
		w.alone()
		write("without once more")
		w.await(5*time.Minute, "everything came without it again", all)
	})
}

// TestSimRouteChangesInTheMiddle cuts the direct way while a file goes there, and the rendezvous node goes on; then the node, and the direct way
// goes on. Nothing is lost, and nothing there twice.
func TestSimRouteChangesInTheMiddle(t *testing.T) {
	for name, direct := range map[string]bool{"from direct to the node": true, "from the node to direct": false} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 92, func(w *world) {
				t := w.t
				w.direct(true)
				accounts := w.crowd(2, 1, func(int, *person) {})
				w.assemble(func(*person) {})
				ann, ben := accounts[0].devices[0], accounts[1].devices[0]
				cutDirect := func() { w.net.Cut(ann.address(), ben.address()); w.net.Cut(ben.address(), ann.address()) }
				first := ann.send("hello", ben)
				w.await(time.Minute, "it came", func() bool { _, delivered := ann.ways(first); return delivered })
				if direct {
					ann.send("and again", ben) // so that they look for each other
					ann.send("and once more", ben)
					w.await(time.Minute, "they reach each other", func() bool { return ann.touches(ben) })
					time.Sleep(5 * time.Second)
				} else {
					cutDirect()
					time.Sleep(2 * time.Minute)
				}
				w.net.SetLatency(ann.address(), ben.address(), 200*time.Millisecond)
				w.net.SetLatency(ben.address(), testnet.Address(serverPlace), 200*time.Millisecond)
				w.net.SetLatency(ann.address(), testnet.Address(serverPlace), 200*time.Millisecond)
				before := w.node.queued()
				id, data := ann.sendChart(8<<20, ben)
				moves := func() int { return w.net.Delivered(ann.address(), ben.address()) }
				if direct {
					at := moves()
					w.await(time.Minute, "some of it went straight", func() bool { return moves() > at+100 })
					if ben.isAt(id, data) {
						t.Fatal("it was too fast to be cut")
					}
					cutDirect()
				} else {
					w.await(time.Minute, "some of it is at the rendezvous node", func() bool { return w.node.queued() > before || len(ben.inbox()) == 2 })
					if ben.isAt(id, data) {
						t.Fatal("it was too fast to be cut")
					}
					w.net.Heal()
					w.alone()
				}
				w.await(20*time.Minute, "the file is whole", func() bool { return ben.isAt(id, data) })
				w.await(20*time.Minute, "its sender knows", func() bool { _, delivered := ann.ways(id); return delivered })
				if got := ben.inbox(); len(slices.Compact(got)) != len(ben.inbox()) {
					t.Errorf("shown are %q", got)
				}
				w.net.Heal()
				w.await(20*time.Minute, "nothing waits anywhere", func() bool {
					return w.together() && w.node.queued() == 0 && ann.status().Outbox == 0
				})
			})
		})
	}
}

// TestSimBarHeardFromANeighbour has a member who does not reach the rendezvous node hear of a bar from a neighbour, and give the barred device
// nothing more.
func TestSimBarHeardFromANeighbour(t *testing.T) {
	simulate(t, 93, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, friend := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		accounts[1].devices[1].crash()
		w.net.Partition([]string{testnet.Address(serverPlace)}, []string{phone.address(), friend.address()})
		for _, p := range []*person{phone, friend} {
			p.crash()
			p.start()
		}
		friend.send("before", desk)
		w.await(5*time.Minute, "it is on both", func() bool { return len(desk.inbox()) == 1 && len(phone.inbox()) == 1 })
		w.net.Partition([]string{phone.address()}, []string{desk.address()}) // the phone hears of nothing from there
		if plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: accounts[0].words}); err != nil || !plan.Done {
			t.Fatalf("barring the phone: %+v, %v", plan, err)
		}
		w.await(time.Minute, "the friend lets the phone go", func() bool { return !friend.touches(phone) })
		friend.send("after", desk)
		w.await(5*time.Minute, "it came", func() bool { return len(desk.inbox()) == 2 })
		time.Sleep(time.Hour)
		if slices.Contains(phone.inbox(), "after") {
			t.Error("a barred device gets what comes after its bar")
		}
	})
}

// TestSimNoDirectWay has a device that takes no direct calls, and a policy that wants none: all goes by the rendezvous node.
func TestSimNoDirectWay(t *testing.T) {
	simulate(t, 94, func(w *world) {
		w.direct(true)
		change := w.change
		w.change = func(p *person, config *node.Config) {
			change(p, config)
			config.NoDirect = p.place == 1
		}
		accounts := w.crowd(2, 1, func(int, *person) {})
		w.assemble(func(*person) {})
		ann, ben := accounts[0].devices[0], accounts[1].devices[0]
		var last string
		for i := range 4 {
			last = ann.send(fmt.Sprint("message ", i), ben)
		}
		w.await(time.Minute, "it came", func() bool { _, delivered := ann.ways(last); return delivered })
		if ways, _ := ann.ways(last); !slices.Equal(ways, []api.Via{api.ViaNode}) {
			w.t.Errorf("it went by %v", ways)
		}
	})
}
