package keyring

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	mock "github.com/zalando/go-keyring"
)

func TestKeepsOneSecret(t *testing.T) {
	mock.MockInit()
	ctx := t.Context()
	if _, err := Get(ctx, "a"); !errors.Is(err, ErrMissing) {
		t.Errorf("before: %v", err)
	}
	if err := Delete(ctx, "a"); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	for _, secret := range [][]byte{{1, 2, 3}, {4, 5, 6}} {
		if err := Set(ctx, "a", secret); err != nil {
			t.Fatal(err)
		}
		if got, err := Get(ctx, "a"); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%x, %v", got, err)
		}
	}
	if _, err := Get(ctx, "b"); !errors.Is(err, ErrMissing) {
		t.Errorf("another's: %v", err)
	}
	if err := Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(ctx, "a"); !errors.Is(err, ErrMissing) {
		t.Errorf("after it was removed: %v", err)
	}
}

func TestWithoutAKeyring(t *testing.T) {
	mock.MockInitWithError(errors.New("no bus"))
	for what, err := range map[string]error{
		"set": Set(t.Context(), "a", []byte{1}), "delete": Delete(t.Context(), "a"),
	} {
		if !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Get(t.Context(), "a"); !errors.Is(err, ErrNone) {
		t.Errorf("get: %v", err)
	}
}

// A keyring that never answers holds nobody up.
func TestDoesNotWaitForEver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	never := make(chan struct{})
	defer close(never)
	if err := patiently(ctx, "waiting", func() error { <-never; return nil }); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}
