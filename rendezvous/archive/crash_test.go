//go:build crash

package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/storage"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// Where a process of TestCrashOfTheArchive finds its world, and where it shall end itself.
const (
	crashDirVariable   = "MUSTER_ARCHIVE_CRASH_DIR"
	crashPointVariable = "MUSTER_ARCHIVE_CRASH_POINT"

	// start is the point from which on a process is killed at any moment, before it serves or after; else it serves at first.
	start = "start"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		if err := crashing(dir, os.Getenv(crashPointVariable)); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashing is a process that runs the service for a node that hands over envelopes without end, and prints the id of each that was
// acknowledged. The node has them from the file "given"; those in the file "acked" are gone from it.
func crashing(dir, point string) error {
	w := &world{dir: filepath.Join(dir, "service"), log: new(lines)}
	text, err := os.ReadFile(filepath.Join(dir, "key"))
	if err == nil {
		w.private, err = envelope.ParseArchivePrivate(text)
	}
	if err != nil {
		return err
	}
	place, err := folder.OpenToWrite(filepath.Join(dir, "store"))
	if err != nil {
		return err
	}
	w.store = &trouble{Storage: dying{place, point}}
	bodies, err := readBodies(filepath.Join(dir, "given"))
	if err != nil {
		return err
	}
	node := &crashNode{give: make(chan []byte, len(bodies))}
	for _, body := range bodies {
		node.give <- body
	}
	cfg := w.config()
	cfg.Nodes, cfg.BatchAge, cfg.Logger = nodes[:1], time.Millisecond, slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := New(cfg)
	if err != nil {
		return err
	}
	s.open = func(context.Context, Node) (stream, error) { return node, nil }
	writer, err := s.begin(context.Background())
	if err != nil {
		return err
	}
	fmt.Println("serves")
	return s.serve(context.Background(), writer)
}

// dying is a storage in whose calls the process ends itself, in one of three.
type dying struct {
	storage.Storage
	point string
}

func (d dying) Create(ctx context.Context, name string, data []byte) error {
	at := func(point string) {
		if d.point == point && rand.IntN(3) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	at("before")
	err := d.Storage.Create(ctx, name, data)
	at("after")
	return err
}

// crashNode gives what it has, a few at a time, and says which ids were acknowledged.
type crashNode struct{ give chan []byte }

func (n *crashNode) Moved() []byte { return nil }
func (n *crashNode) Close()        {}

func (n *crashNode) Next() (rvclient.Incoming, error) {
	return rvclient.Incoming{Deliver: &rvproto.DeliverFrame{Kind: rvproto.KindEnvelope, Body: <-n.give}}, nil
}

func (n *crashNode) Ack(ack rvproto.AckFrame) error {
	for _, signed := range ack.Receipts {
		receipt, err := envelope.OpenReceipt(signed, testOrg)
		if err != nil {
			return err
		}
		for _, id := range receipt.Opened {
			fmt.Println("acked", id)
		}
	}
	return nil
}

func readBodies(path string) (all [][]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := bufio.NewReader(file)
	for {
		var size int
		if _, err := fmt.Fscanf(reader, "%d\n", &size); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(reader, body); err != nil {
			return nil, err
		}
		all = append(all, body)
	}
}

// A service that is killed at any moment, forty times, has stored everything that it acknowledged, each thing once, in a chain
// without a fault. [ARC-51] [ARC-53]
func TestCrashOfTheArchive(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Dir(w.dir)
	if err := os.WriteFile(filepath.Join(dir, "key"), w.private.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	acked, given := make(map[string]bool), make(map[string][]byte)
	points := []string{start, "", "before", "after"}
	for round := range 40 {
		for range 300 {
			body := w.someEnvelope(t, devices[round%len(devices)])
			given[idOf(t, body).String()] = body
		}
		w.crash(t, dir, points[round%len(points)], given, acked)
		items, found := w.open(t)
		for _, f := range found {
			t.Fatalf("round %d: %v", round, f)
		}
		stored := make(map[string]bool)
		for _, item := range items {
			if stored[item.ID.String()] {
				t.Fatalf("round %d: an envelope is stored twice", round)
			}
			stored[item.ID.String()] = true
		}
		for id := range acked {
			if !stored[id] {
				t.Fatalf("round %d: an envelope was acknowledged and is not stored", round)
			}
		}
	}
	if len(acked) < 500 {
		t.Errorf("only %d were acknowledged", len(acked))
	}
	t.Logf("%d given, %d acknowledged before some kill", len(given), len(acked))
}

// crash runs a process that is given what was not acknowledged, and kills it unless it does that itself.
func (w *world) crash(t *testing.T, dir, point string, given map[string][]byte, acked map[string]bool) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "given"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := 0
	for id, body := range given {
		if !acked[id] {
			waiting++
			fmt.Fprintf(file, "%d\n%s", len(body), body)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), crashDirVariable+"="+dir, crashPointVariable+"="+point)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { _ = command.Process.Kill() })
	}
	if point == start {
		kill()
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		var what, id string
		fmt.Sscan(scanner.Text(), &what, &id)
		switch {
		case what == "error":
			t.Fatal(scanner.Text())
		case what == "serves" && point != start: // a machine that starts programs slowly gets to that too
			kill()
		}
		if _, err := keys.ParseID[keys.Envelope](id); err == nil { // a line that was cut off is none
			acked[id] = true
		}
	}
	_ = command.Wait()
}
