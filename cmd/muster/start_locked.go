package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/vault"
	"muster.example/node/web"
)

// unlocksInBrowser reports whether the page asks for the passphrase: because it was asked for, or because nothing was given to
// unlock with and nobody sits at a terminal.
func (a *app) unlocksInBrowser(o startOptions) bool {
	if o.inBrowser {
		return true
	}
	_, person := a.terminal()
	return o.keyFile == "" && o.passphraseFD < 0 && !person
}

// lockedStart is a start whose folder a person unlocks on the page.
type lockedStart struct {
	held   *vault.Held
	log    *slog.Logger
	server *localapi.Server
	opened chan openedDevice // one: what the node's goroutine waits for
	vault  *vault.Vault      // set by unlock, read when no handler runs any more
}

// openedDevice is the device of the unlocked folder, or why there is none.
type openedDevice struct {
	device device
	err    error
}

// startLocked serves the page that asks for the passphrase, and the node from when it was given.
func (a *app) startLocked(ctx context.Context, dir, address string, log *slog.Logger) error {
	held, err := vault.Hold(dir)
	if err != nil {
		return explain(err)
	}
	l := &lockedStart{held: held, log: log, opened: make(chan openedDevice, 1)}
	defer l.close()
	if err := held.TakesPassphrase(); err != nil {
		return explain(err)
	}
	pages, err := web.NewLocked(web.LockedConfig{New: held.New(), Unlock: l.unlock, Version: version, Log: log})
	if err != nil {
		return err
	}
	if l.server, err = localapi.Listen(localapi.Config{Dir: dir, Web: address, Pages: pages, Log: log}); err != nil {
		return err
	}
	log.Info("the node starts, locked", "version", version)
	err = a.serve(ctx, l.run, l.server)
	log.Info("the node has stopped", "error", err)
	return err
}

// unlock opens the folder, and with it the node. The page calls it, one call at a time, and not again after one that worked.
func (l *lockedStart) unlock(passphrase []byte) error {
	v, err := l.held.Open(vault.Unlock{Passphrase: func(bool) ([]byte, error) { return passphrase, nil }})
	switch {
	case errors.Is(err, vault.ErrWrongPassphrase):
		return api.Errorf(api.CodeRefused, "wrong passphrase")
	case err != nil:
		return explain(err)
	}
	l.vault = v
	d, err := newDevice(v, l.log)
	if err != nil {
		err = fmt.Errorf("opening the store: %w", err)
		l.opened <- openedDevice{err: err}
		return err
	}
	pages, err := web.New(web.Config{Backend: d, Version: version, Log: l.log})
	if err != nil {
		err = errors.Join(err, d.Close())
		l.opened <- openedDevice{err: err}
		return err
	}
	l.server.Open(d, pages)
	l.opened <- openedDevice{device: d}
	return nil
}

// run waits until the folder is unlocked, and runs the node. The API has ended before ctx does: nobody unlocks it then.
func (l *lockedStart) run(ctx context.Context) error {
	select {
	case o := <-l.opened:
		return o.run(ctx)
	case <-ctx.Done():
	}
	select {
	case o := <-l.opened: // in the last moment: it closes what it opened
		return o.run(ctx)
	default:
		return nil
	}
}

func (o openedDevice) run(ctx context.Context) error {
	if o.err != nil {
		return o.err
	}
	return o.device.Run(ctx)
}

func (l *lockedStart) close() {
	if l.vault != nil {
		l.vault.Close() //nolint:errcheck // the program ends
	}
	l.held.Close() //nolint:errcheck // as above
}
