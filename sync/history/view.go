package history

import (
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// View is the fold of an account's small records (contacts, verifications, read marks, tags, settings) into what a person
// sees. Applying the same set of records in any order, any number of times, gives the same view. Of messages it has an index
// alone, and nothing of acts on them: of several records of one message the one that Stands chooses is kept where the
// records lie. [HIST-6]
type View struct {
	threads  *Threads
	contacts map[keys.MemberID]Record
	verified map[keys.MemberID]Record
	settings map[string]Record
}

// NewView returns the view of an empty history of a member's account.
func NewView(self keys.MemberID) *View {
	return &View{
		threads: NewThreads(self), contacts: make(map[keys.MemberID]Record), verified: make(map[keys.MemberID]Record),
		settings: make(map[string]Record),
	}
}

// Apply folds in one record that DecodeRecord accepts. Of several records of one contact the latest stands. The view
// keeps the record's slices, and hands them out again: nobody may change them.
func (v *View) Apply(r Record) {
	switch r.Kind {
	case RecordContact:
		if have, ok := v.contacts[r.Contact.Member]; !ok || r.Compare(have) > 0 {
			v.contacts[r.Contact.Member] = r
		}
	case RecordMessage, RecordAct, RecordRead, RecordUnread, RecordTag:
		v.threads.Apply(r)
	case RecordVerify:
		if have, ok := v.verified[r.Verify.Member]; !ok || r.Compare(have) > 0 {
			v.verified[r.Verify.Member] = r
		}
	case RecordSetting:
		if have, ok := v.settings[r.Setting.Name]; !ok || r.Compare(have) > 0 {
			v.settings[r.Setting.Name] = r
		}
	}
}

// Forget takes away what was applied of a message: its record was disproved, and another stands in its place. [HIST-30]
func (v *View) Forget(message keys.MessageID) { v.threads.Forget(message) }

// Verification returns the last verification of a member, and whether there is any. Whether it stands is the roll's to
// say. [HIST-12]
func (v *View) Verification(member keys.MemberID) (Verify, bool) {
	r, ok := v.verified[member]
	if !ok {
		return Verify{}, false
	}
	return *r.Verify, true
}

// Setting returns the value that was last chosen for a setting, and whether any was. [HIST-17]
func (v *View) Setting(name string) (value string, ok bool) {
	r, ok := v.settings[name]
	if !ok {
		return "", false
	}
	return r.Setting.Value, true
}

// SettingsBelow returns the names of all settings that begin with a prefix and were given a value, sorted.
func (v *View) SettingsBelow(prefix string) (names []string) {
	for name, r := range v.settings {
		if strings.HasPrefix(name, prefix) && r.Setting.Value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ChosenBy returns the device on which a setting was last chosen, and whether it was.
func (v *View) ChosenBy(name string) (device keys.PublicKey, ok bool) {
	r, ok := v.settings[name]
	return r.Device, ok
}

// Verifications returns the last verification of each member, ordered by member id.
func (v *View) Verifications() []Verify {
	all := make([]Verify, 0, len(v.verified))
	for _, r := range v.verified {
		all = append(all, *r.Verify)
	}
	slices.SortFunc(all, func(a, b Verify) int { return a.Member.Compare(b.Member) })
	return all
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
func (v *View) Read(message keys.MessageID) bool { return v.threads.Read(message) }

// Threads returns the index of the messages.
func (v *View) Threads() *Threads { return v.threads }

// Stands chooses between two records of one message: the one that is erased, and of two alike the earlier. It does not matter in
// which order records meet, nor how often. [HIST-10]
func Stands(a, b Record) Record {
	if erasedA, erasedB := a.Message.Erased > 0, b.Message.Erased > 0; erasedA != erasedB {
		if erasedA {
			return a
		}
		return b
	}
	if b.Compare(a) < 0 {
		return b
	}
	return a
}
