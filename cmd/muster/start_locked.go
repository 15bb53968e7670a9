package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"muster.example/node/api"
	"muster.example/node/guard"
	"muster.example/node/localapi"
	"muster.example/node/vault"
	"muster.example/node/web"
)

// starting is a start of the node: of a folder that is unlocked, or will be while it is served.
type starting struct {
	app     *app
	dir     string
	options startOptions
	log     *slog.Logger

	held   *vault.Held
	guard  *guard.Guard
	server *localapi.Server
	opened chan openedDevice // one: what the node's goroutine waits for

	left     *localapi.Left // set by leave, read when it has ended
	lock     *os.File       // as that
	replaced sync.Once
}

// openedDevice is the device of the unlocked folder, or why there is none.
type openedDevice struct {
	device device
	err    error
}

// begin holds the folder, unlocks it if it can be without the page, and listens.
func (a *app) begin(ctx context.Context, dir string, o startOptions, log *slog.Logger) (_ *starting, err error) {
	s := &starting{app: a, dir: dir, options: o, log: log, opened: make(chan openedDevice, 1)}
	var taken *localapi.Left
	if s.held, taken, err = o.hold(dir); err != nil {
		return nil, explain(err)
	}
	defer func() {
		if err != nil {
			taken.Close()
			s.close()
		}
	}()
	v, err := s.unlockFirst(ctx)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return s, s.beginLocked(taken)
	}
	s.guard = guard.New(guard.Config{Vault: v, Explain: explain, Log: log})
	d, err := newDevice(v, log, o.noDirect)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	pages, err := web.New(web.Config{Backend: d, Guard: s.guard, Version: version, Log: log})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	s.server, err = localapi.Listen(localapi.Config{Backend: d, Dir: dir, Web: o.address, Pages: pages, Guard: s.guard, Log: log})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	s.opened <- openedDevice{device: d}
	return s, nil
}

// unlockFirst unlocks the folder by what was given to start, by the keyring or on the terminal. It returns nil if the page is to ask:
// because it was asked for, because the folder was locked while its node ran, or because nothing was given and nobody sits at a
// terminal.
func (s *starting) unlockFirst(ctx context.Context) (*vault.Vault, error) {
	o, a := s.options, s.app
	if o.inBrowser || o.taken != "" {
		return nil, nil
	}
	ways, err := s.held.Ways()
	if err != nil {
		return nil, explain(err)
	}
	given := o.keyFile != "" || o.passphraseFD >= 0
	if !given && slices.ContainsFunc(ways, func(w vault.Way) bool { return w.Kind == vault.ByKeyring }) {
		v, err := s.held.Open(guard.Keyring(ctx, s.held))
		if err == nil {
			return v, nil
		}
		a.inform("muster: the keyring did not unlock the folder: %v", err)
	}
	if _, person := a.terminal(); !given && !person {
		return nil, nil
	}
	unlock, err := a.unlock(ctx, o.keyFile, o.passphraseFD)
	if err != nil {
		return nil, err
	}
	v, err := s.held.Open(unlock)
	if err != nil {
		return nil, explain(err)
	}
	return v, nil
}

// beginLocked serves the page that asks for the passphrase, and the node from when it was given.
func (s *starting) beginLocked(taken *localapi.Left) error {
	ways, err := s.held.Ways()
	if err != nil {
		return explain(err)
	}
	kinds := make([]string, 0, len(ways))
	for _, w := range ways {
		kinds = append(kinds, string(w.Kind))
	}
	if onlyKeyFiles := !s.held.New() && !slices.Contains(kinds, api.WayPassphrase); onlyKeyFiles && s.options.taken == "" {
		return explain(s.held.TakesPassphrase())
	}
	s.guard = guard.New(guard.Config{Held: s.held, Open: s.open, Explain: explain, Log: s.log})
	pages, err := web.NewLocked(web.LockedConfig{
		New: s.held.New(), Ways: kinds, Version: version, Log: s.log,
		Unlock: func(ctx context.Context, key api.Key) error {
			_, err := s.guard.Unlock(ctx, key)
			return err
		},
	})
	if err != nil {
		return err
	}
	s.server, err = localapi.Listen(localapi.Config{
		Dir: s.dir, Web: s.options.address, Pages: pages, Guard: s.guard, Left: taken, Log: s.log,
	})
	return err
}

// open makes the node of a folder that was unlocked while it was served.
func (s *starting) open(v *vault.Vault) error {
	fail := func(err error) error {
		s.opened <- openedDevice{err: err}
		return err
	}
	d, err := newDevice(v, s.log, s.options.noDirect)
	if err != nil {
		return fail(fmt.Errorf("opening the store: %w", err))
	}
	pages, err := web.New(web.Config{Backend: d, Guard: s.guard, Version: version, Log: s.log})
	if err != nil {
		return fail(errors.Join(err, d.Close()))
	}
	s.server.Open(d, pages)
	s.opened <- openedDevice{device: d}
	return nil
}

// run waits until the folder is unlocked, and runs the node. The API has ended before ctx does: nobody unlocks it then.
func (s *starting) run(ctx context.Context) error {
	select {
	case o := <-s.opened:
		return o.run(ctx)
	case <-ctx.Done():
	}
	select {
	case o := <-s.opened: // in the last moment: it closes what it opened
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

func (s *starting) close() {
	if s.guard != nil {
		if v := s.guard.Vault(); v != nil {
			v.Close() //nolint:errcheck // the program ends
		}
	}
	s.held.Close() //nolint:errcheck // as above
}

// locking reports whether the folder is to be locked, or already is being.
func (s *starting) locking() bool {
	select {
	case <-s.guard.Wanted():
		return s.guard.Vault() != nil
	default:
		return false
	}
}

// leave makes ready what goes to the program that takes this one's place. A node that does not stop in time is cut off: whatever
// happens, what was unlocked does not stay in memory.
func (s *starting) leave() {
	left, err := s.server.HandOver()
	if err != nil {
		s.log.Warn("the locked node listens anew", "error", err)
		left = new(localapi.Left)
	}
	s.left = left
	if s.lock, err = s.guard.Vault().HandOver(); err != nil {
		s.log.Warn("the locked node takes the folder's lock anew", "error", err)
	}
	time.AfterFunc(stopLimit, func() {
		s.app.inform("muster: the node did not stop within %s and is cut off", stopLimit)
		s.replace() //nolint:errcheck // it ends the program
	})
}

// replace has another program take the place of this one, with the folder locked: none of the memory that held keys and messages is
// left. It returns only if that cannot be done.
func (s *starting) replace() error {
	s.replaced.Do(func() {
		err := replaceProgram(s.dir, s.options, s.lock, s.left)
		s.app.inform("muster: error: locking: %v", err)
		os.Exit(1)
	})
	return nil
}
