package guard

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	mock "github.com/zalando/go-keyring"

	"muster.example/node/api"
	"muster.example/node/vault"
)

const right = "five lamps under the old bridge"

func unlockBy(passphrase string) vault.Unlock {
	return vault.Unlock{
		Passphrase: func(bool) ([]byte, error) { return []byte(passphrase), nil },
		Parameters: &vault.Parameters{Time: 1, Memory: 64, Threads: 1},
	}
}

func openVault(t *testing.T, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(dir, unlockBy(right))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newGuard(t *testing.T, config Config) *Guard {
	t.Helper()
	if config.Sleep == nil {
		config.Sleep = func(ctx context.Context, _ *slog.Logger, _ func()) { <-ctx.Done() }
	}
	return New(config)
}

func key(passphrase string) api.Key { return api.Key{Passphrase: []byte(passphrase)} }

func isWanted(g *Guard) bool {
	select {
	case <-g.Wanted():
		return true
	default:
		return false
	}
}

// The folder locks itself after a time without use; each use begins it anew, and a choice holds at once.
func TestLocksWhenIdle(t *testing.T) {
	v := openVault(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g, ended := newGuard(t, Config{Vault: v}), make(chan struct{})
		go func() { g.Run(ctx); close(ended) }()
		time.Sleep(100 * time.Hour)
		if isWanted(g) {
			t.Error("it locks itself though nobody chose so")
		}
		minutes := 10
		if _, err := g.SetLock(ctx, api.LockSettings{IdleMinutes: &minutes}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(9 * time.Minute)
			if g.Used(); isWanted(g) {
				t.Fatal("it locks itself while it is used")
			}
		}
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		if isWanted(g) {
			t.Error("too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !isWanted(g) {
			t.Error("it does not lock itself")
		}
		cancel()
		<-ended
	})
}

// A sleep locks it if that was chosen, and is not even watched for if not.
func TestLocksOnSleep(t *testing.T) {
	v := openVault(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		watching, asleep := 0, make(chan struct{})
		g := newGuard(t, Config{Vault: v, Sleep: func(ctx context.Context, _ *slog.Logger, sleeps func()) {
			watching++
			defer func() { watching-- }()
			for {
				select {
				case <-ctx.Done():
					return
				case <-asleep:
					sleeps()
				}
			}
		}})
		ended := make(chan struct{})
		go func() { g.Run(ctx); close(ended) }()
		for _, on := range []bool{true, false, true} {
			if _, err := g.SetLock(ctx, api.LockSettings{OnSleep: &on}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if (watching == 1) != on {
				t.Errorf("on sleep %v: %d watch", on, watching)
			}
		}
		asleep <- struct{}{}
		synctest.Wait()
		if !isWanted(g) {
			t.Error("a sleep does not lock it")
		}
		cancel()
		<-ended
	})
}

// When it locks itself is kept in the folder, and refused when it makes no sense.
func TestSettingsLast(t *testing.T) {
	dir := t.TempDir()
	v := openVault(t, dir)
	g := newGuard(t, Config{Vault: v})
	minutes, on := 42, true
	if _, err := g.SetLock(t.Context(), api.LockSettings{IdleMinutes: &minutes}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.SetLock(t.Context(), api.LockSettings{OnSleep: &on}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []int{-1, api.MaxIdleMinutes + 1} {
		if _, err := g.SetLock(t.Context(), api.LockSettings{IdleMinutes: &bad}); api.AsError(err) == nil || api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%d minutes: %v", bad, err)
		}
	}
	v.Close()
	again := newGuard(t, Config{Vault: openVault(t, dir)})
	if state, err := again.Lock(t.Context()); err != nil || state.IdleMinutes != 42 || !state.OnSleep {
		t.Errorf("%+v, %v", state, err)
	}
}

// A locked folder tells how it is unlocked and nothing else, and guesses become slow.
func TestUnlock(t *testing.T) {
	dir := t.TempDir()
	v := openVault(t, dir)
	minutes := 42
	if _, err := newGuard(t, Config{Vault: v}).SetLock(t.Context(), api.LockSettings{IdleMinutes: &minutes}); err != nil {
		t.Fatal(err)
	}
	v.Close()
	held, err := vault.Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	opened := 0
	g := newGuard(t, Config{Held: held, Open: func(v *vault.Vault) error { opened++; t.Cleanup(func() { v.Close() }); return nil }})
	if state, err := g.Lock(t.Context()); err != nil || !state.Locked || state.IdleMinutes != 0 || len(state.Ways) != 1 {
		t.Errorf("locked it says %+v, %v", state, err)
	}
	for _, none := range []api.Key{{}, {Passphrase: []byte(right), Keyring: true}} {
		if _, err := g.Unlock(t.Context(), none); api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%+v: %v", none, err)
		}
	}
	if _, err := g.Unlock(t.Context(), key("wrong")); api.AsError(err).Reason != "wrong-passphrase" {
		t.Errorf("a wrong passphrase: %v", err)
	}
	state, err := g.Unlock(t.Context(), key(right))
	if err != nil || state.Locked || state.IdleMinutes != 42 || opened != 1 {
		t.Errorf("%+v, %v; opened %d times", state, err, opened)
	}
	if _, err := g.Unlock(t.Context(), key("wrong")); err != nil || opened != 1 {
		t.Errorf("what is unlocked: %v; opened %d times", err, opened)
	}
	for range 5 {
		if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key("wrong"), KeyFile: filepath.Join(dir, "k")}); api.AsError(err).Reason != "wrong-passphrase" {
			t.Fatalf("a wrong proof: %v", err)
		}
	}
	if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key(right), KeyFile: filepath.Join(dir, "k")}); api.AsError(err).Reason != "unlock-wait" {
		t.Errorf("after five wrong ones the next is tried: %v", err)
	}
}

func kindsOf(state api.FolderLock) (kinds []string) {
	for _, w := range state.Ways {
		kinds = append(kinds, w.Kind)
	}
	return kinds
}

// The keyring is a way beside the passphrase, and without one the passphrase works.
func TestKeyring(t *testing.T) {
	mock.MockInit()
	dir := t.TempDir()
	v := openVault(t, dir)
	g := newGuard(t, Config{Vault: v})
	if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key("wrong"), Keyring: true}); api.AsError(err).Reason != "wrong-passphrase" {
		t.Errorf("a wrong proof: %v", err)
	}
	if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: api.Key{Keyring: true}, Keyring: true}); api.AsError(err).Code != api.CodeUsage {
		t.Errorf("the keyring as its own proof: %v", err)
	}
	state, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key(right), Keyring: true})
	if err != nil || !slices.Equal(kindsOf(state), []string{api.WayPassphrase, api.WayKeyring}) {
		t.Fatalf("%+v, %v", state, err)
	}
	opens := func() error {
		t.Helper()
		v.Close()
		held, err := vault.Hold(dir)
		if err != nil {
			t.Fatal(err)
		}
		byKeyring, err := held.Open(Keyring(t.Context(), held))
		if err == nil {
			byKeyring.Close()
		}
		held.Close()
		v = openVault(t, dir)
		g = newGuard(t, Config{Vault: v})
		return err
	}
	if err := opens(); err != nil {
		t.Errorf("the keyring does not open it: %v", err)
	}
	mock.MockInitWithError(errors.New("no bus"))
	if err := opens(); api.AsError(err).Reason != "keyring-none" {
		t.Errorf("without a keyring: %v", err)
	}
	mock.MockInit()
	if err := opens(); api.AsError(err).Reason != "keyring-missing" {
		t.Errorf("an empty keyring: %v", err)
	}
	if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key(right), Remove: []int{1}}); api.AsError(err).Reason != "last-way" {
		t.Errorf("the passphrase goes though only the keyring is left: %v", err)
	}
	state, err = g.ChangeWays(t.Context(), api.WaysRequest{Proof: key(right), Remove: []int{2}})
	if err != nil || !slices.Equal(kindsOf(state), []string{api.WayPassphrase}) {
		t.Errorf("%+v, %v", state, err)
	}
	mock.MockInitWithError(errors.New("no bus"))
	if _, err := g.ChangeWays(t.Context(), api.WaysRequest{Proof: key(right), Keyring: true}); api.AsError(err).Reason != "keyring-none" {
		t.Errorf("turned on without a keyring: %v", err)
	}
	if state, err := g.Lock(t.Context()); err != nil || len(state.Ways) != 1 {
		t.Errorf("what failed left %+v, %v", state, err)
	}
}
