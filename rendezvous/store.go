package rendezvous

import (
	"bytes"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
)

// The tables of the store: the first part of every key. The second is the organization, but for claims.
var (
	tableOrg    = []byte("org")    // org → empty: which organizations there are
	tableRoll   = []byte("roll")   // org, index → entry
	tablePrekey = []byte("prekey") // org, device → signed prekey
	tableGrant  = []byte("grant")  // org, from, to → signed grant
	tableIntro  = []byte("intro")  // org, member → day and envelope ids of introductions sent on it
	tableClaim  = []byte("claim")  // hash of the token → organization, 32 zero bytes while it is open
)

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
