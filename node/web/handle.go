package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"muster.example/node/api"
)

// route is an address of the app and what is done there. A GET shows a screen; a POST does something, and leads on.
type route struct {
	pattern string // of http.ServeMux
	do      func(*visit) (answer, error)
}

// answer is what a handler wants to be answered. Exactly one is set.
type answer struct {
	screen screen
	// status is the screen's, 200 if it is zero.
	status int
	// to is an address of the app to go on at, notice the key of words that say there what was done.
	to     string
	notice string
	// header is set beside a screen.
	header http.Header
	// write answers by itself: a file, an image, a style.
	write func(http.ResponseWriter)
}

// show answers with a screen.
func show(template, title string, data any) (answer, error) {
	return answer{screen: screen{Template: template, Title: title, Data: data}}, nil
}

// goOn answers by leading to another address, which shows a notice unless its key is empty.
func goOn(to, notice string) (answer, error) { return answer{to: to, notice: notice}, nil }

// handle makes a route's handler.
func (s *Server) handle(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		v := &visit{server: s, r: request, words: s.words.of(request), preferences: preferencesOf(request)}
		if request.Method == http.MethodPost {
			most := int64(maxForm)
			switch r.pattern {
			case lockPattern:
				most = maxLockForm
			case importPattern:
				most = maxImportForm
			case bundleImportPattern:
				most = maxBundleForm
			}
			request.Body = http.MaxBytesReader(w, request.Body, most)
		}
		a, err := answer{}, v.enter()
		if err == nil {
			a, err = r.do(v)
		}
		if err != nil {
			s.fail(w, v, err)
			return
		}
		switch {
		case a.write != nil:
			a.write(w)
		case a.to != "":
			s.lead(w, v, a)
		default:
			maps.Copy(w.Header(), a.header)
			s.look.render(w, cmp.Or(a.status, http.StatusOK), v, a.screen)
		}
	})
}

// lead sends the browser on. Only addresses of the app are led to.
func (s *Server) lead(w http.ResponseWriter, v *visit, a answer) {
	to, err := url.Parse(a.to)
	if err != nil || to.IsAbs() || to.Host != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") {
		to = &url.URL{Path: "/"}
	}
	if a.notice != "" {
		query := to.Query()
		query.Set("notice", a.notice)
		to.RawQuery = query.Encode()
	}
	http.Redirect(w, v.r, to.String(), http.StatusSeeOther)
}

// fail shows an error, with what can be done about it, and a way back.
func (s *Server) fail(w http.ResponseWriter, v *visit, err error) {
	known := api.AsError(err)
	s.log.Debug("the app answers an error", "path", v.r.Pattern, "code", known.Code)
	s.look.render(w, statusOf(known.Code), v, screen{Template: "error", Title: "error.title", Data: known})
}

// statusOf returns the HTTP status that stands for a code.
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
	}
	return http.StatusInternalServerError
}

func notFound(*visit) (answer, error) {
	return answer{}, api.Errorf(api.CodeNotFound, "there is no such page")
}
