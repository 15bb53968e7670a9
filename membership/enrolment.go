package membership

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// Caps of an enrolment. [ROLL-180]
const (
	// MaxEnrolmentText is the length of an issuer, a client id or an address of the service in bytes.
	MaxEnrolmentText = 256
	// MaxClaim is the length of a claim's name in bytes.
	MaxClaim = 64
	// MaxEnrolDaily is the most that an enrolment key may admit in 24 hours.
	MaxEnrolDaily = 10000
	// MaxEnrolGroups is the number of groups into which an enrolment key may take members.
	MaxEnrolGroups = 16
	// enrolDay is the time in which those whom a key admits are counted, in milliseconds of the sequencer's stamps.
	enrolDay = 24 * 60 * 60 * 1000
)

// Enrolment is the event by which an admin or the root key names an enrolment key: what may admit, suspend and reinstate
// members on the word of a login provider. Without terms it ends the key. [ROLL-180]
type Enrolment struct {
	plain
	Key      keys.PublicKey  `cbor:"1,keyasint"`
	Terms    *EnrolmentTerms `cbor:"2,keyasint,omitempty"`
	Replaces keys.PublicKey  `cbor:"3,keyasint,omitzero"`  // the key in whose place it comes, and whose members it gets
	Suspend  uint64          `cbor:"4,keyasint,omitempty"` // at an end: one more than the position from which whom the key admitted is suspended
}

// EnrolmentTerms are what an enrolment key is bound to. [ROLL-180]
type EnrolmentTerms struct {
	Issuer string         `cbor:"1,keyasint"`           // the provider, an https URL without query and fragment
	Client string         `cbor:"2,keyasint"`           // the client id at the provider: the audience of its tokens
	Role   Role           `cbor:"3,keyasint"`           // the highest that it may give: member, or desk
	Daily  uint64         `cbor:"4,keyasint"`           // how many it may admit in 24 hours
	URL    string         `cbor:"5,keyasint"`           // the enrolment service, an https URL as Issuer
	Claim  string         `cbor:"6,keyasint,omitempty"` // which claim gives the name; "" if the member chooses it
	Groups []keys.GroupID `cbor:"7,keyasint,omitempty"` // listed groups into which it may take members, ascending
	Pin    []byte         `cbor:"8,keyasint,omitempty"` // SHA-256 of the public key of the service's certificate; nil: the system's roots decide
}

// IssuedEnrolment is an enrolment key as the roll has it.
type IssuedEnrolment struct {
	Key      keys.PublicKey
	Terms    EnrolmentTerms
	By       keys.MemberID  // who named it last, zero for the root key
	Device   keys.PublicKey // with which device
	Since    uint64         // the index of that entry
	Ended    bool
	Replaced keys.PublicKey // the key that came in its place, zero for none
	Admitted []keys.MemberID
}

// enrolment is an enrolment key as the fold keeps it.
type enrolment struct {
	IssuedEnrolment
	author *account // nil for the root key
	stamps []int64  // of those whom it admitted in the last day
}

func (*Enrolment) kind() *kind { return &enrolmentKind }

func (e *Enrolment) form() error {
	if e.Terms == nil {
		if !e.Replaces.IsZero() {
			return refuse(ReasonMalformed, "an end that takes another key's place")
		}
		return nil
	}
	if e.Suspend != 0 {
		return refuse(ReasonMalformed, "suspensions go with an end")
	}
	return e.Terms.form()
}

func (t *EnrolmentTerms) form() error {
	switch {
	case t.Role != RoleMember && t.Role != RoleDesk:
		return refuse(ReasonMalformed, "an enrolment key gives the role member or desk")
	case t.Daily == 0 || t.Daily > MaxEnrolDaily:
		return refuse(ReasonMalformed, "%d a day, not from 1 to %d", t.Daily, MaxEnrolDaily)
	case !printable(t.Client, MaxEnrolmentText) || t.Client == "":
		return refuse(ReasonMalformed, "the client id is not of 1 to %d printable ASCII characters", MaxEnrolmentText)
	case !printable(t.Claim, MaxClaim):
		return refuse(ReasonMalformed, "the claim's name is not of printable ASCII characters, or too long")
	case len(t.Groups) > MaxEnrolGroups:
		return refuse(ReasonMalformed, "%d groups, at most %d may be named", len(t.Groups), MaxEnrolGroups)
	case t.Pin != nil && len(t.Pin) != len(Hash{}):
		return refuse(ReasonMalformed, "the pin is no SHA-256")
	}
	for i := range t.Groups {
		if i > 0 && t.Groups[i-1].Compare(t.Groups[i]) >= 0 {
			return refuse(ReasonMalformed, "the groups are not an ascending list")
		}
	}
	for what, text := range map[string]string{"issuer": t.Issuer, "address of the service": t.URL} {
		if !SecureURL(text) {
			return refuse(ReasonMalformed, "the %s is no https URL without user, query and fragment, of at most %d characters", what, MaxEnrolmentText)
		}
	}
	return nil
}

// SecureURL reports whether text is what an enrolment may name as issuer or service: an https URL with a host, without user,
// query and fragment. [ROLL-180]
func SecureURL(text string) bool {
	if !printable(text, MaxEnrolmentText) || !strings.HasPrefix(text, "https://") || strings.ContainsAny(text, "?#@\\\"<> ") {
		return false
	}
	parsed, err := url.Parse(text)
	return err == nil && parsed.Hostname() != "" && parsed.String() == text
}

func printable(text string, most int) bool {
	return len(text) <= most && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

var enrolmentKind = kind{
	rules: []rule{sequenced, byAdmin, counted, enrolmentFollows, enrolmentGroups, enrolmentSuspends},
	apply: (*State).setEnrolment,
}

// enrolmentFollows: a key is named first as a new one, and changed or ended while it has not ended; it takes the place of one
// that the roll has. [ROLL-9] [ROLL-181]
func enrolmentFollows(s *State, c *change) error {
	e, held := c.event.Enrolment, s.enrolments[c.event.Enrolment.Key]
	switch {
	case held != nil && held.Ended:
		return refuse(ReasonInvitationRevoked, "the enrolment key has ended")
	case held == nil && e.Terms == nil:
		return refuse(ReasonInvitationUnknown, "no such enrolment key")
	case held == nil:
		if err := s.newKeys(e.Key); err != nil {
			return err
		}
	case !e.Replaces.IsZero():
		return refuse(ReasonAlready, "only a new key takes another's place")
	}
	if before := s.enrolments[e.Replaces]; !e.Replaces.IsZero() && (before == nil || !before.Replaced.IsZero()) {
		return refuse(ReasonInvitationUnknown, "no enrolment key whose place is free")
	}
	return nil
}

// enrolmentGroups: the groups are listed ones of the roll. [ROLL-180]
func enrolmentGroups(s *State, c *change) error {
	if c.event.Enrolment.Terms == nil {
		return nil
	}
	for _, id := range c.event.Enrolment.Terms.Groups {
		if g := s.groups[id]; g == nil || !g.listed {
			return refuse(ReasonUnknown, "no listed group %s", id.Short())
		}
	}
	return nil
}

// enrolmentSuspends finds whom an end suspends: whom the key admitted from a position on, but for admins, the author, and
// who is out already. [ROLL-182]
func enrolmentSuspends(s *State, c *change) error {
	e := c.event.Enrolment
	if e.Suspend == 0 {
		return nil
	}
	if e.Suspend-1 > s.size {
		return refuse(ReasonFuture, "from position %d, the roll has %d", e.Suspend-1, s.size)
	}
	for _, a := range s.members {
		if a.joined >= e.Suspend-1 && a != c.author && a.role != RoleAdmin && !a.removed && !a.devices.Suspended() &&
			s.enroller(a) == s.enrolments[e.Key] {
			c.enrolled = append(c.enrolled, a)
		}
	}
	slices.SortFunc(c.enrolled, func(a, b *account) int { return cmp.Compare(a.joined, b.joined) })
	return nil
}

func (s *State) setEnrolment(c *change) {
	e, held := c.event.Enrolment, s.enrolments[c.event.Enrolment.Key]
	if e.Terms == nil {
		held.Ended = true
		for _, a := range c.enrolled {
			c.target = a
			s.decide(c, decision{suspended: true})
		}
		return
	}
	if held == nil {
		held = &enrolment{IssuedEnrolment: IssuedEnrolment{Key: e.Key}}
		s.enrolments[e.Key] = held
		s.keys[e.Key] = holding{use: useEnrolment}
	}
	held.Terms, held.author, held.Device, held.By = e.Terms.clone(), c.author, keys.PublicKey{}, keys.MemberID{}
	held.Since = s.size
	if c.author != nil {
		held.By, held.Device = c.author.id, c.by.Signer
		c.author.decides = true // what the key does stands and falls with the device that named it
	}
	if before := s.enrolments[e.Replaces]; before != nil {
		before.Ended, before.Replaced = true, e.Key
	}
}

func (t EnrolmentTerms) clone() EnrolmentTerms {
	t.Groups, t.Pin = slices.Clone(t.Groups), slices.Clone(t.Pin)
	return t
}

// counts checks that an enrolment key speaks: it has not ended, and who named it is an admin still whose device no bar
// reaches. [ROLL-183]
func (s *State) counts(e *enrolment) error {
	switch {
	case e.Ended:
		return refuse(ReasonInvitationRevoked, "the enrolment key has ended")
	case e.author == nil:
		return nil
	case !e.author.governs():
		return refuse(ReasonInvitationRevoked, "who named the enrolment key is no admin any more")
	case e.author.devices.Void(e.Device, e.Since):
		return refuse(ReasonInvitationRevoked, "the device that named the enrolment key is barred")
	}
	return nil
}

// mayEnrol checks that a key may admit one more at a stamp. [ROLL-184]
func (s *State) mayEnrol(e *enrolment, now int64) error {
	if err := s.counts(e); err != nil {
		return err
	}
	if uint64(len(e.today(now))) >= e.Terms.Daily {
		return refuse(ReasonLimit, "the enrolment key admits %d a day", e.Terms.Daily)
	}
	return nil
}

// today returns the stamps of those whom the key admitted in the day before a stamp.
func (e *enrolment) today(now int64) []int64 {
	first := slices.IndexFunc(e.stamps, func(stamp int64) bool { return stamp > now-enrolDay })
	if first < 0 {
		return nil
	}
	return e.stamps[first:]
}

// enroller returns the enrolment key that stands for a member now: the one that admitted them, or what came in its place; nil
// for who did not come by one. [ROLL-185]
func (s *State) enroller(a *account) *enrolment {
	e := s.enrolments[a.invitation]
	for range len(s.enrolments) {
		if e == nil || e.Replaced.IsZero() {
			break
		}
		e = s.enrolments[e.Replaced]
	}
	return e
}

// Enrolment returns what the roll has of an enrolment key, ended or not.
func (s *State) Enrolment(key keys.PublicKey) (IssuedEnrolment, bool) {
	e := s.enrolments[key]
	if e == nil {
		return IssuedEnrolment{}, false
	}
	return s.issued(e), true
}

// Enrolments returns all enrolment keys that there ever were, in the order in which they were named last.
func (s *State) Enrolments() (list []IssuedEnrolment) {
	for _, e := range s.enrolments {
		list = append(list, s.issued(e))
	}
	slices.SortFunc(list, func(a, b IssuedEnrolment) int { return cmp.Compare(a.Since, b.Since) })
	return list
}

func (s *State) issued(e *enrolment) IssuedEnrolment {
	issued := e.IssuedEnrolment
	issued.Terms, issued.Admitted = e.Terms.clone(), slices.Clone(e.Admitted)
	return issued
}

// CheckEnrolment returns nil if an enrolment key speaks, else a *Refusal. [ROLL-183]
func (s *State) CheckEnrolment(key keys.PublicKey) error {
	e := s.enrolments[key]
	if e == nil {
		return refuse(ReasonInvitationUnknown, "no such enrolment key")
	}
	return s.counts(e)
}

// EnrolledBy returns the enrolment key that stands for a member now; false for who did not come by one. [ROLL-185]
func (s *State) EnrolledBy(member keys.MemberID) (keys.PublicKey, bool) {
	a := s.members[member]
	if a == nil {
		return keys.PublicKey{}, false
	}
	e := s.enroller(a)
	if e == nil {
		return keys.PublicKey{}, false
	}
	return e.Key, true
}
