package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// exclusion is why this device may not act in an organization, as it was told.
type exclusion struct {
	store.Exclusion
	Standing membership.Standing
	By       keys.PublicKey // who signed the entry that made it so; zero if it was not shown
}

// excluded returns why this device may not act, or nil if it may.
func (o *organization) excluded() *exclusion {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.exclusion
}

// readExclusion reads what the last run was told.
func (o *organization) readExclusion(tx *store.Tx) error {
	kept, err := tx.Exclusion(o.org)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	o.exclusion = newExclusion(kept)
	return nil
}

func newExclusion(kept store.Exclusion) *exclusion {
	e := &exclusion{Exclusion: kept, Standing: membership.Standing(kept.Standing)}
	if event, err := membership.ReadEvent(kept.Event); err == nil {
		e.By = event.Signer
	}
	return e
}

// exclusionLocked describes why this device may not act, nil if it may. Callers hold mu.
func (o *organization) exclusionLocked() *api.Exclusion {
	e := o.exclusion
	if e == nil {
		return nil
	}
	described := &api.Exclusion{Standing: e.Standing.String(), Proved: len(e.Event) > 0}
	if e.Standing == membership.StandingNone {
		described.Standing, described.Why = "restored", o.node.restorationText(o.org)
	}
	if e.Time > 0 {
		described.Since = time.UnixMilli(e.Time).UTC()
	}
	if !e.By.IsZero() {
		described.By = o.signerTextLocked(e.By)
	}
	if e.Wipe > 0 {
		described.WipeAt = time.UnixMilli(e.Wipe).UTC()
	}
	return described
}

// mayAct returns nil, or why this device may do nothing in the organization.
func (o *organization) mayAct() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.exclusionLocked()
	if e == nil {
		if _, ok := o.personOfLocked(o.device); !ok && !o.isConfirmedLocked() {
			return api.Errorf(api.CodeRefused, "%s has not taken you as a member: what is here of it can only be read", o.roll.State().OrgName()).
				WithHint("`muster status` says why; to join by another invitation: muster join --give-up %q first, which deletes what is here", o.roll.State().OrgName())
		}
		return nil
	}
	if o.exclusion.Standing == membership.StandingNone {
		return api.Errorf(api.CodeRefused, "%s can only be read on this device: %s", o.roll.State().OrgName(), e.Why).
			WithHint("`muster status` says more; with the words: muster device recover CARD")
	}
	who := "this device is " + e.Standing
	if o.exclusion.Standing == membership.StandingSuspended || o.exclusion.Standing == membership.StandingRemoved {
		who = "you are " + e.Standing
	}
	why := fmt.Sprintf("%s in %s", who, o.roll.State().OrgName())
	if !e.Since.IsZero() {
		why += " since " + e.Since.Format(time.RFC3339)
	}
	if e.By != "" {
		why += ", by " + e.By
	}
	return api.Errorf(api.CodeRefused, "%s", why).WithHint("`muster device list` says more; `muster device recover` uses the recovery words")
}

// setHost says through which host the organization can be reached while it runs.
func (o *organization) setHost(local host.Host) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.host = local
	o.noteChangeLocked()
}
