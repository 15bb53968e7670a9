package localapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"muster.example/node/api"
)

// UploadBackend is the part of Backend for files that come in pieces.
type UploadBackend interface {
	// BeginUpload makes an upload without bytes, for a draft.
	BeginUpload(ctx context.Context, request api.BeginUploadRequest) (api.Partial, error)
	// PartialUpload tells how it stands.
	PartialUpload(ctx context.Context, id string) (api.Partial, error)
	// ContinueUpload takes in the bytes from offset on, reading r to its end, or to that of the file. It reads at its own pace. An
	// error of r (wrapped) or of its own loses at most a chunk of what came.
	ContinueUpload(ctx context.Context, id string, offset int64, r io.Reader) (api.Partial, error)
	// DropUpload removes an upload, complete or not.
	DropUpload(ctx context.Context, id string) (api.DropUploadResult, error)
}

// uploadRoutes adds the routes of UploadBackend. [API-70]
func (s *Server) uploadRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("POST /v1/uploads/begin", call(s, func(ctx context.Context, r api.BeginUploadRequest) (api.Partial, error) {
		if !isFileName(r.Name) {
			return api.Partial{}, api.Errorf(api.CodeUsage, "the name is not a file name")
		}
		return b.BeginUpload(ctx, r)
	}))
	mux.HandleFunc("GET /v1/uploads/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.query(func(ctx context.Context, _ url.Values) (any, error) { return b.PartialUpload(ctx, r.PathValue("id")) })(w, r)
	})
	mux.HandleFunc("PATCH /v1/uploads/{id}", s.continueUpload)
	mux.HandleFunc("DELETE /v1/uploads/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.query(func(ctx context.Context, _ url.Values) (any, error) { return b.DropUpload(ctx, r.PathValue("id")) })(w, r)
	})
}

// continueUpload streams the next bytes to the backend.
func (s *Server) continueUpload(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "offset")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	offset, err := number(values, "offset")
	if err != nil || !values.Has("offset") {
		s.deny(w, http.StatusBadRequest, "the query parameter offset is not a number of bytes")
		return
	}
	s.take(w, r, func(body io.Reader) (any, error) {
		return s.backend.ContinueUpload(r.Context(), r.PathValue("id"), int64(offset), body)
	})
}

// take streams a body to the backend: each read has a deadline, the whole has a cap, nothing is kept here. [API-10]
func (s *Server) take(w http.ResponseWriter, r *http.Request, backend func(io.Reader) (any, error)) {
	s.takeUpTo(w, r, MaxUpload, backend)
}

func (s *Server) takeUpTo(w http.ResponseWriter, r *http.Request, most int64, backend func(io.Reader) (any, error)) {
	body := &pacedReader{r: http.MaxBytesReader(w, r.Body, most), control: http.NewResponseController(w)}
	answer, err := backend(body)
	if body.err != nil {
		s.denyBody(w, body.err)
		return
	}
	s.finish(w, answer, err)
}

func isFileName(name string) bool {
	return name != "" && len(name) <= MaxName && !strings.ContainsAny(name, "/\\\x00")
}
