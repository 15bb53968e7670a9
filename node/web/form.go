package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"muster.example/node/api"
)

// maxForm is the most bytes of a form: a text of the default policy's size, encoded, with room for the rest.
const maxForm = 8 << 20

// form is what a person filled in.
type form struct{ r *http.Request }

// form reads the request's form, once.
func (v *visit) form() (form, error) {
	if v.r.PostForm == nil {
		if err := v.r.ParseForm(); err != nil {
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return form{}, api.Errorf(api.CodeUsage, "the form holds too much")
			}
			return form{}, api.Errorf(api.CodeUsage, "the form is not understood")
		}
	}
	for _, values := range v.r.PostForm {
		for _, value := range values {
			if !utf8.ValidString(value) {
				return form{}, api.Errorf(api.CodeUsage, "the form holds what is no text")
			}
		}
	}
	return form{v.r}, nil
}

// text returns a field without spaces around it, and with line breaks as messages have them.
func (f form) text(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(f.r.PostForm.Get(name), "\r\n", "\n"))
}

// all returns the values of a field that may come more than once, without empty ones.
func (f form) all(name string) (values []string) {
	for _, value := range f.r.PostForm[name] {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// on reports whether a box is ticked.
func (f form) on(name string) bool { return f.r.PostForm.Get(name) != "" }
