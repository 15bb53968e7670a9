package sim

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// neighbours is the gate of a device that, unlike a real one, can be called on the LAN by whoever asks: for tests of gossip.
type neighbours struct{ connmgr.ConnectionGater }

func (n neighbours) InterceptAccept(network.ConnMultiaddrs) bool { return true }

func (n neighbours) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

func (n neighbours) InterceptSecured(d network.Direction, id peer.ID, c network.ConnMultiaddrs) bool {
	return !p2p.IsRelayed(c.RemoteMultiaddr()) || n.ConnectionGater.InterceptSecured(d, id, c)
}

// seen is what a person sees on a device: each message with its marks, and the drafts, in the order of the inbox.
func (p *person) seen() string {
	p.world.t.Helper()
	ctx := p.world.t.Context()
	var lines []string
	threads, err := p.node.Threads(ctx, api.ThreadsQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, thread := range threads.Threads {
		page, err := p.node.Thread(ctx, api.ThreadQuery{Thread: thread.Thread})
		if err != nil {
			p.world.t.Fatal(err)
		}
		for _, m := range page.Messages {
			lines = append(lines, fmt.Sprintf("%s: %q unread %v, tags %v, reactions %v, deleted %v", m.From, m.Text, m.Unread, m.Tags, m.Reactions, m.Deleted))
		}
	}
	drafts, err := p.node.Drafts(ctx, api.DraftsQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, d := range drafts {
		lines = append(lines, fmt.Sprintf("draft %q", d.Text))
	}
	return strings.Join(lines, "\n")
}

// alike waits until devices show the same.
func (w *world) alike(limit time.Duration, devices ...*person) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			for _, d := range devices {
				w.t.Logf("%s sees\n%s", d.name, d.seen())
			}
		}
	}()
	w.await(limit, "all devices show the same", func() bool {
		want := devices[0].seen()
		return !slices.ContainsFunc(devices[1:], func(d *person) bool { return d.seen() != want })
	})
}

// TestSimSiblings is one person with three devices, and one who writes. Marks, tags and drafts of one are on all; a device that was
// away for longer than the node keeps anything gets it from the others; a new one gets what was before it, and one that is
// barred gets nothing more.
func TestSimSiblings(t *testing.T) {
	simulate(t, 31, func(w *world) {
		t := w.t
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		ann, ben := accounts[0], accounts[1]
		desk, phone, writer := ann.devices[0], ann.devices[1], ben.devices[0]
		if _, err := desk.node.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"queue-time=1h"}}); err != nil {
			t.Fatal(err)
		}

		first := writer.send("first", desk)
		w.await(time.Minute, "it is on both", func() bool { return len(desk.inbox()) == 1 && len(phone.inbox()) == 1 })
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
		if seen := phone.seen(); !strings.Contains(seen, "unread false") || !strings.Contains(seen, "harbour") || !strings.Contains(seen, "half an answer") {
			t.Fatalf("the phone shows\n%s", seen)
		}

		phone.crash()
		chart := bytes.Repeat([]byte("north of the pier "), 30_000)
		upload, err := writer.node.Upload(t.Context(), "chart.txt", bytes.NewReader(chart))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := writer.node.Send(t.Context(), api.SendRequest{To: []string{desk.id}, Text: "while the phone is away", Attachments: []string{upload.ID}})
		if err != nil {
			t.Fatal(err)
		}
		gone := sent.ID
		desk.send("an answer", writer)
		w.await(time.Minute, "they are there", func() bool { return len(desk.inbox()) == 2 && len(writer.inbox()) == 1 })
		time.Sleep(3 * time.Hour) // longer than the node keeps anything
		if _, err := writer.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{first}}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "it is deleted", func() bool { return strings.Contains(desk.seen(), "deleted true") })
		phone.start()
		w.alike(10*time.Minute, desk, phone)
		if !slices.Contains(phone.inbox(), "while the phone is away") {
			t.Fatalf("the phone has %v", phone.inbox())
		}
		if _, err := phone.node.Mark(t.Context(), api.MarkRequest{IDs: []string{gone}}); err != nil {
			t.Fatal(err)
		}
		w.alike(time.Minute, desk, phone)

		fresh := w.another(ann)
		w.alike(10*time.Minute, desk, phone, fresh)
		for _, d := range []*person{phone, fresh} {
			w.await(10*time.Minute, d.name+" has the file", func() bool {
				_, file, err := d.node.Attachment(t.Context(), gone, 0)
				if err != nil {
					return false
				}
				defer file.Close()
				data, err := io.ReadAll(file)
				return err == nil && bytes.Equal(data, chart)
			})
		}
		if !slices.Contains(fresh.inbox(), "while the phone is away") || !strings.Contains(fresh.seen(), "an answer") {
			t.Fatalf("the new device shows\n%s", fresh.seen())
		}

		if plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: ann.words}); err != nil || !plan.Done {
			t.Fatalf("barring the phone: %+v, %v", plan, err)
		}
		w.await(time.Minute, "the phone knows", func() bool { return phone.status().Excluded != nil })
		if _, err := desk.node.Tag(t.Context(), api.TagRequest{IDs: []string{gone}, Tag: "secret"}); err != nil {
			t.Fatal(err)
		}
		if _, err := phone.node.Tag(t.Context(), api.TagRequest{IDs: []string{gone}, Tag: "forged"}); err != nil {
			t.Log(err) // it may be refused here too
		}
		w.alike(10*time.Minute, desk, fresh)
		time.Sleep(7 * time.Hour)
		if strings.Contains(phone.seen(), "secret") {
			t.Error("a barred device is told of a tag")
		}
		if strings.Contains(desk.seen(), "forged") || strings.Contains(fresh.seen(), "forged") {
			t.Error("a barred device changes what the others show")
		}
	})
}

// The first other device of an account can call the one that was alone when it started; and one that was cut off while they were at it
// is called again, though nothing else happens.
func TestSimSiblingsMeetAgain(t *testing.T) {
	simulate(t, 53, func(w *world) {
		ann := w.crowd(1, 1, func(int, *person) {})[0]
		desk := ann.devices[0]
		desk.start()
		w.await(time.Minute, "it is connected", w.together)
		phone := w.another(ann)
		save := func(d *person, text string) {
			t.Helper()
			if _, err := d.node.SaveDraft(w.t.Context(), api.Draft{To: []string{desk.id}, Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		save(desk, "first")
		w.alike(time.Minute, desk, phone)

		phone.crash()
		save(desk, "while the phone is away")
		time.Sleep(time.Minute)
		phone.start()
		w.alike(time.Minute, desk, phone)

		w.net.Cut(desk.address(), testnet.Address(serverPlace)) // everything of the desk's is lost on the way
		save(phone, "while the desk is cut off")
		time.Sleep(20 * time.Second)
		w.net.Heal()
		w.alike(10*time.Minute, desk, phone)
		if !strings.Contains(desk.seen(), "while the desk is cut off") || !strings.Contains(phone.seen(), "while the phone is away") {
			t.Errorf("the desk shows\n%s", desk.seen())
		}
	})
}
