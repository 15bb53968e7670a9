package store

import "fmt"

// Finding is what reading all values of one kind came to.
type Finding struct {
	Name  string // one of them: "a record"
	Count int    // values that could be read
	Err   error  // the first damage, behind Count good values; nil if there is none
}

// surveyed is a bucket of any type.
type surveyed interface{ survey(tx *Tx) Finding }

// survey reads every value of a bucket.
func (b bucket[V]) survey(tx *Tx) Finding {
	found := Finding{Name: b.name}
	found.Err = b.each(tx, nil, func([]byte, V) (bool, error) {
		found.Count++
		return true, nil
	})
	if found.Err != nil {
		found.Err = fmt.Errorf("behind %d good ones: %w", found.Count, found.Err)
	}
	return found
}

// surveyedBuckets are all buckets.
func surveyedBuckets() []surveyed {
	return []surveyed{
		profiles, organizations, entries, checkpoints, alarms, entrances, distrusts, earlyBars, lostEvents, notices,
		prekeys, outgoing, incoming, heard, sents, grants, talks, aways,
		records, renumbered, shared, digests, lacking, messages, timeline, histories, parts, files, uploads, acts, proofs, expiries, doomed, settled,
		numbers, jobs, waiting, waitingIDs, deliveries, seen, sealed, unposted, undelivered,
		drafts, dropped, delays,
		carries, carriedBytes, carriedBefore, carriedReceipts, knownPrekeys, ownShares, meetings, receipted, chosen, partials, carriedParts, carriedPieces,
		choices, exclusions, applications, wipes, sightings, archivesTold, parkings, reckonings, newcomers, candidacies, pairings, restorations, wishes, unindexed, indexing, keepings,
		backupWords, backupKeys, backupDrives, backupChoices, linkChoices,
	}
}

// Survey reads everything in the store, kind by kind. It judges that each value is whole and of its type, not what it says.
func (tx *Tx) Survey() []Finding {
	all := surveyedBuckets()
	findings := make([]Finding, len(all))
	for i, b := range all {
		findings[i] = b.survey(tx)
	}
	return findings
}
