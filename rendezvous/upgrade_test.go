package rendezvous

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// record makes the kept folder and the kept conversation anew. Both are of the first version and stay as they are: a later one
// gets a folder and a conversation of its own beside them.
var record = flag.Bool("record", false, "make the kept folder and conversation anew")

const (
	keptFolder       = "testdata/node-1.tar.gz"
	keptConversation = "testdata/conversation-1.txt"
)

// keptTime is when the kept folder was made, by its node's clock.
var keptTime = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// keptInvitation admits to the organization of the kept folder.
func keptInvitation() keys.PrivateKey { return keyOf("kept invitation") }

// keptToken founds one more organization there.
func keptToken() (token [32]byte) { return [32]byte([]byte("the token of the kept folder.   ")) }

// makeFolder makes a node's folder in which there is something of everything: an organization with members, devices, an
// invitation, a prekey, leave, a share of presence, an open claim, and a message that waits.
func makeFolder(t *testing.T) (dir string) {
	t.Helper()
	s := newSite(t, embedded, func(c *Config) {
		c.Now, c.Version = func() time.Time { return keptTime }, "the first"
	})
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben := anna.join("Ben")
	invitation := &membership.Invite{
		Key: keptInvitation().Public(), Role: membership.RoleMember, Uses: 100, Expires: keptTime.Add(300 * 24 * time.Hour).Unix(),
	}
	if err := anna.submit(membership.Event{Invite: invitation}, nil); err != nil {
		t.Fatal(err)
	}
	_, prekey, err := envelope.NewPrekey(rand.Reader, ben.key, ben.Org, keptTime.Add(14*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ben.grant(anna, 1, true), ben.PutPrekey(s.ctx(), prekey)); err != nil {
		t.Fatal(err)
	}
	if _, err := ben.PutShare(s.ctx(), rvproto.Share{Number: 1, With: rvproto.ShareContacts, Grain: rvproto.GrainDay}); err != nil {
		t.Fatal(err)
	}
	body := sealedBy(t, anna.key, anna.Org, anna.member, keptTime.Add(6*24*time.Hour), 700)
	wantAnswer(t, "post", anna.post(body, phone), wire.StatusOK)
	hash := rvproto.TokenHash(keptToken())
	if err := s.node.store.Update(func(tx *kv.Tx) error {
		return tx.Put(kv.Key(tableClaim, hash[:]), make([]byte, keys.IDSize))
	}); err != nil {
		t.Fatal(err)
	}
	s.end()
	return s.cfg.Dir
}

// pack writes a folder's files as a packed tar.
func pack(t *testing.T, dir, path string) {
	t.Helper()
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(packed)
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(short), Mode: 0o600, Size: int64(len(data)), ModTime: keptTime}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err := errors.Join(err, archive.Close(), packed.Close(), os.WriteFile(path, out.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// unpack makes the kept folder in a temporary one.
func unpack(t *testing.T) (dir string) {
	t.Helper()
	data, err := os.ReadFile(keptFolder)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err := errors.Join(err, os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func recordKept(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	pack(t, makeFolder(t), keptFolder)
	recordConversation(t)
}

// atKept has a site serve a copy of the kept folder, soon after it was made.
func atKept(t *testing.T, c *Config) {
	c.Dir, c.Version = unpack(t), "this one"
	c.Now = func() time.Time { return keptTime.Add(time.Hour) }
}

// keptDevice is a device of the organization of the kept folder.
func (s *site) keptDevice(name string, member string) *device {
	s.t.Helper()
	orgs := s.node.directory.all()
	if len(orgs) != 1 {
		s.t.Fatalf("%d organizations", len(orgs))
	}
	d := s.device(name)
	d.Org = orgs[0].id
	orgs[0].roll.read(func(state *membership.State) {
		if member == "" {
			d.member, _ = state.MemberOf(d.key.Public())
			return
		}
		d.member, _ = state.MemberOf(keyOf(member).Public())
	})
	return d
}

// A folder that the first version made opens and serves, with everything in it.
func TestFolderOfTheFirstVersion(t *testing.T) { // [STO-1]
	if *record {
		recordKept(t)
	}
	s := newSite(t, embedded, func(c *Config) { atKept(t, c) })
	anna := s.keptDevice("Acme founder", "")
	id := anna.Org.Short()
	phone, ben := s.keptDevice(id+"phone", ""), s.keptDevice(id+"Ben", "")
	found := s.checkRunning()
	if !found.Good() || len(found.Orgs) != 1 || found.Orgs[0].RollSize != 6 || found.Orgs[0].Members != 2 || found.Queue.Bodies != 1 {
		t.Errorf("in it: %+v", found)
	}
	waited := nextDeliver(t, phone.openDeliver())
	if _, err := envelope.Parse(waited.Body, rvproto.MaxEnvelope); err != nil || len(waited.Body) < 700 {
		t.Errorf("what waited: %v", err)
	}
	body := sealedBy(t, anna.key, anna.Org, anna.member, keptTime.Add(24*time.Hour), 10)
	wantAnswer(t, "a post by leave that was given", anna.post(body, ben), wire.StatusOK)
	got, err := anna.GetPrekeys(s.ctx(), []keys.PublicKey{ben.key.Public()})
	if err != nil || len(got) != 1 || len(got[0]) == 0 {
		t.Errorf("Ben's prekey: %v", err)
	}
	share, err := ben.Share(s.ctx())
	if err != nil || share == nil || share.Number != 1 {
		t.Errorf("Ben's share: %+v, %v", share, err)
	}
	carl := s.device("carl")
	carl.Org = anna.Org
	event := carl.joinEvent(keptInvitation(), "Carl", anna.size())
	wantStatus(t, "a join", carl.SubmitJoin(s.ctx(), keptInvitation(), event), wire.StatusOK)
	zoe := s.device("zoe founder")
	one, two := founding(zoe, "Zenith")
	wantStatus(t, "a claim", zoe.Claim(s.ctx(), keptToken(), one, two), wire.StatusOK)
	s.restart()
	if found := s.checkRunning(); !found.Good() || len(found.Orgs) != 2 || found.Queue.Bodies < 2 {
		t.Errorf("after a restart: %+v", found)
	}
}

// picture is a folder's files with their contents.
func picture(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all[path] = entry.Type().String()
		if entry.Type().IsRegular() {
			data, err := os.ReadFile(path)
			all[path] += string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a newer program wrote is refused, with the version that wrote it, and nothing is changed.
func TestFolderOfANewerVersionIsLeftAsItIs(t *testing.T) { // [STO-1]
	for file, c := range map[string]struct {
		change func(string) string
		want   error
	}{
		"store/FORMAT": {func(text string) string { return "muster store 3" + text[len("muster store 1"):] }, kv.ErrFormat},
		"queue/FORMAT": {func(string) string { return "muster queue 99\n" }, queue.ErrFormat},
	} {
		dir := unpack(t)
		path := filepath.Join(dir, filepath.FromSlash(file))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(path, []byte(c.change(string(text))), 0o600),
			os.WriteFile(filepath.Join(dir, versionFile), []byte("7.5\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		before := picture(t, dir)
		node, err := New(Config{Dir: dir, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, NoControl: true, Version: "0.1"})
		if err != nil {
			t.Fatal(err)
		}
		_, checked := CheckFolder(t.Context(), dir)
		for doing, err := range map[string]error{
			"running": node.Run(t.Context()), "checking": checked, "backing up": Backup(t.Context(), dir, io.Discard),
		} {
			if !errors.Is(err, c.want) || !bytes.Contains([]byte(err.Error()), []byte(`version "7.5" wrote it last`)) {
				t.Errorf("%s of a newer %s: %v", doing, file, err)
			}
		}
		after := picture(t, dir)
		for path, content := range before {
			if after[path] != content {
				t.Errorf("%s was changed", path)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%d files became %d", len(before), len(after))
		}
	}
}

func TestFolderKnowsWhoServedItLast(t *testing.T) {
	s := newSite(t, embedded, func(c *Config) { c.Version = "0.3" })
	want := func(version string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(s.cfg.Dir, versionFile)); err != nil || string(text) != version+"\n" {
			t.Errorf("%q, %v, want %s", text, err, version)
		}
	}
	want("0.3")
	s.cfg.Version = "0.4"
	s.restart()
	want("0.4")
}
