// Package localapitest has a backend without a node, for the tests of the local API's server, client and page.
package localapitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"muster.example/node/api"
	"muster.example/node/localapi"
)

var _ localapi.Backend = (*Backend)(nil)

// Backend answers each request with fixed values, and keeps the requests and uploads that it got. The zero value is
// ready.
type Backend struct {
	// Err, if not nil, is what every method returns.
	Err error
	// Hold, if not nil, keeps Status from returning until it is closed or the request's context ends.
	Hold chan struct{}
	// Messages are what Inbox pages through and Read finds.
	Messages []api.Message
	// Files are the attachments of every message.
	Files [][]byte
	// ShortBy is how many bytes Attachment announces more than it yields.
	ShortBy int64

	mu       sync.Mutex // guards the following
	requests []any
	uploads  map[string][]byte
	partials []*partial
	watchers []chan api.Event
	used     int
}

// Requests returns what the methods were called with, in order.
func (b *Backend) Requests() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]any(nil), b.requests...)
}

// Uploaded returns the content of an upload.
func (b *Backend) Uploaded(id string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.uploads[id]
}

// Emit gives an event to every watcher, by the rule of localapi.Backend: one that is full is given up.
func (b *Backend) Emit(event api.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.watchers[:0]
	for _, w := range b.watchers {
		select {
		case w <- event:
			kept = append(kept, w)
		default:
			close(w)
		}
	}
	b.watchers = kept
}

// Watchers returns how many there are.
func (b *Backend) Watchers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.watchers)
}

func (b *Backend) got(request any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, request)
	return b.Err
}

// Status implements localapi.Backend.
func (b *Backend) Status(ctx context.Context) (api.StatusResult, error) {
	if b.Hold != nil {
		select {
		case <-b.Hold:
		case <-ctx.Done():
			return api.StatusResult{}, ctx.Err()
		}
	}
	return api.StatusResult{Version: "test"}, b.got("status")
}

// CreateOrg implements localapi.Backend.
func (b *Backend) CreateOrg(_ context.Context, r api.CreateOrgRequest) (api.CreateOrgResult, error) {
	return api.CreateOrgResult{Org: "org-" + r.Name, Member: "member-" + r.As, Device: "device"}, b.got(r)
}

// Orgs implements localapi.Backend.
func (b *Backend) Orgs(context.Context) ([]api.OrgSummary, error) { return nil, b.got("orgs") }

// Invite implements localapi.Backend.
func (b *Backend) Invite(_ context.Context, r api.InviteRequest) (api.InviteResult, error) {
	return api.InviteResult{Invitation: "muster:join/x", Uses: r.Uses, Role: r.Role}, b.got(r)
}

// Join implements localapi.Backend.
func (b *Backend) Join(_ context.Context, r api.JoinRequest) (api.JoinResult, error) {
	return api.JoinResult{Org: "org", Member: "member-" + r.As, RecoveryWords: []string{"abandon", "ability"}}, b.got(r)
}

// Introduce implements localapi.Backend.
func (b *Backend) Introduce(_ context.Context, r api.IntroduceRequest) (api.IntroduceResult, error) {
	return api.IntroduceResult{Contact: api.Contact{Name: r.Member, State: api.ContactIntroduced}, ID: "intro"}, b.got(r)
}

// Accept implements localapi.Backend.
func (b *Backend) Accept(_ context.Context, r api.AcceptRequest) (api.AcceptResult, error) {
	return api.AcceptResult{Contact: api.Contact{Name: r.Member, State: api.ContactAcquainted}}, b.got(r)
}

// Contacts implements localapi.Backend.
func (b *Backend) Contacts(_ context.Context, q api.ContactsQuery) ([]api.Contact, error) {
	return []api.Contact{{Org: q.Org, Name: "Ada", State: api.ContactAsks}}, b.got(q)
}

// Upload implements localapi.Backend.
func (b *Backend) Upload(_ context.Context, name string, r io.Reader) (api.Upload, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return api.Upload{}, fmt.Errorf("reading %s: %w", name, err)
	}
	id := fmt.Sprintf("upload-%s-%d", name, len(data))
	b.mu.Lock()
	if b.uploads == nil {
		b.uploads = make(map[string][]byte)
	}
	b.uploads[id] = data
	b.mu.Unlock()
	return api.Upload{ID: id, Name: name, Size: int64(len(data))}, b.got(name)
}

// SendAgain implements localapi.Backend.
func (b *Backend) SendAgain(_ context.Context, r api.AgainRequest) (api.SendResult, error) {
	return api.SendResult{ID: r.ID, Conversation: "conversation"}, b.got(r)
}

// Send implements localapi.Backend.
func (b *Backend) Send(_ context.Context, r api.SendRequest) (api.SendResult, error) {
	result := api.SendResult{ID: "message", Conversation: "conversation"}
	for _, to := range r.To {
		result.Recipients = append(result.Recipients, api.Recipient{Member: to, Name: to, Device: "d", State: api.StateHeld})
	}
	return result, b.got(r)
}

// Inbox implements localapi.Backend.
func (b *Backend) Inbox(_ context.Context, q api.InboxQuery) (api.InboxPage, error) {
	at := 0
	if q.Cursor != "" {
		if _, err := fmt.Sscan(q.Cursor, &at); err != nil || at > len(b.Messages) {
			return api.InboxPage{}, api.Errorf(api.CodeUsage, "no such cursor")
		}
	}
	end := min(at+q.Limit, len(b.Messages))
	page := api.InboxPage{Messages: b.Messages[at:end]}
	if end < len(b.Messages) {
		page.Next = fmt.Sprint(end)
	}
	return page, b.got(q)
}

// Read implements localapi.Backend.
func (b *Backend) Read(_ context.Context, r api.ReadRequest) (api.Message, error) {
	if err := b.got(r); err != nil {
		return api.Message{}, err
	}
	for _, m := range b.Messages {
		if strings.HasPrefix(m.ID, r.ID) {
			return m, nil
		}
	}
	return api.Message{}, api.Errorf(api.CodeNotFound, "no message %s", r.ID).WithHint("list them with: muster inbox")
}

// Attachment implements localapi.Backend.
func (b *Backend) Attachment(_ context.Context, id string, index int) (api.Attachment, io.ReadCloser, error) {
	if err := b.got(fmt.Sprint(id, "/", index)); err != nil {
		return api.Attachment{}, nil, err
	}
	if index >= len(b.Files) {
		return api.Attachment{}, nil, api.Errorf(api.CodeNotFound, "no attachment %d", index)
	}
	data := b.Files[index]
	return api.Attachment{Name: "a b/\u202e.txt", Size: int64(len(data)) + b.ShortBy}, io.NopCloser(bytes.NewReader(data)), nil
}

// Watch implements localapi.Backend.
func (b *Backend) Watch(ctx context.Context, q api.WatchQuery) (<-chan api.Event, error) {
	if err := b.got(q); err != nil {
		return nil, err
	}
	events := make(chan api.Event, localapi.WatchBuffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(b.watchers, events)
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, w := range b.watchers {
			if w == events {
				close(w)
				b.watchers = append(b.watchers[:i], b.watchers[i+1:]...)
				return
			}
		}
	})
	return events, nil
}

// MakeMessages returns n messages with different ids and texts.
func MakeMessages(n int) []api.Message {
	messages := make([]api.Message, n)
	for i := range messages {
		messages[i] = api.Message{
			ID: fmt.Sprintf("message-%04d", i), Org: "org", Kind: api.KindMessage, From: "Ada", FromMember: "adaid",
			Subject: fmt.Sprintf("number %d", i), Text: "Hello.", Time: time.Unix(int64(i), 0).UTC(), Unread: true,
		}
	}
	return messages
}
