package history

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// Conversation is where messages are said, as they say it. Of reports nobody but their authors is named.
type Conversation struct {
	ID      keys.ConversationID
	Members []keys.MemberID // of one of members, sorted, the account among them
	Group   keys.GroupID    // of one in a group
	Guest   keys.MemberID   // of one of a guest with the desks
	Report  bool
}

// ConversationCount is a conversation with its numbers, in which nothing hidden counts.
type ConversationCount struct {
	Conversation
	Newest   Position
	Threads  int
	Messages int
	Unread   int
	// Mentioned and Edited are as Thread.Mentioned has them.
	Mentioned bool
	Edited    []keys.MessageID
}

// conversationOf returns where a message says to be.
func conversationOf(m Message) Conversation {
	c := Conversation{ID: m.Conversation, Report: m.Report}
	switch {
	case m.Report:
	case m.Text.Group != nil:
		c.Group = *m.Text.Group
	case m.Text.Guest != nil:
		c.Guest = *m.Text.Guest
	default:
		c.Members = append(slices.Clone(m.Text.To), m.Member)
		slices.SortFunc(c.Members, keys.MemberID.Compare)
		c.Members = slices.Compact(c.Members)
	}
	return c
}

// is reports whether a message says to be in the conversation as it is known: what nearly all do, and cheap to ask.
func (c *Conversation) is(m Message) bool {
	switch {
	case m.Report || c.Report:
		return m.Report == c.Report
	case m.Text.Group != nil:
		return c.Group == *m.Text.Group
	case m.Text.Guest != nil:
		return c.Guest == *m.Text.Guest
	}
	has := func(id keys.MemberID) bool {
		_, ok := slices.BinarySearchFunc(c.Members, id, keys.MemberID.Compare)
		return ok
	}
	return len(c.Members) == len(m.Text.To)+1 && has(m.Member) && !slices.ContainsFunc(m.Text.To, func(id keys.MemberID) bool { return !has(id) })
}

// talk returns the number of a message's conversation. Should messages differ in where that is, which only a device that
// lies to its own account can bring about, the lowest counts.
func (t *Threads) talk(m Message) uint32 {
	n, ok := t.talkOf[m.Conversation]
	if !ok {
		n = uint32(len(t.talks))
		t.talkOf[m.Conversation] = n
		t.talks = append(t.talks, conversationOf(m))
	}
	if have := &t.talks[n]; !have.is(m) {
		if other := conversationOf(m); other.compare(*have) < 0 {
			*have = other
		}
	}
	return n
}

func (c Conversation) compare(d Conversation) int {
	byReport := 0
	if c.Report != d.Report {
		byReport = 1
		if d.Report {
			byReport = -1
		}
	}
	return cmp.Or(byReport, bytes.Compare(c.Group[:], d.Group[:]), c.Guest.Compare(d.Guest), slices.CompareFunc(c.Members, d.Members, keys.MemberID.Compare))
}

// Conversation returns a conversation of which a message is here.
func (t *Threads) Conversation(id keys.ConversationID) (Conversation, bool) {
	n, ok := t.talkOf[id]
	if !ok {
		return Conversation{}, false
	}
	return t.talks[n], true
}

// ConversationsNamed returns those conversations, other than reports, whose id's text begins with prefix, in no order.
func (t *Threads) ConversationsNamed(prefix string) (found []keys.ConversationID) {
	for i := range t.talks {
		if c := &t.talks[i]; !c.Report && strings.HasPrefix(c.ID.String(), prefix) {
			found = append(found, c.ID)
		}
	}
	return found
}

// NewestIn returns where the newest message of a conversation is, hidden or not, and whether there is one.
func (t *Threads) NewestIn(id keys.ConversationID) (newest Position, ok bool) {
	talk, known := t.talkOf[id]
	for _, th := range t.byRoot {
		for ; known && th != nil; th = th.next {
			if n := len(th.refs); n == 0 || th.conversation != talk {
				continue
			}
			if at := t.position(th.refs[len(th.refs)-1]); !ok || at.Compare(newest) > 0 {
				newest, ok = at, true
			}
		}
	}
	return newest, ok
}

// Conversations returns the conversations with a message to show, the one with the newest first.
func (t *Threads) Conversations() []ConversationCount {
	var all []*ConversationCount
	of := make(map[uint32]*ConversationCount)
	for _, th := range t.order {
		c := of[th.conversation]
		if c == nil { // the first is that with the newest message
			c = &ConversationCount{Conversation: t.talks[th.conversation], Newest: t.position(th.newest)}
			of[th.conversation] = c
			all = append(all, c)
		}
		mentioned, edited := Thread{t, th}.Mentioned()
		c.Threads++
		c.Messages += th.messages
		c.Unread += th.unread
		c.Mentioned = c.Mentioned || mentioned
		c.Edited = append(c.Edited, edited...)
	}
	counts := make([]ConversationCount, len(all))
	for i, c := range all {
		counts[i] = *c
	}
	return counts
}
