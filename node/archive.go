package node

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// attestedAlways is how many devices a place may have for each of them to attest every message: of more, about so many do.
const attestedAlways = 16

// archivedLocked reports whether a designated account takes part at a place: then the archive gets what is said there. [ROLL-164]
// Callers hold mu.
func (o *organization) archivedLocked(place envelope.Place) bool {
	state := o.roll.State()
	_, named := state.ArchiveTerms()
	switch {
	case !named:
		return false
	case !place.Group.IsZero():
		return state.GroupArchived(place.Group)
	case !place.Guest.IsZero():
		return state.Archived(place.Guest) || state.AnyArchived(state.DeskMembers()...)
	}
	return state.AnyArchived(place.Members...)
}

// archiveLocked returns the archive that is to have what is sealed at a place, false if none is. It is what every way of an envelope
// owes its copy to: all go by a rendezvous node as yet. [ARC-4] Callers hold mu.
func (o *organization) archiveLocked(place envelope.Place) (service keys.PublicKey, archived bool) {
	if !o.archivedLocked(place) {
		return keys.PublicKey{}, false
	}
	terms, _ := o.roll.State().ArchiveTerms()
	return terms.Service, true
}

// withArchiveLocked adds the archive to the devices of a place, if it is to have what is sealed there. It stands among them as one more, that
// announcements, custody and receipts treat alike. Callers hold mu.
func (o *organization) withArchiveLocked(place envelope.Place, devices []keys.PublicKey) []keys.PublicKey {
	service, archived := o.archiveLocked(place)
	if !archived {
		return devices
	}
	return union(devices, []keys.PublicKey{service})
}

// isArchive reports whether a key is that of an archive's service rather than of a device, in force or before.
func isArchive(state *membership.State) func(keys.PublicKey) bool {
	return func(key keys.PublicKey) bool { is, _ := state.IsArchive(key); return is }
}

// archiveKeyLocked returns the key that what is for a service is sealed to. Callers hold mu.
func (o *organization) archiveKeyLocked(service keys.PublicKey) (envelope.ArchiveKey, error) {
	all := o.roll.State().Archives()
	at := slices.IndexFunc(all, func(a membership.NamedArchive) bool { return a.Service == service })
	if at < 0 {
		return envelope.ArchiveKey{}, fmt.Errorf("the roll names no archive of %s", service.Short())
	}
	return envelope.NewArchiveKey(o.org, service, all[at].Key)
}

// orArchive is a source of prekeys that has the archive's key, which lies on the roll, beside those of another.
func (o *organization) orArchive(fetch prekeySource) prekeySource {
	return func(devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) {
		o.mu.Lock()
		is := isArchive(o.roll.State())
		services := filter(devices, is)
		o.mu.Unlock()
		found, err := fetch(difference(devices, services))
		if err != nil || len(services) == 0 {
			return found, err
		}
		if found == nil {
			found = make(map[keys.PublicKey]envelope.Prekey)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, service := range services {
			key, err := o.archiveKeyLocked(service)
			if err != nil {
				return nil, err
			}
			found[service] = key.Prekey()
		}
		return found, nil
	}
}

// archiveSlotLocked returns the archive's slot for an introduction or report of this account with others, false if it is to have
// none. [ARC-3] Callers hold mu.
func (o *organization) archiveSlotLocked(others ...keys.MemberID) (slot envelope.Prekey, service keys.PublicKey, archived bool, err error) {
	state := o.roll.State()
	terms, ok := state.ArchiveTerms()
	if !ok || !state.Archived(o.member) && !state.AnyArchived(others...) {
		return slot, service, false, nil
	}
	key, err := o.archiveKeyLocked(terms.Service)
	return key.Prekey(), terms.Service, err == nil, err
}

// amongArchivesLocked returns the archive among the receivers of an envelope, zero for none. Callers hold mu.
func (o *organization) amongArchivesLocked(receivers []keys.PublicKey) (service keys.PublicKey) {
	if found := filter(receivers, isArchive(o.roll.State())); len(found) > 0 {
		return found[0]
	}
	return service
}

// sealForArchive has an envelope sealed anew that the rendezvous node did not take, since it is not for the archive: the own roll did not
// say yet that it touches a designated account. It is fetched first. [RV-151]
func (o *organization) sealForArchive(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, effects *effects) error {
	o.archiveAsked.Store(true)
	wake(o.wakeRoll)
	if w.Attempt+1 >= maxAttempts {
		return o.refused(tx, w, devices, wire.StatusArchive, effects)
	}
	if err := o.strike(tx, w, devices); err != nil {
		return err
	}
	lacking := o.membersDevicesLocked(devices)
	if len(lacking) == 0 { // all have it; what an archive of before was not given, is not given to another
		return nil
	}
	return o.sealAnew(tx, w, lacking, effects)
}

// membersDevicesLocked returns keys without those of archives. Callers hold mu.
func (o *organization) membersDevicesLocked(all []keys.PublicKey) []keys.PublicKey {
	is := isArchive(o.roll.State())
	return filter(all, func(d keys.PublicKey) bool { return !is(d) })
}

// knowArchive fetches the roll if the rendezvous node has asked for an archive that it may lack.
func (o *organization) knowArchive(ctx context.Context, client *rvclient.Client) error {
	if client == nil || !o.archiveAsked.Swap(false) {
		return nil
	}
	return o.catchUp(ctx, client)
}

// attested is what this device opened and owes the archive a word of.
type attested struct {
	envelope.Attested
	service keys.PublicKey
}

// attestLocked notes an envelope that was opened, if the archive is to hear of it: from a designated account, or to one of this account's.
// In a large place about a constant number of devices say so. [ARC-5] Callers hold mu.
func (o *organization) attestLocked(e envelope.Envelope, content keys.ContentID, from keys.MemberID, place envelope.Place, effects *effects) {
	state := o.roll.State()
	terms, ok := state.ArchiveTerms()
	if !ok || from == o.member || !state.AnyArchived(o.member, from) {
		return
	}
	if devices := len(o.devicesLocked(place)); !state.Archived(o.member) && devices > attestedAlways && mathrand.IntN(devices) >= attestedAlways {
		return
	}
	effects.attested = append(effects.attested, attested{envelope.Attested{Envelope: e.ID(), Content: content}, terms.Service})
}

// attest seals what is owed to the archive, and has it posted: in the transaction that stores what was opened. Callers hold mu.
func (o *organization) attest(tx *store.Tx, effects *effects) error {
	for len(effects.attested) > 0 {
		service := effects.attested[0].service
		var seen []envelope.Attested
		for _, a := range effects.attested[:min(len(effects.attested), envelope.MaxAttested)] {
			seen = append(seen, a.Attested)
		}
		effects.attested = effects.attested[len(seen):]
		key, err := o.archiveKeyLocked(service)
		if err != nil {
			return err
		}
		expires := o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
		sealed, err := envelope.SealAttestation(rand.Reader, o.self, key, seen, envelope.Meta{RollSize: o.roll.Size(), Expires: expires})
		if err != nil {
			return err
		}
		err = o.addWaiting(tx, store.Waiting{
			Pending: []keys.PublicKey{service}, Place: o.with(), Kind: uint8(envelope.KindAttestation), Expires: expires,
		}, sealed)
		if err != nil {
			return err
		}
		effects.post = true
	}
	return nil
}
