package membership_test

import (
	"strings"
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
		{"ok_conversation", "[ROLL-60]", "Ann gives leave in a conversation of several", 0,
			func(o *membershiptest.Org, ann, _ *membershiptest.Member) []byte {
				return o.ConversationGrant(ann, keys.ConversationID{7}, 1, true)
			}},
		{"ok_conversation_end", "[ROLL-60]", "Ann ends her leave in a conversation", 0,
			func(o *membershiptest.Org, ann, _ *membershiptest.Member) []byte {
				return o.ConversationGrant(ann, keys.ConversationID{7}, 2, false)
			}},
		{"malformed_both", "[ROLL-60]", "leave for Bob and for a conversation", malformed,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.Conversation[0] = 7 })},
		{"malformed_neither", "[ROLL-60]", "leave for nobody", malformed,
			changed(func(_ *membershiptest.Org, g *membership.Grant) { g.To = keys.MemberID{} })},
		{"conversation_other", "[ROLL-61]", "Bob's device gives leave for Ann in a conversation", stranger,
			func(o *membershiptest.Org, ann, bob *membershiptest.Member) []byte {
				return membership.SignGrant(membership.ConversationGrant(o.ID, ann.ID, keys.ConversationID{7}, 1, true), bob.Device())
			}},
		{"conversation_stranger", "[ROLL-61]", "somebody who is no member gives leave in a conversation", stranger,
			func(o *membershiptest.Org, _, _ *membershiptest.Member) []byte {
				eve := o.Key()
				return membership.SignGrant(membership.ConversationGrant(o.ID, keys.MemberID{5}, keys.ConversationID{7}, 1, true), eve)
			}},
		{"conversation_org", "[ROLL-61]", "leave in a conversation of another organization", membership.ReasonOrg,
			func(o *membershiptest.Org, ann, _ *membershiptest.Member) []byte {
				other := o.ID
				other[0] ^= 1
				return membership.SignGrant(membership.ConversationGrant(other, ann.ID, keys.ConversationID{7}, 1, true), ann.Device())
			}},
		{"signature_bit", "[ROLL-60]", "one bit of the signature is wrong", membership.ReasonSignature,
			edited(func(_ *membershiptest.Org, s *signedGrant) { s.Signature[0] ^= 1 })},
		{"signature_domain", "[ROLL-60]", "the signature of an event under a grant", membership.ReasonSignature,
			edited(func(o *membershiptest.Org, s *signedGrant) {
				s.Signature = o.Members[1].Device().Sign(keys.DomainEvent, o.ID, s.Body)
			})},
	}
}

func TestGrant(t *testing.T) {
	for _, c := range heardCases() {
		t.Run(c.name, func(t *testing.T) {
			o, ann, bob := grantOrg(t)
			data := c.make(o, ann, bob)
			grant, err := membership.OpenGrant(data, o.Roll.State(), c.at(o))
			if reason, _ := membership.ReasonOf(err); reason != c.reason || (err == nil) != (c.reason == 0) {
				t.Errorf("%s: %v, want %v", c.comment, err, c.reason)
			}
			if err == nil && (grant.Org != o.ID || grant.From != ann.ID ||
				grant.ForConversation() != strings.Contains(c.name, "conversation") || !grant.ForConversation() && grant.To != bob.ID) {
				t.Errorf("%+v", grant)
			}
		})
	}
}

func TestGrantRoundTrip(t *testing.T) {
	o, ann, bob := grantOrg(t)
	want := membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 7, Open: true}
	got, err := membership.OpenGrant(membership.SignGrant(want, ann.Device()), o.Roll.State(), o.Roll.Size())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// heardCase is a grant that its holder has had since the roll had a size.
type heardCase struct {
	grantCase
	heard uint64 // 0 stands for the size at which it is judged
}

// heardCases: what becomes of grants when devices and members go, after the cases of grantCases. Ann's second device is
// entry 6 of the roll, and her grants are heard at size 8.
func heardCases() (all []heardCase) {
	for _, c := range grantCases() {
		all = append(all, heardCase{c, 0})
	}
	const heard = 8
	type member = membershiptest.Member
	// after has Ann's second device give leave, and then something happen.
	after := func(next func(o *testOrg, ann, bob *member, phone keys.PrivateKey)) func(*testOrg, *member, *member) []byte {
		return func(o *testOrg, ann, bob *member) []byte {
			phone := o.AddDevice(ann)
			o.Cancel(o.Founder.Device()) // size 8
			next(o, ann, bob, phone)
			o.Cancel(o.Founder.Device())
			return membership.SignGrant(membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 1, Open: true}, phone)
		}
	}
	// readmitted re-admits a member; Ann's new device then gives leave, if it is hers.
	readmitted := func(o *testOrg, m *member) keys.PrivateKey {
		device := o.Key()
		id := o.Readmit(o.Founder.Device(), m, device.Public(), o.Key().Public(), false)
		o.Wait()
		o.Enter(device, id)
		return device
	}
	barred := func(after uint64) func(*testOrg, *member, *member, keys.PrivateKey) {
		return func(o *testOrg, ann, _ *member, phone keys.PrivateKey) { o.Bar(ann.Device(), phone.Public(), after) }
	}
	suspended := func(o *testOrg, ann, _ *member, _ keys.PrivateKey) { o.Suspend(o.Founder.Device(), ann) }
	expelled := func(o *testOrg, _, _ *member, phone keys.PrivateKey) { o.Bar(o.Founder.Device(), phone.Public(), 0) }
	const rule = "[ROLL-61]"
	return append(all,
		heardCase{grantCase{"ok_heard", rule, "heard before the position from which its device is barred", 0,
			after(barred(heard))}, heard},
		heardCase{grantCase{"heard_after", rule, "heard after the position from which its device is barred",
			membership.ReasonBarred, after(barred(heard - 1))}, heard},
		heardCase{grantCase{"heard_now", rule, "heard when its device is barred already", membership.ReasonBarred,
			after(barred(heard))}, 0},
		heardCase{grantCase{"ok_expelled", rule, "heard before an admin barred its device", 0, after(expelled)}, heard},
		heardCase{grantCase{"expelled_now", rule, "heard after an admin barred its device", membership.ReasonBarred,
			after(expelled)}, 0},
		heardCase{grantCase{"ok_suspended", rule, "heard before its member was suspended", 0, after(suspended)}, heard},
		heardCase{grantCase{"suspended_now", rule, "heard after its member was suspended", membership.ReasonBarred,
			after(suspended)}, 0},
		heardCase{grantCase{"removed", rule, "its member was removed", membership.ReasonRemoved,
			after(func(o *testOrg, ann, _ *member, _ keys.PrivateKey) { o.Remove(ann.Recovery, ann) })}, heard},
		heardCase{grantCase{"removed_reader", rule, "the one who may write was removed", membership.ReasonRemoved,
			after(func(o *testOrg, _, bob *member, _ keys.PrivateKey) { o.Remove(bob.Recovery, bob) })}, heard},
		heardCase{grantCase{"readmitted", rule, "its member was re-admitted since", membership.ReasonStale,
			after(func(o *testOrg, ann, _ *member, _ keys.PrivateKey) { readmitted(o, ann) })}, heard},
		heardCase{grantCase{"readmitted_reader", rule, "the one who may write was re-admitted since", membership.ReasonStale,
			after(func(o *testOrg, _, bob *member, _ keys.PrivateKey) { readmitted(o, bob) })}, heard},
		heardCase{grantCase{"readmitted_old", rule, "a device that a re-admission ended gives leave anew",
			membership.ReasonBarred, after(func(o *testOrg, ann, _ *member, _ keys.PrivateKey) { readmitted(o, ann) })}, 0},
		heardCase{grantCase{"conversation_removed", rule, "who gave leave in a conversation was removed", membership.ReasonRemoved,
			func(o *testOrg, ann, _ *member) []byte {
				grant := o.ConversationGrant(ann, keys.ConversationID{7}, 1, true)
				o.Remove(ann.Recovery, ann)
				return grant
			}}, 0},
		heardCase{grantCase{"conversation_readmitted", rule, "who gave leave in a conversation was re-admitted since",
			membership.ReasonStale, func(o *testOrg, ann, _ *member) []byte {
				o.Cancel(o.Founder.Device())
				o.Cancel(o.Founder.Device())
				readmitted(o, ann)
				return o.ConversationGrant(ann, keys.ConversationID{7}, 1, true)
			}}, heard},
		heardCase{grantCase{"conversation_barred", rule, "leave in a conversation by a barred device", membership.ReasonBarred,
			func(o *testOrg, ann, _ *member) []byte {
				phone := o.AddDevice(ann)
				o.Bar(ann.Device(), phone.Public(), heard-1)
				return membership.SignGrant(membership.ConversationGrant(o.ID, ann.ID, keys.ConversationID{7}, 1, true), phone)
			}}, 0},
		heardCase{grantCase{"ok_readmitted", rule, "the new device of a re-admitted member gives leave anew", 0,
			func(o *testOrg, ann, bob *member) []byte {
				device := readmitted(o, ann)
				return membership.SignGrant(membership.Grant{Org: o.ID, From: ann.ID, To: bob.ID, Number: 2, Open: true}, device)
			}}, 0},
	)
}

// at returns the size of the roll that a case is heard at.
func (c heardCase) at(o *testOrg) uint64 {
	if c.heard != 0 {
		return c.heard
	}
	return o.Roll.Size()
}

// Grants to a member and for a conversation are counted apart, and so are those for two conversations: an older one for
// another place is no replay. [ROLL-60]
func TestGrantKeys(t *testing.T) {
	o, ann, bob := grantOrg(t)
	seen := make(map[membership.GrantKey]int)
	for _, data := range [][]byte{
		o.Grant(ann, bob, 1, true), o.Grant(ann, bob, 2, false), o.Grant(bob, ann, 1, true),
		o.ConversationGrant(ann, keys.ConversationID{1}, 1, true), o.ConversationGrant(ann, keys.ConversationID{1}, 2, false),
		o.ConversationGrant(ann, keys.ConversationID{2}, 1, true), o.ConversationGrant(bob, keys.ConversationID{1}, 1, true),
	} {
		grant, err := membership.OpenGrant(data, o.Roll.State(), o.Roll.Size())
		if err != nil {
			t.Fatal(err)
		}
		seen[grant.Key()]++
	}
	if len(seen) != 5 {
		t.Errorf("%d keys for 5 places: %v", len(seen), seen)
	}
}
