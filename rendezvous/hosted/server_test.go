package hosted

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
	"muster.example/rendezvous"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

var loopback = Places{Listen: []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}}

// begin runs a server until the returned function or the end of the test.
func begin(t *testing.T, dir string) (*Server, func()) {
	t.Helper()
	return beginAs(t, Config{Dir: dir, Seal: [32]byte{7}})
}

func beginAs(t *testing.T, cfg Config) (*Server, func()) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.look = 10 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ended := false
	end := func() {
		if ended {
			return
		}
		ended = true
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(end)
	return s, end
}

// until waits for a change after which something holds.
func (s *Server) until(t *testing.T, holds func() bool) {
	t.Helper()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("it never came")
		}
	}
}

func claim(t *testing.T, s *Server, places Places) rvproto.Claim {
	t.Helper()
	link, err := s.Claim(t.Context(), places)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := rvproto.ParseClaim(link)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// found founds an organization by a claim and returns how its founder signs and reaches the node.
func found(t *testing.T, c rvproto.Claim) (org keys.OrgID, founder keys.PrivateKey, client *rvclient.Client) {
	t.Helper()
	founder = keys.Generate()
	root, recovery := keys.Generate(), keys.Generate()
	begun := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: "Acme", Root: root.Public(), Member: "Anna", Recovery: recovery.Public(), Policy: membership.DefaultPolicy(),
	}}, founder, &root)
	org = membership.OrgOf(begun)
	named := membership.SignEvent(membership.Event{Org: org, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: c.Node, Addresses: c.Addresses, Term: 1,
	}}, founder, nil)
	local, err := p2p.NewHost(p2p.Config{Identity: founder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	client = &rvclient.Client{Host: local, Node: c.Node, Addresses: c.Addresses, Org: org}
	if err := client.Claim(t.Context(), c.Token, begun, named); err != nil {
		t.Fatal(err)
	}
	return org, founder, client
}

func TestNothingIsMadeBeforeItIsAskedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	s, end := begin(t, dir)
	if status := s.Status(); status.There || status.Running || status.Failed != nil {
		t.Errorf("%+v", status)
	}
	if err := s.Move(t.Context(), loopback); !errors.Is(err, ErrNone) {
		t.Errorf("moving a node that is not there: %v", err)
	}
	end()
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a folder: %v", err)
	}
}

func TestNodeStaysWhereItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	s, end := begin(t, dir)
	first := claim(t, s, loopback)
	org, _, _ := found(t, first)
	if again := claim(t, s, Places{}); again.Node != first.Node || !slices.Equal(again.Addresses, first.Addresses) {
		t.Errorf("the second organization is at %v, the first at %v", again.Addresses, first.Addresses)
	}
	end()
	s, _ = begin(t, dir)
	if key, local, _ := s.At(); key != first.Node || local != nil && !slices.Equal(local, first.Addresses) {
		t.Errorf("before it runs: %v at %v", key, local)
	}
	s.until(t, func() bool { return s.Status().Running })
	status := s.Status()
	if !slices.Equal(status.Node.Addresses, first.Addresses) || len(status.Node.Orgs) != 1 || status.Node.Orgs[0].Org != org {
		t.Errorf("after a restart: %+v", status)
	}

	// Elsewhere, and back if that cannot be had.
	if err := s.Move(t.Context(), Places{Listen: loopback.Listen[:1], Announce: []string{"/ip4/192.0.2.1/tcp/4747"}}); err != nil {
		t.Fatal(err)
	}
	moved := s.Status().Node.Addresses
	if len(moved) != 2 || moved[0] != "/ip4/192.0.2.1/tcp/4747" || slices.Contains(first.Addresses, moved[1]) {
		t.Errorf("it moved from %v to %v", first.Addresses, moved)
	}
	if err := s.Move(t.Context(), Places{Listen: []string{"/ip4/192.0.2.1/tcp/1"}}); !errors.Is(err, rendezvous.ErrListen) {
		t.Errorf("where this machine is not: %v", err)
	}
	s.until(t, func() bool { return s.Status().Running })
	if back := s.Status().Node.Addresses; !slices.Equal(back, moved) {
		t.Errorf("it is at %v, want %v", back, moved)
	}
}

func TestNodeThatCannotBeMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	s, _ := begin(t, dir)
	for _, wrong := range []Places{
		{Listen: []string{"/ip4/192.0.2.1/tcp/1"}}, {Listen: []string{"/dns4/example.org/tcp/1"}}, {Announce: []string{"here"}},
		{Listen: slices.Repeat(loopback.Listen, 9)},
	} {
		if link, err := s.Claim(t.Context(), wrong); err == nil {
			t.Errorf("%v: %s", wrong, link)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) || s.Status().There {
			t.Errorf("%v left something: %v", wrong, err)
		}
	}
	claim(t, s, loopback)
}

// The port of a node that is told nothing is the usual one, or another if that is taken.
func TestChoiceOfPort(t *testing.T) {
	usual, err := Places{}.settle()
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := net.Listen("tcp4", fmt.Sprint("0.0.0.0:", defaultPort)); err == nil {
		defer taken.Close()
	}
	other, err := Places{}.settle()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Places{usual, other} {
		port := strings.TrimPrefix(p.Listen[0], "/ip4/0.0.0.0/tcp/")
		for _, address := range p.Listen {
			if !strings.Contains(address, "/"+port) || port == "0" {
				t.Errorf("%s is not on port %s", address, port)
			}
		}
	}
	if slices.Equal(usual.Listen, other.Listen) {
		t.Errorf("a port that is taken was chosen: %v", other)
	}
}

// Once its organization has moved away, everybody knows, and nothing waits, the node ends, and its folder with it.
func TestNodeEndsWhenItIsNotNeeded(t *testing.T) {
	old, next := filepath.Join(t.TempDir(), "rendezvous"), filepath.Join(t.TempDir(), "rendezvous")
	s, _ := begin(t, old)
	other, _ := begin(t, next)
	org, founder, client := found(t, claim(t, s, loopback))
	page, err := client.Fetch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	roll := membership.NewRoll(org)
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err == nil {
			err = roll.Append(entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := roll.Root(roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	to := claim(t, other, loopback)
	move := membership.SignEvent(membership.Event{Org: org, Counter: 3, At: roll.Size(), Rendezvous: &membership.Rendezvous{
		Node: to.Node, Addresses: to.Addresses, Term: 2, Size: roll.Size(), Root: root[:],
	}}, founder, nil)
	there := &rvclient.Client{Host: client.Host, Node: to.Node, Addresses: to.Addresses, Org: org}
	if err := there.HandOver(t.Context(), to.Token, org, page.Entries, move); err != nil {
		t.Fatal(err)
	}
	shown, err := there.Fetch(t.Context(), 0)
	if err == nil {
		err = client.SubmitMove(t.Context(), move, shown.Checkpoint)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Fetch(t.Context(), 0); err == nil { // the one device there is learns of it
		t.Error("the node orders the roll still")
	}
	s.until(t, func() bool { return !s.Status().There })
	if left, err := filepath.Glob(old + "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if key, _, _ := s.At(); !key.IsZero() {
		t.Errorf("it has the key %v still", key)
	}
	if again := claim(t, s, loopback); again.Node == to.Node {
		t.Error("the next one has an old key")
	}
}

func TestWhetherANodeIsNeeded(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	one := func(o rendezvous.OrgStatus) []rendezvous.OrgStatus { return []rendezvous.OrgStatus{o} }
	gone := rendezvous.OrgStatus{Moved: true, MovedAt: now.Add(-time.Hour)}
	waits, untold, late := gone, gone, gone
	waits.Entries, untold.Untold = 1, 1
	late.Entries, late.Untold, late.MovedAt = 1, 1, now.Add(-farewellTime-time.Second)
	for name, c := range map[string]struct {
		orgs  []rendezvous.OrgStatus
		since time.Duration
		want  bool
	}{
		"nobody founded anything":       {nil, emptyTime + 1, true},
		"somebody may":                  {nil, emptyTime, false},
		"it orders a roll":              {one(rendezvous.OrgStatus{}), time.Hour, false},
		"it gave one up":                {one(gone), time.Hour, true},
		"a claim was made just now":     {one(gone), lookTime, false},
		"something waits":               {one(waits), time.Hour, false},
		"somebody does not know":        {one(untold), time.Hour, false},
		"whoever does not will not":     {one(late), time.Hour, true},
		"one of two":                    {append(one(gone), rendezvous.OrgStatus{}), time.Hour, false},
		"it is not known when it moved": {one(rendezvous.OrgStatus{Moved: true, Entries: 1}), time.Hour, false},
	} {
		if got := needless(rendezvous.Status{Orgs: c.orgs}, c.since, now, lookTime); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add([]byte("listen /ip4/0.0.0.0/tcp/4747\nannounce /ip4/192.0.2.1/tcp/4747\n"))
	f.Add([]byte("listen \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parsePlaces(data); err == nil && string(p.marshal()) != string(data) {
			t.Errorf("%q is read as %v", data, p)
		}
	})
}

// What a crash left of a node that was being removed goes, and one that was not begun is none. One that lacks a file is there, and says so.
func TestLeftovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	for _, path := range []string{filepath.Join(dir+goneSuffix, "store"), dir} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := begin(t, dir)
	if _, err := os.Lstat(dir + goneSuffix); !errors.Is(err, fs.ErrNotExist) || s.Status().There {
		t.Errorf("%+v, %v", s.Status(), err)
	}
	claim(t, s, loopback)
	if err := os.WriteFile(filepath.Join(dir, placesFile), []byte("anywhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Move(t.Context(), Places{Announce: []string{"/ip4/192.0.2.1/tcp/4747"}}); !errors.Is(err, ErrPlaces) {
		t.Errorf("a damaged file: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, placesFile)); err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Dir: dir, Seal: [32]byte{7}})
	if err != nil || !again.Status().There {
		t.Errorf("without that file: %+v, %v", again, err)
	}
	if other, err := New(Config{Dir: dir, Seal: [32]byte{8}}); err != nil || other.Status().Failed == nil {
		t.Errorf("under another seal: %v", err)
	}
}

// A node that cannot run is no failure of the program, not even of one that ends just then: it did not run.
func TestNodeThatCannotRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, placesFile), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if ran, err := s.runOnce(t.Context()); ran || err == nil || s.Status().Failed == nil {
		t.Errorf("it ran: %v, %v; it says %v", ran, err, s.Status().Failed)
	}
}
