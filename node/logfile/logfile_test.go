package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type secret struct{}

func (secret) LogValue() slog.Value { return slog.StringValue("[vault /srv/ada]") }

// stamp is a text type that could say anything.
type stamp string

func (s stamp) String() string { return string(s) }

// Whoever logs a name, a text, an address, a path or a key: it does not reach the file.
func TestNothingOfAnybodyIsKept(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(Handler(&out)).With("org", "nokehnrkarc64u5geji2mb6iwmmref7rcqgyb7up2hbr3jltpvvq", "folder", "/srv/Zebra")
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 4747},
		Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	log.Warn("the first", "text", "Zebra said hello", "name", "Zebra", "org", "Zebra's Org", "kind", "alarm of a clone",
		"error", fmt.Errorf("Zebra at 203.0.113.7: %w", errors.Join(refused, errors.New("no such chain"), errors.New("Zebra is barred"),
			errors.New("muster:key/AAAA"), context.DeadlineExceeded)))
	log.Info("the second", "reason", errors.New("cannot be opened"), "vault", secret{}, "kind", "Zebra\nlevel=ERROR", "status", stamp("203.0.113.7"),
		"key", []byte("Zebra"), "size", 7, "list", []string{"Zebra"}, "from", uint16(3), slog.Group("inner", "text", "Zebra", "n", 1))
	log.WithGroup("zone").Error("the third", "member", "pkjklxlvhovzeb4gsgkyxoyrm2qyrybhnfna4zlgki3bjvsvfwnq", "error", errors.New(""))
	log.Debug("the fourth")
	got := out.String()
	for _, never := range []string{"Zebra", "203.0.113", "muster:", "hello", "/srv", "4gsgkyxoyrm2q", "fourth", "level=ERROR\""} {
		if strings.Contains(got, never) {
			t.Errorf("the log holds %q:\n%s", never, got)
		}
	}
	for _, kept := range []string{
		"org=nokehnrkarc6", `kind="alarm of a clone"`, `error="connection refused; no such chain; context deadline exceeded"`,
		`reason="cannot be opened"`, "size=7", "from=3", "inner.n=1", "zone.member=pkjklxlvhovz", "text=-", "level=WARN",
	} {
		if !strings.Contains(got, kept) {
			t.Errorf("the log lacks %q:\n%s", kept, got)
		}
	}
}

func TestLogHasABound(t *testing.T) {
	dir := t.TempDir()
	f := New(dir)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 3 * MaxFile / len(line) {
		if n, err := f.Write(line); err != nil || n != len(line) {
			t.Fatalf("wrote %d: %v", n, err)
		}
	}
	if _, err := f.Write(bytes.Repeat([]byte("y"), MaxFile)); err != nil { // a line that is too long is cut
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("there are %d files: %v", len(entries), err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.Size() > MaxFile || info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has %d bytes and mode %v: %v", entry.Name(), info.Size(), info.Mode(), err)
		}
	}
	lines, err := Tail(dir, 2)
	if err != nil || len(lines) != 2 || len(lines[1]) >= MaxLine || !strings.HasSuffix(lines[1], "…") || lines[0] != string(line[:1023]) {
		t.Errorf("the last lines are %.80q: %v", lines, err)
	}
}

func TestLogGoesOnAndFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		f := New(dir)
		fmt.Fprintln(f, "again")
		f.Close()
		if _, err := f.Write([]byte("late\n")); err == nil {
			t.Error("a closed log is written")
		}
	}
	if lines, err := Tail(dir, 9); err != nil || !cmp.Equal(lines, []string{"again", "again"}) {
		t.Errorf("%q, %v", lines, err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Remove(filepath.Join(dir, Name)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, Name)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(dir).Write([]byte("x\n")); err == nil {
		t.Error("the log is written through a link")
	}
	if _, err := Tail(dir, 9); err == nil {
		t.Error("the log is read through a link")
	}
}

// A follower misses nothing and repeats nothing, over turns of the file and before there is one.
func TestFollowerMissesNothing(t *testing.T) {
	dir := t.TempDir()
	follower, err := Follow(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	if lines, err := follower.Next(); err != nil || len(lines) != 0 {
		t.Fatalf("%q, %v", lines, err)
	}
	f := New(dir)
	defer f.Close()
	var got, want []string
	for i := range 3000 {
		line := fmt.Sprintf("%04d %s", i, strings.Repeat("x", 1000))
		fmt.Fprintln(f, line)
		want = append(want, line)
		if i%100 == 0 || i == 2999 {
			lines, err := follower.Next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, lines...)
		}
	}
	if !cmp.Equal(got, want) {
		t.Errorf("%d lines came of %d", len(got), len(want))
	}
}

func TestBothHearAll(t *testing.T) {
	var one, two bytes.Buffer
	log := slog.New(Both(slog.NewTextHandler(&one, nil), Handler(&two))).With("n", 1).WithGroup("g")
	log.Info("said", "name", "Bo")
	if !strings.Contains(one.String(), "g.name=Bo") || !strings.Contains(two.String(), "n=1 g.name=-") {
		t.Errorf("%s%s", &one, &two)
	}
}
