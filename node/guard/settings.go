package guard

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"muster.example/node/api"
	"muster.example/node/vault"
)

// SettingsFile lies in the folder, sealed. Without it the folder never locks itself. [STO-71]
const SettingsFile = "settings"

// maxSettings is the most bytes of it.
const maxSettings = 1 << 10

// settings say when the folder locks itself. They are this device's, and the JSON is that of the file: fields that a version does
// not know it leaves out.
type settings struct {
	IdleMinutes int  `json:"idle_minutes"`
	OnSleep     bool `json:"on_sleep"`
}

func readSettings(v *vault.Vault, log *slog.Logger) (s settings) {
	data, err := v.ReadSealed(SettingsFile, maxSettings)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return settings{}
	case err != nil || s.IdleMinutes < 0 || s.IdleMinutes > api.MaxIdleMinutes:
		log.Error("when the folder locks itself is not readable: it does not, until that is chosen again", "error", err)
		return settings{}
	}
	return s
}

// SetLock implements localapi.Guard.
func (g *Guard) SetLock(ctx context.Context, chosen api.LockSettings) (api.FolderLock, error) {
	if m := chosen.IdleMinutes; m != nil && (*m < 0 || *m > api.MaxIdleMinutes) {
		return api.FolderLock{}, api.Errorf(api.CodeUsage, "the folder cannot lock itself after %d minutes", *m).
			WithHint("give 1 to %d, or 0 for never", api.MaxIdleMinutes)
	}
	if err := g.keep(chosen); err != nil {
		return api.FolderLock{}, err
	}
	g.look()
	return g.Lock(ctx)
}

func (g *Guard) keep(chosen api.LockSettings) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := g.settings
	if chosen.IdleMinutes != nil {
		kept.IdleMinutes = *chosen.IdleMinutes
	}
	if chosen.OnSleep != nil {
		kept.OnSleep = *chosen.OnSleep
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if err := g.vault.WriteSealed(SettingsFile, data); err != nil {
		return err
	}
	g.settings, g.used = kept, time.Now() // who chooses is there
	return nil
}
