package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster.example/internal/filename"
	"muster.example/node/api"
	"muster.example/node/web/richtext"
)

//go:embed templates/*.html
var templateFiles embed.FS

// look is how pages are made.
type look struct{ templates *template.Template }

// screen is one page: its template, the key of its title, and what the template shows as .Data.
type screen struct {
	Template string
	Title    string
	Data     any
}

// sheet is what every template sees: the visit, the screen, and in the layout the rendered screen.
type sheet struct {
	*visit
	screen
	Body template.HTML
}

// Notice is the key of what was done before this page, empty if there is nothing to say or nobody knows the words.
func (s sheet) Notice() string {
	if key := s.query("notice"); s.words.knows(key) {
		return key
	}
	return ""
}

// SignedOut reports whether there is nothing that the page could listen to: nobody is signed in, or the folder is locked.
func (s sheet) SignedOut() bool { return s.Template == "signed-out" || s.Template == "locked" }

func readTemplates(static *static) (*look, error) {
	t, err := template.New("").Funcs(functions(static)).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	return &look{t}, nil
}

// render writes a page. An error in the middle of a template leaves nothing half-shown.
func (l *look) render(w http.ResponseWriter, status int, v *visit, s screen) {
	var body, page bytes.Buffer
	err := l.templates.ExecuteTemplate(&body, s.Template, sheet{visit: v, screen: s})
	if err == nil {
		err = l.templates.ExecuteTemplate(&page, "layout", sheet{v, s, template.HTML(body.String())})
	}
	if err != nil {
		v.server.log.Error("the app cannot show a page", "template", s.Template, "error", err)
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // the browser has gone
	w.WriteHeader(status)
	w.Write(page.Bytes()) //nolint:errcheck // the browser has gone: nobody is left to tell
}

// writeTimeout is what a browser has to take an answer, or the next part of a file.
const writeTimeout = 30 * time.Second

// functions are what templates can call beside the methods of a visit.
func functions(static *static) template.FuncMap {
	return template.FuncMap{
		"asset": static.path,
		"short": func(id string) string { return id[:min(len(id), 8)] },
		"ending": func(key string) string { // of keys, whose beginnings are all alike
			return "…" + key[max(len(key)-8, 0):]
		},
		"utc":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"local": func(t time.Time) string { return t.Local().Format("2006-01-02 15:04") },
		"size":  size,
		"rich":  richtext.Render,
		"fold":  fold,
		"line":  richtext.Line,
		"part":  richtext.Plain,
		"cut":   cut,
		"sum":   richtext.Summary,

		"doubtful": doubtful, "resendable": resendable,
		"pieces":   pieces,
		"undoable": func(m api.Message) bool { return m.Undo.After(time.Now()) },
		"canact":   func(file api.Attachment) bool { return filename.CanAct(file.Name) },
		"filename": shownName,
		"among": func(member string, people []api.Person) bool {
			return slices.ContainsFunc(people, func(p api.Person) bool { return p.Member == member })
		},

		"list":  func(items ...any) []any { return items },
		"pairs": pairs,
		"initial": func(name string) string {
			for _, r := range name {
				return strings.ToUpper(string(r))
			}
			return "?"
		},
		"months": months,
		// The ids of devices begin alike.
		"device": func(id string) string { return "…" + id[max(0, len(id)-8):] },
	}
}

// pairs makes a map of names and values, for templates that others call with more than one thing.
func pairs(items ...any) (map[string]any, error) {
	if len(items)%2 != 0 {
		return nil, fmt.Errorf("pairs of %d items", len(items))
	}
	made := make(map[string]any, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		name, ok := items[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", items[i])
		}
		made[name] = items[i+1]
	}
	return made, nil
}

// cut returns the beginning of a text, on one line.
func cut(text string, characters int) string {
	runes := []rune(richtext.Line(text))
	if len(runes) <= characters {
		return string(runes)
	}
	return string(runes[:characters]) + "…"
}

// size returns a number of bytes for people.
func size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB"}
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
