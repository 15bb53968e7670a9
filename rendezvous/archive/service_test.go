package archive

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/storage"
	"muster.example/rendezvous/rvproto"
)

// give queues envelopes of the test's devices at a node, and returns them.
func (w *world) give(t *testing.T, node Node, count int) (bodies [][]byte) {
	t.Helper()
	for i := range count {
		body := w.someEnvelope(t, devices[i%len(devices)])
		bodies = append(bodies, body)
		w.fakes[node.Key].queue(rvproto.KindEnvelope, idOf(t, body), body)
	}
	return bodies
}

// checkHeld checks that the store holds exactly some bodies, each once.
func (w *world) checkHeld(t *testing.T, bodies ...[]byte) {
	t.Helper()
	w.compare(t, w.held(t), bodies)
}

func (w *world) compare(t *testing.T, items []heldItem, bodies [][]byte) {
	t.Helper()
	want := make(map[string]bool)
	for _, body := range bodies {
		want[string(body)] = true
	}
	for i, item := range items {
		if item.number != uint64(i+1) {
			t.Errorf("item %d has number %d", i+1, item.number)
		}
		if !want[string(item.Body)] {
			t.Errorf("item %d is there twice, or was never given", item.number)
		}
		delete(want, string(item.Body))
	}
	if len(want) > 0 {
		t.Errorf("%d of %d are not stored", len(want), len(bodies))
	}
}

func (w *world) checkNodes(t *testing.T, left int) {
	t.Helper()
	got := 0
	for _, fake := range w.fakes {
		got += fake.left()
		fake.change(func() {
			for _, fault := range fake.faults {
				t.Error(fault)
			}
		})
	}
	if got != left {
		t.Errorf("%d deliveries are not acknowledged, want %d", got, left)
	}
}

// What comes is stored as it came, once, and acknowledged: envelopes by a receipt for their sender. [ARC-50] [ARC-51]
func TestWhatComesIsStoredAndAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bodies := w.give(t, nodes[0], 600)
		for _, body := range bodies[:100] { // copies by another node
			w.fakes[nodes[1].Key].queue(rvproto.KindEnvelope, idOf(t, body), body)
		}
		id, receipt := foreign(1)
		w.fakes[nodes[1].Key].queue(rvproto.KindReceipt, id, receipt)
		s, stop := w.start(t)
		settle(time.Minute)
		w.checkNodes(t, 0)
		stop()
		items := w.held(t)
		w.compare(t, items, append(bodies, receipt))
		for _, item := range items {
			if want := rvproto.KindEnvelope; item.Kind != uint8(want) && !bytes.Equal(item.Body, receipt) {
				t.Errorf("item %d is of kind %d", item.number, item.Kind)
			}
			if item.From != nodes[0].Key && item.From != nodes[1].Key || item.Arrived == 0 {
				t.Errorf("item %d came from %s at %d", item.number, item.From, item.Arrived)
			}
		}
		if status := s.Status(); status.Items != 601 || status.Waiting != 0 || len(status.Troubles) != 0 {
			t.Errorf("%+v", status)
		}
	})
}

// A segment is written when its first item is old enough, not before: and nothing is acknowledged before it is durable. [ARC-51]
func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.start(t)
		defer stop()
		settle(time.Second)
		w.store.whenCreating(func(string) {
			time.Sleep(time.Second) // whoever acknowledges too early does it now
			w.checkNodes(t, 3)
		})
		bodies := w.give(t, nodes[0], 3)
		settle(DefaultBatchAge - time.Second)
		w.checkNodes(t, 3)
		w.checkHeld(t)
		settle(4 * time.Second)
		w.checkNodes(t, 0)
		w.checkHeld(t, bodies...)
	})
}

// A store that fails, for want of room or otherwise, costs nothing: what comes stays with the node until it heals. [ARC-51]
func TestAStoreThatFailsHeals(t *testing.T) {
	for name, failure := range map[string]error{"full": storage.ErrFull, "out of order": errNoStore} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s, stop := w.start(t)
				defer stop()
				w.store.set(failure, nil)
				bodies := w.give(t, nodes[0], 700)
				settle(10 * time.Minute)
				w.checkNodes(t, 700)
				if status := s.Status(); len(status.Troubles) != 1 || !strings.Contains(status.Troubles[0], failure.Error()) {
					t.Errorf("%q", status.Troubles)
				}
				if !w.log.has("nothing can be stored") {
					t.Error("nobody was told")
				}
				w.store.set(nil, nil)
				settle(5 * time.Minute)
				w.checkNodes(t, 0)
				w.checkHeld(t, bodies...)
				if status := s.Status(); len(status.Troubles) != 0 {
					t.Errorf("%q", status.Troubles)
				}
			})
		})
	}
}

// A store that did what it was asked and did not say so is asked what it has: nothing is stored twice. [ARC-53]
func TestAnAnswerThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.start(t)
		w.store.set(nil, errNoStore)
		bodies := w.give(t, nodes[0], 5)
		settle(time.Minute)
		w.checkNodes(t, 0)
		w.store.set(nil, nil)
		bodies = append(bodies, w.give(t, nodes[0], 5)...)
		settle(time.Minute)
		stop()
		w.checkHeld(t, bodies...)
	})
}

// Deliveries that come again, because their acknowledgement was lost or their sender offered them anew, are acknowledged and not
// stored again; also by a service whose index was made anew from the store. [ARC-53]
func TestNothingIsStoredTwice(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, w *world){
		"at once":            func(*testing.T, *world) {},
		"with another index": func(t *testing.T, w *world) { os.RemoveAll(filepath.Join(w.dir, indexFolder)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				_, stop := w.start(t)
				fake := w.fakes[nodes[0].Key]
				fake.change(func() { fake.deaf = true })
				bodies := w.give(t, nodes[0], 20)
				settle(time.Minute)
				w.checkNodes(t, 20)
				w.checkHeld(t, bodies...)
				stop()
				between(t, w)
				fake.change(func() { fake.deaf = false })
				_, stop = w.start(t)
				bodies = append(bodies, w.give(t, nodes[0], 3)...)
				settle(time.Minute)
				stop()
				w.checkNodes(t, 0)
				w.checkHeld(t, bodies...)
			})
		})
	}
}

// A service that was killed between storing and noting goes on behind what is stored. [ARC-53]
func TestAServiceThatIsKilledBetweenStoringAndNoting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.start(t)
		bodies := w.give(t, nodes[0], 4)
		settle(time.Minute)
		stop()
		before := filepath.Join(t.TempDir(), "index")
		if err := os.CopyFS(before, os.DirFS(filepath.Join(w.dir, indexFolder))); err != nil {
			t.Fatal(err)
		}
		_, stop = w.start(t)
		bodies = append(bodies, w.give(t, nodes[0], 4)...)
		settle(time.Minute)
		stop()
		index := filepath.Join(w.dir, indexFolder) // as it was before the second segment was noted
		if err := errors.Join(os.RemoveAll(index), os.CopyFS(index, os.DirFS(before))); err != nil {
			t.Fatal(err)
		}
		for _, body := range bodies { // none was acknowledged
			w.fakes[nodes[1].Key].queue(rvproto.KindEnvelope, idOf(t, body), body)
		}
		_, stop = w.start(t)
		settle(time.Minute)
		stop()
		w.checkNodes(t, 0)
		w.checkHeld(t, bodies...)
	})
}

// What somebody else puts where the next segment is to be is passed over and told. [ARC-45]
func TestANameThatIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, stop := w.start(t)
		bodies := w.give(t, nodes[0], 2)
		settle(time.Minute)
		if err := w.store.Storage.Create(t.Context(), audit.Name(s.Key(), 2), []byte("mine")); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, w.give(t, nodes[0], 2)...)
		settle(time.Minute)
		stop()
		w.checkNodes(t, 0)
		items, found := w.open(t)
		w.compare(t, items, bodies)
		if len(found) != 1 || found[0].FirstSegment != 2 || items[2].segment != 3 || !w.log.has("somebody else") {
			t.Errorf("%v", found)
		}
	})
}

// Two services that run by mistake for one archive make one chain. [ARC-45] [ARC-53]
func TestTwoServicesMakeOneChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		twin := &world{private: w.private, dir: filepath.Join(t.TempDir(), "twin"), store: w.store, fakes: map[keys.PublicKey]*fakeNode{nodes[0].Key: w.fakes[nodes[1].Key], nodes[1].Key: w.fakes[nodes[0].Key]}, log: new(lines)}
		if err := os.CopyFS(twin.dir, os.DirFS(w.dir)); err != nil {
			t.Fatal(err)
		}
		_, stop := w.start(t)
		_, stopTwin := twin.start(t)
		var bodies [][]byte
		for range 5 {
			bodies = append(bodies, w.give(t, nodes[0], 3)...)
			bodies = append(bodies, w.give(t, nodes[1], 3)...)
			settle(30 * time.Second)
		}
		stop()
		stopTwin()
		w.checkNodes(t, 0)
		_, found := w.open(t)
		if len(found) > 0 {
			t.Error(found)
		}
		want, have := make(map[string]bool), make(map[string]bool)
		for _, body := range bodies {
			want[string(body)] = true
		}
		for _, item := range w.held(t) {
			have[string(item.Body)] = true
		}
		if len(have) != len(want) {
			t.Errorf("%d of %d are stored", len(have), len(want))
		}
	})
}

// A store that lost its end is seen by the index, and where that is lost too by the file of heads. The chain goes on behind what
// was lost, so that verifying names it for ever. [ARC-54]
func TestAStoreThatLostItsEnd(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, w *world, last string){
		"seen by the index": func(*testing.T, *world, string) {},
		"seen by a head":    func(t *testing.T, w *world, _ string) { os.RemoveAll(filepath.Join(w.dir, indexFolder)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.heads = filepath.Join(t.TempDir(), "heads")
				s, stop := w.start(t)
				kept := w.give(t, nodes[0], 2)
				settle(time.Minute)
				w.give(t, nodes[0], 2)
				settle(time.Minute)
				stop()
				last := filepath.Join(w.store.String(), audit.Name(s.Key(), 2))
				if err := os.Remove(last); err != nil {
					t.Fatal(err)
				}
				lose(t, w, last)
				s, stop = w.start(t)
				kept = append(kept, w.give(t, nodes[0], 2)...)
				settle(time.Minute)
				if status := s.Status(); len(status.Troubles) != 1 {
					t.Errorf("%q", status.Troubles)
				}
				stop()
				items, found := w.open(t)
				if len(items) != 4 || items[2].segment != 3 || items[2].number != 5 || !bytes.Equal(items[3].Body, kept[3]) && !bytes.Equal(items[2].Body, kept[3]) {
					t.Errorf("%d items", len(items))
				}
				if len(found) != 1 || found[0].Kind != audit.Missing || found[0].FirstItem != 3 || found[0].LastItem != 4 {
					t.Errorf("%v", found)
				}
			})
		})
	}
}

// A store of another organization is left alone.
func TestAnotherOrganization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.start(t)
		w.give(t, nodes[0], 2)
		settle(time.Minute)
		stop()
		for range 2 { // by the index, then by the store
			cfg := w.config()
			cfg.Org = keys.OrgID{8}
			s, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.begin(t.Context()); !errors.Is(err, ErrConfig) {
				t.Errorf("another organization: %v", err)
			}
			os.RemoveAll(filepath.Join(w.dir, indexFolder))
		}
	})
}

// A node that cannot be reached, or refuses, keeps the service from nothing else, and is asked again.
func TestANodeThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fakes[nodes[0].Key].change(func() { w.fakes[nodes[0].Key].refuse = errors.New("not today") })
		s, stop := w.start(t)
		defer stop()
		bodies := w.give(t, nodes[1], 2)
		bodies = append(bodies, w.give(t, nodes[0], 2)...)
		settle(10 * time.Minute)
		w.checkNodes(t, 2)
		status := s.Status()
		if status.Nodes[0].Connected || status.Nodes[0].Error != "not today" || !status.Nodes[1].Connected {
			t.Errorf("%+v", status.Nodes)
		}
		w.fakes[nodes[0].Key].change(func() { w.fakes[nodes[0].Key].refuse = nil })
		settle(2 * time.Minute)
		w.checkNodes(t, 0)
		w.checkHeld(t, bodies...)
	})
}

// Nothing that the service has on its disk opens a message or says who writes to whom: neither folder nor store holds a
// device's key, an envelope, or the archive's private key. [ARC-43] [ARC-52]
func TestAThiefOfFolderAndStoreReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.heads = filepath.Join(w.dir, "heads")
		_, stop := w.start(t)
		bodies := w.give(t, nodes[0], 5)
		settle(time.Minute)
		stop()
		secret, err := w.private.KEM().Bytes()
		if err != nil {
			t.Fatal(err)
		}
		search := map[string][]byte{"the private key": secret, "its text": []byte(w.private.Text()), "its text in capitals": []byte(strings.ToUpper(w.private.Text()))}
		for i, device := range devices {
			public := device.Public()
			search["a device "+string(rune('0'+i))] = public[:]
		}
		for i, body := range bodies {
			search["an envelope "+string(rune('0'+i))] = body[40:72]
		}
		seen := 0
		for _, dir := range []string{w.dir, w.store.String()} {
			err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || !entry.Type().IsRegular() {
					return err
				}
				data, err := os.ReadFile(path)
				for what, secret := range search {
					if bytes.Contains(data, secret) {
						t.Errorf("%s holds %s", path, what)
					}
				}
				seen++
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if seen < 4 {
			t.Errorf("only %d files were searched", seen)
		}
	})
}

// [ARC-52]
func TestIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	if _, err := Identity(dir, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	made, err := Identity(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Identity(dir, true)
	if err != nil || again.Public() != made.Public() {
		t.Errorf("%s, %v", again.Public(), err)
	}
	path := filepath.Join(dir, identityFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Identity(dir, true); !errors.Is(err, ErrIdentity) {
		t.Errorf("damaged: %v", err)
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(filepath.Join(dir, indexFolder), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := Identity(dir, true); !errors.Is(err, ErrIdentity) {
		t.Errorf("gone, with an index there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, nodeFile), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Identity(dir, true); !errors.Is(err, ErrFolder) {
		t.Errorf("the folder of a rendezvous node: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*Config){
		"no key":         func(c *Config) { c.Key = nil },
		"a short key":    func(c *Config) { c.Key = c.Key[1:] },
		"no folder":      func(c *Config) { c.Dir = "" },
		"no org":         func(c *Config) { c.Org = keys.OrgID{} },
		"no store":       func(c *Config) { c.Storage = nil },
		"no nodes":       func(c *Config) { c.Nodes = nil },
		"a node twice":   func(c *Config) { c.Nodes = []Node{nodes[0], nodes[0]} },
		"no address":     func(c *Config) { c.Nodes = []Node{{Key: nodes[0].Key}} },
		"late":           func(c *Config) { c.BatchAge = MaxBatchAge + 1 },
		"too many nodes": func(c *Config) { c.Nodes = make([]Node, MaxNodes+1) },
	} {
		cfg := w.config()
		change(&cfg)
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(w.config()); err != nil {
		t.Error(err)
	}
}

// The status says what the service is like, in its folder and on its page.
func TestStatusAndPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := ReadStatus(w.dir, time.Now()); !errors.Is(err, ErrNoStatus) {
			t.Error(err)
		}
		s, stop := w.start(t)
		page := func(path string) (int, string) {
			recorder := httptest.NewRecorder()
			s.pages().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
			return recorder.Code, recorder.Body.String()
		}
		w.give(t, nodes[0], 3)
		settle(time.Minute)
		status, err := ReadStatus(w.dir, time.Now())
		if err != nil || !status.Running || status.Items != 3 || status.Segment != 1 || !strings.HasPrefix(status.Head, "muster:archive-head/") {
			t.Errorf("%+v, %v", status, err)
		}
		if code, _ := page("/healthz"); code != http.StatusOK {
			t.Errorf("a healthy service answers %d", code)
		}
		if _, text := page("/metrics"); !strings.Contains(text, "muster_archive_items_total 3") || !strings.Contains(text, "muster_archive_nodes_connected 2") {
			t.Error("the metrics do not say what was stored")
		}
		w.store.set(errNoStore, nil)
		w.give(t, nodes[0], 1)
		settle(time.Minute)
		if code, text := page("/healthz"); code != http.StatusServiceUnavailable || strings.Contains(text, errNoStore.Error()) {
			t.Errorf("a service that cannot store answers %d, %q", code, text)
		}
		w.store.set(nil, nil)
		settle(2 * time.Minute)
		stop()
		if status, err := ReadStatus(w.dir, time.Now()); err != nil || status.Running || status.Items != 4 {
			t.Errorf("%+v, %v", status, err)
		}
	})
}
