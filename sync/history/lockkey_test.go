package history

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

const recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

// lockKeyCases are bodies of KindLockKey, and what a device signed of one.
func lockKeyCases(add func(name, kind, expect, rule, comment string, data []byte, inputs ...string)) {
	self, org, of := keys.FromSeed([32]byte{1}), keys.OrgID(member(5)), member(1)
	signed := SignLockKey(org, of, LockKey{Recipient: recipient, Time: 1_800_000_000_000}, self)
	revoked := SignLockKey(org, of, LockKey{Recipient: recipient, Time: 1_800_000_000_001, Revoked: true}, self)
	body := func(name, expect, comment string, data []byte) {
		add("lockkey_"+name, "lockkey", expect, "HIST-40", comment, data)
	}
	body("key", "ok", "a key", wire.Encode(signed))
	body("revoked", "ok", "one that is used no more", wire.Encode(revoked))
	body("false", "decode", "a key that says that it is not revoked", without(signed, map[uint64]any{3: false}))
	body("none", "body", "no key", without(signed, map[uint64]any{1: ""}))
	body("lines", "body", "a key of two lines", without(signed, map[uint64]any{1: recipient + "\n"}))
	body("long", "body", "a key that is too long", without(signed, map[uint64]any{1: strings.Repeat("a", MaxLockKey+1)}))
	body("unsigned", "decode", "a key that nobody signed", without(signed, map[uint64]any{5: nil}))
	body("time", "body", "a time before 1970", without(signed, map[uint64]any{2: -1}))
	sign := func(name, expect, comment string, k LockKey, of keys.MemberID) {
		add("lockkey_"+name, "lockkey signature", expect, "HIST-40", comment, wire.Encode(k), "org: "+org.String(), "member: "+of.String())
	}
	sign("signed", "ok", "as a device of the member signed it", signed, of)
	sign("member", "signature", "said of another member", signed, member(2))
	taken := signed
	taken.Revoked = true
	sign("taken", "signature", "revoked by who did not sign", taken, of)
}

// checkLockKey holds a signature against what its vector expects.
func checkLockKey(t *testing.T, v vector.Vector) {
	t.Helper()
	org, orgErr := keys.ParseID[keys.Org](v.Input("org"))
	of, memberErr := keys.ParseID[keys.Member](v.Input("member"))
	k, err := DecodeLockKey(v.Data)
	if orgErr != nil || memberErr != nil || err != nil {
		t.Fatal(orgErr, memberErr, err)
	}
	if err := k.Check(org, of); (err == nil) != (v.Expect == "ok") || err != nil && !errors.Is(err, ErrUnsigned) {
		t.Errorf("%v, where %s is right", err, v.Expect)
	}
}

func TestLockKeyOrder(t *testing.T) {
	self, org, of := keys.FromSeed([32]byte{1}), keys.OrgID(member(5)), member(1)
	say := func(time int64, revoked bool, recipient string) LockKey {
		return SignLockKey(org, of, LockKey{Recipient: recipient, Time: time, Revoked: revoked}, self)
	}
	rising := []LockKey{say(1, false, "b"), say(1, true, "a"), say(2, false, "a"), say(2, false, "b")}
	if !slices.IsSortedFunc(rising, LockKey.Compare) {
		t.Error("the order is not by time, revocation and key")
	}
	for i, k := range rising {
		if k.Compare(rising[i]) != 0 || i > 0 && k.Compare(rising[i-1]) <= 0 {
			t.Errorf("%d is not above the one before", i)
		}
	}
}
