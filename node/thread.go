package node

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// snippetLength is how much of a message's text a listing shows, in characters.
	snippetLength = 160
	// titlesAtMost is how many messages are looked at for a thread's subject.
	titlesAtMost = 8
)

// threadsLocked returns the index of messages as it is now. Callers hold mu, and ask nothing of the index before.
func (o *organization) threadsLocked() *history.Threads {
	threads := o.view.Threads()
	threads.See(o.blockedMembersLocked())
	threads.Expire(o.sober().UnixMilli()) // it forgets for good
	return threads
}

// readUndelivered tells the index which own messages somebody did not get.
func (o *organization) readUndelivered(tx *store.Tx) error {
	return tx.Undelivered(o.org, func(message keys.MessageID, member keys.MemberID) {
		if member != o.member {
			o.view.Threads().NoteReturned(message)
		}
	})
}

// Threads lists a page of threads, the one with the newest message first. It reads a few messages of each of them, and none
// of others. [API-50]
func (n *Node) Threads(_ context.Context, query api.ThreadsQuery) (api.ThreadsPage, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.ThreadsPage{}, err
	}
	filter := history.ThreadFilter{Unread: query.Unread, Sent: query.Sent, Tag: query.Tag, Reports: query.Reports}
	if query.Conversation != "" {
		if filter.Conversation, err = keys.ParseID[keys.Conversation](query.Conversation); err != nil {
			return api.ThreadsPage{}, api.Errorf(api.CodeUsage, "%q is no conversation's id", query.Conversation)
		}
	}
	after, err := parsePosition(query.Cursor)
	if err != nil {
		return api.ThreadsPage{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	threads, more := o.threadsLocked().List(filter, after, pageLimit(query.Limit))
	var page api.ThreadsPage
	for _, th := range threads {
		thread, err := o.describeThreadLocked(th)
		if err != nil {
			return page, err
		}
		page.Threads = append(page.Threads, thread)
	}
	if more {
		last, _ := threads[len(threads)-1].Newest()
		page.Next = positionText(last)
	}
	return page, nil
}

func pageLimit(asked int) int {
	if asked <= 0 || asked > api.MaxPage {
		return api.MaxPage
	}
	return asked
}

// positionText returns a position as cursors have it.
func positionText(p history.Position) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(p.Clock.Wall))
	raw = binary.BigEndian.AppendUint32(raw, p.Clock.Counter)
	return base64.RawURLEncoding.EncodeToString(append(raw, p.Message[:]...))
}

// parsePosition reads a cursor; nil is before everything.
func parsePosition(text string) (*history.Position, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 8+4+keys.IDSize {
		return nil, api.Errorf(api.CodeUsage, "the cursor is not one that a listing gave")
	}
	return &history.Position{
		Clock:   history.Clock{Wall: int64(binary.BigEndian.Uint64(raw)), Counter: binary.BigEndian.Uint32(raw[8:])},
		Message: keys.MessageID(raw[12:]),
	}, nil
}

// describeThreadLocked describes a thread as it is listed. Callers hold mu.
func (o *organization) describeThreadLocked(th history.Thread) (api.Thread, error) {
	described := api.Thread{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), Thread: th.ID().String(),
		Messages: th.Messages(), Unread: th.Unread(), Attachments: th.Files(), Tags: th.Tags(),
	}
	conversation := th.Conversation()
	described.Conversation, described.Archived = conversation.ID.String(), o.archivedTalkLocked(conversation)
	described.People, described.Group, described.Guest = o.talkersLocked(conversation)
	mentioned, edited := th.Mentioned()
	var err error
	if described.Mentioned, err = o.mentionsNowLocked(mentioned, edited); err != nil {
		return described, err
	}
	if described.Subject, err = o.subjectLocked(th); err != nil {
		return described, err
	}
	if described.Returned, err = o.returnedLocked(th); err != nil {
		return described, err
	}
	newest, ok := th.Newest()
	if !ok {
		return described, nil
	}
	r, err := o.recordLocked(newest.Message)
	if err != nil {
		return described, err
	}
	m, message := r.Message, o.messageLocked(r)
	described.Time = time.UnixMilli(newest.Clock.Wall).UTC()
	described.From, described.FromMember, described.Sent = o.memberNameLocked(m.Member), m.Member.String(), m.Member == o.member
	if described.Imported = message.Imported; described.Imported != nil {
		described.Time = message.Time
	}
	described.Snippet, described.Locked = snippet(message.Text), message.Locked != nil
	if conversation.Report && !described.Sent {
		described.People = o.peopleLocked([]keys.MemberID{m.Member})
	}
	return described, nil
}

// recordLocked returns the record of a message. Callers hold mu.
func (o *organization) recordLocked(id keys.MessageID) (r history.Record, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		r, err = tx.Message(o.org, id)
		return err
	})
	return r, err
}

// snippet returns the beginning of a text as one line; nothing of a locked one.
func snippet(text string) string {
	text = unlessLocked(text)
	if len(text) > 16*snippetLength { // enough, unless it is nearly all spaces
		text = strings.ToValidUTF8(text[:16*snippetLength], "")
	}
	line := []rune(strings.Join(strings.Fields(text), " "))
	return string(line[:min(len(line), snippetLength)])
}

// subjectLocked returns the subject of the earliest message that has one, as edits have made it. Callers hold mu.
func (o *organization) subjectLocked(th history.Thread) (string, error) {
	looked := 0
	for id := range th.Titles() {
		if looked++; looked > titlesAtMost {
			break
		}
		r, err := o.recordLocked(id)
		if err != nil {
			return "", err
		}
		if shown, err := o.shownLocked(*r.Message); err != nil || shown.Subject != "" {
			return shown.Subject, err
		}
	}
	return "", nil
}

// mentionsNowLocked reports whether this account is mentioned, or is so now in one of the messages that were edited. Callers
// hold mu.
func (o *organization) mentionsNowLocked(mentioned bool, edited []keys.MessageID) (bool, error) {
	for _, id := range edited {
		if mentioned {
			break
		}
		r, err := o.recordLocked(id)
		if err != nil {
			return false, err
		}
		shown, err := o.shownLocked(*r.Message)
		if err != nil {
			return false, err
		}
		mentioned = slices.Contains(shown.Mentions, o.member)
	}
	return mentioned, nil
}

// returnedLocked reports whether an own message reaches no device of some member. Callers hold mu.
func (o *organization) returnedLocked(th history.Thread) (bool, error) {
	for id := range th.Returned() {
		states, err := o.deliveryLocked(id)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(progress(states), func(p api.Progress) bool { return p.State == api.StateReturned || p.State == api.StateRefused }) {
			return true, nil
		}
	}
	return false, nil
}

// talkersLocked returns who is in a conversation, without this account, or which group or guest it is of. Callers hold mu.
func (o *organization) talkersLocked(c history.Conversation) (people []api.Person, group *api.GroupName, guest *api.Person) {
	var members []keys.MemberID
	switch {
	case c.Group != (keys.GroupID{}):
		g, _ := o.roll.State().Group(c.Group)
		return nil, &api.GroupName{Group: c.Group.String(), Name: g.Name}, nil
	case c.Guest == o.member:
		members = o.roll.State().DeskMembers()
	case !c.Guest.IsZero():
		members = []keys.MemberID{c.Guest}
	default:
		members = c.Members
	}
	if !c.Guest.IsZero() {
		person := o.personLocked(c.Guest)
		guest = &person
	}
	for _, m := range members {
		if m != o.member && o.showsLocked(m) {
			people = append(people, o.personLocked(m))
		}
	}
	return people, nil, guest
}

// placeOfTalk returns the place of a conversation.
func placeOfTalk(c history.Conversation) envelope.Place {
	switch {
	case c.Group != (keys.GroupID{}):
		return envelope.InGroup(c.Group)
	case !c.Guest.IsZero():
		return envelope.AtDesk(c.Guest)
	}
	return envelope.Among(c.Members...)
}

// archivedTalkLocked reports whether what is written in a conversation goes to the archive. Callers hold mu.
func (o *organization) archivedTalkLocked(c history.Conversation) bool {
	return !c.Report && o.archivedLocked(placeOfTalk(c))
}

// mayAnswerLocked reports whether this account may write in a conversation, or why not; of a report, to its author. Callers
// hold mu.
func (o *organization) mayAnswerLocked(c history.Conversation, author keys.MemberID) (why string, ok bool) {
	if err := o.sendingLocked(); err != nil {
		return api.AsError(err).Message, false
	}
	place := placeOfTalk(c)
	switch {
	case c.Report && author == o.member:
		return "it was sent as a report", false
	case c.Report:
		return o.leaveLocked(author)
	}
	if other := o.other(place); !other.IsZero() {
		return o.leaveLocked(other)
	}
	return o.mayWriteToLocked(place)
}
