package history

import (
	"bytes"
	"cmp"
	"slices"

	"muster.example/internal/keys"
)

// Limits are until when a message may be changed after it was written, by its author's own clock, in seconds; 0 is never.
type Limits struct {
	Edit   uint64
	Delete uint64
}

// Shown is a message as a person sees it: what was written, and what all acts that are known have made of it.
type Shown struct {
	Subject   string
	Text      string
	Mentions  []keys.MemberID
	Edited    int64     // when the text that is shown was written, unix milliseconds; 0: it is the first
	Versions  []Version // the texts before that one, the first one first
	Deleted   bool      // its author took it back: nothing else is set
	Reactions []Reacted // by emoji
	Seen      []Sighting
}

// Version is a text that a message had.
type Version struct {
	Subject string
	Text    string
	Time    int64
}

// Reacted is who set one reaction beside a message, by member.
type Reacted struct {
	Emoji   string
	Members []keys.MemberID
}

// Sighting says when a member other than the author first read a message, by member.
type Sighting struct {
	Member keys.MemberID
	Time   int64
}

// Compare orders acts by their authors' time, then device and body: an order on which all devices agree, whatever the
// envelopes in which an act came. [HIST-15]
func (a Action) Compare(b Action) int {
	return cmp.Or(cmp.Compare(a.Time(), b.Time()), a.Author.Compare(b.Author), cmp.Compare(a.Kind, b.Kind),
		bytes.Compare(a.Body, b.Body), a.Conversation.Compare(b.Conversation), a.Member.Compare(b.Member))
}

// register is what acts one of which takes the place of another have in common.
type register struct {
	member       keys.MemberID
	conversation keys.ConversationID
	kind         Kind
	emoji        string
}

// Counting returns which acts on one message may ever count, in the order of Compare: what it leaves out counts for nothing,
// whatever else comes, and need not be kept. It depends on the set of acts alone, and so does what is left when acts come
// one by one and each time only what counts is kept. [HIST-15]
func Counting(message keys.MessageID, actions []Action) []Action {
	about := slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return !slices.Contains(a.Messages(), message) })
	slices.SortFunc(about, Action.Compare)
	about = slices.CompactFunc(about, func(a, b Action) bool { return a.Compare(b) == 0 })
	have := make(map[register]int)
	room := func(r register, most int) bool {
		have[r]++
		return have[r] <= most
	}
	first := func(a Action) bool { // of deletions and receipts the earliest counts
		return a.Delete == nil && a.Seen == nil || room(register{a.Member, a.Conversation, a.Kind, ""}, 1)
	}
	about = filter(about, first)
	slices.Reverse(about)
	latest := func(a Action) bool { // of edits the latest, of reactions the latest for each emoji
		r := register{a.Member, a.Conversation, a.Kind, ""}
		switch {
		case a.Edit != nil:
			return room(r, MaxEdits)
		case a.Reaction != nil:
			each := r
			each.emoji = a.Reaction.Emoji
			return room(each, 1) && room(r, MaxReactions)
		}
		return true
	}
	about = filter(about, latest)
	slices.Reverse(about)
	return about
}

func filter(actions []Action, keep func(Action) bool) []Action {
	return slices.DeleteFunc(actions, func(a Action) bool { return !keep(a) })
}

// Fold returns what acts make of a message. It depends on the set of acts alone: not on their order nor on how often one
// comes. Acts of another conversation, or about other messages, count for nothing. [HIST-15]
func Fold(m Message, actions []Action, limits Limits) Shown {
	shown := Shown{Subject: m.Text.Subject, Text: m.Text.Text, Mentions: m.Text.Mentions}
	inTime := func(a Action, limit uint64) bool {
		return a.Member == m.Member && limit > 0 && a.Time()-m.Text.Time <= int64(min(limit, MaxTime/1000))*1000
	}
	reactions := make(map[string][]keys.MemberID)
	seen := make(map[keys.MemberID]int64)
	deleted := m.Erased == ErasedDeleted
	written := m.Text.Time
	for _, a := range Counting(m.ID(), actions) {
		switch {
		case a.Conversation != m.Conversation:
		case a.Delete != nil:
			deleted = deleted || inTime(a, limits.Delete)
		case a.Edit != nil && inTime(a, limits.Edit):
			shown.Versions = append(shown.Versions, Version{Subject: shown.Subject, Text: shown.Text, Time: written})
			shown.Subject, shown.Text, shown.Mentions = a.Edit.Subject, a.Edit.Text, a.Edit.Mentions
			written, shown.Edited = a.Time(), a.Time()
		case a.Reaction != nil && !a.Reaction.Off:
			reactions[a.Reaction.Emoji] = append(reactions[a.Reaction.Emoji], a.Member)
		case a.Seen != nil && a.Member != m.Member:
			seen[a.Member] = a.Time()
		}
	}
	if deleted {
		return Shown{Deleted: true}
	}
	for emoji, members := range reactions {
		slices.SortFunc(members, keys.MemberID.Compare)
		shown.Reactions = append(shown.Reactions, Reacted{Emoji: emoji, Members: members})
	}
	slices.SortFunc(shown.Reactions, func(a, b Reacted) int { return cmp.Compare(a.Emoji, b.Emoji) })
	for member, time := range seen {
		shown.Seen = append(shown.Seen, Sighting{Member: member, Time: time})
	}
	slices.SortFunc(shown.Seen, func(a, b Sighting) int { return a.Member.Compare(b.Member) })
	return shown
}

// IsEarly reports whether a record has a message that expires come so long before its author wrote it that its lifetime could not be
// counted from the record's clock: the author's clock is far ahead, or the record's device says so to have the message be over. [HIST-30]
func (r Record) IsEarly() bool {
	m := r.Message
	return m != nil && m.Text.Lifetime > 0 && r.Clock.Wall+MaxEarly.Milliseconds() < m.Text.Time
}

// Expires returns when a message is to be removed, unix milliseconds, or 0 if it stays: its lifetime after it was written,
// or after it was received if its author's clock was ahead of that. [HIST-18]
func (m Message) Expires(received int64) int64 {
	if m.Text.Lifetime == 0 {
		return 0
	}
	return min(m.Text.Time, received) + int64(m.Text.Lifetime)*1000
}
