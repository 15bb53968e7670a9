package rendezvous

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// backup returns the backup of a running site.
func (s *site) backup() []byte {
	s.t.Helper()
	var b bytes.Buffer
	if err := writeBackup(s.t.Context(), &b, s.node.store, s.node.key); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// restored ends the site's node and starts one from a backup, in another folder and at another address.
func (s *site) restored(backup []byte) {
	s.t.Helper()
	s.end()
	dir := filepath.Join(s.t.TempDir(), "elsewhere")
	if err := Restore(dir, bytes.NewReader(backup)); err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Dir = dir
	if found := s.checkRest(); !found.Good() {
		s.t.Errorf("restored: %v", found.Damage)
	}
	s.start()
}

// The same node elsewhere: members notice nothing but its address, and custody brings back what waited.
func TestNodeMovesToAnotherMachine(t *testing.T) { // [RV-25]
	s := newSite(t, embedded)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	_, prekey, err := envelope.NewPrekey(rand.Reader, ben.key, ben.Org, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := ben.PutPrekey(s.ctx(), prekey); err != nil {
		t.Fatal(err)
	}
	token := s.claimToken()
	before, key := anna.keepRoll(), s.node.Key()
	body := anna.sealed(100)
	wantAnswer(t, "a post", anna.post(body, ben), wire.StatusOK)

	s.restored(s.backup())
	s.follow(anna, ben)
	if s.node.Key() != key || s.node.Fresh() {
		t.Error("it is another node")
	}
	before.extend(anna) // no fork
	wantStatus(t, "an event", anna.submit(membership.Event{Invite: &membership.Invite{
		Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()}}, nil), wire.StatusOK)
	got, err := anna.GetPrekeys(s.ctx(), []keys.PublicKey{ben.key.Public()})
	if err != nil || !bytes.Equal(got[0], prekey) {
		t.Errorf("Ben's prekey: %x, %v", got, err)
	}
	// What waited is offered again, and the leave for it is there.
	wantAnswer(t, "the same post", anna.post(body, ben), wire.StatusOK)
	nextDeliver(t, ben.openDeliver())
	zoe := s.device("zoe founder")
	found, rendezvous := founding(zoe, "Zenith")
	wantStatus(t, "a claim made before", zoe.Claim(s.ctx(), token, found, rendezvous), wire.StatusOK)
}

// A node restored from a backup that is older than its last word orders nothing before a device has shown it the rest.
func TestRestoredNodeIsHealedByADevice(t *testing.T) { // [RV-64]
	s := newSite(t, embedded)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	size := ben.size()
	backup, then := s.backup(), anna.counter
	carl := anna.join("Carl")
	whole, counter := anna.keepRoll(), anna.counter

	s.restored(backup)
	s.follow(anna, ben, carl)
	if n := ben.size(); n != size {
		t.Fatalf("%d entries, the backup has %d", n, size)
	}
	wantStatus(t, "only the checkpoint", ben.Show(s.ctx(), whole.note, size, nil, whole.prove), wire.StatusOK)
	invite := membership.Event{Invite: &membership.Invite{
		Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()}}
	anna.counter = then
	wantStatus(t, "an event before it is healed", anna.submit(invite, nil), wire.StatusUnavailable)
	if found := s.checkRunning(); found.Orgs[0].Forgot != whole.Size()-size {
		t.Errorf("the check says that %d entries are lost", found.Orgs[0].Forgot)
	}
	wantStatus(t, "the rest", ben.Show(s.ctx(), whole.note, size, whole.entries[size:], whole.prove), wire.StatusOK)
	if found := s.checkRunning(); found.Orgs[0].Forgot != 0 || !found.Good() {
		t.Errorf("after it: %+v", found)
	}
	anna.counter = counter
	wantStatus(t, "an event", anna.submit(invite, nil), wire.StatusOK)
	wantLetIn(t, carl)
	whole.extend(carl)
	wantAnswer(t, "a post", anna.post(anna.sealed(1), carl), wire.StatusOK, rvproto.Refusal{Device: carl.key.Public(), Status: wire.StatusNoLeave})
}

func TestBackupOfAFolderAtRest(t *testing.T) {
	s := newSite(t, embedded, func(c *Config) { c.NoControl = false })
	s.found("Acme")
	var running, rest bytes.Buffer
	if err := Backup(t.Context(), s.cfg.Dir, &running); err != nil {
		t.Fatal(err)
	}
	s.end()
	if err := Backup(t.Context(), s.cfg.Dir, &rest); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(running.Bytes(), rest.Bytes()) {
		t.Error("at rest it is another")
	}
	if err := Backup(t.Context(), t.TempDir(), &rest); err == nil {
		t.Error("a folder of nothing has a backup")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := Backup(ended, s.cfg.Dir, &rest); !errors.Is(err, context.Canceled) {
		t.Errorf("that nobody waits for: %v", err)
	}
}

func TestBackupWhileMuchHappens(t *testing.T) {
	s := newSite(t, embedded, func(c *Config) { c.NoControl = false })
	anna := s.found("Acme")
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := uint64(1); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := anna.submit(membership.Event{Invite: &membership.Invite{Key: keys.Generate().Public(),
				Role: membership.RoleMember, Uses: i, Expires: time.Now().Add(time.Hour).Unix()}}, nil); err != nil {
				return // too many at once
			}
		}
	}()
	for range 5 {
		var b bytes.Buffer
		if err := Backup(t.Context(), s.cfg.Dir, &b); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "restored")
		if err := Restore(dir, &b); err != nil {
			t.Fatal(err)
		}
		if found, err := CheckFolder(t.Context(), dir); err != nil || !found.Good() || found.Orgs[0].RollSize < 2 {
			t.Errorf("%+v, %v", found, err)
		}
	}
	close(stop)
	<-ended
}

// What a node has verified is its own word, which a backup is not: it verifies everything again.
func TestRestoredNodeVerifiesItsRolls(t *testing.T) { // [RV-28]
	s := newSite(t)
	anna := s.found("Acme")
	anna.invite(1)
	backup := s.backup()
	s.end()
	var forged bytes.Buffer
	var w *backupWriter
	err := readBackup(bytes.NewReader(backup), func(seed [keys.SeedSize]byte) (err error) {
		w, err = newBackupWriter(&forged, seed)
		return err
	}, func(key, value []byte) error {
		if bytes.Equal(key, kv.Key(tableRoll, anna.Org[:], kv.Number(2))) {
			value = bytes.Clone(value)
			value[len(value)-1] ^= 1
		}
		return w.entry(key, value)
	})
	if err := errors.Join(err, w.end()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(dir, &forged); err != nil {
		t.Fatal(err)
	}
	node, err := New(Config{Dir: dir, Listen: s.cfg.Listen, NoControl: true, Logger: s.cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Run(t.Context()); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("a node runs on a forged roll: %v", err)
	}
}

func TestBackupsThatAreNotWhole(t *testing.T) {
	s := newSite(t)
	s.found("Acme")
	backup := s.backup()
	s.end()
	refused := func(what string, data []byte) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "restored")
		if err := Restore(dir, bytes.NewReader(data)); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was made", what)
		}
	}
	refused("nothing", nil)
	refused("a newer one", append([]byte("muster rendezvous backup 2\n"), backup[len(backupLine):]...))
	refused("with something behind it", append(bytes.Clone(backup), 0))
	for _, cut := range []int{1, len(backupLine), len(backupLine) + 10, len(backup) / 3, len(backup) / 2, len(backup) - 1} {
		refused("cut off", backup[:cut])
	}
	for at := len(backupLine); at < len(backup); at += 97 {
		changed := bytes.Clone(backup)
		changed[at] ^= 4
		refused("changed", changed)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "something"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restore(dir, bytes.NewReader(backup)); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a folder that has something: %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("what was there: %v, %v", names, err)
	}
	empty := t.TempDir()
	if err := Restore(empty, bytes.NewReader(backup[:100])); !errors.Is(err, ErrBackup) {
		t.Error(err)
	}
	if names, err := os.ReadDir(empty); err != nil || len(names) != 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(empty, "lost+found"), 0o700),
		os.WriteFile(filepath.Join(empty, "config"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := Restore(empty, bytes.NewReader(backup)); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
}

// What is taken for a backup is written as the same bytes again. [STO-61]
func FuzzBackup(f *testing.F) {
	var b bytes.Buffer
	w, err := newBackupWriter(&b, [keys.SeedSize]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.entry([]byte("a"), []byte("b")), w.entry([]byte("b"), nil), w.end()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(backupLine))
	f.Fuzz(func(t *testing.T, data []byte) {
		var again bytes.Buffer
		var w *backupWriter
		err := readBackup(bytes.NewReader(data), func(seed [keys.SeedSize]byte) (err error) {
			w, err = newBackupWriter(&again, seed)
			return err
		}, func(key, value []byte) error { return w.entry(key, value) })
		if err != nil {
			return
		}
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Errorf("%x was taken for a backup, which is written %x", data, again.Bytes())
		}
	})
}
