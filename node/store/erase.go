package store

import (
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// erasable is a bucket of any type.
type erasable interface{ prefix() []byte }

func (b bucket[V]) prefix() []byte { return []byte{b.id} }

// eraseAtOnce is how many values one transaction removes.
const eraseAtOnce = 1000

// ofOrganization are the buckets whose keys begin with the organization.
var ofOrganization = []erasable{
	entries, checkpoints, alarms, distrusts, earlyBars, lostEvents, notices,
	prekeys, outgoing, incoming, heard, sents, grants, talks, aways,
	records, renumbered, shared, digests, lacking, messages, timeline, histories, acts, proofs, expiries, doomed, settled, numbers, jobs, waiting, waitingIDs, deliveries, seen, sealed, unposted, undelivered,
	drafts, dropped, delays, unindexed, wishes, keepings,
	carries, carriedBytes, carriedBefore, carriedReceipts, knownPrekeys, ownShares, meetings, receipted, chosen, partials, carriedParts, carriedPieces,
	archivesTold, choices, exclusions, sightings, parkings, reckonings, newcomers, restorations, backupWords, organizations,
}

// Erase removes everything of one organization and leaves that of the others: first what is found through something else,
// the organization itself last, so that it can be begun again after a crash. It says nothing of Applications and Wipes.
func (s *Store) Erase(org keys.OrgID) error {
	if err := s.EraseRemains(org); err != nil {
		return err
	}
	if err := s.eraseFiles(org); err != nil {
		return err
	}
	if err := s.eraseEntrances(org); err != nil {
		return err
	}
	for _, b := range ofOrganization {
		if err := s.eraseUnder(append(b.prefix(), org[:]...)); err != nil {
			return err
		}
	}
	return nil
}

// eraseUnder removes all values whose keys begin with a prefix.
func (s *Store) eraseUnder(prefix []byte) error {
	for more := true; more; {
		more = false
		err := s.Update(func(tx *Tx) error {
			var found [][]byte
			err := tx.kv.Range(prefix, nil, false, func(key, _ []byte) (bool, error) {
				found = append(found, append([]byte(nil), key...))
				return len(found) < eraseAtOnce, nil
			})
			if err != nil {
				return err
			}
			for _, key := range found {
				if err := tx.kv.Delete(key); err != nil {
					return err
				}
			}
			more = len(found) == eraseAtOnce
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseFiles removes the pieces of the files that the organization's messages name.
func (s *Store) eraseFiles(org keys.OrgID) error {
	var found []FileID
	err := s.View(func(tx *Tx) error {
		return tx.Records(org, func(data []byte) error {
			record, err := history.DecodeRecord(data)
			if err != nil || record.Message == nil {
				return nil // what cannot be read goes with its key
			}
			for _, file := range record.Message.Text.Files {
				found = append(found, fileOf(record, file))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, file := range found {
		for gone := false; !gone; {
			err := s.Update(func(tx *Tx) (err error) {
				gone, err = tx.DeleteFile(file, eraseAtOnce)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseEntrances forgets entrances into the organization that are under way.
func (s *Store) eraseEntrances(org keys.OrgID) error {
	return s.Update(func(tx *Tx) error {
		var found [][]byte
		err := entrances.each(tx, nil, func(request []byte, e Entrance) (bool, error) {
			if e.Org == org {
				found = append(found, append([]byte(nil), request...))
			}
			return true, nil
		})
		for _, request := range found {
			if err == nil {
				err = entrances.delete(tx, request)
			}
		}
		return err
	})
}
