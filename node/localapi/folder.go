package localapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// Guard keeps the folder: it locks and unlocks it, and changes how it is unlocked. Its methods follow the rules of Backend. While the
// folder is locked only Lock and Unlock are called, and Unlock opens the server by Open before it returns nil.
type Guard interface {
	// Lock tells how it stands.
	Lock(ctx context.Context) (api.FolderLock, error)
	// Unlock unlocks the folder. It overwrites the passphrase. Nothing is done, and no key is looked at, if it is not locked.
	Unlock(ctx context.Context, key api.Key) (api.FolderLock, error)
	// LockNow has the folder locked as soon as what is being answered has been: it returns before.
	LockNow(ctx context.Context, request api.LockFolderRequest) (api.FolderLock, error)
	// SetLock says when the folder locks itself.
	SetLock(ctx context.Context, settings api.LockSettings) (api.FolderLock, error)
	// ChangeWays changes how it is unlocked. It overwrites the passphrases.
	ChangeWays(ctx context.Context, request api.WaysRequest) (api.FolderLock, error)
	// Used notes that a person uses this device.
	Used()
}

// folderRoutes adds the routes of Guard. [API-90] [API-91]
func (s *Server) folderRoutes(mux *http.ServeMux) {
	if s.guard == nil {
		return
	}
	s.keyholeRoutes(mux)
	mux.HandleFunc("POST /v1/lock", call(s, s.guard.LockNow))
	mux.HandleFunc("POST /v1/lock/settings", call(s, s.guard.SetLock))
	mux.HandleFunc("POST /v1/lock/ways", callSecret(s, s.guard.ChangeWays, (*api.WaysRequest).Forget))
}

// keyholeRoutes adds those that are served of a locked folder too. [API-90]
func (s *Server) keyholeRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/lock", s.query(func(ctx context.Context, _ url.Values) (any, error) { return s.guard.Lock(ctx) }))
	mux.HandleFunc("POST /v1/unlock", callSecret(s, s.guard.Unlock, (*api.Key).Forget))
}

// maxSecretRequest is the most bytes of a request with secrets: two passphrases in base64, and paths.
const maxSecretRequest = 16 << 10

// callSecret is call for a request with secrets: of its body no copy stays but in net/http's own buffer.
func callSecret[Q, A any](s *Server, method func(context.Context, Q) (A, error), forget func(*Q)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request Q
		defer forget(&request)
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			s.deny(w, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
			return
		}
		body := make([]byte, maxSecretRequest+1) // never grown, which would leave copies
		defer clear(body)
		n, err := io.ReadFull(http.MaxBytesReader(w, r.Body, maxSecretRequest), body)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.denyBody(w, err)
			return
		}
		if err := strictly(body[:n], &request); err != nil {
			s.deny(w, http.StatusBadRequest, "the request is not understood") // no word of what it holds
			return
		}
		s.note(r)
		answer, err := method(r.Context(), request)
		s.finish(w, answer, err)
	}
}

// strictly decodes one JSON object without a field that into does not have. The decoder's own copy of it is overwritten too.
func strictly(data []byte, into any) error {
	source := &wipingReader{data: data}
	decoder := json.NewDecoder(source)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("it goes on after its object")
		}
	}
	source.wipe()
	return err
}

// wipingReader gives all of its data at once, if there is room, and remembers where it went.
type wipingReader struct {
	data []byte
	went [][]byte
}

// Read implements io.Reader.
func (r *wipingReader) Read(b []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.data)
	r.data = r.data[n:]
	r.went = append(r.went, b[:n])
	return n, nil
}

func (r *wipingReader) wipe() {
	for _, b := range r.went {
		clear(b)
	}
}
