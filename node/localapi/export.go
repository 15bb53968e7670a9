package localapi

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"muster.example/node/api"
)

// ExportBackend is the part of Backend for copies of the history in formats that other programs read.
type ExportBackend interface {
	// Export writes a copy of the history. It calls begin once, before the first byte; an error before that has written nothing.
	Export(ctx context.Context, request api.ExportRequest, begin func(api.ExportStart) io.Writer) error
}

// export streams a copy of the history. One that breaks off ends the connection without its last bytes, which say where the end is.
// [API-83]
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	var request api.ExportRequest
	if !s.decode(w, r, &request) {
		return
	}
	s.note(r)
	begun := false
	err := s.backend.Export(r.Context(), request, func(start api.ExportStart) io.Writer {
		begun = true
		w.Header().Set("Content-Type", start.Type)
		w.Header().Set("Content-Disposition", "attachment")
		w.Header().Set("Muster-Messages", strconv.Itoa(start.Messages))
		return &pacedWriter{w: w, control: http.NewResponseController(w)}
	})
	switch {
	case err != nil && !begun:
		s.finish(w, nil, err)
	case err != nil:
		s.log.Warn("an export was not sent whole", "error", err)
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
}
