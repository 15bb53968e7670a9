package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"muster.example/node/api"
)

// maxLockForm is the most bytes of a form with files that are to be locked.
const maxLockForm = 64 << 20

// lockPattern is the address that such a form is sent to.
const lockPattern = "POST /o/{org}/lock"

func lockRoutes() []route {
	return []route{
		{"GET /o/{org}/lock", composeLocked},
		{lockPattern, sendLocked},
		{"POST /o/{org}/m/{id}/open", openMessage},
		{"POST /o/{org}/m/{id}/close", closeMessage},
		{"GET /o/{org}/m/{id}/opened", opened},
		{"GET /o/{org}/m/{id}/opened/{index}", downloadOpened},
	}
}

// lockScreen is the form in which a locked message is written. It is kept as no draft.
type lockScreen struct {
	To, Reply, Thread string
	People            []api.Contact
	Groups            []api.Group
	Keys              []api.LockKey // that can be chosen beside those of the recipients
	Own               bool          // there is an own key, so that the own copy can be opened
	Least             int           // characters of a passphrase
}

func composeLocked(v *visit) (answer, error) {
	s := lockScreen{To: v.Typed("to", v.query("to")), Reply: v.Typed("reply", v.query("reply")), Thread: v.Typed("thread", v.query("thread")), Least: 8}
	var err error
	if s.People, err = v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org, All: true}); err != nil {
		return answer{}, err
	}
	if s.Groups, err = v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org}); err != nil {
		return answer{}, err
	}
	all, err := v.backend().Keys(v.ctx(), api.KeysQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	for _, k := range all {
		s.Own = s.Own || k.Current
		if !k.Own && k.Standing.Usable() {
			s.Keys = append(s.Keys, k)
		}
	}
	return show("lock", "lock.title", s)
}

// sendLocked reads the form as it comes: the lock first, then each file, which is locked as it is read.
func sendLocked(v *visit) (answer, error) {
	l := &lockedForm{v: v, values: make(url.Values)}
	sent, err := l.send()
	if err != nil {
		l.drop()
		v.r.PostForm = l.values // but no passphrase
		return v.again(err, composeLocked)
	}
	if thread := l.values.Get("thread"); l.values.Get("reply") != "" && thread != "" {
		return goOn(v.At(thread, sent.ID), "lock.sent")
	}
	return goOn(v.In("m", sent.ID), "lock.sent")
}

// lockedForm is a form that is being read.
type lockedForm struct {
	v          *visit
	values     url.Values
	passphrase string
	lock       string
	uploads    []string
}

func (l *lockedForm) send() (api.SendResult, error) {
	_, parameters, err := mime.ParseMediaType(l.v.r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return api.SendResult{}, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	parts := multipart.NewReader(l.v.r.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = l.take(part)
		}
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return api.SendResult{}, api.Errorf(api.CodeUsage, "the form holds too much")
		} else if err != nil {
			return api.SendResult{}, err
		}
	}
	if err := l.prepare(); err != nil {
		return api.SendResult{}, err
	}
	request := api.SendRequest{
		Org: l.v.Org.Org, To: l.recipients(), Subject: l.text("subject"), Text: l.text("text"), Reply: l.text("reply"),
		Attachments: l.uploads, Lock: l.lock,
	}
	if request.Text == "" && len(request.Attachments) == 0 {
		return api.SendResult{}, api.Errorf(api.CodeUsage, "there is nothing to lock")
	}
	return l.v.backend().Send(l.v.ctx(), request)
}

// take reads one part of the form.
func (l *lockedForm) take(part *multipart.Part) error {
	if part.FileName() != "" {
		if err := l.prepare(); err != nil {
			return err
		}
		upload, err := l.v.backend().UploadLocked(l.v.ctx(), l.lock, part.FileName(), part)
		if err == nil {
			l.uploads = append(l.uploads, upload.ID)
		}
		return err
	}
	data, err := io.ReadAll(io.LimitReader(part, maxForm))
	if err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return api.Errorf(api.CodeUsage, "the form holds what is no text")
	}
	switch name := part.FormName(); name {
	case "file": // none was chosen
	case "passphrase":
		l.passphrase = string(data)
	default:
		l.values.Add(name, string(data))
	}
	return nil
}

// prepare has the node hold the lock, once: with the first file, or at the end.
func (l *lockedForm) prepare() error {
	if l.lock != "" {
		return nil
	}
	wish := api.LockRequest{Org: l.v.Org.Org, To: l.recipients(), Reply: l.text("reply")}
	if l.values.Get("how") == "passphrase" {
		if wish.Passphrase = l.passphrase; wish.Passphrase == "" {
			return api.Errorf(api.CodeUsage, "there is no passphrase to lock with")
		}
	} else {
		wish.Keys = append([]string{"member"}, l.values["key"]...)
	}
	prepared, err := l.v.backend().PrepareLock(l.v.ctx(), wish)
	l.lock = prepared.ID
	return err
}

// drop forgets the lock and what was uploaded of a message that was not sent.
func (l *lockedForm) drop() {
	ctx := context.WithoutCancel(l.v.ctx())
	if l.lock != "" {
		l.v.backend().DropLock(ctx, api.UnlockRequest{ID: l.lock}) //nolint:errcheck // it ends by itself
	}
	for _, id := range l.uploads {
		l.v.backend().DropUpload(ctx, id) //nolint:errcheck // the node tidies up
	}
}

func (l *lockedForm) text(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(l.values.Get(name), "\r\n", "\n"))
}

func (l *lockedForm) recipients() (to []string) {
	for _, name := range strings.Split(l.text("to"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			to = append(to, name)
		}
	}
	return to
}
