package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

// prekeySource returns the prekeys that devices have published, as far as they have.
type prekeySource func(devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error)

// readyChain makes sure that the job's place has a chain that the devices know which may have what the job seals, and no
// others. It returns those that cannot have it yet because they have published no prekey. A chain is kept while devices are
// only added: it is announced to them as it stands, once there is something for them. When one that knows it is to get no
// more, or is not to have what the job seals, a new chain begins. [ENV-25]
func (o *organization) readyChain(job store.Job, fetch prekeySource) (absent []keys.PublicKey, err error) {
	for {
		o.mu.Lock()
		devices := o.devicesForLocked(job)
		out, err := o.outgoing(job.Place.ID(o.org))
		o.mu.Unlock()
		if err != nil {
			return nil, err
		}
		lacking, err := o.chainless(out, devices, o.now())
		if err != nil || len(lacking) == 0 && len(out.Chain) > 0 {
			return nil, err
		}
		prekeys, err := fetch(lacking)
		if err != nil {
			return nil, err
		}
		again, err := o.announce(job, devices, prekeys)
		if err != nil {
			return nil, err
		}
		if !again {
			return filter(lacking, func(d keys.PublicKey) bool { _, able := prekeys[d]; return !able }), nil
		}
	}
}

// chainless returns which of the devices that may have a job's message the place's chain has to be announced to: all, if a new
// one is due.
func (o *organization) chainless(out store.Outgoing, devices []keys.PublicKey, now time.Time) ([]keys.PublicKey, error) {
	worn, err := o.worn(out, devices, now)
	if err != nil || worn {
		return devices, err
	}
	return difference(devices, difference(out.Devices, out.Again)), nil
}

// worn reports whether a place needs a new chain whoever is lacking: there is none, it is due by count or age, or one that
// knows it is none of the devices that may have what is sealed next.
func (o *organization) worn(out store.Outgoing, devices []keys.PublicKey, now time.Time) (bool, error) {
	if len(out.Chain) == 0 || len(difference(out.Devices, devices)) > 0 {
		return true, nil
	}
	chain, err := envelope.UnmarshalChain(out.Chain)
	if err != nil {
		return false, fmt.Errorf("reading a chain: %w", err)
	}
	return chain.Due(now), nil
}

func (o *organization) outgoing(conversation keys.ConversationID) (out store.Outgoing, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		out, err = tx.Outgoing(o.org, conversation)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return out, err
}

// announce announces the chain of a job's place, a new one if that is due, to those of its devices that lack it and have a
// prekey. It reports whether to try again because the set of devices has changed meanwhile.
func (o *organization) announce(job store.Job, devices []keys.PublicKey, prekeys map[keys.PublicKey]envelope.Prekey) (again bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(devices, o.devicesForLocked(job)) {
		return true, nil
	}
	conversation := job.Place.ID(o.org)
	out, err := o.outgoing(conversation)
	if err != nil {
		return false, err
	}
	now := o.now()
	// A message may expire soon; the chain is for those that follow, too.
	job.Expires = max(job.Expires, now.Add(time.Duration(o.roll.State().Policy().QueueTime)*time.Second).Unix())
	worn, err := o.worn(out, devices, now)
	if err != nil {
		return false, err
	}
	if worn {
		chain, err := envelope.NewChain(rand.Reader, o.org, job.Place, o.device, now, o.roll.Size())
		if err != nil {
			return false, err
		}
		out.Place, out.Devices, out.Again, out.Chain = job.Place, nil, nil, chain.Marshal()
	}
	chain, err := envelope.UnmarshalChain(out.Chain)
	if err != nil {
		return false, fmt.Errorf("reading a chain: %w", err)
	}
	lacking, err := o.chainless(out, devices, now)
	if err != nil {
		return false, err
	}
	able := filter(lacking, func(d keys.PublicKey) bool { _, ok := prekeys[d]; return ok })
	most := max(1, announcedAtOnce/(announcementSize+len(job.Place.Members)*(keys.IDSize+2)))
	for {
		// A crash between two of these transactions leaves a chain that some devices lack: the next job tells them.
		next := able[:min(len(able), most)]
		able = able[len(next):]
		err = o.node.store.Update(func(tx *store.Tx) error {
			if err := o.announceTo(tx, job, chain, next, prekeys); err != nil {
				return err
			}
			out.Devices, out.Again = union(out.Devices, next), difference(out.Again, next)
			return tx.PutOutgoing(o.org, conversation, out)
		})
		if err != nil || len(able) == 0 {
			return false, err
		}
	}
}

// announceTo announces a chain of a job's place to devices. Callers hold mu.
func (o *organization) announceTo(tx *store.Tx, job store.Job, chain *envelope.Chain, devices []keys.PublicKey,
	prekeys map[keys.PublicKey]envelope.Prekey) error {
	for _, device := range devices {
		sealed, err := chain.Announce(rand.Reader, o.self, prekeys[device], o.metaLocked(job))
		if err != nil {
			return err
		}
		err = o.addWaiting(tx, store.Waiting{
			Pending: []keys.PublicKey{device}, Place: job.Place, Kind: uint8(envelope.KindAnnounce), Expires: job.Expires,
			Attempt: job.Attempt,
		}, sealed)
		if err != nil {
			return err
		}
	}
	return nil
}

// loseChain notes that a device does not have the chain of an envelope, unless that is an older one than the place has now:
// many messages of a lost chain are reported, and call for one announcement. Where two talk, a new chain begins; among more,
// one device does not cost all others a new one.
func (o *organization) loseChain(tx *store.Tx, w store.Waiting, device keys.PublicKey) error {
	if kind := envelope.Kind(w.Kind); kind == envelope.KindIntroduction || kind == envelope.KindReport || kind == envelope.KindAttestation {
		return nil
	}
	conversation := w.Place.ID(o.org)
	out, err := tx.Outgoing(o.org, conversation)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if len(out.Chain) == 0 {
		return nil
	}
	chain, err := envelope.UnmarshalChain(out.Chain)
	if err != nil {
		return fmt.Errorf("reading a chain: %w", err)
	}
	if chain.ID() != w.Chain {
		return nil
	}
	if len(w.Place.Members) <= 2 && w.Place.Group.IsZero() && w.Place.Guest.IsZero() {
		out.Chain, out.Devices, out.Again = nil, nil, nil
	} else {
		out.Again = union(out.Again, []keys.PublicKey{device})
	}
	return tx.PutOutgoing(o.org, conversation, out)
}
