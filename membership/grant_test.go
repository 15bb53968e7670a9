package membership_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// signedGrant is the layout of a grant, for tests that break it.
type signedGrant struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signer    keys.PublicKey
	Signature keys.Signature
}

func grantParts(data []byte) signedGrant {
	var s signedGrant
	if err := wire.Decode(data, &s); err != nil {
		panic(err)
	}
	return s
}

// grantCase is a grant held against an organization with Ann and Bob. The same cases are the vectors grant_*.
type grantCase struct {
	name, rule, comment string
	reason              membership.Reason
	make                func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte
}

func grantOrg(t testing.TB) (o *membershiptest.Org, ann, bob *membershiptest.Member) {
	o = membershiptest.New(t, 1)
	return o, o.Join("Ann"), o.Join("Bob")
}

func grantCases() []grantCase {
	changed := func(change func(*membershiptest.Org, *membership.Grant)) func(
		*membershiptest.Org, *membershiptest.Member, *membershiptest.Member) []byte {
		return func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
			g := membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 1, Open: true}
			change(o, &g)
			return membership.SignGrant(g, ann.Device())
		}
	}
	edited := func(change func(*membershiptest.Org, *signedGrant)) func(
		*membershiptest.Org, *membershiptest.Member, *membershiptest.Member) []byte {
		return func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
			s := grantParts(o.Grant(ann, bob, 1, true))
			change(o, &s)
			return wire.Encode(s)
		}
	}
	by := func(key func(*membershiptest.Org) keys.PrivateKey) func(
		*membershiptest.Org, *membershiptest.Member, *membershiptest.Member) []byte {
		return func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
			return membership.SignGrant(
				membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 1, Open: true}, key(o))
		}
	}
	const malformed, stranger = membership.ReasonMalformed, membership.ReasonNotMember
	return []grantCase{
		{"ok", "[ROLL-60]", "Ann lets Bob write", 0, changed(func(*membershiptest.Org, *membership.Grant) {})},
		{"ok_end", "[ROLL-60]", "Ann ends the leave", 0,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.Number, g.Open = 2, false })},
		{"ok_second_device", "[ROLL-61]", "Ann's second device signs", 0,
			func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
				phone := o.AddDevice(ann)
				return membership.SignGrant(
					membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 1, Open: true}, phone)
			}},
		{"malformed_trailing", "[ROLL-60]", "a byte after the grant", malformed,
			func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
				return append(o.Grant(ann, bob, 1, true), 0)
			}},
		{"malformed_size", "[ROLL-40]", "a grant above the cap", malformed,
			func(*membershiptest.Org, *membershiptest.Member, *membershiptest.Member) []byte {
				return make([]byte, membership.MaxGrant+1)
			}},
		{"malformed_number_zero", "[ROLL-60]", "number 0", malformed,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.Number = 0 })},
		{"malformed_number_huge", "[ROLL-60]", "a number above the cap", malformed,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.Number = membership.MaxGrantNumber + 1 })},
		{"malformed_self", "[ROLL-60]", "a grant to oneself", malformed,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.To = g.From })},
		{"malformed_body", "[ROLL-60]", "a body that is not canonical, signed so", malformed,
			func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
				s := grantParts(o.Grant(ann, bob, 1, true))
				s.Body = append(s.Body, 0)
				s.Signature = ann.Device().Sign(keys.DomainGrant, o.ID, s.Body)
				return wire.Encode(s)
			}},
		{"org", "[ROLL-61]", "a grant of another organization", membership.ReasonOrg,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.Org[0] ^= 1 })},
		{"from_other", "[ROLL-61]", "Ann's device gives leave to write to the founder", stranger,
			changed(func(o *membershiptest.Org, g *membership.Grant) { g.From = o.Founder.ID })},
		{"to_stranger", "[ROLL-61]", "leave for somebody who is no member", stranger,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.To[0] ^= 1 })},
		{"by_node", "[ROLL-61]", "the rendezvous node signs", stranger,
			by(func(o *membershiptest.Org) keys.PrivateKey { return o.Node })},
		{"by_recovery", "[ROLL-61]", "Ann's recovery key signs", stranger,
			by(func(o *membershiptest.Org) keys.PrivateKey { return o.Members[1].Recovery })},
		{"by_receiver", "[ROLL-61]", "Bob gives himself leave", stranger,
			by(func(o *membershiptest.Org) keys.PrivateKey { return o.Members[2].Device() })},
		{"signature_bit", "[ROLL-60]", "one bit of the signature is wrong", membership.ReasonSignature,
			edited(func(_ *membershiptest.Org, s *signedGrant) { s.Signature[0] ^= 1 })},
		{"signature_domain", "[ROLL-60]", "the signature of an event under a grant", membership.ReasonSignature,
			edited(func(o *membershiptest.Org, s *signedGrant) {
				s.Signature = o.Members[1].Device().Sign(keys.DomainEvent, o.ID, s.Body)
			})},
	}
}

func TestGrant(t *testing.T) {
	for _, c := range grantCases() {
		t.Run(c.name, func(t *testing.T) {
			o, ann, bob := grantOrg(t)
			grant, err := membership.OpenGrant(c.make(o, ann, bob), o.Roll.State())
			if reason, _ := membership.ReasonOf(err); reason != c.reason || (err == nil) != (c.reason == 0) {
				t.Errorf("%s: %v, want %v", c.comment, err, c.reason)
			}
			if err == nil && (grant.Org != o.ID || grant.From != ann.ID || grant.To != bob.ID) {
				t.Errorf("%+v", grant)
			}
		})
	}
}

func TestGrantRoundTrip(t *testing.T) {
	o, ann, bob := grantOrg(t)
	want := membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 7, Open: true}
	got, err := membership.OpenGrant(membership.SignGrant(want, ann.Device()), o.Roll.State())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
