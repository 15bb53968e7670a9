package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/archive"
	"muster.example/rendezvous/archive/audit"
	local "muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// archived puts segments into a store, as the service of a folder would: archived FOLDER KEY STORE SEGMENTS. Each has a message of
// its own. It sets SERVICE, HEAD, the last one, and FIRST, the first.
func archived(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: archived FOLDER KEY STORE SEGMENTS")
	}
	identity, err := archive.Identity(ts.MkAbs(args[0]), true)
	ts.Check(err)
	private, err := envelope.ParseArchivePrivate([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	count, err := strconv.Atoi(args[3])
	ts.Check(err)
	store, err := local.OpenToWrite(ts.MkAbs(args[2]))
	ts.Check(err)
	defer store.Close()
	org, device := keys.OrgID{1}, keys.FromSeed([32]byte{5})
	to, err := envelope.NewArchiveKey(org, identity.Public(), private.Public())
	ts.Check(err)
	chain, err := envelope.NewChain(rand.Reader, org, envelope.Among(keys.MemberID{1}, keys.MemberID{2}), device.Public(), time.Now(), 1)
	ts.Check(err)
	announcement, err := chain.Announce(rand.Reader, device, to.Prekey(), envelope.Meta{RollSize: 1, Expires: 4e9})
	ts.Check(err)
	head, line := segment.SignedHead{Head: segment.Begin(org, identity.Public())}, envelope.Line{}
	for number := uint64(1); number <= uint64(count); number++ {
		text := history.Text{Nonce: [16]byte{byte(number)}, To: []keys.MemberID{{2}}, Text: fmt.Sprintf("message %d", number), Time: 1}
		e, _, err := chain.Seal(rand.Reader, device, &line, envelope.Content{Kind: uint8(history.KindText), Body: wire.Encode(text)}, envelope.Meta{RollSize: 1, Expires: 4e9})
		ts.Check(err)
		items := []segment.Named{{ID: e.ID(), Item: segment.Item{Arrived: 1, Kind: uint8(rvproto.KindEnvelope), Body: e.Bytes()}}}
		if number == 1 {
			items = append(items, segment.Named{ID: announcement.ID(), Item: segment.Item{Arrived: 1, Kind: uint8(rvproto.KindEnvelope), Body: announcement.Bytes()}})
		}
		data, next, err := segment.Write(identity, segment.Writing{After: head.Head, Number: number, Made: 1, Key: private.Public(), Items: items})
		ts.Check(err)
		ts.Check(store.Create(context.Background(), audit.Name(identity.Public(), number), data))
		if head = next; number == 1 {
			ts.Setenv("FIRST", next.Text())
		}
	}
	ts.Setenv("HEAD", head.Text())
	ts.Setenv("SERVICE", identity.Public().String())
}

// awaitArchive waits until the service of a folder says that it runs: awaitarchive FOLDER; or, negated, that it does not.
func awaitArchive(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] awaitarchive FOLDER")
	}
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := archive.ReadStatus(ts.MkAbs(args[0]), time.Now())
		if (err == nil && status.Running) != neg {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("waiting for the archive of %s: %v", args[0], err)
		}
	}
}

func TestRetainTimes(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"1d": day, "90d": 90 * day, "10y": 3660 * day, "100y": 36600 * day} {
		if got, err := parseRetain(text); err != nil || got != want {
			t.Errorf("%q is %v: %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "1h", "10", "101y", "40000d", "1.5y", "y"} {
		if got, err := parseRetain(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestArchiveNodes(t *testing.T) {
	one, other := keys.FromSeed([32]byte{1}).Public().String(), keys.FromSeed([32]byte{2}).Public().String()
	all, err := archiveNodes([]string{"/ip4/192.0.2.7/tcp/4747/p2p/" + one, "/ip4/192.0.2.8/tcp/4747/p2p/" + other, "/ip4/192.0.2.7/udp/4747/quic-v1/p2p/" + one})
	if err != nil || len(all) != 2 || len(all[0].Addresses) != 2 || all[1].Key.String() != other {
		t.Errorf("%+v, %v", all, err)
	}
	for _, text := range []string{"", "/ip4/192.0.2.7/tcp/4747", "/p2p/" + one, "/ip4/192.0.2.7/tcp/4747/p2p/" + one[1:], "/dns4/a/tcp/1/p2p/" + one} {
		if _, err := archiveNodes([]string{text}); !isUsage(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The S3 server's key is read from a file that nobody else may read, and is in no error.
func TestCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s3.toml")
	write := func(text string, mode os.FileMode) storeOptions {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return storeOptions{credentials: path}
	}
	good := write("access-key = \"who\"\nsecret-key = \"hush\"\n", 0o600)
	if c, err := good.credential(); err != nil || c.AccessKey != "who" || c.SecretKey != "hush" {
		t.Errorf("%v, %v", c, err)
	}
	for text, mode := range map[string]os.FileMode{"access-key = \"who\"\nsecret-key = \"hush\"\n#": 0o644, "access-key = \"who\"\n": 0o600, "secret-key = hush": 0o600, "password = \"hush\"": 0o600} {
		bad := write(text, mode)
		if _, err := bad.credential(); !isUsage(err) {
			t.Errorf("%q, mode %o: %v", text, mode, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "env")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	if c, err := new(storeOptions).credential(); err != nil || c.AccessKey != "env" {
		t.Errorf("%v, %v", c, err)
	}
}
