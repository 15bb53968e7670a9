package queue

import (
	"bytes"
	"context"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// Without the caller's secret, the root key in the folder opens nothing.
func TestSecretOfTheCaller(t *testing.T) { // [STO-21]
	dir, device := t.TempDir(), keys.Generate().Public()
	body := bytes.Repeat([]byte("body"), 100)
	with := func(secret []byte) (found []Delivery, damaged bool) {
		e, err := Open(dir, Options{Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}()
		if found, err = e.Next(ctx, device, 0, 10, 1<<20); err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 && bytes.Equal(secret, []byte("one")) {
			item := Item{ID: keys.EnvelopeID{1}, Kind: Envelope, Body: body, Recipients: []keys.PublicKey{device}, Expires: time.Now().Add(time.Hour)}
			if err := e.Put(ctx, []Item{item})[0]; err != nil {
				t.Fatal(err)
			}
		}
		return found, len(e.Damage()) > 0
	}
	with([]byte("one"))
	for _, wrong := range [][]byte{nil, []byte("other")} {
		if found, damaged := with(wrong); len(found) > 0 || !damaged {
			t.Errorf("with %q: %d bodies, damage %v", wrong, len(found), damaged)
		}
	}
	if found, damaged := with([]byte("one")); len(found) != 1 || !bytes.Equal(found[0].Body, body) || damaged {
		t.Errorf("with its own: %d bodies, damage %v", len(found), damaged)
	}
}
