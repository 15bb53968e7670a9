package localapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"muster.example/node/api"
)

// call serves a route whose request and answer are one JSON object each.
func call[Q, A any](s *Server, method func(context.Context, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request Q
		if !s.decode(w, r, &request) {
			return
		}
		s.note(r)
		answer, err := method(r.Context(), request)
		s.finish(w, answer, err)
	}
}

// finish writes the answer, or the error if there is one.
func (s *Server) finish(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		known := api.AsError(err)
		s.fail(w, statusOf(known.Code), known)
		return
	}
	s.answer(w, answer)
}

// decode reads the body as exactly one JSON object with no field that the type does not have. On anything else it
// answers the error and returns false. [API-6]
func (s *Server) decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		s.deny(w, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if err != nil {
		s.denyBody(w, err)
		return false
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{}) //nolint:errcheck // as in common
	if !utf8.Valid(body) {
		s.deny(w, http.StatusBadRequest, "the request is not UTF-8")
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		s.fail(w, http.StatusBadRequest, api.Errorf(api.CodeUsage, "the request is not understood: %v", err))
		return false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		s.deny(w, http.StatusBadRequest, "the request goes on after its object")
		return false
	}
	return true
}

// denyBody answers for a body that could not be read to its end.
func (s *Server) denyBody(w http.ResponseWriter, err error) {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		s.deny(w, http.StatusRequestEntityTooLarge, "the request is too large")
		return
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		s.deny(w, http.StatusRequestTimeout, "the request came too slowly")
		return
	}
	s.deny(w, http.StatusBadRequest, "the request broke off")
}

// answer writes value as JSON.
func (s *Server) answer(w http.ResponseWriter, value any) {
	s.write(w, http.StatusOK, value)
}

// deny answers a request that was not put to the backend. The codes are those that a client can act on.
func (s *Server) deny(w http.ResponseWriter, status int, message string) {
	code := api.CodeUsage
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest,
		http.StatusServiceUnavailable, http.StatusRequestTimeout:
		code = api.CodeFailed
	case http.StatusNotFound:
		code = api.CodeNotFound
	}
	s.fail(w, status, api.Errorf(code, "%s", message))
}

func (s *Server) fail(w http.ResponseWriter, status int, err *api.Error) {
	s.log.Debug("local API answers an error", "status", status, "code", err.Code)
	s.write(w, status, err)
}

func (s *Server) write(w http.ResponseWriter, status int, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		s.log.Error("local API cannot encode an answer", "error", err)
		http.Error(w, `{"code":"failed","error":"the answer has no JSON form"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // as in common
	w.WriteHeader(status)
	w.Write(body.Bytes()) //nolint:errcheck // the client has gone: nobody is left to tell
}

// statusOf returns the HTTP status that goes with a code. [API-5]
func statusOf(code api.Code) int {
	switch code {
	case api.CodeUsage:
		return http.StatusBadRequest
	case api.CodeRefused:
		return http.StatusForbidden
	case api.CodeNotFound:
		return http.StatusNotFound
	case api.CodeInterrupted:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
