package rendezvous

import (
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// Bytes that are no grant are damage, and so is a grant under another's name. [RV-32]
func TestDamagedGrants(t *testing.T) {
	s := newSite(t)
	founder := s.found("Acme")
	bob := founder.join("Bob")
	grant := func(org keys.OrgID, number uint64) []byte {
		return membership.SignGrant(membership.Grant{Org: org, From: bob.member, To: founder.member, Number: number, Open: true}, bob.key)
	}
	heard := func(signed []byte) []byte { return wire.Encode(heardGrant{Heard: 4, Signed: signed}) }
	put := func(p pair, value []byte) {
		t.Helper()
		key := kv.Key(tableGrant, bob.Org[:], p.from[:], p.to[:], make([]byte, keys.PublicKeySize))
		if err := s.node.store.Update(func(tx *kv.Tx) error { return tx.Put(key, value) }); err != nil {
			t.Fatal(err)
		}
	}
	here := pair{bob.member, founder.member}
	forged := grant(bob.Org, 8)
	forged[len(forged)-1] ^= 1
	for name, value := range map[string][]byte{
		"no grant":             {0x80},
		"not when it came":     grant(bob.Org, 8),
		"a broken signature":   heard(forged),
		"another organization": heard(grant(keys.OrgID{1}, 8)),
	} {
		put(here, value)
		if _, err := openOrg(s.node.store, s.node.key, bob.Org, time.Now()); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	put(here, heard(grant(bob.Org, 7)))
	o, err := openOrg(s.node.store, s.node.key, bob.Org, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.grants.of(bob.member, founder.member), (leave{number: 7, open: true}); got != want {
		t.Errorf("the leave is %+v, want %+v", got, want)
	}
	put(pair{founder.member, bob.member}, heard(grant(bob.Org, 7)))
	if _, err := openOrg(s.node.store, s.node.key, bob.Org, time.Now()); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("under another pair: %v, want ErrCorrupt", err)
	}
}
