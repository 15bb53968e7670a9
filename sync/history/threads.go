package history

import (
	"cmp"
	"maps"
	"slices"

	"muster.example/internal/keys"
)

// Threads is an index of an account's messages by thread and conversation: what is to be known of a thread to list it, and
// where its messages are, but nothing that they say. Applying the same set of records in any order, any number of times,
// gives the same listings; the records themselves stay where they lie. It takes about 200 bytes a message. [HIST-21]
type Threads struct {
	self    keys.MemberID
	entries []entry
	refs    map[keys.MessageID]uint32 // places in entries
	members names[keys.MemberID]
	devices names[keys.PublicKey]
	talks   []Conversation
	talkOf  map[keys.ConversationID]uint32
	tags    map[string]*tag  // by TagKey
	lives   map[uint32]int64 // when messages with a lifetime expire, unix milliseconds
	due     int64            // when the next of them does, or earlier

	// What follows is made of the above when it is asked for first, or the blocked members are others, and kept in step then.
	built    bool
	blocked  map[keys.MemberID]bool
	byRoot   map[uint32]*thread  // the first of those with this root
	order    []*thread           // with a message to show, the one with the newest first
	unread   int                 // messages
	mentions int                 // of them that mention the account and were not edited
	doubtful map[uint32]struct{} // those that were edited
}

// entry is what is kept of a message. It may be there before the message is: for its marks, or as a thread's root.
type entry struct {
	id      keys.MessageID
	says    says
	mark    rank // of the read mark
	wall    int64
	counter uint32 // with wall the lowest clock of its records
	state   uint16
}

// What entry.state says.
const (
	isHere     = 1 << iota
	isGone     // its lifetime is over
	isMarked   // there is a read mark
	isRead     // by the last of them
	isEdited   // an edit is known: what it mentions is to be looked at
	isReturned // somebody did not get it
	isTagged   // there is a record of a tag
)

// says is what the record of a message that stands says of it. [HIST-10]
type says struct {
	rank         rank
	conversation uint32
	author       uint32
	root         uint32 // entry of the message with which the thread began
	flags        uint16
}

// What says.flags says.
const (
	hasErased = 1 << iota
	hasDirect // it is to one member
	hasSubject
	hasFiles
	hasMention // of the account
	isOwn
)

// rank is where a record stands in the order of records, but for two of one name. [HIST-5]
type rank struct {
	wall     int64
	sequence uint64
	counter  uint32
	device   uint32
}

// names numbers values in the order in which they come.
type names[V comparable] struct {
	all []V
	of  map[V]uint32
}

func (n *names[V]) number(v V) uint32 {
	at, ok := n.of[v]
	if !ok {
		at = uint32(len(n.all))
		n.all = append(n.all, v)
		if n.of == nil {
			n.of = make(map[V]uint32)
		}
		n.of[v] = at
	}
	return at
}

// NewThreads returns the index of an empty history of a member's account.
func NewThreads(self keys.MemberID) *Threads {
	return &Threads{
		self: self, refs: make(map[keys.MessageID]uint32), talkOf: make(map[keys.ConversationID]uint32),
		tags: make(map[string]*tag), lives: make(map[uint32]int64),
	}
}

// Apply folds in one record that DecodeRecord accepts, also the erased form of one that was applied. It keeps nothing of it.
func (t *Threads) Apply(r Record) {
	switch r.Kind {
	case RecordMessage:
		t.applyMessage(r)
	case RecordRead:
		t.applyMark(r, r.Read.Message, true)
	case RecordUnread:
		t.applyMark(r, r.Unread.Message, false)
	case RecordTag:
		t.applyTag(r)
	case RecordAct:
		if r.Act.Kind != KindEdit || len(r.Act.Body) == 0 {
			return
		}
		if action, err := r.Act.Open(); err == nil {
			t.recount(t.ref(action.Edit.Message), func(e *entry) { e.state |= isEdited })
		}
	}
}

// Read reports whether a message is marked as read: by the last of its marks. [HIST-20]
func (t *Threads) Read(message keys.MessageID) bool {
	n, ok := t.refs[message]
	return ok && t.entries[n].state&isRead > 0
}

// NoteReturned notes that somebody did not get a message of this account. It is no part of the history.
func (t *Threads) NoteReturned(message keys.MessageID) {
	t.recount(t.ref(message), func(e *entry) { e.state |= isReturned })
}

// Unread returns how many messages are not read, how many of them mention the account as they were written, and those of
// them that were edited, so that what they mention now is to be looked at; they are not among the second number.
func (t *Threads) Unread() (unread, mentions int, edited []keys.MessageID) {
	for n := range t.doubtful {
		edited = append(edited, t.entries[n].id)
	}
	return t.unread, t.mentions, edited
}

// ref returns the place of a message's entry, which is made if there is none.
func (t *Threads) ref(id keys.MessageID) uint32 {
	n, ok := t.refs[id]
	if !ok {
		n = uint32(len(t.entries))
		t.refs[id] = n
		t.entries = append(t.entries, entry{id: id})
	}
	return n
}

func (t *Threads) applyMessage(r Record) {
	m := r.Message
	n := t.ref(m.ID())
	t.takeOut(n)
	said := t.said(r)
	e := &t.entries[n]
	if e.state&isHere == 0 || r.Clock.Compare(Clock{Wall: e.wall, Counter: e.counter}) < 0 {
		e.wall, e.counter = r.Clock.Wall, r.Clock.Counter
	}
	if e.state&isHere == 0 || t.stands(said, e.says) {
		e.says = said
	}
	if e.state |= isHere; m.Erased == ErasedExpired {
		e.state |= isGone
	}
	if expires := m.Expires(r.Clock.Wall); expires > 0 {
		if have, ok := t.lives[n]; !ok || expires < have {
			t.lives[n] = expires
		}
		if t.due == 0 || expires < t.due {
			t.due = expires
		}
	}
	t.putIn(n)
}

// Forget takes away what was applied of a message itself. Marks and tags on it stay. [HIST-30]
func (t *Threads) Forget(message keys.MessageID) {
	n, ok := t.refs[message]
	if !ok {
		return
	}
	t.takeOut(n)
	t.entries[n].state &^= isHere | isGone
	delete(t.lives, n)
}

// said returns what a message's record says of it.
func (t *Threads) said(r Record) says {
	m := r.Message
	root := m.ID()
	switch {
	case m.Text.Thread != nil:
		root = *m.Text.Thread
	case m.Text.Reply != nil: // by a version that knew no threads
		root = *m.Text.Reply
	}
	said := says{
		rank: t.rankOf(r), conversation: t.talk(*m), author: t.members.number(m.Member), root: t.ref(root),
	}
	set := func(flag uint16, is bool) {
		if is {
			said.flags |= flag
		}
	}
	set(hasErased, m.Erased > 0)
	set(hasDirect, len(m.Text.To) == 1)
	set(hasSubject, m.Text.Subject != "")
	set(hasFiles, len(m.Text.Files) > 0)
	set(hasMention, slices.Contains(m.Text.Mentions, t.self))
	set(isOwn, m.Member == t.self)
	return said
}

// stands reports whether a stands before b, as Stands has it. Two of one name are told apart by what is kept of them.
// [HIST-10]
func (t *Threads) stands(a, b says) bool {
	if a.flags&hasErased != b.flags&hasErased {
		return a.flags&hasErased > 0
	}
	return cmp.Or(
		t.compare(a.rank, b.rank), t.talks[a.conversation].ID.Compare(t.talks[b.conversation].ID),
		t.members.all[a.author].Compare(t.members.all[b.author]), t.entries[a.root].id.Compare(t.entries[b.root].id),
		cmp.Compare(a.flags, b.flags)) < 0
}

func (t *Threads) rankOf(r Record) rank {
	return rank{wall: r.Clock.Wall, sequence: r.Sequence, counter: r.Clock.Counter, device: t.devices.number(r.Device)}
}

// compare orders records, as Record.Compare does but for two of one name. [HIST-5]
func (t *Threads) compare(a, b rank) int {
	return cmp.Or(cmp.Compare(a.wall, b.wall), cmp.Compare(a.counter, b.counter),
		t.devices.all[a.device].Compare(t.devices.all[b.device]), cmp.Compare(a.sequence, b.sequence))
}

// applyMark folds in a read mark or its end: the last counts, and of two of one name the end, whose bytes are higher.
// [HIST-20]
func (t *Threads) applyMark(r Record, message keys.MessageID, read bool) {
	mark := t.rankOf(r)
	t.recount(t.ref(message), func(e *entry) {
		if e.state&isMarked > 0 {
			if order := t.compare(mark, e.mark); order < 0 || order == 0 && read {
				return
			}
		}
		e.mark = mark
		if e.state |= isMarked | isRead; !read {
			e.state &^= isRead
		}
	})
}

// Expire takes away the messages whose lifetime is over at now, unix milliseconds. [HIST-18]
func (t *Threads) Expire(now int64) {
	if t.due == 0 || now < t.due {
		return
	}
	t.due = 0
	for n, expires := range t.lives {
		switch {
		case expires <= now:
			t.takeOut(n)
			t.entries[n].state |= isGone
			delete(t.lives, n)
		case t.due == 0 || expires < t.due:
			t.due = expires
		}
	}
}

// See has the index leave out what blocked members wrote to more than one member, and count nothing of theirs as unread.
// It is called before anything is asked. [API-24]
func (t *Threads) See(blocked map[keys.MemberID]bool) {
	if t.built && maps.Equal(blocked, t.blocked) {
		return
	}
	t.blocked = maps.Clone(blocked)
	t.build()
}
