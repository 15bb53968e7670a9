package reader

import (
	"slices"
	"strings"
	"time"
)

// Query says which entries are wanted. Its zero value wants all.
type Query struct {
	From, To      string // a name, an id, or a device; To also a group
	After, Before time.Time
	Text          string // is in subject, text or the name of a file, in letters of either case
	Kinds         []Kind
}

// Wants reports whether an entry is wanted. Times are when it came to the archive: what authors say of time is theirs.
func (q Query) Wants(e *Entry) bool {
	switch {
	case e.Kind == kindPart:
		return false
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.Kind):
		return false
	case q.From != "" && !e.From.is(q.From) && e.Device.String() != q.From:
		return false
	case q.To != "" && !e.isTo(q.To):
		return false
	case !q.After.IsZero() && e.Arrived.Before(q.After), !q.Before.IsZero() && !e.Arrived.Before(q.Before):
		return false
	}
	return q.Text == "" || e.has(strings.ToLower(q.Text))
}

func (p Person) is(who string) bool {
	return p.ID == who || p.Name != "" && strings.EqualFold(p.Name, who)
}

func (e *Entry) isTo(who string) bool {
	if e.Group != nil && e.Group.is(who) || e.Guest != nil && e.Guest.is(who) {
		return true
	}
	return slices.ContainsFunc(e.To, func(p Person) bool { return p.is(who) })
}

func (e *Entry) has(text string) bool {
	if strings.Contains(strings.ToLower(e.Subject), text) || strings.Contains(strings.ToLower(e.Text), text) {
		return true
	}
	return slices.ContainsFunc(e.Attachments, func(a Attachment) bool { return strings.Contains(strings.ToLower(a.Name), text) })
}

// IsKind reports whether there are entries of a kind.
func IsKind(kind Kind) bool {
	return slices.Contains([]Kind{KindMessage, KindEdit, KindDeletion, KindReaction, KindRead, KindIntroduction, KindReport, KindOther}, kind)
}

// Line says an entry in one line: who, to whom, and what.
func (e *Entry) Line() string {
	text := e.From.called(e.Device.Short()) + " to "
	var to []string
	for _, p := range e.To {
		to = append(to, p.called(p.ID))
	}
	for _, p := range []*Person{e.Group, e.Guest} {
		if p != nil {
			to = append(to, p.called(p.ID))
		}
	}
	text += strings.Join(to, ", ")
	if e.Subject != "" {
		text += " [" + e.Subject + "]"
	}
	text += ":"
	for _, part := range []string{e.Emoji, strings.Join(strings.Fields(e.Text), " ")} {
		if part != "" {
			text += " " + part
		}
	}
	for _, file := range e.Attachments {
		text += " (" + file.Name + ")"
	}
	return text
}

func (p Person) called(other string) string {
	if p.Name != "" {
		return p.Name
	}
	return other
}
