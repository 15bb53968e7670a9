package guard

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"muster.example/internal/keyring"
	"muster.example/node/api"
	"muster.example/node/vault"
)

// keyringSecret is the length of what lies in the keyring, in bytes.
const keyringSecret = 32

// ChangeWays implements localapi.Guard. What lies in the keyring is put there before the folder opens by it, and taken away after the
// folder does not any more.
func (g *Guard) ChangeWays(ctx context.Context, request api.WaysRequest) (api.FolderLock, error) {
	defer request.Forget()
	v := g.Vault()
	id, err := v.ID()
	if err != nil {
		return api.FolderLock{}, g.config.Explain(err)
	}
	change, err := g.change(ctx, v, id, request)
	if err != nil {
		return api.FolderLock{}, err
	}
	removed, err := removesKeyring(v, request.Remove)
	if err != nil {
		return api.FolderLock{}, g.config.Explain(err)
	}
	if request.Keyring {
		// First the proof: nothing is put in the keyring for who cannot show one. What shows it is overwritten.
		first := request.Proof
		first.Passphrase = slices.Clone(first.Passphrase)
		shown, err := g.with(ctx, first, id)
		if err != nil {
			return api.FolderLock{}, err
		}
		if err := g.try(func() error { return v.Proves(shown) }); err != nil {
			return api.FolderLock{}, err
		}
		if change.Keyring, err = putInKeyring(ctx, id); err != nil {
			return api.FolderLock{}, err
		}
	}
	if err := g.try(func() error { return v.Change(change) }); err != nil {
		return api.FolderLock{}, err
	}
	if removed && !request.Keyring {
		limited, cancel := context.WithTimeout(ctx, keyringLimit)
		defer cancel()
		if err := keyring.Delete(limited, id); err != nil { // it opens nothing any more
			g.config.Log.Warn("what lay in the keyring is left there", "error", err)
		}
	}
	g.config.Log.Info("the ways to unlock the folder were changed")
	return g.Lock(ctx)
}

// change checks a request and says it in the vault's words.
func (g *Guard) change(ctx context.Context, v *vault.Vault, id string, request api.WaysRequest) (vault.Change, error) {
	if request.Proof.Keyring {
		return vault.Change{}, api.Errorf(api.CodeUsage, "the keyring is no proof: give the passphrase or the key file")
	}
	proof, err := g.with(ctx, request.Proof, id)
	if err != nil {
		return vault.Change{}, err
	}
	for _, path := range []string{request.KeyFile, request.Proof.KeyFile} {
		if path != "" && !filepath.IsAbs(path) {
			return vault.Change{}, api.Errorf(api.CodeUsage, "the path of the key file %q is not whole", path)
		}
	}
	if request.Passphrase == nil && request.KeyFile == "" && !request.Keyring && len(request.Remove) == 0 {
		return vault.Change{}, api.Errorf(api.CodeUsage, "nothing is to be changed")
	}
	change := vault.Change{Proof: proof, Passphrase: request.Passphrase, KeyFile: request.KeyFile, Remove: request.Remove}
	if request.CostMillis != 0 {
		cost, err := vault.Measure(time.Duration(request.CostMillis) * time.Millisecond)
		if err != nil || request.Passphrase == nil {
			return vault.Change{}, api.Errorf(api.CodeUsage, "a try cannot take %d ms, or there is no passphrase with it", request.CostMillis).
				WithHint("100 to 10,000 ms, with a passphrase")
		}
		change.Parameters = &cost
	}
	return change, nil
}

// removesKeyring reports whether the way by the keyring is among those that go.
func removesKeyring(v *vault.Vault, numbers []int) (bool, error) {
	ways, err := v.Ways()
	return slices.ContainsFunc(ways, func(w vault.Way) bool {
		return w.Kind == vault.ByKeyring && slices.Contains(numbers, w.Number)
	}), err
}

// putInKeyring keeps a new secret in the keyring and sees that it is there.
func putInKeyring(ctx context.Context, id string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringLimit)
	defer cancel()
	secret := make([]byte, keyringSecret)
	rand.Read(secret) //nolint:errcheck // never fails
	if err := keyring.Set(ctx, id, secret); err != nil {
		return nil, explainKeyring(err)
	}
	kept, err := keyring.Get(ctx, id)
	if err != nil || !slices.Equal(kept, secret) {
		return nil, explainKeyring(errors.Join(keyring.ErrMissing, err))
	}
	return secret, nil
}
