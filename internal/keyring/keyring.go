// Package keyring keeps secrets in the keyring of the person's system: the Secret Service on Linux and the BSDs, the Keychain on
// macOS, the Credential Manager on Windows.
//
// It owns names there and how long is waited: a keyring may ask the person for a password of its own. It must not know what a secret
// opens. On a system without one every call fails with ErrNone, which says what is missing.
package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"

	"muster.example/internal/task"
)

// The errors to tell apart.
var (
	ErrNone    = errors.New("the system has no keyring that can be reached")
	ErrMissing = errors.New("nothing of Muster's lies in the keyring for this folder")
)

// service is the name under which secrets lie.
const service = "Muster"

// Set keeps a secret under a name, in place of an earlier one. It waits for a person whom the keyring asks, until ctx ends.
func Set(ctx context.Context, name string, secret []byte) error {
	text := base64.RawURLEncoding.EncodeToString(secret)
	return patiently(ctx, "keeping a secret", func() error { return keyring.Set(service, name, text) })
}

// Get returns the secret that lies under a name: ErrMissing if there is none. It waits as Set does.
func Get(ctx context.Context, name string) ([]byte, error) {
	found := make(chan string, 1)
	err := patiently(ctx, "asking for a secret", func() error {
		text, err := keyring.Get(service, name)
		found <- text
		return err
	})
	if err != nil {
		return nil, err
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(<-found)
	if err != nil {
		return nil, fmt.Errorf("%w: what lies there is something else", ErrMissing)
	}
	return secret, nil
}

// Delete removes what lies under a name. There being none is no error.
func Delete(ctx context.Context, name string) error {
	err := patiently(ctx, "removing a secret", func() error { return keyring.Delete(service, name) })
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

// patiently calls do, which nothing can stop, and leaves it alone when ctx ends: a keyring that asks nobody may never answer.
func patiently(ctx context.Context, what string, do func() error) error {
	ended := make(chan error, 1)
	task.New(context.WithoutCancel(ctx)).Go("keyring", func(context.Context) error { ended <- do(); return nil })
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: it did not answer: %w", what, ErrNone, ctx.Err())
	case err := <-ended:
		switch {
		case err == nil:
			return nil
		case errors.Is(err, keyring.ErrNotFound):
			return fmt.Errorf("%s: %w", what, ErrMissing)
		}
		return fmt.Errorf("%s: %w: %v", what, ErrNone, err)
	}
}
