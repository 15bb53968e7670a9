package localapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// LockBackend is the part of Backend for what is locked before it is sent, and for the keys.
type LockBackend interface {
	// Keys lists own keys, those of members, and those that the person added. No private half is among them.
	Keys(ctx context.Context, query api.KeysQuery) ([]api.LockKey, error)
	// ChangeKey makes, imports, adds or revokes a key, or says how the person stands to one.
	ChangeKey(ctx context.Context, request api.KeyRequest) (api.KeyResult, error)
	// ExportKey returns the private half of an own key. Only the socket serves it.
	ExportKey(ctx context.Context, request api.ExportKeyRequest) (api.ExportKeyResult, error)

	// PrepareLock holds a lock, in memory, for a message to come; DropLock erases it.
	PrepareLock(ctx context.Context, request api.LockRequest) (api.Lock, error)
	DropLock(ctx context.Context, request api.UnlockRequest) (api.UnlockResult, error)
	// UploadLocked is Upload, but that what is stored is locked.
	UploadLocked(ctx context.Context, lock, name string, r io.Reader) (api.Upload, error)

	// Open opens a locked message, and holds what it says in memory for as long as is asked.
	Open(ctx context.Context, request api.OpenRequest) (api.Opened, error)
	// Opened returns what a message says that is open.
	Opened(ctx context.Context, query api.OpenedQuery) (api.Opened, error)
	// CloseOpened locks again what is open.
	CloseOpened(ctx context.Context, request api.CloseRequest) (api.CloseResult, error)
	// OpenedAttachment opens a file of a message that is open, or that own keys open. What was read before an error of the reader
	// must not be used; the caller closes it.
	OpenedAttachment(ctx context.Context, messageID string, index int) (api.OpenedFile, io.ReadCloser, error)
}

// lockRoutes adds the routes of LockBackend. [API-110]
func (s *Server) lockRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/keys", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Keys(ctx, api.KeysQuery{Org: q.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/keys", call(s, b.ChangeKey))
	mux.HandleFunc("POST /v1/locks", call(s, b.PrepareLock))
	mux.HandleFunc("POST /v1/locks/drop", call(s, b.DropLock))
	mux.HandleFunc("POST /v1/messages/open", call(s, b.Open))
	mux.HandleFunc("POST /v1/messages/close", call(s, b.CloseOpened))
	mux.HandleFunc("GET /v1/messages/opened", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Opened(ctx, api.OpenedQuery{Org: q.Get("org"), ID: q.Get("id")})
	}, "org", "id"))
	mux.HandleFunc("GET /v1/messages/{id}/opened/{index}", s.openedAttachment)
}

// openedAttachment sends an opened file. It has no length: one that ends in an error is cut off, so that nobody takes it for whole.
func (s *Server) openedAttachment(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 {
		s.deny(w, http.StatusBadRequest, "an attachment is named by its place, from 0")
		return
	}
	file, content, err := s.backend.OpenedAttachment(r.Context(), r.PathValue("id"), index)
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Muster-Name", url.PathEscape(file.Name))
	paced := &pacedWriter{w: w, control: http.NewResponseController(w)}
	if n, err := io.Copy(paced, content); err != nil {
		s.log.Warn("an opened file was not sent whole", "sent", n, "error", err)
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
}
