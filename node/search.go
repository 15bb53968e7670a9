package node

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/search"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// foundLength is how many characters of a text are shown around what was found.
	foundLength = 240
	// hitsAtOnce is how many hits of the index are looked at together.
	hitsAtOnce = 100
)

// Search looks for messages. The index says which may fit; each is then looked at as it is now, so that nothing is found that
// is erased, over or hidden, whatever the index still holds. [API-52]
func (n *Node) Search(ctx context.Context, query api.SearchQuery) (page api.SearchPage, err error) {
	s, err := n.newSearch(query)
	if err != nil || s == nil {
		return page, err
	}
	if page.Indexing, err = n.indexNow(ctx, s.organizations); err != nil {
		return page, n.searchFailed(ctx, err)
	}
	size := 0
	for {
		found, err := n.index.file.Find(ctx, s.request)
		if err != nil {
			return page, n.searchFailed(ctx, err)
		}
		for i, hit := range found.Hits {
			if len(page.Found) == s.limit || size > pageBytes {
				page.Next = cursorOf(found.Mark(i))
				return page, nil
			}
			if message, ok, err := s.look(hit.Removed); err != nil {
				return page, err
			} else if ok {
				page.Found = append(page.Found, api.Found{Message: message, Snippet: s.snippet(unlessLocked(message.Text))})
				size += len(message.Text)
			}
		}
		if s.request.From = found.Mark(len(found.Hits)); !found.More {
			return page, nil
		}
	}
}

// searchFailed says why the index did not answer, and has a damaged one made anew.
func (n *Node) searchFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, search.ErrDamaged):
		wake(n.index.wake)
		return api.Errorf(api.CodeFailed, "the search index is damaged and is made anew").WithHint("try again in a moment")
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.CodeFailed, "too much fits the query to be looked through").WithHint("give more of the words")
	}
	return err
}

// seeking is a search under way.
type seeking struct {
	organizations map[keys.OrgID]*organization
	request       search.Request
	tag           string
	unread        bool
	limit         int
}

// newSearch reads a query. It returns nil for one that nothing fits: nothing was asked for, or somebody whom nobody knows.
func (n *Node) newSearch(query api.SearchQuery) (*seeking, error) {
	if n.index.file == nil {
		return nil, api.Errorf(api.CodeFailed, "this node keeps no search index")
	}
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	q, err := search.Parse(query.Text, time.Local)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%s", err)
	}
	s := &seeking{organizations: make(map[keys.OrgID]*organization), unread: q.Unread, limit: query.Limit}
	if s.limit <= 0 || s.limit > api.MaxPage {
		s.limit = api.MaxPage
	}
	s.request = search.Request{Query: q, Files: q.Files || query.Attachment, Limit: hitsAtOnce}
	for _, o := range named {
		s.organizations[o.org] = o
		s.request.Orgs = append(s.request.Orgs, o.org)
	}
	if !s.tags(q.Tag, query.Tag) || !s.authors(named, q.From, query.From) || !s.places(named, q.In) {
		return nil, nil
	}
	s.period(q, query)
	s.among(named)
	r := s.request
	if !q.Asked && len(r.Authors)+len(r.Conversations) == 0 && !r.Files && r.Before == 0 && r.After == 0 && s.tag == "" && !s.unread {
		return nil, nil
	}
	return s, s.resume(query.Cursor)
}

// tags takes the tag that a message must bear, and reports whether one can: there is room for one alone.
func (s *seeking) tags(typed, chosen string) bool {
	s.tag = typed
	if typed == "" {
		s.tag = chosen
	}
	return typed == "" || chosen == "" || strings.EqualFold(typed, chosen)
}

// authors takes who may have written it, and reports whether anybody can have.
func (s *seeking) authors(in []*organization, names ...string) bool {
	for _, name := range names {
		if name == "" {
			continue
		}
		var found []keys.MemberID
		for _, o := range in {
			if id, _, ok := o.find([]string{name}); ok {
				found = append(found, id...)
			}
		}
		if len(s.request.Authors) > 0 {
			found = slices.DeleteFunc(found, func(id keys.MemberID) bool { return !slices.Contains(s.request.Authors, id) })
		}
		if s.request.Authors = found; len(found) == 0 {
			return false
		}
	}
	return true
}

// places takes where it was said: in a group, with a member, or in a conversation by its id.
func (s *seeking) places(in []*organization, name string) bool {
	if name == "" {
		return true
	}
	for _, o := range in {
		s.request.Conversations = append(s.request.Conversations, o.conversationsNamed(name)...)
	}
	return len(s.request.Conversations) > 0
}

// conversationsNamed returns the conversations that a group's or a member's name, or an id, stands for.
func (o *organization) conversationsNamed(name string) (found []keys.ConversationID) {
	if id, err := keys.ParseID[keys.Conversation](name); err == nil {
		found = append(found, id)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if g, err := o.findGroupLocked(name); err == nil {
		found = append(found, envelope.InGroup(g.ID).ID(o.org))
	}
	if member, ok := o.findLocked(name); ok && member != o.member {
		found = append(found, o.with(member).ID(o.org))
	}
	return found
}

// period takes when it was written: what was typed and what was chosen both hold.
func (s *seeking) period(q search.Query, query api.SearchQuery) {
	for _, before := range []time.Time{q.Before, query.Before} {
		if !before.IsZero() && (s.request.Before == 0 || before.UnixMilli() < s.request.Before) {
			s.request.Before = before.UnixMilli()
		}
	}
	for _, after := range []time.Time{q.After, query.After} {
		if !after.IsZero() {
			s.request.After = max(s.request.After, after.UnixMilli())
		}
	}
}

// among takes the messages that the history knows to fit, of what the index does not know: tags and read marks.
func (s *seeking) among(in []*organization) {
	if s.tag == "" && !s.unread {
		return
	}
	s.request.Among = make(map[keys.MessageID]bool)
	for _, o := range in {
		o.mu.Lock()
		threads := o.threadsLocked()
		var fit map[keys.MessageID]bool
		if s.tag != "" {
			fit = threads.Tagged(s.tag)
		} else {
			fit = threads.UnreadMessages()
		}
		o.mu.Unlock()
		maps.Copy(s.request.Among, fit)
	}
}

// cursorOf says where the page ended.
func cursorOf(at search.Mark) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(at.Newest))
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Skip))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(raw, uint64(at.Below)))
}

func (s *seeking) resume(cursor string) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) != 24 {
		return api.Errorf(api.CodeUsage, "the cursor is not one that a search gave")
	}
	newest, skip, below := binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:]), binary.BigEndian.Uint64(raw[16:])
	if newest>>63 != 0 || skip > search.MaxRanked || below>>63 != 0 {
		return api.Errorf(api.CodeUsage, "the cursor is not one that a search gave")
	}
	s.request.From = search.Mark{Newest: int64(newest), Skip: int(skip), Below: int64(below)}
	return nil
}

// look describes what the index found as it is now, and reports whether it is to be shown.
func (s *seeking) look(hit search.Removed) (message api.Message, ok bool, err error) {
	o := s.organizations[hit.Org]
	if o == nil {
		return message, false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var r history.Record
	err = o.node.store.View(func(tx *store.Tx) (err error) {
		r, err = tx.Message(o.org, hit.ID)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return message, false, nil
	case err != nil:
		return message, false, fmt.Errorf("reading what was found: %w", err)
	case r.Message.Erased != 0 || isOver(r, o.now()) || o.hidesLocked(*r.Message):
		return message, false, nil
	}
	message = o.messageLocked(r)
	bears := s.tag == "" || o.threadsLocked().HasTag(hit.ID, s.tag) // it may be another organization's that bears it
	return message, !message.Deleted && bears && (!s.unread || message.Unread), nil
}

func (s *seeking) snippet(text string) (parts api.List[api.Part]) {
	for _, p := range s.request.Query.Snippet(text, foundLength) {
		parts = append(parts, api.Part{Text: p.Text, Hit: p.Hit})
	}
	return parts
}
