package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/landing"
	"muster.example/node/store"
)

// The choices of whose bar this device obeys, beside devices.
const (
	obeyRecovery = "recovery-only"
	obeyNobody   = "nobody"
)

func obeysText(c store.Choice) string {
	switch {
	case c.Nobody:
		return obeyNobody
	case !c.Device.IsZero():
		return c.Device.String()
	default:
		return obeyRecovery
	}
}

// Wiper chooses whose bar may have this device remove its data of an organization: the recovery key's alone, nobody's,
// or also a device's. It is a choice of this device: nothing that anybody signs changes it.
func (n *Node) Wiper(_ context.Context, request api.WiperRequest) (api.WiperResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.WiperResult{}, err
	}
	choice, err := o.choice()
	if err != nil {
		return api.WiperResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	next := store.Choice{Number: choice.Number}
	switch request.Obey {
	case "":
		return api.WiperResult{Org: o.org.String(), Obey: obeysText(choice)}, nil
	case obeyRecovery:
	case obeyNobody:
		next.Nobody = true
	default:
		if next.Device, err = o.findDeviceLocked(request.Obey); err != nil {
			return api.WiperResult{}, err
		}
	}
	err = n.store.Update(func(tx *store.Tx) error { return tx.PutChoice(o.org, next) })
	return api.WiperResult{Org: o.org.String(), Obey: obeysText(next)}, err
}

// errWiped ends the run of an organization whose data is to be removed.
var errWiped = errors.New("the organization's data is being removed")

// obeysLocked reports whether a bar by a key can have this device remove its data: the account's recovery key as this
// device knows it, or the device that its owner chose. A thief's device is neither, whatever it is senior to. Callers
// hold mu.
func (o *organization) obeysLocked(signer keys.PublicKey) bool {
	choice, err := o.choice()
	if err != nil || choice.Nobody {
		return false
	}
	self, _ := o.roll.State().Member(o.member)
	return signer == self.Recovery || signer == choice.Device && !signer.IsZero()
}

// beginWipeLocked stores that the data goes, so that a crash keeps nothing of it. Callers hold mu.
func (o *organization) beginWipeLocked(by keys.PublicKey) error {
	wiped := store.Wiped{Org: o.org, Time: time.Now().UnixMilli(), By: o.signerTextLocked(by)}
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutWiped(wiped) }); err != nil {
		return err
	}
	o.log.Warn("removing this organization's data, as the bar of this device asks", "by", wiped.By)
	return errWiped
}

// wipe forgets an organization and removes all its data, of which nothing is used any more.
func (n *Node) wipe(org keys.OrgID) error {
	n.mu.Lock()
	delete(n.organizations, org)
	n.mu.Unlock()
	if err := n.erase(org); err != nil {
		return fmt.Errorf("removing an organization's data: %w", err)
	}
	n.log.Warn("an organization's data was removed", "org", org.Short())
	n.hub.publish(api.Event{Kind: api.EventOrg, Time: time.Now().UTC(), Org: org.String()})
	return nil
}

// erase removes what is stored of an organization, its files of evidence too, and notes that it is done.
func (n *Node) erase(org keys.OrgID) error {
	if err := errors.Join(landing.Remove(n.config.Landing, n.config.Key, org), n.store.Erase(org), n.resetIndex()); err != nil {
		return err
	}
	if n.config.Evidence != "" {
		if err := eraseEvidence(n.config.Evidence, org); err != nil {
			return err
		}
	}
	return n.store.Update(func(tx *store.Tx) error {
		all, err := tx.Wipes()
		for _, w := range all {
			if w.Org == org {
				w.Done = true
				err = errors.Join(err, tx.PutWiped(w))
			}
		}
		return err
	})
}

// finishWipes goes on with what a run that ended began.
func (n *Node) finishWipes() error {
	var all []store.Wiped
	err := n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Wipes()
		return err
	})
	for _, w := range all {
		if err == nil && !w.Done {
			err = n.erase(w.Org)
		}
	}
	return err
}

// wiped lists the organizations whose data was removed.
func (n *Node) wiped() (list []api.Wiped, err error) {
	err = n.store.View(func(tx *store.Tx) error {
		all, err := tx.Wipes()
		for _, w := range all {
			list = append(list, api.Wiped{Org: w.Org.String(), Time: time.UnixMilli(w.Time).UTC(), By: w.By})
		}
		return err
	})
	return list, err
}
