package history

import (
	"cmp"
	"iter"
	"slices"

	"muster.example/internal/keys"
)

// thread is the messages of one conversation that began with one message.
type thread struct {
	root         uint32
	conversation uint32
	refs         []uint32 // of its messages that are not gone, by place
	newest       uint32   // of those that are not hidden
	next         *thread  // with the same root
	tally
}

// tally counts messages of a thread that are not hidden.
type tally struct {
	messages, unread, own, files, titled, edited, returned, tagged int
}

// Position is the place of a message among all: its lowest clock, then its id.
type Position struct {
	Clock   Clock
	Message keys.MessageID
}

// Compare orders positions.
func (p Position) Compare(q Position) int {
	return cmp.Or(p.Clock.Compare(q.Clock), p.Message.Compare(q.Message))
}

func (t *Threads) position(n uint32) Position {
	e := &t.entries[n]
	return Position{Clock: Clock{Wall: e.wall, Counter: e.counter}, Message: e.id}
}

func (t *Threads) comparePlaces(a, b uint32) int {
	x, y := &t.entries[a], &t.entries[b]
	return cmp.Or(cmp.Compare(x.wall, y.wall), cmp.Compare(x.counter, y.counter), x.id.Compare(y.id))
}

// compareThreads orders threads for a listing: the one with the newest message first.
func (t *Threads) compareThreads(a, b *thread) int { return t.comparePlaces(b.newest, a.newest) }

func (e *entry) shown() bool { return e.state&(isHere|isGone) == isHere }

// isBlocked reports whether the author of a message that is here is blocked.
func (t *Threads) isBlocked(e *entry) bool {
	return len(t.blocked) > 0 && e.says.flags&isOwn == 0 && t.blocked[t.members.all[e.says.author]]
}

// hidden reports whether a message is shown on demand alone. [API-24]
func (t *Threads) hidden(e *entry) bool { return e.says.flags&hasDirect == 0 && t.isBlocked(e) }

func (t *Threads) isUnread(e *entry) bool {
	return e.state&isRead == 0 && e.says.flags&isOwn == 0 && !t.isBlocked(e)
}

// find returns the thread of a root in a conversation, or nil.
func (t *Threads) find(root, conversation uint32) *thread {
	th := t.byRoot[root]
	for th != nil && th.conversation != conversation {
		th = th.next
	}
	return th
}

func (t *Threads) threadOf(e *entry) *thread { return t.find(e.says.root, e.says.conversation) }

// made returns the thread of a message, which is made if there is none.
func (t *Threads) made(e *entry) *thread {
	th := t.threadOf(e)
	if th == nil {
		th = &thread{root: e.says.root, conversation: e.says.conversation, next: t.byRoot[e.says.root]}
		t.byRoot[e.says.root] = th
	}
	return th
}

// build makes all threads anew.
func (t *Threads) build() {
	t.built = true
	t.byRoot, t.order, t.doubtful = make(map[uint32]*thread), nil, make(map[uint32]struct{})
	t.unread, t.mentions = 0, 0
	var all []uint32
	for n := range t.entries {
		if t.entries[n].shown() {
			all = append(all, uint32(n))
		}
	}
	slices.SortFunc(all, t.comparePlaces)
	for _, n := range all {
		e := &t.entries[n]
		th := t.made(e)
		th.refs = append(th.refs, n)
		if t.hidden(e) {
			continue
		}
		if th.newest = n; th.messages == 0 {
			t.order = append(t.order, th)
		}
		t.count(n, 1)
	}
	slices.SortFunc(t.order, t.compareThreads)
}

// takeOut takes a message out of its thread, before it changes.
func (t *Threads) takeOut(n uint32) {
	e := &t.entries[n]
	if !t.built || !e.shown() {
		return
	}
	th := t.threadOf(e)
	t.unlist(th)
	if !t.hidden(e) {
		t.count(n, -1)
	}
	at, _ := slices.BinarySearchFunc(th.refs, n, t.comparePlaces)
	th.refs = slices.Delete(th.refs, at, at+1)
	t.list(th)
}

// putIn puts a message into its thread, after it has changed.
func (t *Threads) putIn(n uint32) {
	e := &t.entries[n]
	if !t.built || !e.shown() {
		return
	}
	th := t.made(e)
	t.unlist(th)
	if !t.hidden(e) {
		t.count(n, 1)
	}
	at, _ := slices.BinarySearchFunc(th.refs, n, t.comparePlaces)
	th.refs = slices.Insert(th.refs, at, n)
	t.list(th)
}

// recount changes a message in what counts, but not where it stands.
func (t *Threads) recount(n uint32, change func(e *entry)) {
	e := &t.entries[n]
	counts := t.built && e.shown() && !t.hidden(e)
	if counts {
		t.count(n, -1)
	}
	change(e)
	if counts {
		t.count(n, 1)
	}
}

// count adds a message that is not hidden to the numbers, or takes it away.
func (t *Threads) count(n uint32, by int) {
	e := &t.entries[n]
	th := t.threadOf(e)
	th.messages += by
	if t.isUnread(e) {
		th.unread += by
		t.unread += by
		switch {
		case e.state&isEdited > 0 && by > 0:
			t.doubtful[n] = struct{}{}
		case e.state&isEdited > 0:
			delete(t.doubtful, n)
		case e.says.flags&hasMention > 0:
			t.mentions += by
		}
	}
	for _, c := range []struct {
		is    bool
		count *int
	}{
		{e.says.flags&isOwn > 0, &th.own}, {e.says.flags&hasFiles > 0, &th.files}, {e.says.flags&hasSubject > 0, &th.titled},
		{e.state&isEdited > 0, &th.edited}, {e.state&isReturned > 0, &th.returned}, {e.state&isTagged > 0, &th.tagged},
	} {
		if c.is {
			*c.count += by
		}
	}
}

// unlist takes a thread out of the order, before its newest message changes.
func (t *Threads) unlist(th *thread) {
	if th.messages > 0 {
		at, _ := slices.BinarySearchFunc(t.order, th, t.compareThreads)
		t.order = slices.Delete(t.order, at, at+1)
	}
}

// list puts a thread back into the order, if there is something to show of it.
func (t *Threads) list(th *thread) {
	if th.messages == 0 {
		return
	}
	for _, n := range slices.Backward(th.refs) {
		if !t.hidden(&t.entries[n]) {
			th.newest = n
			break
		}
	}
	at, _ := slices.BinarySearchFunc(t.order, th, t.compareThreads)
	t.order = slices.Insert(t.order, at, th)
}

// Thread is a thread of the index. It holds until the index changes.
type Thread struct {
	index *Threads
	*thread
}

// ThreadFilter narrows a listing. The zero value takes all.
type ThreadFilter struct {
	Conversation keys.ConversationID // if not zero
	Unread       bool                // with a message that is not read
	Sent         bool                // with a message of the account
	Tag          string              // with a message that bears it
	Reports      bool                // of reports
}

// List returns threads, the one with the newest message first, of those that come after a thread whose newest is at after
// (nil: from the first), and whether more follow.
func (t *Threads) List(filter ThreadFilter, after *Position, limit int) (threads []Thread, more bool) {
	from := 0
	if after != nil {
		from, _ = slices.BinarySearchFunc(t.order, *after, func(th *thread, p Position) int { return p.Compare(t.position(th.newest)) })
		for from < len(t.order) && t.position(t.order[from].newest).Compare(*after) >= 0 {
			from++
		}
	}
	var tagged map[*thread]bool
	if filter.Tag != "" {
		tagged = t.threadsTagged(filter.Tag)
	}
	for _, th := range t.order[from:] {
		if filter.Conversation != (keys.ConversationID{}) && t.talks[th.conversation].ID != filter.Conversation ||
			filter.Unread && th.unread == 0 || filter.Sent && th.own == 0 || filter.Tag != "" && !tagged[th] ||
			filter.Reports && !t.talks[th.conversation].Report {
			continue
		}
		if len(threads) == limit {
			return threads, true
		}
		threads = append(threads, Thread{t, th})
	}
	return threads, false
}

// Thread returns the thread that an id stands for: that of the message, if the message is here, else that which began with
// it; where there are several of these the one whose first message came first.
func (t *Threads) Thread(id keys.MessageID) (Thread, bool) {
	n, ok := t.refs[id]
	if !ok {
		return Thread{}, false
	}
	if e := &t.entries[n]; e.shown() {
		return Thread{t, t.threadOf(e)}, true
	}
	var first *thread
	for th := t.byRoot[n]; th != nil; th = th.next {
		if len(th.refs) > 0 && (first == nil || t.comparePlaces(th.refs[0], first.refs[0]) < 0) {
			first = th
		}
	}
	return Thread{t, first}, first != nil
}

// ID returns an id that Threads.Thread takes for this thread: of the message that began it, or, if that stands for another
// thread, of its first message.
func (th Thread) ID() keys.MessageID {
	root := th.index.entries[th.root].id
	if of, ok := th.index.Thread(root); ok && of.thread == th.thread {
		return root
	}
	return th.index.entries[th.refs[0]].id
}

// Conversation returns where the thread is.
func (th Thread) Conversation() Conversation { return th.index.talks[th.conversation] }

// Newest returns where the newest message is that is not hidden, and whether there is one.
func (th Thread) Newest() (Position, bool) {
	if th.messages == 0 {
		return Position{}, false
	}
	return th.index.position(th.newest), true
}

// Messages and Unread return how many messages there are, and how many are not read, without those that are hidden.
func (th Thread) Messages() int { return th.messages }

// Unread returns how many messages are not read.
func (th Thread) Unread() int { return th.unread }

// Sent and Files report whether the account wrote a message of it, and whether one has files.
func (th Thread) Sent() bool { return th.own > 0 }

// Files reports whether a message has files.
func (th Thread) Files() bool { return th.files > 0 }

// Titles visits the messages that may have a subject, oldest first.
func (th Thread) Titles() iter.Seq[keys.MessageID] {
	return th.those(th.titled+th.edited, func(e *entry) bool { return e.says.flags&hasSubject > 0 || e.state&isEdited > 0 })
}

// Returned visits the messages that NoteReturned has named.
func (th Thread) Returned() iter.Seq[keys.MessageID] {
	return th.those(th.returned, func(e *entry) bool { return e.state&isReturned > 0 })
}

// Mentioned reports whether a message that is not read and was not edited mentions the account, and which were edited.
func (th Thread) Mentioned() (mentioned bool, edited []keys.MessageID) {
	for id := range th.those(th.unread, th.index.isUnread) {
		switch e := &th.index.entries[th.index.refs[id]]; {
		case e.state&isEdited > 0:
			edited = append(edited, id)
		case e.says.flags&hasMention > 0:
			mentioned = true
		}
	}
	return mentioned, edited
}

// those visits the messages, oldest first, that are not hidden and of which is says yes: none if count is 0.
func (th Thread) those(count int, is func(e *entry) bool) iter.Seq[keys.MessageID] {
	return func(yield func(keys.MessageID) bool) {
		if count == 0 {
			return
		}
		for _, n := range th.refs {
			if e := &th.index.entries[n]; !th.index.hidden(e) && is(e) && !yield(e.id) {
				return
			}
		}
	}
}

// Back visits all messages from the newest back, from before a position (nil: from the newest), and says which are hidden.
func (th Thread) Back(before *Position) iter.Seq2[Position, bool] {
	end := len(th.refs)
	if before != nil {
		end, _ = th.search(*before)
	}
	return func(yield func(Position, bool) bool) {
		for _, n := range slices.Backward(th.refs[:end]) {
			if !yield(th.index.position(n), th.index.hidden(&th.index.entries[n])) {
				return
			}
		}
	}
}

// Forth visits all messages from behind a position on, oldest first, and says which are hidden.
func (th Thread) Forth(after Position) iter.Seq2[Position, bool] {
	begin, is := th.search(after)
	if is {
		begin++
	}
	return func(yield func(Position, bool) bool) {
		for _, n := range th.refs[begin:] {
			if !yield(th.index.position(n), th.index.hidden(&th.index.entries[n])) {
				return
			}
		}
	}
}

// search returns where in refs a position is, or would be.
func (th Thread) search(p Position) (at int, is bool) {
	return slices.BinarySearchFunc(th.refs, p, func(n uint32, p Position) int { return th.index.position(n).Compare(p) })
}

// Position returns where a message of this thread is, and whether it is in it.
func (th Thread) Position(id keys.MessageID) (Position, bool) {
	n, ok := th.index.refs[id]
	if !ok || !th.index.entries[n].shown() || th.index.threadOf(&th.index.entries[n]) != th.thread {
		return Position{}, false
	}
	return th.index.position(n), true
}

// Tags returns the tags that its messages bear, sorted.
func (th Thread) Tags() []string {
	if th.tagged == 0 {
		return nil
	}
	bears := make(map[string]bool)
	for id := range th.those(th.tagged, func(e *entry) bool { return e.state&isTagged > 0 }) {
		for _, name := range th.index.TagsOf(id) {
			bears[name] = true
		}
	}
	return sortedTags(bears)
}

// IsOwn reports whether the account wrote a message that is here.
func (t *Threads) IsOwn(id keys.MessageID) bool {
	n, ok := t.refs[id]
	return ok && t.entries[n].says.flags&isOwn > 0
}
