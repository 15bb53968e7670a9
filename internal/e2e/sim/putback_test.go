package sim

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
)

// TestSimFolderPutBack has a person put a device's folder back from a copy, and go on writing before the device has heard of anybody: it
// sits again at positions, numbers and keys that were used. No key is used twice with the same random bytes, everybody gets
// every message, the person is told on each device, and the devices come in step.
func TestSimFolderPutBack(t *testing.T) {
	simulate(t, 91, func(w *world) {
		t := w.t
		w.node.stop()
		tap := w.node.tap()
		w.node.start()
		accounts := w.crowd(2, 1, func(int, *person) {})
		w.another(accounts[0]).stop()
		w.assemble(func(*person) {})
		desk, phone, ben := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		phone.send("one", ben)
		ben.send("an answer", phone)
		w.await(10*time.Minute, "it has come", func() bool { return len(ben.inbox()) == 1 && len(phone.inbox()) == 1 && w.node.queued() == 0 })
		w.alike(10*time.Minute, desk, phone)

		folder := filepath.Join(w.dir, phone.name)
		phone.stop()
		if err := os.CopyFS(folder+"-kept", os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		phone.start()
		for _, text := range []string{"two", "three"} {
			id := phone.send(text, ben)
			if _, err := phone.node.Tag(t.Context(), api.TagRequest{IDs: []string{id}, Tag: text}); err != nil {
				t.Fatal(err)
			}
		}
		w.await(10*time.Minute, "they have come", func() bool { return len(ben.inbox()) == 3 && w.node.queued() == 0 })
		w.alike(10*time.Minute, desk, phone)

		phone.crash()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+"-kept", folder); err != nil {
			t.Fatal(err)
		}
		w.net.Cut(phone.address(), serverAddress) // as on a train
		w.net.Cut(serverAddress, phone.address())
		phone.start()
		id := phone.send("four", ben)
		if _, err := phone.node.Tag(t.Context(), api.TagRequest{IDs: []string{id}, Tag: "four"}); err != nil {
			t.Fatal(err)
		}
		if _, err := phone.node.SaveDraft(t.Context(), api.Draft{To: []string{ben.id}, Text: "five, perhaps"}); err != nil {
			t.Fatal(err)
		}
		w.net.Heal()

		w.await(time.Hour, "ben has all", func() bool {
			return slices.Equal(ben.inbox(), []string{"four", "one", "three", "two"})
		})
		w.alike(time.Hour, desk, phone)
		if seen := phone.seen(); !strings.Contains(seen, `"two"`) || !strings.Contains(seen, `"four"`) || strings.Count(seen, "tags [") < 5 || !strings.Contains(seen, "five, perhaps") {
			t.Errorf("the phone shows\n%s", seen)
		}
		told := func(p *person) bool {
			return slices.ContainsFunc(p.status().Alarms, func(a string) bool { return strings.Contains(a, "put back") })
		}
		for _, p := range []*person{desk, phone, ben} {
			w.await(time.Hour, p.name+" is told", func() bool { return told(p) })
		}
		time.Sleep(7 * time.Hour)
		desk.stop()
		phone.stop()
		if a, b := desk.kept(), phone.kept(); !slices.Equal(a, b) {
			t.Errorf("the desk shares %d records, the phone %d, or others", len(a), len(b))
			for _, line := range append(a, b...) {
				if !slices.Contains(a, line) || !slices.Contains(b, line) {
					t.Logf("desk %v, phone %v: %.160s", slices.Contains(a, line), slices.Contains(b, line), line)
				}
			}
		}
		tap.onlyOnce(t)
	})
}

// onlyOnce checks that of all envelopes that were ever queued no two were sealed under one key with the same random bytes: not at the
// same position of a chain with one salt, nor by the same encapsulation. That positions were used twice is what makes this a proof.
func (tap *tap) onlyOnce(t *testing.T) {
	t.Helper()
	tap.mu.Lock()
	defer tap.mu.Unlock()
	seals, positions, again := make(map[string]keys.EnvelopeID), make(map[string]map[keys.EnvelopeID]bool), 0
	for _, e := range tap.taken {
		header, id := e.envelope.ParsedHeader(), e.envelope.ID()
		place := fmt.Sprint(header.Chain, header.Position)
		with := fmt.Sprint("salt", header.Salt)
		switch header.Kind {
		case envelope.KindMessage:
			if positions[place] == nil {
				positions[place] = make(map[keys.EnvelopeID]bool)
			}
			if positions[place][id] = true; len(positions[place]) == 2 {
				again++
			}
		default:
			with = fmt.Sprint("encapsulation", sha256.Sum256(e.envelope.Sealed[keys.IDSize:keys.IDSize+1120]))
		}
		if other, twice := seals[with]; twice && other != id {
			t.Errorf("envelopes %s and %s of kind %d have the same random bytes", id.Short(), other.Short(), header.Kind)
		}
		seals[with] = id
	}
	if again == 0 {
		t.Error("no position was used twice: this proves nothing")
	}
	t.Logf("%d envelopes, %d positions used twice", len(seals), again)
}
