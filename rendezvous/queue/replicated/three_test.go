//go:build cluster

package replicated_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

func TestConformsBeforeThreeServers(t *testing.T) { conforms(t, 3) }

// No key is ever on a server's disk, and no body in plain.
func TestKeysAreOnNoDisk(t *testing.T) {
	c := startCluster(t, 3)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	e, _ := open(t, opt)
	item := queuetest.Item(1, 1)
	item.Body = []byte("this body is to be found nowhere in plain")
	put(t, e, item)
	js := streams(t, opt)
	s, err := js.Stream(t.Context(), opt.Prefix+"-0-keys")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), 1)
	if err != nil || len(m.Data) != 36 {
		t.Fatalf("the key: %v, %v", m, err)
	}
	files := 0
	for _, server := range c.Servers {
		err := filepath.WalkDir(server.Dir(), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			files++
			data, err := os.ReadFile(path)
			if bytes.Contains(data, m.Data[4:]) || bytes.Contains(data, item.Body) {
				t.Errorf("%s holds what it must not", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files == 0 {
		t.Error("no files were looked at")
	}
}

// A cluster without most of its servers takes nothing, says so in time, and takes the same again when they are back.
func TestWithoutQuorumNothingIsTaken(t *testing.T) {
	c := startCluster(t, 3)
	opt := optionsFor(t, c, newPrefix())
	opt.Shards = 1
	e, _ := open(t, opt)
	put(t, e, queuetest.Item(1, 1))
	c.Servers[0].Kill()
	c.Servers[1].Kill()
	if err := e.Put(t.Context(), []queue.Item{queuetest.Item(2, 1)})[0]; !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
	ack(t, e, 1, 1)
	for _, s := range c.Servers[:2] {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "it is taken", func() bool { return e.Put(t.Context(), []queue.Item{queuetest.Item(2, 1)})[0] == nil })
	if list := next(t, e, 1); len(list) != 1 || list[0].ID != queuetest.ID(2) {
		t.Errorf("%d deliveries", len(list))
	}
}
