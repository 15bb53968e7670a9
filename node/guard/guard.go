// Package guard keeps a node's folder: it has it unlocked and locked again, by a person's word, after a time without use or before
// the computer sleeps, and changes the ways to unlock it.
//
// It owns when the folder is locked, how often a passphrase may be tried, and the settings of that. It must not know what a node is,
// nor how a program rids itself of its memory: it only says that the time has come. Its outside is localapi.Guard.
//
// Spec: docs/spec/06-local-api.md [API-90] to [API-92], docs/spec/07-storage.md part 3.
package guard

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"muster.example/internal/sleep"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/vault"
)

// Config says whose folder is kept. Exactly one of Held and Vault is given.
type Config struct {
	Held  *vault.Held  // a folder that is locked
	Vault *vault.Vault // one that was unlocked already
	// Open is called with the unlocked vault, at most once. What it returns is what a person is told; the folder then stays unlocked.
	Open func(*vault.Vault) error
	// Explain gives an error of the vault the hint that a person needs. Nil: they have none.
	Explain func(error) error
	Log     *slog.Logger // nil: nothing is logged

	// Sleep tells when the computer sleeps. Nil: sleep.Watch.
	Sleep func(ctx context.Context, log *slog.Logger, asleep func())
}

// Guard keeps one folder. It implements localapi.Guard.
type Guard struct {
	config Config
	tries  localapi.Tries
	wanted chan struct{} // closed when the folder is to be locked
	want   sync.Once
	wake   chan struct{} // one: Run looks again

	mu       sync.Mutex // guards the following
	vault    *vault.Vault
	settings settings
	used     time.Time
}

var _ localapi.Guard = (*Guard)(nil)

// New returns the guard of a folder. Who unlocked it before has its settings read now.
func New(config Config) *Guard {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Sleep == nil {
		config.Sleep = sleep.Watch
	}
	if config.Explain == nil {
		config.Explain = func(err error) error { return err }
	}
	g := &Guard{config: config, wanted: make(chan struct{}), wake: make(chan struct{}, 1)}
	if config.Vault != nil {
		g.took(config.Vault)
	}
	return g
}

// took begins to keep an unlocked folder.
func (g *Guard) took(v *vault.Vault) {
	kept := readSettings(v, g.config.Log)
	g.mu.Lock()
	g.vault, g.settings, g.used = v, kept, time.Now()
	g.mu.Unlock()
	g.look()
}

// Vault returns the unlocked folder, nil while it is locked.
func (g *Guard) Vault() *vault.Vault {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.vault
}

// Wanted is closed when the folder is to be locked. Nothing comes after that.
func (g *Guard) Wanted() <-chan struct{} { return g.wanted }

// lock says that the time has come.
func (g *Guard) lock(why string) {
	g.want.Do(func() {
		g.config.Log.Info("the folder is locked", "because", why)
		close(g.wanted)
	})
}

// Used implements localapi.Guard.
func (g *Guard) Used() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used = time.Now()
}

// look has Run look again.
func (g *Guard) look() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Run watches for idleness and sleep, until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	watching := false
	watch := task.New(ctx)
	defer func() {
		watch.Stop()
		watch.Wait() //nolint:errcheck // it returns none
	}()
	for {
		idle, onSleep := g.left()
		switch {
		case onSleep && !watching:
			watch = task.New(ctx)
			watch.Go("sleep", func(ctx context.Context) error {
				g.config.Sleep(ctx, g.config.Log, func() { g.lock("the computer sleeps") })
				return nil
			})
		case !onSleep && watching:
			watch.Stop()
			watch.Wait() //nolint:errcheck // it returns none
		}
		watching = onSleep
		timer := time.NewTimer(idle)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-g.wake:
		case <-timer.C:
		}
		timer.Stop()
		if idle, _ := g.left(); idle <= 0 {
			g.lock("nobody used it")
			<-ctx.Done()
			return nil
		}
	}
}

// forever is how long a folder that is not to be locked may be idle: Run looks in between.
const forever = 24 * time.Hour

// left returns how much longer the folder may be idle, and whether it is to be locked when the computer sleeps.
func (g *Guard) left() (idle time.Duration, onSleep bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.vault == nil {
		return forever, false
	}
	if g.settings.IdleMinutes == 0 {
		return forever, g.settings.OnSleep
	}
	return time.Duration(g.settings.IdleMinutes)*time.Minute - time.Since(g.used), g.settings.OnSleep
}

// Lock implements localapi.Guard.
func (g *Guard) Lock(context.Context) (api.FolderLock, error) {
	g.mu.Lock()
	v, kept := g.vault, g.settings
	g.mu.Unlock()
	state := api.FolderLock{Locked: v == nil}
	var ways []vault.Way
	var err error
	if v == nil {
		state.New = g.config.Held.New()
		ways, err = g.config.Held.Ways()
	} else {
		state.IdleMinutes, state.OnSleep = kept.IdleMinutes, kept.OnSleep
		ways, err = v.Ways()
	}
	if err != nil {
		return api.FolderLock{}, g.config.Explain(err)
	}
	for _, w := range ways {
		way := api.Way{Number: w.Number, Kind: string(w.Kind)}
		if w.Cost != nil {
			way.Cost = &api.Cost{Passes: w.Cost.Time, MemoryKiB: w.Cost.Memory, Lanes: w.Cost.Threads}
		}
		state.Ways = append(state.Ways, way)
	}
	return state, nil
}

// LockNow implements localapi.Guard.
func (g *Guard) LockNow(ctx context.Context, _ api.LockFolderRequest) (api.FolderLock, error) {
	g.lock("a person said so")
	return api.FolderLock{Locked: true}, nil
}
