package node

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// shortestPrefix is how much of a message's id must be given.
	shortestPrefix = 8
	// pageBytes is about how much text a page of the inbox has: in JSON a byte can become six.
	pageBytes = 4 << 20
)

// Inbox lists a page of received messages and introductions, oldest first, organization by organization.
func (n *Node) Inbox(_ context.Context, query api.InboxQuery) (api.InboxPage, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return api.InboxPage{}, err
	}
	limit := query.Limit
	if limit <= 0 || limit > api.MaxPage {
		limit = api.MaxPage
	}
	at, err := parseCursor(query.Cursor)
	if err != nil {
		return api.InboxPage{}, err
	}
	var page api.InboxPage
	for _, o := range named {
		if at.org != (keys.OrgID{}) && o.org != at.org {
			continue
		}
		if query.Cursor == "" {
			if err := o.tell(&page); err != nil {
				return page, err
			}
		}
		next, err := o.inbox(&page, at.position, limit, query.Hidden)
		if err != nil {
			return page, err
		}
		if next != nil {
			page.Next = cursor{org: o.org, position: next}.String()
			return page, nil
		}
		at = cursor{}
	}
	return page, nil
}

// cursor says where a page of the inbox ended: in which organization, and behind which place of its timeline.
type cursor struct {
	org      keys.OrgID
	position []byte
}

// String returns the cursor's text.
func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(append(c.org[:], c.position...))
}

func parseCursor(text string) (cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || text != "" && len(raw) < keys.IDSize {
		return cursor{}, api.Errorf(api.CodeUsage, "the cursor is not one that the inbox gave")
	}
	if text == "" {
		return cursor{}, nil
	}
	return cursor{org: keys.OrgID(raw[:keys.IDSize]), position: raw[keys.IDSize:]}, nil
}

// introductionMark begins the position of an introduction in a cursor: they are listed before the messages.
const introductionMark = 'i'

// timelineStart is the position before the first message: places in the timeline have more bytes.
var timelineStart = []byte{0}

// inbox appends introductions that wait and received messages to a page, until it holds limit, and returns the position
// to go on from, or nil when all are listed.
func (o *organization) inbox(page *api.InboxPage, position []byte, limit int, hidden bool) (next []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(position) == 0 || position[0] == introductionMark {
		skip := uint64(0)
		if len(position) == 9 {
			skip = binary.BigEndian.Uint64(position[1:])
		}
		listed := uint64(0)
		requests, err := o.requestsLocked()
		if err != nil {
			return nil, err
		}
		for _, request := range requests {
			if listed++; listed <= skip {
				continue
			}
			if len(page.Messages) == limit {
				return binary.BigEndian.AppendUint64([]byte{introductionMark}, listed-1), nil
			}
			page.Messages = append(page.Messages, request)
		}
		position = timelineStart
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		last, size := position, 0
		for _, m := range page.Messages {
			size += len(m.Text)
		}
		return tx.Messages(o.org, position, func(at []byte, r history.Record) (bool, error) {
			if r.Message.Member == o.member && !o.isImported(*r.Message) || isOver(r, o.now()) || !hidden && o.hidesLocked(*r.Message) {
				return true, nil
			}
			if len(page.Messages) == limit || size > pageBytes {
				next = last
				return false, nil
			}
			message := o.wholeLocked(r)
			if !hidden {
				message = veil(message)
			}
			page.Messages = append(page.Messages, message)
			last, size = at, size+textSize(r)
			return true, nil
		})
	})
	return next, err
}

// messageLocked describes a message's record, without what is shown on demand alone. Callers hold mu.
func (o *organization) messageLocked(r history.Record) api.Message { return veil(o.wholeLocked(r)) }

// wholeLocked describes a message's record. Callers hold mu.
func (o *organization) wholeLocked(r history.Record) api.Message {
	m := r.Message
	described := api.Message{
		ID: m.ID().String(), Org: o.org.String(), OrgName: o.roll.State().OrgName(), Kind: api.KindMessage,
		Conversation: m.Conversation.String(), Thread: m.ID().String(), From: o.memberNameLocked(m.Member),
		FromMember: m.Member.String(), FromDevice: m.Author.String(), Subject: m.Text.Subject, Text: m.Text.Text,
		Time: time.UnixMilli(m.Text.Time).UTC(), Received: time.UnixMilli(r.Clock.Wall).UTC(),
		Unread: m.Member != o.member && !o.view.Read(m.ID()), Sent: m.Member == o.member, Hidden: o.hidesLocked(*m),
	}
	described.Unconfirmed = o.unconfirmedWithLocked(*m)
	for _, to := range m.Text.To {
		described.To = append(described.To, api.Person{Member: to.String(), Name: o.memberNameLocked(to)})
	}
	for _, file := range m.Text.Files {
		described.Attachments = append(described.Attachments, api.Attachment{Name: file.Name, Size: int64(file.Size), Locked: hasLockedName(file.Name)})
	}
	described.Added, described.Archived = o.peopleLocked(m.Text.Added), !m.Report && o.archivedLocked(placeOf(*m))
	if m.Text.Group != nil {
		g, _ := o.roll.State().Group(*m.Text.Group)
		described.Group = &api.GroupName{Group: m.Text.Group.String(), Name: g.Name}
	}
	if m.Text.Guest != nil {
		guest := o.personLocked(*m.Text.Guest)
		described.Guest = &guest
	}
	if m.Text.Reply != nil {
		described.Reply = m.Text.Reply.String()
	}
	o.describeLocked(&described, r)
	return described
}

// introductionLocked describes an introduction that waits for an answer. Callers hold mu.
func (o *organization) introductionLocked(c history.Contact) api.Message {
	time := time.UnixMilli(c.Time).UTC()
	return api.Message{
		ID: c.Member.String(), Org: o.org.String(), OrgName: o.roll.State().OrgName(), Kind: api.KindIntroduction,
		Conversation: envelope.ConversationID(o.org, []keys.MemberID{o.member, c.Member}).String(), Thread: c.Member.String(),
		From: o.memberNameLocked(c.Member), FromMember: c.Member.String(), Text: c.Text, Time: time, Received: time, Unread: true,
		To: []api.Person{{Member: o.member.String(), Name: o.memberNameLocked(o.member)}},
	}
}

// Read returns one message and marks it read. One of a blocked member in a group says nothing, and stays unread, unless it
// is asked for as hidden.
func (n *Node) Read(_ context.Context, request api.ReadRequest) (api.Message, error) {
	o, record, err := n.findMessage(request.Org, request.ID)
	if err != nil {
		if introduction, ok := n.findIntroduction(request.Org, request.ID); ok {
			return introduction, nil
		}
		return api.Message{}, err
	}
	if veiled, ok := o.veiled(record); ok && !request.Hidden {
		return veiled, nil
	}
	if _, err := o.mark([]keys.MessageID{record.Message.ID()}, true); err != nil {
		return api.Message{}, err
	}
	states, err := o.recipients(record.Message.ID())
	if err != nil {
		return api.Message{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	message := o.wholeLocked(record)
	if !request.Hidden {
		message = veil(message)
	}
	message.Versions = o.versionsLocked(record)
	if message.Sent {
		message.States, message.Delivery = states, progress(states)
	}
	return message, nil
}

// veiled describes a message that is hidden.
func (o *organization) veiled(r history.Record) (described api.Message, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hidesLocked(*r.Message) {
		return described, false
	}
	return o.messageLocked(r), true
}

// findMessage finds the one message of an organization, or of any, whose id is or begins with text.
func (n *Node) findMessage(org, text string) (*organization, history.Record, error) {
	named, err := n.organizationsNamed(org)
	if err != nil {
		return nil, history.Record{}, err
	}
	var in *organization
	var found history.Record
	for _, o := range named {
		o.mu.Lock()
		record, err := o.findMessageLocked(text)
		o.mu.Unlock()
		known, isKnown := errors.AsType[*api.Error](err)
		switch {
		case err == nil && in != nil:
			return nil, found, api.Errorf(api.CodeUsage, "%q is the beginning of more than one message's id", text).WithHint("give more of it")
		case err == nil:
			in, found = o, record
		case isKnown && known.Code == api.CodeNotFound:
		default:
			return nil, found, err
		}
	}
	if in == nil {
		return nil, found, noMessage(text)
	}
	return in, found, nil
}

// findIntroduction finds the one introduction or invitation that waits for an answer and whose id, its author's or the
// group's, is or begins with text.
func (n *Node) findIntroduction(org, text string) (found api.Message, ok bool) {
	named, err := n.organizationsNamed(org)
	if err != nil || len(text) < shortestPrefix {
		return found, false
	}
	fitting := 0
	for _, o := range named {
		o.mu.Lock()
		requests, err := o.requestsLocked()
		if err != nil {
			o.log.Error("looking for introductions", "error", err)
		}
		for _, request := range requests {
			if strings.HasPrefix(request.ID, strings.ToLower(text)) {
				found = request
				fitting++
			}
		}
		o.mu.Unlock()
	}
	return found, fitting == 1
}

func noMessage(text string) error {
	return api.Errorf(api.CodeNotFound, "no message %q", text).WithHint("`muster inbox` lists the messages with their ids")
}

// findMessageLocked finds the one message here whose id is or begins with text. Callers hold mu.
func (o *organization) findMessageLocked(text string) (history.Record, error) {
	if len(text) < shortestPrefix {
		return history.Record{}, api.Errorf(api.CodeUsage, "%q is too short for a message's id", text).
			WithHint("give at least %d characters of it", shortestPrefix)
	}
	var found history.Record
	err := o.node.store.View(func(tx *store.Tx) error {
		ids, err := tx.MessagesByPrefix(o.org, strings.ToLower(text), 2)
		switch {
		case err != nil:
			return err
		case len(ids) == 0:
			return noMessage(text)
		case len(ids) > 1:
			return api.Errorf(api.CodeUsage, "%q is the beginning of more than one message's id", text).WithHint("give more of it")
		}
		if found, err = tx.Message(o.org, ids[0]); err == nil && isOver(found, o.now()) {
			return noMessage(text)
		}
		return err
	})
	return found, err
}

// Attachment opens a file of a message, once all of it has come.
func (n *Node) Attachment(ctx context.Context, messageID string, index int) (api.Attachment, io.ReadCloser, error) {
	o, record, err := n.findMessage("", messageID)
	if err != nil {
		return api.Attachment{}, nil, err
	}
	files := record.Message.Text.Files
	if o.isTakenBack(*record.Message) {
		files = nil
	}
	if index < 0 || index >= len(files) {
		return api.Attachment{}, nil, api.Errorf(api.CodeNotFound, "the message has no file number %d", index)
	}
	file := files[index]
	id := store.FileID{Author: record.Message.Author, Nonce: file.Nonce}
	if record.Message.Author == o.device {
		id.Author = keys.PublicKey{}
	}
	var progress store.FileProgress
	err = n.store.View(func(tx *store.Tx) (err error) {
		progress, err = tx.FileProgress(id)
		return err
	})
	if err != nil {
		return api.Attachment{}, nil, err
	}
	if have, all := progress.Count(), file.Chunks(); have < all {
		return api.Attachment{}, nil, api.Errorf(api.CodeFailed, "%q has not arrived yet: %d of %d pieces are here", file.Name, have, all).
			WithHint("it goes on by itself while there is a connection")
	}
	return api.Attachment{Name: file.Name, Size: int64(file.Size)}, newFileReader(ctx, n.store, id, file), nil
}
