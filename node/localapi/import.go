package localapi

import (
	"context"
	"io"
	"net/http"

	"muster.example/node/api"
)

// ImportBackend is the part of Backend for mail of other programs.
type ImportBackend interface {
	// Import takes in an mbox file or a single mail, reading r to its end at its own pace. What came in before r breaks off, or ctx ends,
	// stays: the same file goes on from there.
	Import(ctx context.Context, request api.ImportRequest, r io.Reader) (api.ImportResult, error)
}

// importMail streams mail to the backend. Nothing of it is kept here. [API-84]
func (s *Server) importMail(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "org", "as")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	s.note(r)
	s.takeUpTo(w, r, MaxImport, func(body io.Reader) (any, error) {
		return s.backend.Import(r.Context(), api.ImportRequest{Org: values.Get("org"), As: values.Get("as")}, body)
	})
}
