package group

import "muster.example/internal/keys"

// Admission is how somebody becomes a member of a group.
type Admission uint8

// The ways. The numbers are part of the wire format. [ROLL-140]
const (
	Open      Admission = 1 // any member enters
	Moderated Admission = 2 // a member applies, a moderator admits
	Invited   Admission = 3 // who was invited enters
)

var admissionText = [...]string{Open: "open", Moderated: "moderated", Invited: "invited"}

// String returns the word for the way.
func (a Admission) String() string {
	if a.Valid() {
		return admissionText[a]
	}
	return "unknown"
}

// Valid reports whether there is such a way.
func (a Admission) Valid() bool { return a >= Open && a <= Invited }

// Writers is who may write in a group.
type Writers uint8

// The sets of writers. The numbers are part of the wire format. [ROLL-140]
const (
	Everybody  Writers = 1 // every member of the group
	Moderators Writers = 2 // its moderators, and admins who are in it: announcements
)

var writersText = [...]string{Everybody: "everybody", Moderators: "moderators"}

// String returns the word for the set.
func (w Writers) String() string {
	if w.Valid() {
		return writersText[w]
	}
	return "unknown"
}

// Valid reports whether there is such a set.
func (w Writers) Valid() bool { return w == Everybody || w == Moderators }

// Kind is what an act does.
type Kind uint8

// The kinds of acts.
const (
	Create   Kind = iota + 1 // the group
	Edit                     // admission or writers
	Ask                      // members to enter: an invitation
	Enter                    // the group: by invitation, at once, or as an applicant
	Admit                    // an applicant; as an admin, anybody
	Leave                    // the group; also an invitation or application of one's own
	Expel                    // somebody; also an invitation or application of theirs
	Moderate                 // makes a member a moderator, or one no more
	Close                    // the group for good
	End                      // a member's place ends by what the organization decided, not by an act in the group
)

// Act is what a signed event says of one group.
type Act struct {
	Kind   Kind
	Index  uint64         // of the entry in the roll
	Signer keys.PublicKey // zero for an End
	Author keys.MemberID  // whose device signed; zero for the organization's root key, and for an End
	Admin  bool           // an admin's device or the root key signed

	Members   []keys.MemberID // Create, Ask: who is invited; Admit, Expel, Moderate, End: the one whom it is about
	On        bool            // Moderate: a moderator from now on; End: for good, the one comes in no more
	Admission Admission       // Create; Edit: zero leaves it
	Writers   Writers         // Create; Edit: zero leaves it
}

// about returns the one whom an act is about: its author for what everybody does for themselves.
func (a *Act) about() keys.MemberID {
	if len(a.Members) == 0 {
		return a.Author
	}
	return a.Members[0]
}
