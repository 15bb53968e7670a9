package store

import (
	"errors"

	"muster.example/internal/keys"
)

// archivesTold is of which archive the person was told in a conversation, before they first wrote there.
var archivesTold = bucket[keys.PublicKey]{100, "conversations that were told to be archived"}

// ArchiveTold returns the service of the archive of which the person was told in a conversation; zero for none.
func (tx *Tx) ArchiveTold(org keys.OrgID, conversation keys.ConversationID) (service keys.PublicKey, err error) {
	service, err = archivesTold.get(tx, org[:], conversation[:])
	if errors.Is(err, ErrNotFound) {
		return service, nil
	}
	return service, err
}

// PutArchiveTold notes that the person was told.
func (tx *Tx) PutArchiveTold(org keys.OrgID, conversation keys.ConversationID, service keys.PublicKey) error {
	return archivesTold.put(tx, service, org[:], conversation[:])
}
