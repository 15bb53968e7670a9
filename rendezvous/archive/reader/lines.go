package reader

import (
	"fmt"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// lines are the numbers that each device gave its messages in each conversation: an author who leaves the archive out of one
// leaves a number out. [ARC-63]
type lines struct {
	of      map[lineKey]*line
	entered []lineKey // in the order of their first message
}

type lineKey struct {
	device       keys.PublicKey
	conversation keys.ConversationID
}

// line is one device's messages of one conversation.
type line struct {
	spans []history.Span // that are there, ascending and apart
	// at is what the last message of the line was, to be held against what the next one names before it.
	at      uint64
	content keys.ContentID
}

// note takes the next message. differs means that it names another one before it than came.
func (l *lines) note(sender keys.PublicKey, opened envelope.Opened) (differs bool) {
	kind := history.Kind(opened.Content.Kind)
	anew := kind >= history.Anew
	if kind&^history.Anew == history.KindLack || kind&^history.Anew == history.KindGone {
		return false // it has no number of its own
	}
	key := lineKey{sender, opened.Content.Conversation}
	held := l.of[key]
	if held == nil {
		held = new(line)
		l.of[key] = held
		l.entered = append(l.entered, key)
	}
	number := opened.Content.Sequence
	held.add(number)
	if anew {
		if number == held.at { // others may name this one or the first
			held.content = keys.ContentID{}
		}
		return false
	}
	differs = number == held.at+1 && held.at > 0 && !held.content.IsZero() && opened.Content.Previous != held.content
	if number > held.at {
		held.at, held.content = number, opened.ID
	}
	return differs
}

// add notes that a number is there.
func (l *line) add(number uint64) {
	at, _ := slices.BinarySearchFunc(l.spans, number, func(s history.Span, n uint64) int {
		switch {
		case s.Last+1 < n:
			return -1
		case s.First > n+1:
			return 1
		}
		return 0
	})
	switch {
	case at == len(l.spans) || l.spans[at].First > number+1:
		l.spans = slices.Insert(l.spans, at, history.Span{First: number, Last: number})
	default:
		l.spans[at].First, l.spans[at].Last = min(l.spans[at].First, number), max(l.spans[at].Last, number)
		if at+1 < len(l.spans) && l.spans[at].Last+1 >= l.spans[at+1].First {
			l.spans[at].Last = max(l.spans[at].Last, l.spans[at+1].Last)
			l.spans = slices.Delete(l.spans, at+1, at+2)
		}
	}
}

// gaps returns what is missing between the first number and the last, in words; nothing if nothing is.
func (l *line) gaps() (missing []string) {
	for i := 1; i < len(l.spans); i++ {
		first, last := l.spans[i-1].Last+1, l.spans[i].First-1
		if first == last {
			missing = append(missing, fmt.Sprint(first))
		} else {
			missing = append(missing, fmt.Sprintf("%d to %d", first, last))
		}
	}
	return missing
}
