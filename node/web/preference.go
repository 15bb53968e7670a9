package web

import (
	"net/http"
	"slices"
)

// preferences are what a person chose for this browser. They are kept in it.
type preferences struct {
	language string // empty: as the browser asks
	theme    string // light, dark or empty: as the system has it
	noKeys   bool   // keys without a modifier do nothing
}

// The cookies that preferences are kept in.
const (
	languageCookie = "muster_language"
	themeCookie    = "muster_theme"
	keysCookie     = "muster_keys"
)

var themes = []string{"light", "dark"}

func preferencesOf(r *http.Request) (p preferences) {
	if c, err := r.Cookie(languageCookie); err == nil && slices.ContainsFunc(languages, func(l language) bool { return l.Tag == c.Value }) {
		p.language = c.Value
	}
	if c, err := r.Cookie(themeCookie); err == nil && slices.Contains(themes, c.Value) {
		p.theme = c.Value
	}
	if c, err := r.Cookie(keysCookie); err == nil {
		p.noKeys = c.Value == keysOff
	}
	return p
}

// keysOff is the value of keysCookie that says that keys without a modifier do nothing: speech input and hands that tremble press
// them unmeant. [WCAG 2.1.4]
const keysOff = "off"

// keep has the browser remember a preference for a year; an empty one is forgotten.
func keep(w http.ResponseWriter, name, value string) {
	age := 365 * 24 * 3600
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
