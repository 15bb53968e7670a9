package localapi

import (
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// MaxBundle is the largest part of a bundle in bytes.
const MaxBundle = 64 << 30

// BundleBackend is the part of Backend for what is carried in files.
type BundleBackend interface {
	// ExportBundle writes a bundle. It calls open for each of its files, with the file's number from 1; an error of open ends it
	// with all files before whole. An error before the first call has written nothing.
	ExportBundle(ctx context.Context, request api.BundleRequest, open func(part uint64) (io.Writer, error)) (api.BundleWritten, error)
	// BundleKept says that a bundle is on the stick, durably.
	BundleKept(ctx context.Context, request api.BundleKeptRequest) (api.BundleKept, error)
	// ImportBundle takes in one part of a bundle, reading r to its end. What came in before r breaks off stays.
	ImportBundle(ctx context.Context, request api.BundleImportRequest, r io.Reader) (api.BundleImport, error)
	// Carrying tells what is carried for others.
	Carrying(ctx context.Context) ([]api.Carrying, error)
}

// bundleRoutes adds the routes of BundleBackend. [API-160] [API-161] [API-162] [API-163]
func (s *Server) bundleRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("POST /v1/bundles/export", s.exportBundle)
	mux.HandleFunc("POST /v1/bundles/kept", call(s, b.BundleKept))
	mux.HandleFunc("POST /v1/bundles/import", s.importBundle)
	mux.HandleFunc("GET /v1/bundles", s.query(func(ctx context.Context, _ url.Values) (any, error) { return list(b.Carrying(ctx)) }))
}

// exportBundle streams a bundle as a body of several parts: its files, named by their numbers, and then what it holds, as JSON.
// One that breaks off ends the connection without its last bytes.
func (s *Server) exportBundle(w http.ResponseWriter, r *http.Request) {
	var request api.BundleRequest
	if !s.decode(w, r, &request) {
		return
	}
	s.note(r)
	parts := multipart.NewWriter(&pacedWriter{w: w, control: http.NewResponseController(w)})
	file := func(name string) (io.Writer, error) {
		head := textproto.MIMEHeader{}
		head.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		return parts.CreatePart(head)
	}
	begun := false
	written, err := s.backend.ExportBundle(r.Context(), request, func(part uint64) (io.Writer, error) {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
			w.Header().Set("Content-Disposition", "attachment")
		}
		return file(strconv.FormatUint(part, 10))
	})
	if err != nil && !begun {
		s.finish(w, nil, err)
		return
	}
	var result io.Writer
	if err == nil {
		result, err = file("result")
	}
	if err == nil {
		err = json.NewEncoder(result).Encode(written)
	}
	if err == nil {
		err = parts.Close()
	}
	if err != nil {
		s.log.Warn("a bundle was not sent whole", "error", err)
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
}

// importBundle streams a part of a bundle to the backend. Nothing of it is kept here.
func (s *Server) importBundle(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "org")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	s.note(r)
	s.takeUpTo(w, r, MaxBundle, func(body io.Reader) (any, error) {
		return s.backend.ImportBundle(r.Context(), api.BundleImportRequest{Org: values.Get("org")}, body)
	})
}
