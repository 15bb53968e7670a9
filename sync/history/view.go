package history

import (
	"slices"

	"muster.example/internal/keys"
)

// View is the fold of an account's small records, contacts and read marks, into what a person sees. Applying the same
// set of records in any order, any number of times, gives the same view. Messages are not held here: of several records
// of one message the one that Stands chooses is kept where the records lie. [HIST-6]
type View struct {
	contacts map[keys.MemberID]Record
	read     map[keys.MessageID]bool
}

// NewView returns the view of an empty history.
func NewView() *View {
	return &View{contacts: make(map[keys.MemberID]Record), read: make(map[keys.MessageID]bool)}
}

// Apply folds in one record that DecodeRecord accepts. Of several records of one contact the latest stands. The view
// keeps the record's slices, and hands them out again: nobody may change them.
func (v *View) Apply(r Record) {
	switch r.Kind {
	case RecordContact:
		if have, ok := v.contacts[r.Contact.Member]; !ok || r.Compare(have) > 0 {
			v.contacts[r.Contact.Member] = r
		}
	case RecordRead:
		v.read[r.Read.Message] = true
	}
}

// Contact returns what is known of the leave with a member, and whether anything is.
func (v *View) Contact(member keys.MemberID) (Contact, bool) {
	r, ok := v.contacts[member]
	if !ok {
		return Contact{}, false
	}
	return *r.Contact, true
}

// Contacts returns all contacts, ordered by member id.
func (v *View) Contacts() []Contact {
	contacts := make([]Contact, 0, len(v.contacts))
	for _, r := range v.contacts {
		contacts = append(contacts, *r.Contact)
	}
	slices.SortFunc(contacts, func(a, b Contact) int { return a.Member.Compare(b.Member) })
	return contacts
}

// Read reports whether a message is marked as read.
func (v *View) Read(message keys.MessageID) bool { return v.read[message] }

// Stands chooses between two records of one message: the one with the author's signed bytes, and of two such the
// earlier. It does not matter in which order records meet, nor how often. [HIST-10]
func Stands(a, b Record) Record {
	if signedA, signedB := len(a.Message.Signed) > 0, len(b.Message.Signed) > 0; signedA != signedB {
		if signedA {
			return a
		}
		return b
	}
	if b.Compare(a) < 0 {
		return b
	}
	return a
}
