package membership

import "muster.example/internal/keys"

// ReadEvent returns what a signed event says, without looking at its signatures: for events that a roll has taken in,
// where Append verified them.
func ReadEvent(data []byte) (Event, error) {
	_, event, err := decodeEvent(data)
	return event, err
}

// Voided reports whether what the event at an index of the roll said counts no more, because its signer was barred from
// before it, or was no admin but for decisions that are void themselves. It speaks of what a bar can void: bars,
// invitations, enrolment keys, re-admissions, decisions of admins, and acts in groups. [ROLL-74] [ROLL-93] [ROLL-147]
func (s *State) Voided(index uint64, event Event) bool {
	d := s.decisionAt(index)
	switch {
	case d != nil && !d.admitted:
		return d.void
	case event.Vouch != nil && s.accountOf(event.Vouch.Applicant()) != nil:
		return false // it has had its effect
	case event.Bar != nil, event.Invite != nil, event.Readmit != nil, event.Vouch != nil, event.Enrolment != nil:
		a := s.accountOf(event.Signer)
		return a != nil && a.devices.Void(event.Signer, index)
	}
	acted := event.group()
	for _, g := range s.groupList {
		if event.Group != nil && g.created == index || acted == g.id {
			return g.acts.Void(index)
		}
	}
	return false
}

// IsRecoveryKey returns whose recovery key a key is or was, or false if nobody's.
func (s *State) IsRecoveryKey(key keys.PublicKey) (keys.MemberID, bool) {
	held := s.keys[key]
	if held.use != useRecovery {
		return keys.MemberID{}, false
	}
	return held.account.id, true
}

// IsRootKey reports whether a key is or was the organization's root key.
func (s *State) IsRootKey(key keys.PublicKey) bool { return s.keys[key].use == useRoot }
