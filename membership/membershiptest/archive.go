package membershiptest

import (
	"crypto/hpke"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// ArchiveKey returns the next private key of the seed to which an archive's messages are sealed.
func (o *Org) ArchiveKey() hpke.PrivateKey {
	o.t.Helper()
	seed := o.Key().Seed()
	key, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		o.t.Fatalf("making the archive's key: %v", err)
	}
	return key
}

// ArchiveSetting returns an archive whose service has a key, and that fails open beyond 64 MiB or a day.
func (o *Org) ArchiveSetting(service keys.PublicKey) membership.ArchiveSetting {
	return membership.ArchiveSetting{
		Service: service, Key: o.ArchiveKey().PublicKey().Bytes(), Label: "Records", Mode: membership.ArchiveOpen,
		Bytes: 64 << 20, Age: 24 * 3600,
	}
}

// ArchiveEvent returns the event by which a key sets the archive, designates and releases accounts.
func (o *Org) ArchiveEvent(by keys.PrivateKey, archive membership.Archive) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Archive = &archive })
}

// SetArchive appends an event that sets the archive.
func (o *Org) SetArchive(by keys.PrivateKey, setting membership.ArchiveSetting) membership.Entry {
	o.t.Helper()
	return o.Append(o.ArchiveEvent(by, membership.Archive{Set: &setting}))
}

// Designate appends an event that designates accounts.
func (o *Org) Designate(by keys.PrivateKey, members ...*Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.ArchiveEvent(by, membership.Archive{Designate: ids(members)}))
}

// Release appends an event that ends the designation of accounts.
func (o *Org) Release(by keys.PrivateKey, members ...*Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.ArchiveEvent(by, membership.Archive{Release: ids(members)}))
}
