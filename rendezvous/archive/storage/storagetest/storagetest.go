// Package storagetest is what every storage of the archive must pass.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"muster.example/internal/task"
	"muster.example/rendezvous/archive/storage"
)

const max = 1 << 20

// Run plays the suite against storages that open makes, each empty.
func Run(t *testing.T, open func(t *testing.T) storage.Storage) {
	for name, play := range map[string]func(t *testing.T, s storage.Storage){
		"what was created is read":               created,
		"nothing is created twice":               twice,
		"one of many creators wins":              race,
		"what is not there is not found":         missing,
		"objects are listed in order":            listed,
		"more objects than fit one page":         pages,
		"names that reach out of it are refused": names,
		"an ended context ends a call":           ended,
		"more than was asked for is not read":    capped,
	} {
		t.Run(name, func(t *testing.T) { play(t, open(t)) })
	}
}

func created(t *testing.T, s storage.Storage) {
	for name, data := range map[string][]byte{"a/1": []byte("one"), "a/2": bytes.Repeat([]byte{1, 0, 255}, 100_000)} {
		create(t, s, name, data)
		if got, err := s.Read(t.Context(), name, max); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func create(t *testing.T, s storage.Storage, name string, data []byte) {
	t.Helper()
	if err := s.Create(t.Context(), name, data); err != nil {
		t.Fatal(err)
	}
}

func twice(t *testing.T, s storage.Storage) {
	create(t, s, "a/1", []byte("one"))
	for _, data := range []string{"another", "one"} {
		if err := s.Create(t.Context(), "a/1", []byte(data)); !errors.Is(err, storage.ErrExists) {
			t.Errorf("created again with %q: %v", data, err)
		}
	}
	if got, err := s.Read(t.Context(), "a/1", max); err != nil || string(got) != "one" {
		t.Errorf("%q, %v", got, err)
	}
}

func race(t *testing.T, s storage.Storage) {
	const creators = 8
	results := make(chan error, creators)
	group := task.New(t.Context())
	for i := range creators {
		group.Go("creator", func(ctx context.Context) error {
			results <- s.Create(ctx, "a/1", []byte{byte(i)})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	won := 0
	for range creators {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, storage.ErrExists):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d creators of one object", won)
	}
}

func missing(t *testing.T, s storage.Storage) {
	if _, err := s.Read(t.Context(), "a/1", max); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
	if got := list(t, s, "a/", ""); len(got) != 0 {
		t.Errorf("an empty storage lists %v", got)
	}
}

func list(t *testing.T, s storage.Storage, prefix, after string) (names []string) {
	t.Helper()
	err := s.List(t.Context(), prefix, after, func(o storage.Object) error {
		if o.Touched != "" {
			t.Errorf("%s: %s", o.Name, o.Touched)
		}
		names = append(names, fmt.Sprintf("%s:%d", o.Name, o.Size))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func listed(t *testing.T, s storage.Storage) {
	for i, name := range []string{"b/000002", "a/000010", "a/000009", "b/000001", "a/000011"} {
		create(t, s, name, make([]byte, i+1))
	}
	for _, c := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", []string{"a/000009:3", "a/000010:2", "a/000011:5", "b/000001:4", "b/000002:1"}},
		{"a/", "", []string{"a/000009:3", "a/000010:2", "a/000011:5"}},
		{"a/", "a/000009", []string{"a/000010:2", "a/000011:5"}},
		{"a/", "a/00001", []string{"a/000010:2", "a/000011:5"}},
		{"b/", "b/000002", nil},
	} {
		if got := list(t, s, c.prefix, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%q behind %q: %v, want %v", c.prefix, c.after, got, c.want)
		}
	}
	stop := errors.New("enough")
	seen := 0
	err := s.List(t.Context(), "", "", func(storage.Object) error { seen++; return stop })
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("a visit that ends the listing: %v after %d", err, seen)
	}
}

func pages(t *testing.T, s storage.Storage) {
	const count = 1100
	for i := range count {
		create(t, s, fmt.Sprintf("a/%06d", i), []byte{1})
	}
	got := list(t, s, "a/", "")
	if len(got) != count || !slices.IsSorted(got) {
		t.Errorf("%d of %d objects, in order %t", len(got), count, slices.IsSorted(got))
	}
}

func names(t *testing.T, s storage.Storage) {
	for _, name := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "a\x00b", `a\b`, string(make([]byte, storage.MaxName+1))} {
		if err := s.Create(t.Context(), name, []byte{1}); !errors.Is(err, storage.ErrName) {
			t.Errorf("created %q: %v", name, err)
		}
		if _, err := s.Read(t.Context(), name, max); !errors.Is(err, storage.ErrName) {
			t.Errorf("read %q: %v", name, err)
		}
	}
}

func ended(t *testing.T, s storage.Storage) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Create(ctx, "a/1", []byte{1}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Read(ctx, "a/1", max); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := s.List(ctx, "", "", func(storage.Object) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func capped(t *testing.T, s storage.Storage) {
	create(t, s, "a/1", make([]byte, 11))
	if got, err := s.Read(t.Context(), "a/1", 10); err == nil {
		t.Errorf("%d bytes where 10 were allowed", len(got))
	}
	if _, err := s.Read(t.Context(), "a/1", 11); err != nil {
		t.Error(err)
	}
}
