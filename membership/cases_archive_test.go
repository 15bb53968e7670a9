package membership_test

import (
	"bytes"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// archived returns an organization's archive after it was set by the founder, and two members in the order of their ids.
func archived(o *testOrg) (set membership.ArchiveSetting, ann, bob *membershiptest.Member) {
	ann, bob = o.Join("Ann"), o.Join("Bob")
	if ann.ID.Compare(bob.ID) > 0 {
		ann, bob = bob, ann
	}
	set = o.ArchiveSetting(o.Key().Public())
	o.SetArchive(o.Founder.Device(), set)
	return set, ann, bob
}

// smallOrderArchive is a key whose X25519 half gives every sender one secret, that of zero.
func smallOrderArchive(o *testOrg) []byte {
	key := o.ArchiveKey().PublicKey().Bytes()
	return append(key[:len(key)-32:len(key)-32], make([]byte, 32)...)
}

// archiveCases: the organization's archive, and whose messages go there.
func archiveCases() []foldCase {
	const malformed = membership.ReasonMalformed
	// set returns the event by which the founder sets an archive that change has changed.
	set := func(change func(o *testOrg, s *membership.ArchiveSetting)) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			s := o.ArchiveSetting(o.Key().Public())
			change(o, &s)
			return o.ArchiveEvent(o.Founder.Device(), membership.Archive{Set: &s})
		}
	}
	// accounts returns the founder's event about accounts, once there is an archive and Ann is designated.
	accounts := func(lists func(ann, bob *membershiptest.Member) membership.Archive) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			_, ann, bob := archived(o)
			o.Designate(o.Founder.Device(), ann)
			return o.ArchiveEvent(o.Founder.Device(), lists(ann, bob))
		}
	}
	designate := func(ids ...keys.MemberID) membership.Archive { return membership.Archive{Designate: ids} }
	release := func(ids ...keys.MemberID) membership.Archive { return membership.Archive{Release: ids} }
	return slices.Concat(archiveKeyCases(set), []foldCase{
		ofEvent("ok_archive", "[ROLL-160]", "an admin sets an archive and designates two accounts", 0,
			func(o *testOrg) membership.SignedEvent {
				_, ann, bob := archived(o)
				s := o.ArchiveSetting(o.Key().Public())
				return o.ArchiveEvent(o.Founder.Device(), membership.Archive{Set: &s, Designate: []keys.MemberID{ann.ID, bob.ID}})
			}),
		ofEvent("ok_archive_root", "[ROLL-160]", "the root key releases an account and designates another", 0,
			func(o *testOrg) membership.SignedEvent {
				_, ann, bob := archived(o)
				o.Designate(o.Root, ann)
				return o.ArchiveEvent(o.Root, membership.Archive{
					Designate: []keys.MemberID{bob.ID}, Release: []keys.MemberID{ann.ID},
				})
			}),
		ofEvent("ok_archive_again", "[ROLL-163]", "an account that was released is designated again", 0,
			func(o *testOrg) membership.SignedEvent {
				_, ann, _ := archived(o)
				o.Designate(o.Root, ann)
				o.Release(o.Root, ann)
				return o.ArchiveEvent(o.Root, designate(ann.ID))
			}),
		ofEvent("archive_member", "[ROLL-160]", "a member designates an account", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				_, ann, bob := archived(o)
				return o.ArchiveEvent(ann.Device(), designate(bob.ID))
			}),
		ofEvent("archive_recovery", "[ROLL-160]", "an admin's recovery key designates an account", membership.ReasonNotMember,
			func(o *testOrg) membership.SignedEvent {
				_, ann, _ := archived(o)
				return o.ArchiveEvent(o.Founder.Recovery, designate(ann.ID))
			}),
		ofEvent("malformed_archive_empty", "[ROLL-160]", "an archive event that says nothing", malformed,
			accounts(func(_, _ *membershiptest.Member) membership.Archive { return membership.Archive{} })),
		ofEvent("malformed_archive_order", "[ROLL-160]", "accounts in descending order", malformed,
			accounts(func(ann, bob *membershiptest.Member) membership.Archive { return designate(bob.ID, ann.ID) })),
		ofEvent("malformed_archive_twice", "[ROLL-160]", "an account twice in a list", malformed,
			accounts(func(_, bob *membershiptest.Member) membership.Archive { return designate(bob.ID, bob.ID) })),
		ofEvent("malformed_archive_both", "[ROLL-160]", "an account in both lists", malformed,
			accounts(func(ann, _ *membershiptest.Member) membership.Archive {
				return membership.Archive{Designate: []keys.MemberID{ann.ID}, Release: []keys.MemberID{ann.ID}}
			})),
		ofEvent("malformed_archive_many", "[ROLL-160]", "65 accounts in one list", malformed,
			accounts(func(_, _ *membershiptest.Member) membership.Archive {
				list := make([]keys.MemberID, membership.MaxArchiveChanges+1)
				for i := range list {
					list[i][0] = byte(i)
				}
				return designate(list...)
			})),
		ofEvent("archive_none", "[ROLL-161]", "an account is designated before there is an archive", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.ArchiveEvent(o.Founder.Device(), designate(o.Join("Ann").ID))
			}),
		ofEvent("archive_stranger", "[ROLL-163]", "nobody's account is designated", membership.ReasonUnknown,
			accounts(func(_, _ *membershiptest.Member) membership.Archive { return designate(keys.MemberID{7}) })),
		ofEvent("archive_stranger_released", "[ROLL-163]", "nobody's account is released", membership.ReasonUnknown,
			accounts(func(_, _ *membershiptest.Member) membership.Archive { return release(keys.MemberID{7}) })),
		ofEvent("archive_removed", "[ROLL-163]", "a removed member is designated", membership.ReasonRemoved,
			func(o *testOrg) membership.SignedEvent {
				_, ann, _ := archived(o)
				o.Append(o.RemoveEvent(o.Founder.Device(), ann))
				return o.ArchiveEvent(o.Founder.Device(), designate(ann.ID))
			}),
		ofEvent("archive_already", "[ROLL-163]", "a designated account is designated", membership.ReasonAlready,
			accounts(func(ann, _ *membershiptest.Member) membership.Archive { return designate(ann.ID) })),
		ofEvent("archive_released", "[ROLL-163]", "an account is released that is not designated", membership.ReasonAlready,
			accounts(func(_, bob *membershiptest.Member) membership.Archive { return release(bob.ID) })),
	})
}

// archiveKeyCases: what a setting of the archive may be.
func archiveKeyCases(
	set func(func(*testOrg, *membership.ArchiveSetting)) func(*testOrg) membership.SignedEvent,
) []foldCase {
	const malformed = membership.ReasonMalformed
	bad := func(name, comment string, change func(*membership.ArchiveSetting)) foldCase {
		return ofEvent("malformed_archive_"+name, "[ROLL-161]", comment, malformed,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { change(s) }))
	}
	return []foldCase{
		ofEvent("ok_archive_bare", "[ROLL-161]", "an archive without a label that fails closed", 0,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { s.Label, s.Mode = "", membership.ArchiveClosed })),
		ofEvent("ok_archive_same_service", "[ROLL-161]", "the same service is named anew, with another mode", 0,
			set(func(o *testOrg, s *membership.ArchiveSetting) {
				*s, _, _ = archived(o)
				s.Mode = membership.ArchiveClosed
			})),
		ofEvent("archive_same_service", "[ROLL-161]", "another key to seal to for the same service", membership.ReasonDuplicateKey,
			set(func(o *testOrg, s *membership.ArchiveSetting) {
				before, _, _ := archived(o)
				s.Service = before.Service
			})),
		ofEvent("ok_archive_invitation", "[ROLL-161]", "the key of an invitation becomes the service's", 0,
			set(func(o *testOrg, s *membership.ArchiveSetting) {
				s.Service = o.Invite(o.Founder, membership.RoleMember, 1).Public()
			})),
		ofEvent("archive_device", "[ROLL-161]", "a device's key as the service's", membership.ReasonDuplicateKey,
			set(func(o *testOrg, s *membership.ArchiveSetting) { s.Service = o.Founder.Device().Public() })),
		ofEvent("archive_node", "[ROLL-161]", "the node's key as the service's", membership.ReasonDuplicateKey,
			set(func(o *testOrg, s *membership.ArchiveSetting) { s.Service = o.Node.Public() })),
		ofEvent("archive_weak", "[ROLL-8]", "a weak key as the service's", membership.ReasonKey,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { s.Service = keys.PublicKey{1} })),
		ofEvent("archive_device_later", "[ROLL-9]", "a device with the service's key", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				key := o.Key()
				o.SetArchive(o.Founder.Device(), o.ArchiveSetting(key.Public()))
				return o.DeviceEvent(o.Founder.Device(), key)
			}),
		ofEvent("archive_signs", "[ROLL-13]", "the service's key signs an event", membership.ReasonNotMember,
			func(o *testOrg) membership.SignedEvent {
				key := o.Key()
				o.SetArchive(o.Founder.Device(), o.ArchiveSetting(key.Public()))
				return o.ArchiveEvent(key, membership.Archive{Designate: []keys.MemberID{o.Founder.ID}})
			}),
		ofEvent("archive_label", "[ROLL-161]", "a label that the rule of names refuses", membership.ReasonNameRule,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { s.Label = "https://records.example" })),
		bad("label", "a label of 257 bytes", func(s *membership.ArchiveSetting) { s.Label = strings.Repeat("a", 257) }),
		bad("mode", "a mode that there is not", func(s *membership.ArchiveSetting) { s.Mode = 3 }),
		bad("bytes", "too few bytes that may wait", func(s *membership.ArchiveSetting) { s.Bytes = membership.MinArchiveBytes - 1 }),
		bad("age", "too long a time that may be waited", func(s *membership.ArchiveSetting) { s.Age = membership.MaxQueueTime + 1 }),
		ofEvent("malformed_archive_key", "[ROLL-162]", "a key that is a byte short", malformed,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { s.Key = s.Key[1:] })),
		ofEvent("archive_kem", "[ROLL-162]", "a key with a coefficient beyond the modulus of ML-KEM", membership.ReasonKey,
			set(func(_ *testOrg, s *membership.ArchiveSetting) { copy(s.Key, bytes.Repeat([]byte{0xff}, 3)) })),
		ofEvent("archive_kem_order", "[ROLL-162]", "a key whose X25519 half is zero", membership.ReasonKey,
			set(func(o *testOrg, s *membership.ArchiveSetting) { s.Key = smallOrderArchive(o) })),
	}
}
