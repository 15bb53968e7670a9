package guard

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/keyring"
	"muster.example/node/api"
	"muster.example/node/vault"
)

// keyringLimit is how long a person has to answer what the keyring asks.
const keyringLimit = time.Minute

// Unlock implements localapi.Guard.
func (g *Guard) Unlock(ctx context.Context, key api.Key) (api.FolderLock, error) {
	defer key.Forget()
	if g.Vault() != nil {
		return g.Lock(ctx)
	}
	unlock, err := g.with(ctx, key, g.config.Held.ID())
	if err != nil {
		return api.FolderLock{}, err
	}
	var v *vault.Vault
	if err := g.try(func() (err error) { v, err = g.config.Held.Open(unlock); return err }); err != nil {
		return api.FolderLock{}, err
	}
	g.took(v)
	if err := g.config.Open(v); err != nil {
		return api.FolderLock{}, err
	}
	return g.Lock(ctx)
}

// with turns what was given into how to unlock the folder of that id.
func (g *Guard) with(ctx context.Context, key api.Key, id string) (vault.Unlock, error) {
	given := 0
	for _, is := range []bool{len(key.Passphrase) > 0, key.KeyFile != "", key.Keyring} {
		if is {
			given++
		}
	}
	if given != 1 {
		return vault.Unlock{}, api.Errorf(api.CodeUsage, "exactly one of passphrase, key file and keyring unlocks the folder")
	}
	switch {
	case key.KeyFile != "":
		return vault.Unlock{KeyFile: key.KeyFile}, nil
	case key.Keyring:
		return vault.Unlock{Keyring: func() ([]byte, error) { return fromKeyring(ctx, id) }}, nil
	}
	return vault.Unlock{Passphrase: func(bool) ([]byte, error) { return key.Passphrase, nil }}, nil
}

func fromKeyring(ctx context.Context, id string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringLimit)
	defer cancel()
	secret, err := keyring.Get(ctx, id)
	if err != nil {
		return nil, explainKeyring(err)
	}
	return secret, nil
}

// Keyring returns what unlocks a held folder by the keyring, for who starts it.
func Keyring(ctx context.Context, held *vault.Held) vault.Unlock {
	return vault.Unlock{Keyring: func() ([]byte, error) { return fromKeyring(ctx, held.ID()) }}
}

func explainKeyring(err error) error {
	if errors.Is(err, keyring.ErrNone) {
		return api.Errorf(api.CodeFailed, "the keyring of this system cannot be used: %v", err).
			WithHint("on Linux a Secret Service such as GNOME Keyring or KWallet must run in your session. The passphrase works without")
	}
	return api.Errorf(api.CodeFailed, "the keyring holds nothing for this folder").
		WithHint("unlock it with the passphrase, then turn the keyring off and on: muster passphrase --keyring off")
}

// try has one thing that needs a key tried at a time, and ever more slowly after wrong ones. [API-92]
func (g *Guard) try(do func() error) error {
	wait, ok := g.tries.Begin(time.Now())
	switch {
	case wait > 0:
		return api.Errorf(api.CodeRefused, "too many were wrong: wait %d s before the next", int((wait+time.Second-1)/time.Second))
	case !ok:
		return api.Errorf(api.CodeRefused, "somebody else tries a passphrase right now")
	}
	err := do()
	if err == nil {
		g.tries.Right()
		return nil
	}
	wrong := errors.Is(err, vault.ErrWrongPassphrase)
	g.tries.Done(wrong, time.Now())
	switch {
	case wrong:
		return api.Errorf(api.CodeRefused, "wrong passphrase").
			WithHint("letter case and spaces count. There is no way around a lost passphrase")
	case errors.Is(err, vault.ErrWrongKeyring):
		return explainKeyring(keyring.ErrMissing)
	case errors.Is(err, vault.ErrLastWay):
		return api.Errorf(api.CodeRefused, "neither a passphrase nor a key file would unlock the folder then").
			WithHint("add another way first")
	}
	return g.config.Explain(err)
}
