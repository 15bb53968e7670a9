package localapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"muster.example/node/api"
)

// routes maps the routes that both listeners serve to the backend. [API-8]
func (s *Server) routes() *http.ServeMux {
	b := s.backend
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.query(func(ctx context.Context, _ url.Values) (any, error) { return b.Status(ctx) }))
	mux.HandleFunc("GET /v1/orgs", s.query(func(ctx context.Context, _ url.Values) (any, error) {
		return list(b.Orgs(ctx))
	}))
	mux.HandleFunc("POST /v1/orgs", call(s, b.CreateOrg))
	mux.HandleFunc("POST /v1/invitations", call(s, b.Invite))
	mux.HandleFunc("POST /v1/join", call(s, b.Join))
	mux.HandleFunc("POST /v1/sso", call(s, b.BeginSSO))
	mux.HandleFunc("POST /v1/sso/finish", call(s, b.FinishSSO))
	mux.HandleFunc("POST /v1/join/giveup", call(s, b.GiveUp))
	mux.HandleFunc("GET /v1/devices", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Devices(ctx, api.DevicesQuery{Org: q.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/devices/bar", call(s, b.Bar))
	mux.HandleFunc("POST /v1/devices/add", call(s, b.AddDevice))
	mux.HandleFunc("POST /v1/devices/confirm", call(s, b.ConfirmPairing))
	mux.HandleFunc("GET /v1/devices/pairing", s.query(func(ctx context.Context, q url.Values) (any, error) {
		after, err := number(q, "after")
		if err != nil {
			return nil, err
		}
		return b.Pairing(ctx, api.PairingQuery{After: uint64(after)})
	}, "after"))
	mux.HandleFunc("POST /v1/pair", call(s, b.Pair))
	mux.HandleFunc("POST /v1/backup/restore", call(s, b.Restore))
	mux.HandleFunc("GET /v1/backup/restore", s.query(func(ctx context.Context, q url.Values) (any, error) {
		after, err := number(q, "after")
		if err != nil {
			return nil, err
		}
		return b.Restoring(ctx, api.RestoreQuery{After: uint64(after)})
	}, "after"))
	mux.HandleFunc("POST /v1/nearby/invite", call(s, b.MeetToInvite))
	mux.HandleFunc("POST /v1/nearby/card", call(s, b.MeetToExchange))
	mux.HandleFunc("POST /v1/nearby/visit", call(s, b.VisitMeeting))
	mux.HandleFunc("POST /v1/nearby/answer", call(s, b.AnswerMeeting))
	mux.HandleFunc("GET /v1/nearby", s.query(func(ctx context.Context, q url.Values) (any, error) {
		after, err := number(q, "after")
		if err != nil {
			return nil, err
		}
		return b.Meeting(ctx, api.MeetingQuery{After: uint64(after)})
	}, "after"))
	mux.HandleFunc("POST /v1/devices/freeze", call(s, b.Freeze))
	mux.HandleFunc("POST /v1/devices/refuse", call(s, b.Refuse))
	mux.HandleFunc("POST /v1/devices/wiper", call(s, b.Wiper))
	mux.HandleFunc("POST /v1/recovery", call(s, b.Recover))
	mux.HandleFunc("POST /v1/recovery/words", call(s, b.MakeWords))
	mux.HandleFunc("POST /v1/recovery/return", call(s, b.Return))
	mux.HandleFunc("POST /v1/recovery/lost", call(s, b.Lost))
	mux.HandleFunc("GET /v1/recovery/card", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Card(ctx, api.DevicesQuery{Org: q.Get("org")})
	}, "org"))
	mux.HandleFunc("POST /v1/introductions", call(s, b.Introduce))
	mux.HandleFunc("POST /v1/accept", call(s, b.Accept))
	mux.HandleFunc("GET /v1/contacts", s.query(func(ctx context.Context, q url.Values) (any, error) {
		all, err := boolean(q, "all")
		if err != nil {
			return nil, err
		}
		return list(b.Contacts(ctx, api.ContactsQuery{Org: q.Get("org"), All: all}))
	}, "org", "all"))
	mux.HandleFunc("POST /v1/uploads", s.upload)
	mux.HandleFunc("POST /v1/messages", call(s, b.Send))
	mux.HandleFunc("POST /v1/messages/again", call(s, b.SendAgain))
	mux.HandleFunc("GET /v1/messages", s.query(func(ctx context.Context, q url.Values) (any, error) {
		limit, err := number(q, "limit")
		if err != nil {
			return nil, err
		}
		if limit == 0 || limit > api.MaxPage {
			limit = api.MaxPage
		}
		hidden, err := boolean(q, "hidden")
		if err != nil {
			return nil, err
		}
		return b.Inbox(ctx, api.InboxQuery{Org: q.Get("org"), Cursor: q.Get("cursor"), Limit: limit, Hidden: hidden})
	}, "org", "cursor", "limit", "hidden"))
	mux.HandleFunc("POST /v1/messages/read", call(s, b.Read))
	mux.HandleFunc("GET /v1/messages/{id}/attachments/{index}", s.attachment)
	mux.HandleFunc("GET /v1/events", s.watch)
	s.adminRoutes(mux)
	s.actRoutes(mux)
	s.retentionRoutes(mux)
	s.linkRoutes(mux)
	s.bundleRoutes(mux)
	s.aroundRoutes(mux)
	s.contactRoutes(mux)
	s.draftRoutes(mux)
	s.uploadRoutes(mux)
	s.groupRoutes(mux)
	s.lockRoutes(mux)
	s.threadRoutes(mux)
	s.presenceRoutes(mux)
	s.skinRoutes(mux)
	s.archiveRoutes(mux)
	s.searchRoutes(mux)
	s.backupRoutes(mux)
	s.folderRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.deny(w, http.StatusNotFound, "the API has no "+r.Method+" for this path")
	})
	return mux
}

// list gives a slice of the backend its JSON form.
func list[T any](items []T, err error) (any, error) { return api.List[T](items), err }

// query serves a GET route that takes the named parameters and no others, each at most once.
func (s *Server) query(method func(context.Context, url.Values) (any, error), names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		parameters, err := parameters(r, names...)
		if err != nil {
			s.finish(w, nil, err)
			return
		}
		answer, err := method(r.Context(), parameters)
		s.finish(w, answer, err)
	}
}

// parameters reads the query string strictly.
func parameters(r *http.Request, names ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "the query string is malformed")
	}
	for name, all := range values {
		if !slices.Contains(names, name) || len(all) != 1 || !utf8.ValidString(all[0]) {
			return nil, api.Errorf(api.CodeUsage, "the query parameter %q is unknown, repeated or not UTF-8", name)
		}
	}
	return values, nil
}

func number(values url.Values, name string) (int, error) {
	if !values.Has(name) {
		return 0, nil
	}
	n, err := strconv.Atoi(values.Get(name))
	if err != nil || n < 0 {
		return 0, api.Errorf(api.CodeUsage, "the query parameter %q is not a number", name)
	}
	return n, nil
}

func boolean(values url.Values, name string) (bool, error) {
	switch values.Get(name) {
	case "":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, api.Errorf(api.CodeUsage, "the query parameter %q is not true", name)
	}
}

// upload takes in a whole file. [API-10]
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "name", "lock")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	name := values.Get("name")
	if !isFileName(name) {
		s.deny(w, http.StatusBadRequest, "the query parameter name is not a file name")
		return
	}
	s.take(w, r, func(body io.Reader) (any, error) {
		if values.Has("lock") {
			return s.backend.UploadLocked(r.Context(), values.Get("lock"), name, body)
		}
		return s.backend.Upload(r.Context(), name, body)
	})
}

// pacedReader gives the client bodyTimeout for each next piece, and remembers what went wrong with reading.
type pacedReader struct {
	r       io.Reader
	control *http.ResponseController
	err     error
}

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	p.control.SetReadDeadline(time.Now().Add(bodyTimeout)) //nolint:errcheck // as in common
	n, err := p.r.Read(b)
	switch {
	case errors.Is(err, io.EOF):
		p.control.SetReadDeadline(time.Time{}) //nolint:errcheck // as in common
	case err != nil:
		p.err = err
	}
	return n, err
}

// attachment streams a file of a message. A file that breaks off ends the connection without its last bytes, so that
// the client, which knows the size, sees it. [API-11]
func (s *Server) attachment(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 {
		s.deny(w, http.StatusBadRequest, "an attachment is named by its place, from 0")
		return
	}
	file, content, err := s.backend.Attachment(r.Context(), r.PathValue("id"), index)
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(file.Size, 10))
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("Muster-Name", url.PathEscape(file.Name))
	paced := &pacedWriter{w: w, control: http.NewResponseController(w)}
	if n, err := io.CopyN(paced, content, file.Size); err != nil { // reads no further: the client may have left by then
		s.log.Warn("an attachment was not sent whole", "sent", n, "size", file.Size, "error", err)
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
}

// pacedWriter gives the client writeTimeout to take each piece.
type pacedWriter struct {
	w       io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (p *pacedWriter) Write(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // as in common
	return p.w.Write(b)
}
