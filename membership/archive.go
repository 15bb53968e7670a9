package membership

import (
	"bytes"
	"cmp"
	"crypto/ecdh"
	"crypto/hpke"
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership/group"
)

// Archive is the event by which an admin or the root key says that the organization has a write-only archive, and whose
// messages go there: what it sets, and changes to the list of designated accounts, or one of the two. [ROLL-160]
type Archive struct {
	plain
	Set       *ArchiveSetting `cbor:"1,keyasint,omitempty"` // replaces the setting before it as a whole
	Designate []keys.MemberID `cbor:"2,keyasint,omitempty"` // in ascending order, at most MaxArchiveChanges
	Release   []keys.MemberID `cbor:"3,keyasint,omitempty"` // the same
}

// ArchiveSetting is the archive as the roll names it. Old keys stay known for what was sealed to them. [ROLL-161]
type ArchiveSetting struct {
	Service keys.PublicKey `cbor:"1,keyasint"`           // by which the service that stores proves itself to a node
	Key     []byte         `cbor:"2,keyasint"`           // ArchiveKeySize bytes: what is sealed to; its private half is offline
	Label   string         `cbor:"3,keyasint,omitempty"` // what people call it, as the name of an organization
	Mode    ArchiveMode    `cbor:"4,keyasint"`
	Bytes   uint64         `cbor:"5,keyasint"` // how much may wait for the archive before Mode decides
	Age     uint64         `cbor:"6,keyasint"` // how long, in seconds, the archive may take nothing while something waits
}

// ArchiveMode says what happens to messages of designated accounts while more waits for the archive than may. The numbers
// are part of the wire format.
type ArchiveMode uint8

// The modes. [ROLL-161]
const (
	ArchiveOpen   ArchiveMode = 1 // they go on, and what was not kept is counted and told
	ArchiveClosed ArchiveMode = 2 // they wait with their senders
)

// ArchiveKeySize is the size of the archive's public key for MLKEM768-X25519, in bytes.
const ArchiveKeySize = 1216

// NamedArchive is a setting of the archive with its place on the roll.
type NamedArchive struct {
	ArchiveSetting
	From uint64 // the index of the entry that set it
}

// Designation is a time in which the messages of an account went to the archive.
type Designation struct {
	Member keys.MemberID
	From   uint64 // the index of the entry that designated the account
	Until  uint64 // the index of the entry that released it, 0 while it is designated
}

func (*Archive) kind() *kind { return &archiveKind }

func (a *Archive) form() error {
	if a.Set == nil && len(a.Designate) == 0 && len(a.Release) == 0 {
		return refuse(ReasonMalformed, "an archive event that says nothing")
	}
	for _, list := range [][]keys.MemberID{a.Designate, a.Release} {
		if len(list) > MaxArchiveChanges {
			return refuse(ReasonMalformed, "%d accounts in one list, at most %d are allowed", len(list), MaxArchiveChanges)
		}
		for i := range list {
			if i > 0 && list[i-1].Compare(list[i]) >= 0 {
				return refuse(ReasonMalformed, "the accounts are not an ascending list")
			}
		}
	}
	for _, id := range a.Designate {
		if _, both := slices.BinarySearchFunc(a.Release, id, keys.MemberID.Compare); both {
			return refuse(ReasonMalformed, "an account that is designated and released at once")
		}
	}
	if a.Set == nil {
		return nil
	}
	return a.Set.form()
}

func (s *ArchiveSetting) form() error {
	switch {
	case s.Mode != ArchiveOpen && s.Mode != ArchiveClosed:
		return refuse(ReasonMalformed, "no mode of the archive has number %d", uint8(s.Mode))
	case s.Bytes < MinArchiveBytes || s.Bytes > MaxArchiveBytes:
		return refuse(ReasonMalformed, "%d bytes may wait for the archive, not from %d to %d", s.Bytes, MinArchiveBytes, MaxArchiveBytes)
	case s.Age < MinPolicyTime || s.Age > MaxQueueTime:
		return refuse(ReasonMalformed, "%d s may what waits for the archive be old, not from %d to %d", s.Age, MinPolicyTime, MaxQueueTime)
	}
	if err := checkNameSize("archive's label", s.Label); err != nil {
		return err
	}
	return CheckArchiveKey(s.Key)
}

func (s ArchiveSetting) clone() ArchiveSetting {
	s.Key = bytes.Clone(s.Key)
	return s
}

func (n NamedArchive) clone() NamedArchive {
	n.ArchiveSetting = n.ArchiveSetting.clone()
	return n
}

// CheckArchiveKey returns nil if bytes are a public key for MLKEM768-X25519 to which can be sealed, else a *Refusal: with
// another on the roll nobody could write to a designated account. [ROLL-162]
func CheckArchiveKey(key []byte) error {
	if len(key) != ArchiveKeySize {
		return refuse(ReasonMalformed, "the archive's key has %d bytes, not %d", len(key), ArchiveKeySize)
	}
	if _, err := hpke.MLKEM768X25519().NewPublicKey(key); err != nil {
		return refuse(ReasonKey, "the archive's key is none for MLKEM768-X25519")
	}
	point, err := ecdh.X25519().NewPublicKey(key[ArchiveKeySize-32:])
	if err != nil {
		return refuse(ReasonKey, "the archive's key has no X25519 key at its end")
	}
	scalar, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32)) // any will do
	if err != nil {
		panic(err)
	}
	if _, err := scalar.ECDH(point); err != nil {
		return refuse(ReasonKey, "the archive's X25519 key has a small order")
	}
	return nil
}

var archiveKind = kind{
	rules: []rule{sequenced, byAdmin, counted, archiveNamed, archiveAccounts},
	apply: func(s *State, c *change) {
		event := c.event.Archive
		if event.Set != nil {
			s.setArchive(*event.Set)
		}
		for _, id := range event.Designate {
			s.archived[id] = append(s.archived[id], Designation{Member: id, From: s.size})
			s.designated++
		}
		for _, id := range event.Release {
			spans := s.archived[id]
			spans[len(spans)-1].Until = s.size
			s.designated--
		}
	},
}

func (s *State) setArchive(setting ArchiveSetting) {
	if invitation, ok := s.invitations[setting.Service]; ok {
		invitation.Revoked = true
	}
	s.keys[setting.Service] = holding{use: useArchive}
	s.archives = append(s.archives, NamedArchive{ArchiveSetting: setting.clone(), From: s.size})
}

// archiveNamed: the service's key is nobody's, or was the archive's before, with the same key to seal to: so who is sealed
// to follows from whom it is sent to. A key that a member named as an invitation's is taken from it, as a node's is. Without
// an archive nobody is designated. [ROLL-161]
func archiveNamed(s *State, c *change) error {
	set := c.event.Archive.Set
	switch {
	case set == nil && len(s.archives) == 0:
		return refuse(ReasonUnknown, "the roll names no archive yet")
	case set == nil:
		return nil
	}
	if set.Label != "" {
		if err := checkName(set.Label, s.policy.Tables); err != nil {
			return err
		}
	}
	switch s.keys[set.Service].use {
	case useInvitation:
		return nil
	case useArchive:
		before := slices.IndexFunc(s.archives, func(a NamedArchive) bool { return a.Service == set.Service })
		if !bytes.Equal(s.archives[before].Key, set.Key) {
			return refuse(ReasonDuplicateKey, "%s had another key to seal to", set.Service.Short())
		}
		return nil
	}
	return s.newKeys(set.Service)
}

// archiveAccounts: who is designated is a member and was not yet, who is released was. [ROLL-163]
func archiveAccounts(s *State, c *change) error {
	event := c.event.Archive
	for _, id := range event.Designate {
		switch a := s.members[id]; {
		case a == nil:
			return refuse(ReasonUnknown, "%s", id.Short())
		case a.removed:
			return refuse(ReasonRemoved, "%s", id.Short())
		case s.Archived(id):
			return refuse(ReasonAlready, "%s is designated", id.Short())
		}
	}
	for _, id := range event.Release {
		if s.members[id] == nil {
			return refuse(ReasonUnknown, "%s", id.Short())
		}
		if !s.Archived(id) {
			return refuse(ReasonAlready, "%s is not designated", id.Short())
		}
	}
	if s.designated+len(event.Designate)-len(event.Release) > MaxDesignated {
		return refuse(ReasonLimit, "%d designated accounts", MaxDesignated)
	}
	return nil
}

// Archive returns the organization's archive, or false if it has none.
func (s *State) Archive() (NamedArchive, bool) {
	if len(s.archives) == 0 {
		return NamedArchive{}, false
	}
	return s.archives[len(s.archives)-1].clone(), true
}

// ArchiveTerms is what a rendezvous node asks of posts: the archive in force but for its key.
type ArchiveTerms struct {
	Service keys.PublicKey
	Mode    ArchiveMode
	Bytes   uint64 // that may wait
	Age     uint64 // seconds in which the archive may take nothing
	Since   uint64 // the index of the entry from which on this service is in force without a break
}

// ArchiveTerms returns the terms of the archive in force, or false if there is none.
func (s *State) ArchiveTerms() (ArchiveTerms, bool) {
	if len(s.archives) == 0 {
		return ArchiveTerms{}, false
	}
	last := &s.archives[len(s.archives)-1]
	t := ArchiveTerms{Service: last.Service, Mode: last.Mode, Bytes: last.Bytes, Age: last.Age, Since: last.From}
	for i := len(s.archives) - 1; i >= 0 && s.archives[i].Service == last.Service; i-- {
		t.Since = s.archives[i].From
	}
	return t, true
}

// Archives returns all settings of the archive that there were, in the order of the roll; the last is in force.
func (s *State) Archives() []NamedArchive {
	all := make([]NamedArchive, 0, len(s.archives))
	for _, a := range s.archives {
		all = append(all, a.clone())
	}
	return all
}

// IsArchive reports whether a key is that of the archive's service, and whether it is in force: false for one that was.
func (s *State) IsArchive(key keys.PublicKey) (is, inForce bool) {
	if s.keys[key].use != useArchive {
		return false, false
	}
	return true, s.archives[len(s.archives)-1].Service == key
}

// Archived reports whether an account is designated: what it sends and is sent goes to the archive too. A member who is
// suspended, removed or re-admitted stays so until the account is released. [ROLL-164]
func (s *State) Archived(member keys.MemberID) bool {
	spans := s.archived[member]
	return len(spans) > 0 && spans[len(spans)-1].Until == 0
}

// AnyArchived reports whether one of some accounts is designated. [ROLL-164]
func (s *State) AnyArchived(members ...keys.MemberID) bool {
	return s.designated > 0 && slices.ContainsFunc(members, s.Archived)
}

// GroupArchived reports whether a designated account is a member of a group, as far as this reader knows. [ROLL-164]
func (s *State) GroupArchived(id keys.GroupID) bool {
	_, is := s.GroupArchivedSince(id)
	return is
}

// GroupArchivedSince is GroupArchived with the index of an entry: who knows the roll beyond it knows that the group is
// archived, and by which service.
func (s *State) GroupArchivedSince(id keys.GroupID) (since uint64, is bool) {
	g := s.groups[id]
	if g == nil || s.designated == 0 {
		return 0, false
	}
	for _, member := range g.acts.People(group.IsMember) {
		if !s.Archived(member) {
			continue
		}
		spans := s.archived[member]
		_, joined := g.acts.Status(member)
		if both := max(joined, spans[len(spans)-1].From); !is || both < since {
			since, is = both, true
		}
	}
	terms, _ := s.ArchiveTerms()
	return max(since, terms.Since), is
}

// Designations returns the times in which accounts were designated, in the order of the roll.
func (s *State) Designations() (all []Designation) {
	for _, spans := range s.archived {
		all = append(all, spans...)
	}
	slices.SortFunc(all, func(a, b Designation) int {
		return cmp.Or(cmp.Compare(a.From, b.From), a.Member.Compare(b.Member))
	})
	return all
}

// ArchivedMembers returns the accounts that are designated, in the order of their ids.
func (s *State) ArchivedMembers() []keys.MemberID {
	members := make([]keys.MemberID, 0, s.designated)
	for id := range s.archived {
		if s.Archived(id) {
			members = append(members, id)
		}
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	return members
}
