package rendezvous

import (
	"bytes"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
)

// The tables of the store: the first part of every key. The second is the organization, but for claims.
var (
	tableOrg     = []byte("org")     // org → orgRecord, or empty for its zero value: which organizations there are
	tableRoll    = []byte("roll")    // org, index → entry
	tablePrekey  = []byte("prekey")  // org, device → signed prekey
	tableGrant   = []byte("grant")   // org, from, to, signer → heardGrant
	tableTalk    = []byte("talk")    // org, conversation → its members, if somebody gave a grant for it
	tableSay     = []byte("say")     // org, from, conversation, signer → heardGrant
	tableIntro   = []byte("intro")   // org, member → day, and id and other member of each first contact made on it
	tableClaim   = []byte("claim")   // hash of the token → organization, 32 zero bytes while it is open
	tableApply   = []byte("apply")   // org, id of a join event → applicationRecord
	tableShare   = []byte("share")   // org, member → rvproto.Share: what the member lets others see of their presence
	tableSeen    = []byte("seen")    // org, member → when the member was last seen, Unix seconds in 8 bytes
	tableHere    = []byte("here")    // org, device → visit: the day that a device last came; org, zero key → calendar
	tableVouch   = []byte("vouch")   // org → vouchRecord: what this node itself has verified of the roll
	tableAhead   = []byte("ahead")   // org → checkpoint that the node signed and whose entries it has forgotten
	tableHead    = []byte("head")    // org → checkpoint of the node that orders the roll, where that is another
	tableTold    = []byte("told")    // org, device → nothing: it was told that another node has taken over
	tableArchive = []byte("archive") // org → archiveRecord: since when the archive takes nothing, what it does not have
	tableHand    = []byte("hand")    // hash of the token → handRecord: what was handed over and is not taken yet
)

// orgRecord is what the node knows of an organization beside its roll.
type orgRecord struct {
	Table []byte `cbor:"1,keyasint,omitempty"` // where the entries lie; tableRoll if empty
	Move  []byte `cbor:"2,keyasint,omitempty"` // the signed event by which another node has taken over
	Given int64  `cbor:"3,keyasint,omitzero"`  // when that was, Unix seconds
}

// rollTable returns where the entries lie.
func (r orgRecord) rollTable() []byte {
	if len(r.Table) == 0 {
		return tableRoll
	}
	return r.Table
}

// readOrg returns the record of an organization that is here.
func readOrg(store *kv.Store, id keys.OrgID) (record orgRecord, err error) {
	err = store.View(func(tx *kv.Tx) error {
		value, err := tx.Get(kv.Key(tableOrg, id[:]))
		if err != nil || len(value) == 0 {
			return err
		}
		if err := wire.Decode(value, &record); err != nil {
			return fmt.Errorf("%w: the record of an organization: %v", kv.ErrCorrupt, err)
		}
		return nil
	})
	return record, err
}

// dropTable removes all of an organization's entries from a table, a few at a time.
func dropTable(store *kv.Store, table []byte, id keys.OrgID) error {
	for {
		var found [][]byte
		err := store.View(func(tx *kv.Tx) error {
			return tx.Range(kv.Key(table, id[:]), nil, false, func(key, _ []byte) (bool, error) {
				found = append(found, bytes.Clone(key))
				return len(found) < dropBatch, nil
			})
		})
		if err != nil || len(found) == 0 {
			return err
		}
		err = store.Update(func(tx *kv.Tx) error {
			for _, key := range found {
				if err := tx.Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// visitAll calls visit with the last n bytes of the key and the value of every entry under prefix.
func visitAll(tx *kv.Tx, prefix []byte, n int, visit func(last, value []byte) error) error {
	return tx.Range(prefix, nil, false, func(key, value []byte) (bool, error) {
		return true, visit(key[len(key)-n:], value)
	})
}

// listOrgs returns the organizations of the store.
func listOrgs(store *kv.Store) (orgs []keys.OrgID, err error) {
	err = store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableOrg), keys.IDSize, func(last, _ []byte) error {
			orgs = append(orgs, keys.OrgID(bytes.Clone(last)))
			return nil
		})
	})
	return orgs, err
}
