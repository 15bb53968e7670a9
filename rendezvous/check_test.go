package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// embedded has a site keep what waits in its folder.
func embedded(c *Config) { c.OpenQueue = nil }

// checkRest checks the folder of a site whose node was stopped.
func (s *site) checkRest() Checked {
	s.t.Helper()
	found, err := CheckFolder(s.t.Context(), s.cfg.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func (s *site) checkRunning() Checked {
	s.t.Helper()
	found, err := s.node.Check(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func TestCheckSaysWhatIsThere(t *testing.T) {
	s := newSite(t, embedded)
	anna := s.found("Acme")
	phone := anna.add("phone")
	body := anna.sealed(1000)
	begin := time.Now().Add(-2 * time.Second)
	wantAnswer(t, "post", anna.post(body, phone), wire.StatusOK)
	want := func(found Checked, running bool) {
		t.Helper()
		if found.Running != running || found.Node != s.node.Key() || !found.Good() {
			t.Errorf("running %v, troubles %v, damage %v", found.Running, found.Troubles, found.Damage)
		}
		if len(found.Orgs) != 1 || found.Orgs[0].RollSize != 3 || found.Orgs[0].Name != "Acme" || found.Orgs[0].Members != 1 {
			t.Errorf("organizations: %+v", found.Orgs)
		}
		q := found.Queue
		if q.Bodies != 1 || q.Entries != 1 || q.Bytes != int64(len(body)) || q.Disk < q.Bytes || q.Orphans != 0 || q.Dead != 0 {
			t.Errorf("queue: %+v", q)
		}
		if q.Oldest == nil || q.Oldest.Before(begin) || q.Oldest.After(time.Now()) {
			t.Errorf("the oldest entry waits since %v", q.Oldest)
		}
	}
	running := s.checkRunning()
	want(running, true)
	s.end()
	rest := s.checkRest()
	want(rest, false)
	if running.Orgs[0].Root != rest.Orgs[0].Root {
		t.Error("the roll at rest is another")
	}
}

// spoil changes one value of a stopped site's store.
func (s *site) spoil(change func(tx *kv.Tx) error) {
	s.t.Helper()
	key, err := readIdentity(filepath.Join(s.cfg.Dir, identityFile), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	store, err := kv.Open(filepath.Join(s.cfg.Dir, storeFolder), storeKey(key), kv.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(store.Update(change), store.Close()); err != nil {
		s.t.Fatal(err)
	}
}

func TestCheckNamesWhatIsWrongWithARoll(t *testing.T) {
	last := func(tx *kv.Tx, org keys.OrgID) (key, value []byte) {
		_ = tx.Range(kv.Key(tableRoll, org[:]), nil, true, func(k, v []byte) (bool, error) {
			key, value = k, v
			return false, nil
		})
		return key, value
	}
	for name, c := range map[string]struct {
		change func(tx *kv.Tx, org keys.OrgID) error
		want   string
	}{
		"an entry with another signature": {func(tx *kv.Tx, org keys.OrgID) error {
			key, value := last(tx, org)
			entry, err := membership.ParseEntry(value)
			if err != nil {
				return err
			}
			entry.Event[len(entry.Event)-1] ^= 1
			return tx.Put(key, entry.Marshal())
		}, "entry 4 of the roll"},
		"two entries too few": {func(tx *kv.Tx, org keys.OrgID) error {
			key, _ := last(tx, org)
			return errors.Join(tx.Delete(key), tx.Delete(kv.Key(tableRoll, org[:], kv.Number(3))))
		}, "is not the one whose 4 entries this node has verified"},
		"another entry in its place": {func(tx *kv.Tx, org keys.OrgID) error {
			first, err := tx.Get(kv.Key(tableRoll, org[:], kv.Number(0)))
			if err != nil {
				return err
			}
			key, _ := last(tx, org)
			return tx.Put(key, first)
		}, "entry 4 of the roll"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, embedded)
			anna := s.found("Acme")
			anna.add("phone")
			anna.invite(1)
			anna.add("tablet")
			s.end()
			s.spoil(func(tx *kv.Tx) error { return c.change(tx, anna.Org) })
			found := s.checkRest()
			if found.Good() || !strings.HasPrefix(found.Damage[0], "store: ") || !strings.Contains(strings.Join(found.Damage, "\n"), c.want) {
				t.Errorf("found %q", found.Damage)
			}
		})
	}
}

func TestCheckNamesDamagedFiles(t *testing.T) {
	s := newSite(t, embedded)
	anna := s.found("Acme")
	phone := anna.add("phone")
	for range 3 {
		wantAnswer(t, "post", anna.post(anna.sealed(1000), phone), wire.StatusOK)
	}
	s.end()
	segments, err := filepath.Glob(filepath.Join(s.cfg.Dir, queueFolder, "seg-*.log"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("%v, %v", segments, err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	found := s.checkRest()
	if found.Good() || !strings.Contains(found.Damage[0], filepath.Base(segments[0])) {
		t.Errorf("found %q", found.Damage)
	}
}

func TestCheckOfWhatIsNoFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := CheckFolder(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "no rendezvous node's folder") {
		t.Error(err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("it made %v, %v", names, err)
	}
	s := newSite(t, embedded)
	if _, err := CheckFolder(t.Context(), s.cfg.Dir); !errors.Is(err, ErrRunning) {
		t.Errorf("of a node that runs: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	s.found("Acme")
	s.end()
	if _, err := CheckFolder(ended, s.cfg.Dir); !errors.Is(err, context.Canceled) {
		t.Errorf("that nobody waits for: %v", err)
	}
}

// contents returns all bytes of all files of a folder.
func contents(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, data...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What was delivered is gone from the folder within a minute of quiet: its file, and the key that opened it.
func TestSimDeliveredIsGoneFromTheFolder(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net, embedded)
		anna := s.found("Acme")
		phone := anna.add("phone")
		queueDir := filepath.Join(s.cfg.Dir, queueFolder)
		stream := phone.openDeliver()
		before := contents(t, queueDir)
		body := anna.sealed(5000)
		posted := anna.post(body, phone)
		wantAnswer(t, "post", posted, wire.StatusOK)
		if q := s.checkRunning().Queue; q.Bodies != 1 || q.Bytes != int64(len(body)) {
			t.Errorf("before it is delivered: %+v", q)
		}
		segments, err := filepath.Glob(filepath.Join(queueDir, "seg-*.log"))
		if err != nil || len(segments) != 1 {
			t.Fatalf("%v, %v", segments, err)
		}
		sealed, err := os.ReadFile(segments[0])
		if err != nil || len(sealed) < len(body) {
			t.Fatalf("%d bytes of a segment, %v", len(sealed), err)
		}
		var pieces [][]byte
		for at := 0; at+64 <= len(sealed); at += 64 {
			pieces = append(pieces, sealed[at:at+64])
		}
		if !bytes.Contains(contents(t, queueDir), pieces[len(pieces)/2]) || bytes.Contains(before, pieces[len(pieces)/2]) {
			t.Fatal("this test looks at the wrong bytes")
		}

		nextDeliver(t, stream)
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, posted.ID)}}); err != nil {
			t.Fatal(err)
		}
		receipts := anna.openDeliver()
		receipt := nextDeliver(t, receipts)
		if err := receipts.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.ReceiptID(receipt.Body)}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of the bubble's clock
		found := s.checkRunning()
		q := found.Queue
		if q.Bodies != 0 || q.Entries != 0 || q.Bytes != 0 || q.Dead != 0 || q.Orphans != 0 || q.Oldest != nil || !found.Good() {
			t.Errorf("a minute after it was delivered: %+v, damage %v", q, found.Damage)
		}
		all := contents(t, queueDir)
		for i, piece := range pieces {
			if bytes.Contains(all, piece) {
				t.Errorf("bytes %d of the segment are still there", i*64)
			}
		}
	})
}
