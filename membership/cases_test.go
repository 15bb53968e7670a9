package membership_test

import (
	"fmt"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// foldCase is one entry held against the rules. The same cases are the table of TestFold and the vectors fold_*.
type foldCase struct {
	name, rule, comment string
	reason              membership.Reason // 0 if the entry is accepted
	// make prepares the roll and returns the entry to append next.
	make func(o *membershiptest.Org) membership.Entry
}

// signed is the layout of a signed event, for tests that break it.
type signed struct {
	_           struct{} `cbor:",toarray"`
	Body        []byte
	Signature   []byte
	Cosignature []byte
}

// parts takes a signed event apart.
func parts(event membership.SignedEvent) (s signed) {
	decode(event, &s)
	return s
}

func decode(data []byte, to any) {
	if err := wire.Decode(data, to); err != nil {
		panic(err)
	}
}

// signBody signs a body that SignEvent would not make.
func signBody(o *membershiptest.Org, signer keys.PrivateKey, body []byte) membership.SignedEvent {
	signature := signer.Sign(keys.DomainEvent, o.ID, body)
	return wire.Encode(signed{Body: body, Signature: signature[:], Cosignature: []byte{}})
}

// byFounder returns a case of an event that the founder signs, of the kind that fill sets.
func byFounder(fill func(*membershiptest.Org, *membership.Event)) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry { return byMember(o, o.Founder, fill) }
}

func byMember(
	o *membershiptest.Org, m *membershiptest.Member, fill func(*membershiptest.Org, *membership.Event),
) membership.Entry {
	e := o.Event(m.Device())
	fill(o, &e)
	return o.Entry(membership.SignEvent(e, m.Device(), nil))
}

func inviteOf(change func(*membership.Invite)) func(*membershiptest.Org, *membership.Event) {
	return func(o *membershiptest.Org, e *membership.Event) {
		e.Invite = &membership.Invite{
			Key: o.Key().Public(), Role: membership.RoleMember, Uses: 1, Expires: o.Now.Add(time.Hour).Unix(),
		}
		if change != nil {
			change(e.Invite)
		}
	}
}

func policyOf(change func(*membership.Policy)) func(*membershiptest.Org, *membership.Event) {
	return func(_ *membershiptest.Org, e *membership.Event) {
		policy := membership.DefaultPolicy()
		change(&policy)
		e.Policy = &membership.PolicyChange{Policy: policy}
	}
}

// stranger returns keys and a name for somebody who is not a member yet.
func stranger(o *membershiptest.Org, name string) *membershiptest.Member {
	return &membershiptest.Member{Name: name, Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()}}
}

// joining returns a case of a stranger who joins by a fresh invitation, after a change.
func joining(change func(*membershiptest.Org, *membershiptest.Member)) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		invitation := o.Invite(o.Founder, membership.RoleMember, 1)
		m := stranger(o, "Ann")
		if change != nil {
			change(o, m)
		}
		return o.Entry(o.JoinEvent(invitation, m))
	}
}

// named returns a case of a stranger who joins with a name.
func named(name string) func(*membershiptest.Org) membership.Entry {
	return joining(func(_ *membershiptest.Org, m *membershiptest.Member) { m.Name = name })
}

// authoredBy returns a case of an invitation made with some key of the organization that is no device.
func authoredBy(key func(*membershiptest.Org) keys.PrivateKey) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		signer := key(o)
		e := o.Event(signer)
		inviteOf(nil)(o, &e)
		return o.Entry(membership.SignEvent(e, signer, nil))
	}
}

// edited returns a case of a good invitation whose signed bytes are changed.
func edited(change func(*membershiptest.Org, *signed)) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		entry := byMember(o, o.Founder, inviteOf(nil))
		s := parts(entry.Event)
		change(o, &s)
		entry.Event = wire.Encode(s)
		return entry
	}
}

// rebodied returns a case of an invitation whose body is changed and then signed by the founder all the same.
func rebodied(change func([]byte) []byte) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		entry := byMember(o, o.Founder, inviteOf(nil))
		return o.Entry(signBody(o, o.Founder.Device(), change(parts(entry.Event).Body)))
	}
}

// unfounded returns a case of a founding event as the first entry.
func unfounded(o *membershiptest.Org, change func(*membership.Found)) membership.Entry {
	empty := membershiptest.Config{Seed: 1}
	fresh := parts(o.Found(empty))
	var e membership.Event
	if err := wire.Decode(fresh.Body, &e); err != nil {
		panic(err)
	}
	change(e.Found)
	event := membership.SignEvent(e, o.Founder.Device(), &o.Root)
	o.ID, o.Roll, o.Entries = membership.OrgOf(event), membership.NewRoll(membership.OrgOf(event)), nil
	return o.Entry(event)
}

func founding(change func(*membershiptest.Org, *membership.Found)) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		return unfounded(o, func(f *membership.Found) { change(o, f) })
	}
}

// onlyFounded takes the roll back to its first entry.
func onlyFounded(o *membershiptest.Org) {
	first := o.Entries[0]
	o.Roll, o.Entries = membership.NewRoll(o.ID), nil
	if err := o.Roll.Append(first); err != nil {
		panic(err)
	}
	o.Entries = []membership.Entry{first}
}

func rendezvousOf(change func(*membershiptest.Org, *membership.Rendezvous)) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		onlyFounded(o)
		return byMember(o, o.Founder, func(o *membershiptest.Org, e *membership.Event) {
			e.Rendezvous = &membership.Rendezvous{
				Node: o.Node.Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/4001"}, Term: 1,
			}
			change(o, e.Rendezvous)
		})
	}
}

// identity is the weakest key: one signature under it fits every message.
var identity = keys.PublicKey{1}

// forged is that signature: the identity point and zero.
func forged() []byte { return append([]byte{1}, make([]byte, keys.SignatureSize-1)...) }

func foldCases() []foldCase {
	var cases []foldCase
	for _, group := range [][]foldCase{
		acceptedCases(), malformedCases(), boundCases(), signatureCases(), entryCases(), orderCases(), authorCases(),
		keyCases(), invitationCases(), nameCases(), policyCases(),
		barCases(), freezeCases(), recoveryCases(), readmitCases(), decisionCases(), rootCases(), renameCases(),
		audienceCases(), moveCases(), groupCases(), vouchCases(), dismissCases(), skinCases(), archiveCases(),
		nodesCases(), enrolmentCases(), reachCases(),
	} {
		cases = append(cases, group...)
	}
	return cases
}

func acceptedCases() []foldCase {
	return []foldCase{
		{"ok_found", "[ROLL-20]", "the founding event", 0,
			founding(func(*membershiptest.Org, *membership.Found) {})},
		{"ok_rendezvous", "[ROLL-21]", "the founder names the node", 0,
			rendezvousOf(func(*membershiptest.Org, *membership.Rendezvous) {})},
		{"ok_invite", "[ROLL-22]", "the founder invites a member", 0, byFounder(inviteOf(nil))},
		{"ok_invite_by_member", "[ROLL-22]", "a member invites a member", 0,
			func(o *membershiptest.Org) membership.Entry { return byMember(o, o.Join("Ann"), inviteOf(nil)) }},
		{"ok_invite_leave", "[ROLL-22]", "a desk invites a guest, by leave of the policy", 0,
			func(o *membershiptest.Org) membership.Entry {
				desk, policy := o.JoinAs("Ann", membership.RoleDesk), membership.DefaultPolicy()
				policy.Invite.Set(membership.RoleDesk, membership.RoleGuest, true)
				o.SetPolicy(policy)
				return byMember(o, desk, inviteOf(func(i *membership.Invite) { i.Role = membership.RoleGuest }))
			}},
		{"ok_join", "[ROLL-23]", "a stranger joins by an invitation", 0, joining(nil)},
		{"ok_device", "[ROLL-24]", "a device adds another", 0, func(o *membershiptest.Org) membership.Entry {
			return o.Entry(o.DeviceEvent(o.Founder.Device(), o.Key()))
		}},
		{"ok_device_by_second", "[ROLL-13]", "a device that was added speaks for the account, with a counter of its own", 0,
			func(o *membershiptest.Org) membership.Entry {
				second := o.AddDevice(o.Founder)
				return o.Entry(o.DeviceEvent(second, o.Key()))
			}},
		{"ok_policy", "[ROLL-26]", "an admin changes the policy", 0,
			byFounder(policyOf(func(p *membership.Policy) { p.IntroductionsPerDay = 0 }))},
		{"ok_stamp_equal", "[ROLL-11]", "two entries have one stamp", 0, func(o *membershiptest.Org) membership.Entry {
			o.Now = time.UnixMilli(o.Roll.State().Time())
			return byMember(o, o.Founder, inviteOf(nil))
		}},
		{"ok_age", "[ROLL-12]", "the author is behind by exactly the age that the policy allows", 0, late(0)},
		{"ok_join_last_moment", "[ROLL-23]", "a join one millisecond before the invitation expires", 0, joinAt(-1)},
		{"ok_name_script", "[ROLL-30]", "a name with marks and another script", 0, named("Đặng-7 d'Ö. Jr.")},
		{"ok_name_marks", "[ROLL-30]", "a name of letters and marks in Devanagari", 0, named("क्षितिज")},
	}
}

// late returns an event made before an entry that was stamped the policy's age, and more, before it arrives.
func late(more time.Duration) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		e := o.Event(o.Founder.Device())
		e.Counter++
		stamped := o.Now
		o.Invite(o.Founder, membership.RoleMember, 1)
		o.Now = stamped.Add(time.Duration(o.Roll.State().Policy().EventAge)*time.Second + more)
		inviteOf(nil)(o, &e)
		return o.Entry(membership.SignEvent(e, o.Founder.Device(), nil))
	}
}

// joinAt returns a join so many milliseconds from when its invitation expires.
func joinAt(milliseconds int) func(*membershiptest.Org) membership.Entry {
	return func(o *membershiptest.Org) membership.Entry {
		key := o.Invite(o.Founder, membership.RoleMember, 1)
		issued, _ := o.Roll.State().Invitation(key.Public())
		o.Now = time.UnixMilli(issued.Expires*1000 + int64(milliseconds))
		e := o.JoinEvent(key, stranger(o, "Ann"))
		var body membership.Event
		if err := wire.Decode(parts(e).Body, &body); err != nil {
			panic(err)
		}
		return o.Entry(e)
	}
}

func malformedCases() []foldCase {
	const r = membership.ReasonMalformed
	raw := func(event []byte) func(*membershiptest.Org) membership.Entry {
		return func(o *membershiptest.Org) membership.Entry { return o.Entry(event) }
	}
	return []foldCase{
		{"malformed_garbage", "[ROLL-2]", "no CBOR at all", r, raw([]byte("muster"))},
		{"malformed_trailing", "[ROLL-2]", "a byte after the event", r, func(o *membershiptest.Org) membership.Entry {
			entry := byMember(o, o.Founder, inviteOf(nil))
			entry.Event = append(entry.Event, 0)
			return entry
		}},
		{"malformed_size", "[ROLL-40]", "an event above the cap", r, raw(make([]byte, membership.MaxEvent+1))},
		{"malformed_cosignature_null", "[ROLL-2]", "null in place of the empty cosignature", r,
			func(o *membershiptest.Org) membership.Entry {
				entry := byMember(o, o.Founder, inviteOf(nil))
				entry.Event[len(entry.Event)-1] = 0xf6
				return entry
			}},
		{"malformed_cosignature_extra", "[ROLL-3]", "a cosignature where the kind has none", r,
			edited(func(o *membershiptest.Org, s *signed) {
				cosignature := o.Root.Sign(keys.DomainEvent, o.ID, s.Body)
				s.Cosignature = cosignature[:]
			})},
		{"malformed_cosignature_missing", "[ROLL-3]", "a device event without the new device's signature", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				e.Device = &membership.Device{Add: o.Key().Public()}
			})},
		{"malformed_body_long_integer", "[ROLL-1]", "version 1 in two bytes, signed so", r,
			rebodied(func(body []byte) []byte { return append([]byte{body[0], 0x01, 0x18, 0x01}, body[3:]...) })},
		{"malformed_body_unknown_key", "[ROLL-1]", "a body with a key 32 that no rule knows", r,
			rebodied(func(body []byte) []byte { return append(append([]byte{body[0] + 1}, body[1:]...), 0x18, 0x20, 0xa0) })},
		{"malformed_body_version", "[ROLL-1]", "version 2", r,
			rebodied(func(body []byte) []byte { return append([]byte{body[0], 0x01, 0x02}, body[3:]...) })},
		{"malformed_body_no_kind", "[ROLL-1]", "an event of no kind", r,
			byFounder(func(*membershiptest.Org, *membership.Event) {})},
		{"malformed_body_two_kinds", "[ROLL-1]", "an invitation and a policy in one event", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				policyOf(func(*membership.Policy) {})(o, e)
			})},
		{"malformed_body_no_org", "[ROLL-1]", "an event that names no organization", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				e.Org = keys.OrgID{}
			})},
		{"malformed_body_counter", "[ROLL-14]", "counter 0", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				e.Counter = 0
			})},
		{"malformed_policy_unknown_key", "[ROLL-6]", "a policy with a rule that this build does not know", r, unknownPolicy},
	}
}

// boundCases: values beyond what their kind allows.
func boundCases() []foldCase {
	const r = membership.ReasonMalformed
	return []foldCase{
		{"malformed_role", "[ROLL-5]", "an invitation for role 5", r,
			byFounder(inviteOf(func(i *membership.Invite) { i.Role = 5 }))},
		{"malformed_uses_none", "[ROLL-22]", "an invitation for nobody", r,
			byFounder(inviteOf(func(i *membership.Invite) { i.Uses = 0 }))},
		{"malformed_uses_many", "[ROLL-22]", "an invitation for one more than the cap", r,
			byFounder(inviteOf(func(i *membership.Invite) { i.Uses = membership.MaxUses + 1 }))},
		{"malformed_expires", "[ROLL-22]", "an invitation that expires after the last date", r,
			byFounder(inviteOf(func(i *membership.Invite) { i.Expires = membership.MaxTime }))},
		{"malformed_addresses_none", "[ROLL-21]", "a node without an address", r,
			rendezvousOf(func(_ *membershiptest.Org, rv *membership.Rendezvous) { rv.Addresses = []string{} })},
		{"malformed_addresses_many", "[ROLL-21]", "a node with one address above the cap", r,
			rendezvousOf(func(_ *membershiptest.Org, rv *membership.Rendezvous) {
				rv.Addresses = strings.Split(strings.Repeat(" /ip4/192.0.2.1/tcp/1", membership.MaxAddresses+1)[1:], " ")
			})},
		{"malformed_address", "[ROLL-21]", "an address with a line break", r,
			rendezvousOf(func(_ *membershiptest.Org, rv *membership.Rendezvous) {
				rv.Addresses = []string{"/ip4/192.0.2.1/tcp/1\n"}
			})},
		{"malformed_address_long", "[ROLL-21]", "an address one byte above the cap", r,
			rendezvousOf(func(_ *membershiptest.Org, rv *membership.Rendezvous) {
				rv.Addresses = []string{"/" + strings.Repeat("a", membership.MaxAddress)}
			})},
		{"malformed_name_size", "[ROLL-40]", "a name of more bytes than any name of the rule has", r,
			named(strings.Repeat("a", membership.MaxNameBytes+1))},
	}
}

// unknownPolicy returns a policy event whose policy has a fifteenth key.
func unknownPolicy(o *membershiptest.Org) membership.Entry {
	entry := byMember(o, o.Founder, policyOf(func(*membership.Policy) {}))
	body := parts(entry.Event).Body
	at := strings.Index(string(body), "\xa1\x01\xad") // {1: {thirteen keys …
	body[at+2]++
	return o.Entry(signBody(o, o.Founder.Device(), append(body, 0x0f, 0x00)))
}

func signatureCases() []foldCase {
	const r = membership.ReasonSignature
	return []foldCase{
		{"signature_bit", "[ROLL-2]", "one bit of the signature is wrong", r,
			edited(func(_ *membershiptest.Org, s *signed) { s.Signature[0] ^= 1 })},
		{"signature_other_key", "[ROLL-2]", "signed by another key than the body names", r,
			edited(func(o *membershiptest.Org, s *signed) {
				signature := o.Node.Sign(keys.DomainEvent, o.ID, s.Body)
				s.Signature = signature[:]
			})},
		{"signature_other_domain", "[ROLL-2]", "the signature of a grant under an event", r,
			edited(func(o *membershiptest.Org, s *signed) {
				signature := o.Founder.Device().Sign(keys.DomainGrant, o.ID, s.Body)
				s.Signature = signature[:]
			})},
		{"signature_other_org", "[ROLL-2]", "signed for another organization than the body names", r,
			edited(func(o *membershiptest.Org, s *signed) {
				signature := o.Founder.Device().Sign(keys.DomainEvent, keys.OrgID{1}, s.Body)
				s.Signature = signature[:]
			})},
		{"cosignature_bit", "[ROLL-3]", "one bit of the cosignature is wrong", r,
			func(o *membershiptest.Org) membership.Entry {
				s := parts(o.DeviceEvent(o.Founder.Device(), o.Key()))
				s.Cosignature[40] ^= 1
				return o.Entry(wire.Encode(s))
			}},
		{"cosignature_other_key", "[ROLL-3]", "a device that its own key did not agree to", r,
			func(o *membershiptest.Org) membership.Entry {
				e, thief := o.Event(o.Founder.Device()), o.Key()
				e.Device = &membership.Device{Add: o.Key().Public()}
				return o.Entry(membership.SignEvent(e, o.Founder.Device(), &thief))
			}},
		{"cosignature_join", "[ROLL-3]", "a join without the invitation's private half", r,
			func(o *membershiptest.Org) membership.Entry {
				invitation, m, thief := o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Ann"), o.Key()
				e := o.Event(m.Device())
				e.Join = &membership.Join{
					Invitation: invitation.Public(), Name: m.Name, Recovery: m.Recovery.Public(),
				}
				return o.Entry(membership.SignEvent(e, m.Device(), &thief))
			}},
		{"cosignature_found", "[ROLL-3]", "a founding event without the root key's agreement", r,
			func(o *membershiptest.Org) membership.Entry {
				s := parts(o.Found(membershiptest.Config{}))
				s.Cosignature[0] ^= 1
				event := membership.SignedEvent(wire.Encode(s))
				o.ID, o.Roll, o.Entries = membership.OrgOf(event), membership.NewRoll(membership.OrgOf(event)), nil
				return o.Entry(event)
			}},
	}
}

// entryCases: what the sequencer adds to an event.
func entryCases() []foldCase {
	stamped := func(stamp func(*membershiptest.Org) int64) func(*membershiptest.Org) membership.Entry {
		return func(o *membershiptest.Org) membership.Entry {
			entry := byMember(o, o.Founder, inviteOf(nil))
			entry.Time = stamp(o)
			return entry
		}
	}
	return []foldCase{
		{"clock_back", "[ROLL-11]", "a stamp one millisecond before the last", membership.ReasonClock,
			stamped(func(o *membershiptest.Org) int64 { return o.Roll.State().Time() - 1 })},
		{"clock_zero", "[ROLL-11]", "a founding event stamped 0", membership.ReasonClock,
			func(o *membershiptest.Org) membership.Entry {
				entry := unfounded(o, func(*membership.Found) {})
				entry.Time = 0
				return entry
			}},
		{"clock_far", "[ROLL-11]", "a stamp after the last date", membership.ReasonClock,
			stamped(func(*membershiptest.Org) int64 { return membership.MaxTime + 1 })},
		{"audience_kind", "[ROLL-16]", "an invitation for some group only", membership.ReasonAudience,
			func(o *membershiptest.Org) membership.Entry {
				entry := byMember(o, o.Founder, inviteOf(nil))
				entry.Audience.Kind = 1
				return entry
			}},
		{"audience_id", "[ROLL-16]", "an audience of all that names somebody", membership.ReasonAudience,
			func(o *membershiptest.Org) membership.Entry {
				entry := byMember(o, o.Founder, inviteOf(nil))
				entry.Audience.ID[0] = 1
				return entry
			}},
	}
}

// orderCases: where in the roll an event stands.
func orderCases() []foldCase {
	return []foldCase{
		{"org_other", "[ROLL-10]", "an event of another organization, signed for it", membership.ReasonOrg,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				e.Org[0] ^= 1
			})},
		{"org_found", "[ROLL-10]", "the founding event of another organization", membership.ReasonOrg,
			func(o *membershiptest.Org) membership.Entry {
				entry := unfounded(o, func(*membership.Found) {})
				o.ID[0] ^= 1
				o.Roll = membership.NewRoll(o.ID)
				return entry
			}},
		{"founded", "[ROLL-20]", "a second founding event", membership.ReasonFounded,
			func(o *membershiptest.Org) membership.Entry { return o.Entry(o.Found(membershiptest.Config{})) }},
		{"not_founded", "[ROLL-20]", "an invitation before the founding event", membership.ReasonNotFounded,
			func(o *membershiptest.Org) membership.Entry {
				o.Roll, o.Entries = membership.NewRoll(o.ID), nil
				return byMember(o, o.Founder, inviteOf(nil))
			}},
		{"sequencer", "[ROLL-21]", "an invitation before the roll names its node", membership.ReasonSequencer,
			func(o *membershiptest.Org) membership.Entry {
				onlyFounded(o)
				return byMember(o, o.Founder, inviteOf(nil))
			}},
		{"term_again", "[ROLL-21]", "a second first node", membership.ReasonTerm,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				e.Rendezvous = &membership.Rendezvous{
					Node: o.Key().Public(), Addresses: []string{"/ip4/192.0.2.2/tcp/1"}, Term: 1,
				}
			})},
		{"term", "[ROLL-21]", "a first node in term 2", membership.ReasonTerm,
			rendezvousOf(func(o *membershiptest.Org, rv *membership.Rendezvous) {
				first := o.RootAt(1)
				rv.Term, rv.Size, rv.Root = 2, 1, first[:]
			})},
		{"future", "[ROLL-12]", "made at a size above the roll's", membership.ReasonFuture,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				e.At++
			})},
		{"stale", "[ROLL-12]", "kept back one millisecond longer than the policy allows", membership.ReasonStale,
			late(time.Millisecond)},
		{"counter_replay", "[ROLL-14]", "the same event again", membership.ReasonCounter,
			func(o *membershiptest.Org) membership.Entry {
				entry := byMember(o, o.Founder, inviteOf(nil))
				o.Append(entry.Event)
				return o.Entry(entry.Event)
			}},
		{"counter_skip", "[ROLL-14]", "one counter left out", membership.ReasonCounter,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(nil)(o, e)
				e.Counter++
			})},
		{"counter_join", "[ROLL-14]", "a join with counter 2", membership.ReasonCounter,
			func(o *membershiptest.Org) membership.Entry {
				invitation, m := o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Ann")
				e := o.Event(m.Device())
				e.Counter = 2
				e.Join = &membership.Join{
					Invitation: invitation.Public(), Name: m.Name, Recovery: m.Recovery.Public(),
				}
				return o.Entry(membership.SignEvent(e, m.Device(), &invitation))
			}},
	}
}

// authorCases: who may do what.
func authorCases() []foldCase {
	const r = membership.ReasonNotMember
	return []foldCase{
		{"author_stranger", "[ROLL-13]", "an invitation by a key that the roll does not have", r,
			authoredBy(func(o *membershiptest.Org) keys.PrivateKey { return o.Key() })},
		{"author_node", "[ROLL-13]", "an invitation by the rendezvous node", r,
			authoredBy(func(o *membershiptest.Org) keys.PrivateKey { return o.Node })},
		{"author_root", "[ROLL-13]", "an invitation by the root key", r,
			authoredBy(func(o *membershiptest.Org) keys.PrivateKey { return o.Root })},
		{"author_recovery", "[ROLL-13]", "an invitation by a recovery key", r,
			authoredBy(func(o *membershiptest.Org) keys.PrivateKey { return o.Founder.Recovery })},
		{"author_invitation", "[ROLL-13]", "an invitation by the key of an invitation", r,
			authoredBy(func(o *membershiptest.Org) keys.PrivateKey {
				return o.Invite(o.Founder, membership.RoleMember, 1)
			})},
		{"author_node_device", "[ROLL-13]", "the rendezvous node adds a device", r,
			func(o *membershiptest.Org) membership.Entry { return o.Entry(o.DeviceEvent(o.Node, o.Key())) }},
		{"role_policy", "[ROLL-15]", "a member changes the policy", membership.ReasonRole,
			func(o *membershiptest.Org) membership.Entry {
				return byMember(o, o.Join("Ann"), policyOf(func(*membership.Policy) {}))
			}},
		{"role_invite", "[ROLL-22]", "a guest invites", membership.ReasonRole,
			func(o *membershiptest.Org) membership.Entry {
				return byMember(o, o.JoinAs("Ann", membership.RoleGuest), inviteOf(nil))
			}},
		{"role_invite_guest", "[ROLL-22]", "a member invites a guest without leave", membership.ReasonRole,
			func(o *membershiptest.Org) membership.Entry {
				return byMember(o, o.Join("Ann"), inviteOf(func(i *membership.Invite) { i.Role = membership.RoleGuest }))
			}},
		{"role_invite_admin", "[ROLL-22]", "a member invites an admin", membership.ReasonRole,
			func(o *membershiptest.Org) membership.Entry {
				return byMember(o, o.Join("Ann"), inviteOf(func(i *membership.Invite) { i.Role = membership.RoleAdmin }))
			}},
		{"role_inviter", "[ROLL-22]", "a join after the policy took the leave to invite from the inviter's role",
			membership.ReasonRole, func(o *membershiptest.Org) membership.Entry {
				invitation := o.Invite(o.Join("Ann"), membership.RoleMember, 1)
				policy := membership.DefaultPolicy()
				policy.Invite.Set(membership.RoleMember, membership.RoleMember, false)
				o.SetPolicy(policy)
				return o.Entry(o.JoinEvent(invitation, stranger(o, "Bob")))
			}},
		{"limit_devices", "[ROLL-24]", "one device above the cap", membership.ReasonLimit,
			func(o *membershiptest.Org) membership.Entry {
				for len(o.Founder.Devices) < membership.MaxDevices {
					o.AddDevice(o.Founder)
				}
				return o.Entry(o.DeviceEvent(o.Founder.Device(), o.Key()))
			}},
	}
}

// keyCases: a key has one use in an organization, and is not one that anybody can sign with.
func keyCases() []foldCase {
	const r = membership.ReasonDuplicateKey
	recoveryIs := func(key func(*membershiptest.Org, *membershiptest.Member) keys.PrivateKey) func(
		*membershiptest.Org) membership.Entry {
		return joining(func(o *membershiptest.Org, m *membershiptest.Member) { m.Recovery = key(o, m) })
	}
	deviceIs := func(key func(*membershiptest.Org) keys.PrivateKey) func(*membershiptest.Org) membership.Entry {
		return func(o *membershiptest.Org) membership.Entry {
			return o.Entry(o.DeviceEvent(o.Founder.Device(), key(o)))
		}
	}
	return []foldCase{
		{"key_join_device", "[ROLL-9]", "a joiner's device is the founder's", r,
			joining(func(o *membershiptest.Org, m *membershiptest.Member) { m.Devices[0] = o.Founder.Device() })},
		{"key_join_recovery_is_device", "[ROLL-9]", "a joiner's recovery key is their device", r,
			recoveryIs(func(_ *membershiptest.Org, m *membershiptest.Member) keys.PrivateKey { return m.Device() })},
		{"key_join_recovery", "[ROLL-9]", "a joiner's recovery key is the founder's", r,
			recoveryIs(func(o *membershiptest.Org, _ *membershiptest.Member) keys.PrivateKey {
				return o.Founder.Recovery
			})},
		{"key_device_own", "[ROLL-9]", "a device adds itself", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey { return o.Founder.Device() })},
		{"key_device_other", "[ROLL-9]", "a device of another member is added", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey { return o.Join("Ann").Device() })},
		{"key_device_node", "[ROLL-9]", "the rendezvous node's key is added as a device", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey { return o.Node })},
		{"key_device_root", "[ROLL-9]", "the root key is added as a device", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey { return o.Root })},
		{"key_device_recovery", "[ROLL-9]", "a recovery key is added as a device", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey { return o.Founder.Recovery })},
		{"key_device_invitation", "[ROLL-9]", "an invitation's key is added as a device", r,
			deviceIs(func(o *membershiptest.Org) keys.PrivateKey {
				return o.Invite(o.Founder, membership.RoleMember, 1)
			})},
		{"key_invite", "[ROLL-9]", "an invitation whose key is the node's", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(func(i *membership.Invite) { i.Key = o.Node.Public() })(o, e)
			})},
		{"key_invite_again", "[ROLL-9]", "an invitation's key a second time", r,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				key := o.Invite(o.Founder, membership.RoleMember, 1)
				inviteOf(func(i *membership.Invite) { i.Key = key.Public() })(o, e)
				e.Counter, e.At = e.Counter+1, e.At+1
			})},
		{"key_node", "[ROLL-9]", "the founder's device as rendezvous node", r,
			rendezvousOf(func(o *membershiptest.Org, rv *membership.Rendezvous) {
				rv.Node = o.Founder.Device().Public()
			})},
		{"key_found_root", "[ROLL-9]", "the founder's recovery key is the root key", r,
			founding(func(o *membershiptest.Org, f *membership.Found) { f.Recovery = o.Root.Public() })},
		{"key_weak_signer", "[ROLL-8]", "a signer under whose key one signature fits every message",
			membership.ReasonKey, rebodiedSigner},
		{"key_weak_cosigner", "[ROLL-8]", "a new device under whose key one signature fits every message",
			membership.ReasonKey, func(o *membershiptest.Org) membership.Entry {
				e := o.Event(o.Founder.Device())
				e.Device = &membership.Device{Add: identity}
				s := parts(membership.SignEvent(e, o.Founder.Device(), nil))
				s.Cosignature = forged()
				return o.Entry(wire.Encode(s))
			}},
		{"key_weak_invitation", "[ROLL-8]", "an invitation that needs no private half", membership.ReasonKey,
			byFounder(inviteOf(func(i *membership.Invite) { i.Key = identity }))},
	}
}

// rebodiedSigner returns an event whose signer is the weakest key, with the signature that always verifies.
func rebodiedSigner(o *membershiptest.Org) membership.Entry {
	entry := byMember(o, o.Founder, inviteOf(nil))
	s := parts(entry.Event)
	signer := o.Founder.Device().Public()
	s.Body = []byte(strings.Replace(string(s.Body), string(signer[:]), string(identity[:]), 1))
	s.Signature = forged()
	return o.Entry(wire.Encode(s))
}

func invitationCases() []foldCase {
	return []foldCase{
		{"invitation_unknown", "[ROLL-23]", "a join by a key that is no invitation", membership.ReasonInvitationUnknown,
			func(o *membershiptest.Org) membership.Entry { return o.Entry(o.JoinEvent(o.Key(), stranger(o, "Ann"))) }},
		{"invitation_root", "[ROLL-23]", "a join that the root key cosigns", membership.ReasonInvitationUnknown,
			func(o *membershiptest.Org) membership.Entry { return o.Entry(o.JoinEvent(o.Root, stranger(o, "Ann"))) }},
		{"invitation_used", "[ROLL-23]", "a third join by an invitation for two", membership.ReasonInvitationUsed,
			func(o *membershiptest.Org) membership.Entry {
				invitation := o.Invite(o.Founder, membership.RoleMember, 2)
				o.JoinBy(invitation, "Ann")
				o.JoinBy(invitation, "Bob")
				return o.Entry(o.JoinEvent(invitation, stranger(o, "Cid")))
			}},
		{"invitation_expired", "[ROLL-23]", "a join at the instant at which the invitation expires",
			membership.ReasonInvitationExpired, joinAt(0)},
		{"invitation_past", "[ROLL-22]", "an invitation that has expired when it is made",
			membership.ReasonInvitationExpired,
			byFounder(func(o *membershiptest.Org, e *membership.Event) {
				inviteOf(func(i *membership.Invite) { i.Expires = o.Now.Unix() })(o, e)
			})},
	}
}

func nameCases() []foldCase {
	const r = membership.ReasonNameRule
	cases := []foldCase{
		{"name_taken", "[ROLL-31]", "the founder's name in capitals", membership.ReasonNameTaken, named("FOUNDER")},
		{"name_taken_script", "[ROLL-31]", "a Greek name in another case", membership.ReasonNameTaken,
			func(o *membershiptest.Org) membership.Entry {
				o.Join("Ωμέγα")
				return named("ωΜΈΓΑ")(o)
			}},
		{"name_org", "[ROLL-30]", "an organization's name with a line break", r,
			founding(func(_ *membershiptest.Org, f *membership.Found) { f.OrgName = "Exam\nple" })},
		{"name_founder", "[ROLL-30]", "a founder without a name", r,
			founding(func(_ *membershiptest.Org, f *membership.Found) { f.Member = "" })},
		{"name_device_id", "[ROLL-30]", "a name that is the id of the founder's device", r,
			joining(func(o *membershiptest.Org, m *membershiptest.Member) { m.Name = o.Founder.Device().Public().String() })},
		{"name_member_id", "[ROLL-30]", "a name that is the founder's id in capitals", r,
			joining(func(o *membershiptest.Org, m *membershiptest.Member) {
				m.Name = strings.ToUpper(o.Founder.ID.String())
			})},
	}
	for _, bad := range badNames {
		cases = append(cases, foldCase{"name_" + bad.name, "[ROLL-30]", bad.comment, r, named(bad.text)})
	}
	return cases
}

// badNames break the rule one way each.
var badNames = []struct{ name, comment, text string }{
	{"empty", "no name", ""},
	{"long", "65 characters", strings.Repeat("a", 65)},
	{"decomposed", "e and an acute accent apart", "Rene\u0301"},
	{"space_first", "a space first", " Ann"},
	{"space_last", "a space last", "Ann "},
	{"space_double", "two spaces", "Ann  Bee"},
	{"space_wide", "a no-break space", "Ann\u00a0Bee"},
	{"tab", "a tab", "Ann\tBee"},
	{"dash_first", "a dash first, as a flag has", "-Ann"},
	{"mark_first", "a mark with nothing under it", "\u0301Ann"},
	{"mark_on_space", "a mark on a space", "Ann \u0301"},
	{"marks", "five marks on one letter", "Z\u0316\u0317\u0318\u0319\u031c"},
	{"at", "an at sign, which separates name and organization", "ann@example"},
	{"slash", "a slash", "ann/bee"},
	{"angle", "markup", "<b>Ann"},
	{"bidi", "a right-to-left override", "Ann\u202eBee"},
	{"zero_width", "a zero-width space", "An\u200bn"},
	{"filler", "a letter that shows as nothing", "Ann\u3164"},
	{"selector", "a variation selector", "Ann\ufe0f"},
	{"emoji", "a symbol", "Ann \U0001f600"},
	{"unassigned", "a character that Unicode 15 does not have", "Ann\u1c8a"},
}

func policyCases() []foldCase {
	const r = membership.ReasonPolicy
	bad := []struct {
		name, comment string
		change        func(*membership.Policy)
	}{
		{"leave_none", "nobody may invite", func(p *membership.Policy) { p.Invite = membership.Leave{} }},
		{"leave_admin", "members may invite admins", func(p *membership.Policy) {
			p.Invite.Set(membership.RoleMember, membership.RoleAdmin, true)
		}},
		{"leave_unknown", "admins may invite for role 5", func(p *membership.Policy) { p.Invite[0] |= 1 << 4 }},
		{"matrix_none", "a pair of roles without a way of contact", func(p *membership.Policy) { p.Contact[3] = 0 }},
		{"matrix_unknown", "way of contact 4", func(p *membership.Policy) { p.Contact[0] = 4 }},
		{"matrix_guest", "guests may introduce themselves to members", func(p *membership.Policy) {
			p.Contact.Set(membership.RoleGuest, membership.RoleMember, membership.ContactIntroduction)
		}},
		{"envelope_small", "a message size below the least", func(p *membership.Policy) {
			p.MaxEnvelope = membership.MinMaxEnvelope - 1
		}},
		{"envelope_large", "a message size above the most", func(p *membership.Policy) {
			p.MaxEnvelope = membership.MaxMaxEnvelope + 1
		}},
		{"park", "a time to park below a day", func(p *membership.Policy) { p.Park = membership.MinPark - 1 }},
		{"park_long", "a time to park above ten years", func(p *membership.Policy) { p.Park = membership.MaxPark + 1 }},
		{"park_said", "a time to park that holds unsaid", func(p *membership.Policy) { p.Park = membership.DefaultPark }},
		{"queue", "a queue time above a year", func(p *membership.Policy) { p.QueueTime = membership.MaxQueueTime + 1 }},
		{"introductions", "too many introductions a day", func(p *membership.Policy) {
			p.IntroductionsPerDay = membership.MaxPerDay + 1
		}},
		{"age_short", "an age under which no event could arrive", func(p *membership.Policy) { p.EventAge = 0 }},
		{"age_long", "an age that overflows", func(p *membership.Policy) { p.EventAge = 1 << 63 }},
		{"grace", "an offline grace of no time", func(p *membership.Policy) { p.OfflineGrace = 0 }},
		{"name_rule", "rule of names 5", func(p *membership.Policy) { p.NameRule = 5 }},
		{"name_rule_none", "no rule of names", func(p *membership.Policy) { p.NameRule = 0 }},
		{"pattern_none", "the rule of a pattern without one", func(p *membership.Policy) {
			p.NameRule = membership.NamesByPattern
		}},
		{"pattern_unused", "a pattern without its rule", func(p *membership.Policy) { p.NamePattern = "a*" }},
		{"pattern", "a pattern with a character that no name has", func(p *membership.Policy) {
			p.NameRule, p.NamePattern = membership.NamesByPattern, "a@*"
		}},
		{"reserved_name", "a reserved name that is none", func(p *membership.Policy) { p.Reserved = []string{"a@b"} }},
		{"reserved_order", "reserved names out of order", func(p *membership.Policy) { p.Reserved = []string{"b", "a"} }},
		{"reserved_twice", "a reserved name twice", func(p *membership.Policy) { p.Reserved = []string{"a", "a"} }},
		{"reserved_many", "one reserved name above the cap", func(p *membership.Policy) {
			p.Reserved = nil
			for i := range membership.MaxReserved + 1 {
				p.Reserved = append(p.Reserved, fmt.Sprintf("name%03d", i))
			}
		}},
		{"hold", "a hold of names above ten years", func(p *membership.Policy) { p.NameHold = membership.MaxNameHold + 1 }},
		{"freeze_short", "a freeze below an hour", func(p *membership.Policy) { p.FreezeTime = membership.MinFreezeTime - 1 }},
		{"freeze_long", "a freeze above three days", func(p *membership.Policy) { p.FreezeTime = membership.MaxFreezeTime + 1 }},
		{"readmit_short", "a re-admission within a day", func(p *membership.Policy) {
			p.ReadmitDelay = membership.MinReadmitDelay - 1
		}},
		{"readmit_long", "a re-admission after more than 31 days", func(p *membership.Policy) {
			p.ReadmitDelay = membership.MaxReadmitDelay + 1
		}},
		{"tables", "Unicode tables that this build does not have", func(p *membership.Policy) { p.Tables = 16 }},
	}
	cases := []foldCase{{"policy_found", "[ROLL-26]", "a founding event with a policy beyond its bounds", r,
		founding(func(_ *membershiptest.Org, f *membership.Found) { f.Policy.EventAge = 0 })}}
	for _, b := range bad {
		cases = append(cases, foldCase{"policy_" + b.name, "[ROLL-26]", b.comment, r, byFounder(policyOf(b.change))})
	}
	return cases
}

func (c foldCase) String() string { return fmt.Sprintf("%s: %s", c.name, c.comment) }
