package web

import (
	"context"
	"net/http"
	"strings"

	"muster.example/node/api"
	"muster.example/node/localapi"
)

// visit is one request of a person: what handlers ask, and what templates show around each page.
type visit struct {
	server      *Server
	r           *http.Request
	words       *dictionary
	preferences preferences

	// Orgs are the person's organizations, Org the one that the address names; the zero value where it names none.
	Orgs []api.OrgSummary
	Org  api.OrgSummary

	// Refusal is why a form is shown again, nil if none was refused.
	Refusal *api.Error

	known   *api.OrgStatus   // see status
	backups api.BackupStatus // as of known
	near    *api.Around      // see around
}

func (v *visit) backend() localapi.Backend { return v.server.backend }
func (v *visit) ctx() context.Context      { return v.r.Context() }

// path returns a value of the address, by its name in the route's pattern.
func (v *visit) path(name string) string { return v.r.PathValue(name) }

// query returns a parameter of the address.
func (v *visit) query(name string) string { return v.r.URL.Query().Get(name) }

// Asked is query for templates: what a link to the page asked for.
func (v *visit) Asked(name string) string { return v.query(name) }

// enter reads the organizations, and finds the one that the address names.
func (v *visit) enter() error {
	orgs, err := v.backend().Orgs(v.ctx())
	if err != nil {
		return err
	}
	v.Orgs = orgs
	id := v.path("org")
	if id == "" {
		return nil
	}
	for _, org := range orgs {
		if org.Org == id {
			v.Org = org
			return nil
		}
	}
	return api.Errorf(api.CodeNotFound, "this device is in no such organization")
}

// T returns the words for a key, with arguments by name in turn: T "inbox.unread" "count" 3. "count" chooses the plural.
func (v *visit) T(key string, arguments ...any) (string, error) {
	return v.words.text(key, arguments...)
}

// Or returns the words for a key, or a text where there are none: for what the node may name that the app does not know yet.
func (v *visit) Or(key, text string) (string, error) {
	if !v.words.knows(key) {
		return text, nil
	}
	return v.words.text(key)
}

// Lang and Dir are the language of the page and where its lines begin.
func (v *visit) Lang() string { return v.words.tag }
func (v *visit) Dir() string  { return v.words.direction }

// Theme is light, dark, or empty: as the system has it.
func (v *visit) Theme() string { return v.preferences.theme }

// NoKeys reports whether the person chose that keys without a modifier do nothing.
func (v *visit) NoKeys() bool { return v.preferences.noKeys }

// ChosenLanguage is the tag of the language that the person chose, empty if it is the browser's.
func (v *visit) ChosenLanguage() string { return v.preferences.language }

// Languages are those that the app speaks.
func (v *visit) Languages() []language { return languages }

// Version is that of the program.
func (v *visit) Version() string { return v.server.version }

// In returns the address of a page of the organization: In "people" is /o/ORG/people.
func (v *visit) In(parts ...string) string { return "/o/" + v.Org.Org + "/" + strings.Join(parts, "/") }

// Here reports whether the page is the one at an address, or below it.
func (v *visit) Here(address string) bool {
	at := strings.TrimSuffix(address, "/")
	return v.r.URL.Path == address || v.r.URL.Path == at || strings.HasPrefix(v.r.URL.Path, at+"/")
}

// Admin reports whether the person is an admin of the organization.
func (v *visit) Admin() bool { return v.Org.Role == "admin" }
