package apiclient_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
	"muster.example/node/apiclient"
	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
)

// serve runs a server over backend and returns a client on its socket; stop ends it and waits.
func serve(t *testing.T, backend localapi.Backend) (client *apiclient.Client, server *localapi.Server, stop func()) {
	t.Helper()
	dir := t.TempDir()
	server, err := localapi.Listen(localapi.Config{Backend: backend, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	if client, err = apiclient.New(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, server, stop
}

// check fails unless the call returned want, and the backend got the request as it was given.
func check[A any](t *testing.T, backend *localapitest.Backend, request any, want A) func(A, error) {
	return func(got A, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%T: %v", request, err)
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T answered (-want +got):\n%s", request, diff)
		}
		all := backend.Requests()
		if diff := cmp.Diff(request, all[len(all)-1]); diff != "" {
			t.Errorf("%T arrived changed (-sent +got):\n%s", request, diff)
		}
	}
}

func TestRoundTrips(t *testing.T) { // [API-4] [API-8]
	backend := &localapitest.Backend{Messages: localapitest.MakeMessages(3)}
	c, _, _ := serve(t, backend)
	ctx := t.Context()
	none := api.List[string]{}

	check(t, backend, "status", api.StatusResult{Version: "test", Orgs: api.List[api.OrgStatus]{}, Applications: api.List[api.Application]{},
		Joining: api.List[api.Candidacy]{}, Wiped: api.List[api.Wiped]{},
		Backup: api.BackupStatus{Warnings: api.List[api.BackupWarning]{}}})(c.Status(ctx))
	create := api.CreateOrgRequest{Claim: "muster:claim/x", Name: "Ö <&> \u2028", As: "Ada"}
	check(t, backend, create, api.CreateOrgResult{Org: "org-" + create.Name, Member: "member-Ada", Device: "device",
		RecoveryWords: none, RootWords: none})(c.CreateOrg(ctx, create))
	check(t, backend, "orgs", []api.OrgSummary{})(c.Orgs(ctx))
	invite := api.InviteRequest{Org: "o", Role: "desk", Uses: 1 << 63, ExpiresIn: 60}
	check(t, backend, invite, api.InviteResult{Invitation: "muster:join/x", Uses: 1 << 63, Role: "desk"})(c.Invite(ctx, invite))
	join := api.JoinRequest{Invitation: "i", As: "Bo"}
	check(t, backend, join, api.JoinResult{Org: "org", Member: "member-Bo",
		RecoveryWords: []string{"abandon", "ability"}})(c.Join(ctx, join))
	introduce := api.IntroduceRequest{Org: "o", Member: "Bo", Text: "Hello?"}
	check(t, backend, introduce, api.IntroduceResult{ID: "intro",
		Contact: api.Contact{Name: "Bo", State: api.ContactIntroduced}})(c.Introduce(ctx, introduce))
	accept := api.AcceptRequest{Member: "Bo"}
	check(t, backend, accept, api.AcceptResult{Contact: api.Contact{Name: "Bo", State: api.ContactAcquainted}})(c.Accept(ctx, accept))
	stand := api.ContactRequest{Org: "o", Member: "Bo"}
	check(t, backend, stand, api.ContactResult{Contact: api.Contact{Name: "Bo", State: api.ContactBlocked}})(c.Block(ctx, stand))
	check(t, backend, stand, api.ContactResult{Contact: api.Contact{Name: "Bo", State: api.ContactAcquainted}})(c.Unblock(ctx, stand))
	check(t, backend, stand, api.ContactResult{Contact: api.Contact{Name: "Bo", State: api.ContactDeclined}})(c.Decline(ctx, stand))
	used := backend.Uses()
	presence := api.PresenceQuery{Org: "o", Members: []string{"Bo"}}
	check(t, backend, presence, api.PresenceResult{Own: []api.OwnPresence{}, Members: []api.Presence{{Org: "o", State: api.PresenceAway}}})(c.Presence(ctx, presence))
	if backend.Uses() != used || used == 0 { // [API-42]
		t.Errorf("used %d times, and %d after a look at who is there", used, backend.Uses())
	}
	skin := api.SkinQuery{Org: "o"}
	if got, err := c.Skin(ctx, skin); err != nil || got.Org != "o" {
		t.Errorf("the skin of %q, %v", got.Org, err)
	}
	check(t, backend, skin, []byte("\x89PNG\r\n\x1a\n"))(c.SkinImage(ctx, skin))
	wish := api.SkinRequest{Org: "o", Skin: api.Skin{Font: "mono", Dark: api.Palette{Rail: "#123456"}}, Image: []byte{1, 2}}
	check(t, backend, wish, api.SkinResult{Org: "o", Own: wish.Skin})(c.SetOwnSkin(ctx, wish))
	check(t, backend, wish, api.SkinResult{Org: "o", Official: wish.Skin})(c.SetOrgSkin(ctx, wish))
	state := api.SetPresenceRequest{State: api.PresenceInvisible}
	check(t, backend, state, api.PresenceResult{Own: []api.OwnPresence{{State: api.PresenceInvisible, Members: []string{}}},
		Members: []api.Presence{}})(c.SetPresence(ctx, state))
	off := false
	share := api.SharePresenceRequest{Share: api.ShareMembers, Members: []string{"Bo"}, LastSeen: api.SeenHour, Typing: &off}
	check(t, backend, share, api.OwnPresence{Share: api.ShareMembers, Members: []string{}})(c.SharePresence(ctx, share))
	typing := api.TypingRequest{To: []string{"Bo"}}
	check(t, backend, typing, api.TypingResult{Members: []string{"Bo"}})(c.Typing(ctx, typing))
	threads := api.ThreadsQuery{Org: "o", Conversation: "c", Unread: true, Tag: "a&b", Sent: true, Cursor: "x", Limit: 7}
	people, tags := api.List[api.Person]{}, none
	thread := api.Thread{Org: "o", Thread: "thread", Subject: "s", People: people, Tags: tags}
	check(t, backend, threads, api.ThreadsPage{Threads: []api.Thread{thread}, Next: "next"})(c.Threads(ctx, threads))
	check(t, backend, api.ThreadsQuery{}, api.ThreadsPage{Threads: []api.Thread{{Thread: "thread", Subject: "s", People: people, Tags: tags}},
		Next: "next"})(c.Threads(ctx, api.ThreadsQuery{}))
	one := api.ThreadQuery{Org: "o", Thread: "t", Before: "b", Limit: 3, Hidden: true}
	shown, err := c.Thread(ctx, one)
	if len(shown.Messages) != 3 || !shown.MayWrite {
		t.Errorf("thread: %+v", shown)
	}
	shown.Messages, thread.Thread, thread.Subject = nil, "t", ""
	check(t, backend, one, api.ThreadPage{Thread: thread, Earlier: "earlier", MayWrite: true})(shown, err)
	for _, one := range []api.ThreadQuery{{Thread: "t", After: "a"}, {Thread: "t", Around: "m"}} {
		shown, err := c.Thread(ctx, one)
		shown.Messages, thread.Org = nil, ""
		check(t, backend, one, api.ThreadPage{Thread: thread, Earlier: "earlier", MayWrite: true})(shown, err)
	}
	check(t, backend, api.ConversationsQuery{Org: "o"}, []api.Conversation{{Org: "o", Conversation: "conversation", Threads: 1,
		People: people}})(c.Conversations(ctx, api.ConversationsQuery{Org: "o"}))
	check(t, backend, api.WordsRequest{}, api.WordsResult{RecoveryWords: []string{"abandon", "ability"}})(c.MakeWords(ctx, api.WordsRequest{}))
	losses := api.LossesQuery{Org: "a&b=c"}
	check(t, backend, losses, api.Losses{Gaps: []api.Gap{{Device: "device", Missing: 2, State: "offered", People: people}}, Returned: []api.Returned{}})(c.Losses(ctx, losses))
	mark := api.MarkRequest{Org: "o", IDs: []string{"a"}, Threads: []string{"b", "c"}, Unread: true}
	check(t, backend, mark, api.Marked{Changed: 3})(c.Mark(ctx, mark))
	tag := api.TagRequest{IDs: []string{"a"}, Threads: []string{}, Tag: "Ä", Off: true}
	check(t, backend, tag, api.Marked{Changed: 1})(c.Tag(ctx, tag))
	check(t, backend, api.TagsQuery{Org: "o"}, []api.Tag{{Org: "o", Tag: "todo", Messages: 2}})(c.Tags(ctx, api.TagsQuery{Org: "o"}))
	contacts := api.ContactsQuery{Org: "a&b=c", All: true}
	check(t, backend, contacts, []api.Contact{{Org: "a&b=c", Name: "Ada", State: api.ContactAsks}})(c.Contacts(ctx, contacts))
	vouch := api.VouchRequest{Org: "o", Applicant: "Zoe"}
	who := api.Applicant{Name: "Zoe", Vouchers: api.List[api.Person]{}}
	check(t, backend, vouch, api.VouchResult{Applicant: who, Admitted: true})(c.Vouch(ctx, vouch))
	check(t, backend, vouch, api.VouchResult{Applicant: who})(c.DeclineApplicant(ctx, vouch))
	query := api.AdminQuery{Org: "o"}
	check(t, backend, query, []api.Applicant{who})(c.Applications(ctx, query))
	dismiss := api.DismissRequest{Org: "o", From: 3, Since: 60, Invitation: "…xVCFz83m", Check: true}
	check(t, backend, dismiss, api.DismissResult{From: 3, Count: 3, Guests: api.List[api.Person]{}})(c.Dismiss(ctx, dismiss))
	send := api.SendRequest{To: []string{"Bo", "Cy"}, Subject: "s", Text: "t", Reply: "r", Attachments: []string{"u"}}
	result, err := c.Send(ctx, send)
	if err != nil || len(result.Recipients) != 2 || result.Recipients[1].State != api.StateHeld {
		t.Errorf("send: %+v, %v", result, err)
	}
	read := api.ReadRequest{ID: "message-0001"}
	message, err := c.Read(ctx, read)
	if err != nil || message.Subject != "number 1" || !message.Time.Equal(time.Unix(1, 0)) {
		t.Errorf("read: %+v, %v", message, err)
	}
	if _, err := c.Read(ctx, api.ReadRequest{ID: "nothing"}); api.AsError(err).Code != api.CodeNotFound || api.AsError(err).Hint == "" {
		t.Errorf("reading what is not there: %#v", err)
	}
}

func TestInboxPages(t *testing.T) {
	backend := &localapitest.Backend{Messages: localapitest.MakeMessages(450)}
	c, _, _ := serve(t, backend)
	var got []string
	query := api.InboxQuery{}
	for pages := 1; ; pages++ {
		page, err := c.Inbox(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			got = append(got, m.ID)
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if len(got) != 450 || got[0] != "message-0000" || got[449] != "message-0449" {
		t.Errorf("%d messages", len(got))
	}
}

func TestFilesGoBothWaysUnchanged(t *testing.T) { // [API-10] [API-11]
	file := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	backend := &localapitest.Backend{Files: [][]byte{file, {}}}
	c, _, _ := serve(t, backend)
	upload, err := c.Upload(t.Context(), "ä b&c.bin", bytes.NewReader(file))
	if err != nil || upload.Name != "ä b&c.bin" || upload.Size != int64(len(file)) {
		t.Fatalf("upload: %+v, %v", upload, err)
	}
	if !bytes.Equal(backend.Uploaded(upload.ID), file) {
		t.Error("the upload arrived changed")
	}
	for i, want := range [][]byte{file, {}} {
		attachment, content, err := c.Attachment(t.Context(), "m/../x", i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(content)
		content.Close()
		if err != nil || !bytes.Equal(got, want) || attachment.Name != "a b/\u202e.txt" || attachment.Size != int64(len(want)) {
			t.Errorf("attachment %d: %+v, %d bytes, %v", i, attachment, len(got), err)
		}
	}
	if all := backend.Requests(); all[len(all)-1] != "m/../x/1" {
		t.Errorf("the id arrived as %v", all[len(all)-1])
	}
	if _, _, err := c.Attachment(t.Context(), "m", 2); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("an attachment that is not there: %v", err)
	}
	backend.ShortBy = 5
	_, content, err := c.Attachment(t.Context(), "m", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, err := io.ReadAll(content); err == nil {
		t.Error("a file that broke off looks whole")
	}
	broken := io.MultiReader(strings.NewReader("x"), errReader{})
	if _, err := c.Upload(t.Context(), "x", broken); err == nil {
		t.Error("a file that could not be read was uploaded")
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestWatch(t *testing.T) { // [API-9]
	backend := new(localapitest.Backend)
	c, _, stop := serve(t, backend)
	var got []api.EventKind
	enough := errors.New("enough")
	watch := func(ctx context.Context, until int) error {
		got = nil
		return c.Watch(ctx, api.WatchQuery{Org: "o"}, func(e api.Event) error {
			if got = append(got, e.Kind); len(got) == until {
				return enough
			}
			if e.Kind == api.EventReady {
				backend.Emit(api.Event{Kind: api.EventMessage, Message: &api.Message{Text: "a\nb"}})
				backend.Emit(api.Event{Kind: "something new"})
			}
			return nil
		})
	}
	if err := watch(t.Context(), 3); !errors.Is(err, enough) {
		t.Errorf("watch: %v", err)
	}
	want := []api.EventKind{api.EventReady, api.EventMessage, "something new"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}

	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := c.Watch(ctx, api.WatchQuery{}, func(api.Event) error { cancel(gone); return nil })
	if !errors.Is(err, gone) {
		t.Errorf("a watch whose context ended: %v", err)
	}

	err = c.Watch(t.Context(), api.WatchQuery{}, func(e api.Event) error {
		go stop()
		return nil
	})
	if api.AsError(err).Code != api.CodeNotRunning {
		t.Errorf("a watch whose node stopped: %v", err)
	}
}

func TestWatcherThatLagsIsTold(t *testing.T) { // [API-9]
	backend := new(localapitest.Backend)
	c, _, _ := serve(t, backend)
	large := strings.Repeat("x", 1<<16) // fills the socket's buffers soon
	err := c.Watch(t.Context(), api.WatchQuery{}, func(e api.Event) error {
		for i := 0; e.Kind == api.EventReady && backend.Watchers() > 0; i++ {
			backend.Emit(api.Event{Kind: api.EventMessage, Message: &api.Message{Text: large}})
		}
		return nil
	})
	if !errors.Is(err, apiclient.ErrLagged) {
		t.Errorf("got %v", err)
	}
}

func TestNotRunning(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("d", 120))
	for _, d := range []string{dir, filepath.Join(dir, "none"), long} {
		c, err := apiclient.New(d)
		if err == nil {
			_, err = c.Status(t.Context())
		}
		if got := api.AsError(err); got.Code != api.CodeNotRunning || !strings.Contains(got.Hint, "muster start") {
			t.Errorf("%s: %v", d, err)
		}
	}
	c, _, stop := serve(t, new(localapitest.Backend))
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := c.Status(t.Context()); api.AsError(err).Code != api.CodeNotRunning {
		t.Errorf("after it stopped: %v", err)
	}
}

func TestInterruptedCallReturnsTheCause(t *testing.T) {
	backend := &localapitest.Backend{Hold: make(chan struct{})}
	c, _, _ := serve(t, backend)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	time.AfterFunc(0, func() { cancel(gone) })
	if _, err := c.Status(ctx); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

func TestHostileServer(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"broken JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "{")
		},
		"error, no JSON": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"error, no code": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, "{}") },
		"hangs up":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut-off answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "{")
		},
		"endless answer ": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			blank := bytes.Repeat([]byte(" "), 1<<20)
			for range 65 {
				if _, err := w.Write(blank); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			c := apiclient.NewWeb(strings.TrimPrefix(server.URL, "http://"), "token")
			defer c.Close()
			if _, err := c.Status(t.Context()); api.AsError(err) == nil || api.AsError(err).Code != api.CodeFailed {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWebWithToken(t *testing.T) { // [API-2] [API-3]
	c, server, _ := serve(t, new(localapitest.Backend))
	login, err := c.Login(t.Context())
	if err != nil || !strings.HasPrefix(login.Link, "http://"+server.Web()+"/login/") {
		t.Fatalf("login: %+v, %v", login, err)
	}
	wrong := apiclient.NewWeb(server.Web(), "wrong")
	defer wrong.Close()
	if _, err := wrong.Status(t.Context()); api.AsError(err) == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestUploadsGoOn(t *testing.T) { // [API-70]
	backend := new(localapitest.Backend)
	c, _, _ := serve(t, backend)
	ctx := t.Context()
	begin := api.BeginUploadRequest{Org: "o", Draft: "d", Name: "ä b&c.bin", Size: 9, Fingerprint: "of Monday"}
	want := api.Partial{ID: "partial-0", Draft: "d", Name: begin.Name, Size: 9, Fingerprint: begin.Fingerprint}
	check(t, backend, begin, want)(c.BeginUpload(ctx, begin))
	if half, err := c.ContinueUpload(ctx, "partial-0", 0, strings.NewReader("half ")); err != nil || half.Offset != 5 || half.Complete {
		t.Errorf("half of it: %+v, %v", half, err)
	}
	stands, err := c.PartialUpload(ctx, "partial-0")
	if err != nil || stands.Offset != 5 || stands.Complete {
		t.Fatalf("it stands so: %+v, %v", stands, err)
	}
	if _, err := c.ContinueUpload(ctx, "partial-0", stands.Offset+1, strings.NewReader("x")); api.AsError(err).Code != api.CodeRefused {
		t.Errorf("from elsewhere: %v", err)
	}
	whole, err := c.ContinueUpload(ctx, "partial-0", stands.Offset, strings.NewReader("full"))
	if err != nil || !whole.Complete || string(backend.Uploaded("partial-0")) != "half full" {
		t.Errorf("whole: %+v, %v", whole, err)
	}
	for _, already := range []bool{false, true} {
		check(t, backend, "drop partial-0", api.DropUploadResult{ID: "partial-0", Already: already})(c.DropUpload(ctx, "partial-0"))
	}
	if _, err := c.PartialUpload(ctx, "partial-0"); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("after it was dropped: %v", err)
	}
}
