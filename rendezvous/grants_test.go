package rendezvous

import (
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
)

// A grant outlives the device that signed it, across a restart too; bytes that are no grant are damage. [RV-32]
func TestGrantOutlivesItsSigner(t *testing.T) {
	s := newSite(t)
	founder := s.found("Acme")
	bob := founder.join("Bob")
	gone := keyOf("a device that is no longer on the roll")
	put := func(value []byte) {
		t.Helper()
		key := kv.Key(tableGrant, bob.Org[:], bob.member[:], founder.member[:])
		if err := s.node.store.Update(func(tx *kv.Tx) error { return tx.Put(key, value) }); err != nil {
			t.Fatal(err)
		}
	}
	put(membership.SignGrant(membership.Grant{Org: bob.Org, From: bob.member, To: founder.member, Number: 7, Open: true}, gone))
	s.restart()
	grants := s.node.directory.org(bob.Org).grants
	if got, want := grants.of(bob.member, founder.member), (leave{number: 7, open: true}); got != want {
		t.Errorf("after a restart the leave is %+v, want %+v", got, want)
	}

	forged := membership.SignGrant(membership.Grant{Org: bob.Org, From: bob.member, To: founder.member, Number: 8, Open: true}, gone)
	forged[len(forged)-1] ^= 1
	for name, value := range map[string][]byte{
		"no grant":             {0x80},
		"a broken signature":   forged,
		"another organization": membership.SignGrant(membership.Grant{Org: keys.OrgID{1}, From: bob.member, To: founder.member, Number: 8}, gone),
	} {
		put(value)
		if _, err := openOrg(s.node.store, s.node.key, bob.Org, time.Now()); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
