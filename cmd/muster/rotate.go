package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/guard"
	"muster.example/node/rotation"
	"muster.example/node/vault"
	"muster.example/rendezvous/hosted"
)

// rotated is what passphrase --rotate did.
type rotated struct {
	Generation uint64            `json:"generation"` // how often the data key was replaced
	Ways       api.List[api.Way] `json:"ways"`       // that unlock the folder now
	Dropped    api.List[api.Way] `json:"dropped"`    // that do not any more
}

// rotate puts the folder of a node that does not run under a new data key.
func (a *app) rotate(ctx context.Context, o passphraseOptions) error {
	restrictNewFiles()
	dir, err := a.folder()
	if err != nil {
		return err
	}
	if !vault.Exists(dir) {
		return api.Errorf(api.CodeNotFound, "there is no node's folder %s", dir).WithHint("name it with --dir, or with MUSTER_DIR")
	}
	held, err := vault.Hold(dir)
	if errors.Is(err, vault.ErrInUse) {
		return api.Errorf(api.CodeFailed, "the node of %s is running", dir).
			WithHint("stop it first (Ctrl-C where it runs, or muster service remove): muster lock is not enough")
	}
	if err != nil {
		return explain(err)
	}
	defer held.Close() //nolint:errcheck // nothing was written
	secrets, err := a.secrets(ctx, held, o)
	if err != nil {
		return err
	}
	defer clear(secrets.Passphrase)
	defer clear(secrets.Keyring)
	v, err := held.Open(unlockWith(secrets))
	if err != nil {
		return explain(err)
	}
	defer v.Close() //nolint:errcheck // all is durable
	result, err := a.rotateOpen(ctx, v, secrets)
	if err != nil {
		return err
	}
	return a.answer(result, result.print)
}

// secrets are what was given, was asked for, and lies in the keyring.
func (a *app) secrets(ctx context.Context, held *vault.Held, o passphraseOptions) (s vault.Secrets, err error) {
	ways, err := held.Ways()
	if err != nil {
		return s, explain(err)
	}
	has := func(kind vault.Kind) bool {
		return slices.ContainsFunc(ways, func(w vault.Way) bool { return w.Kind == kind })
	}
	for _, path := range o.keyFiles {
		whole, err := filepath.Abs(path)
		if err != nil {
			return s, err
		}
		s.KeyFiles = append(s.KeyFiles, whole)
	}
	fd, person := a.terminal()
	switch {
	case o.fd >= 0:
		s.Passphrase, err = a.passphraseFrom(o.fd)
	case has(vault.ByPassphrase) && person:
		s.Passphrase, err = a.askSecret(ctx, fd, "Passphrase of now: ")
	case len(s.KeyFiles) == 0:
		err = usage("neither passphrase nor key file was given").
			WithHint("use --key-file FILE, --passphrase-fd N with the passphrase on descriptor N, or both")
	}
	if err != nil {
		return s, err
	}
	if len(s.Passphrase) == 0 {
		s.Passphrase = nil
	}
	if has(vault.ByKeyring) {
		if s.Keyring, err = guard.Keyring(ctx, held).Keyring(); err != nil { // the way is dropped, which is asked
			a.inform("muster: %v", err)
		}
	}
	return s, nil
}

// unlockWith opens the folder by one of the secrets, which are not used up.
func unlockWith(s vault.Secrets) vault.Unlock {
	if s.Passphrase != nil {
		return vault.Unlock{Passphrase: func(bool) ([]byte, error) { return slices.Clone(s.Passphrase), nil }}
	}
	if len(s.KeyFiles) > 0 {
		return vault.Unlock{KeyFile: s.KeyFiles[0]}
	}
	return vault.Unlock{}
}

// rotateOpen rotates an open folder, after a person agreed to what is lost by it.
func (a *app) rotateOpen(ctx context.Context, v *vault.Vault, secrets vault.Secrets) (result rotated, err error) {
	renewal, err := v.Renew(secrets)
	switch {
	case errors.Is(err, vault.ErrWrongKeyring):
		secrets.Keyring = nil
		if renewal, err = v.Renew(secrets); err != nil {
			return result, explain(err)
		}
	case err != nil:
		return result, explain(err)
	}
	defer renewal.Forget()
	if result.Dropped = apiWays(renewal.Dropped()); len(result.Dropped) > 0 {
		var names []string
		for _, way := range result.Dropped {
			names = append(names, fmt.Sprintf("%d (%s)", way.Number, way.Kind))
		}
		a.inform("These ways to unlock the folder end, as what they need was not given: %s", strings.Join(names, ", "))
		if !a.confirm("Go on without them?") {
			return result, a.refusedUnlessYes()
		}
	}
	a.inform("Everything in %s is written anew under another key. If that is interrupted, nothing is lost.", v.Dir())
	err = rotation.Run(ctx, rotation.Config{
		Vault: v, Renewal: renewal, Reseal: hosted.Reseal,
		Told: func(bytes, of int64) { a.inform("copied %d MiB of about %d MiB", bytes>>20, of>>20) },
	})
	if errors.Is(err, rotation.ErrRoom) {
		return result, api.Errorf(api.CodeFailed, "%v", err).WithHint("make room on the volume of the folder, or move the folder to another: nothing was changed")
	}
	if err != nil {
		return result, fmt.Errorf("rotating the data key: %w", explain(err))
	}
	ways, err := v.Ways()
	result.Generation, result.Ways = v.Generation(), apiWays(ways)
	return result, err
}

// apiWays puts ways in the words of the API.
func apiWays(ways []vault.Way) (all []api.Way) {
	for _, w := range ways {
		way := api.Way{Number: w.Number, Kind: string(w.Kind)}
		if w.Cost != nil {
			way.Cost = &api.Cost{Passes: w.Cost.Time, MemoryKiB: w.Cost.Memory, Lanes: w.Cost.Threads}
		}
		all = append(all, way)
	}
	return all
}

func (r rotated) print(w io.Writer) {
	terminal.Printf(w, "The folder is under a new data key, its number %d. It is unlocked by:\n", int(r.Generation)+1)
	for _, way := range r.Ways {
		terminal.Printf(w, "  %d  %s\n", way.Number, terminal.Line(way.Kind))
	}
	terminal.Println(w, "Copies of the folder from before, and backups of it, still open with the old key.")
}
