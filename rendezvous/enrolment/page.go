package enrolment

import (
	"html"
	"strings"
)

// screen is what a page shows. Pages are put together here, each text escaped, for html/template brings 6 MB along.
type screen struct {
	Lang, Prefix string
	Org          string
	Title, Text  string
	Page, Words  string // of the login that it is about
	Name         string
	W            map[string]string // the words of the language
}

// page returns a page by its name.
func (s screen) page(name string) []byte {
	var b strings.Builder
	put := func(parts ...string) { // plain and escaped in turn
		for i, part := range parts {
			if i%2 == 1 {
				part = html.EscapeString(part)
			}
			b.WriteString(part)
		}
	}
	put(`<!doctype html><html lang="`, s.Lang, `" dir="`, s.W["dir"], `"><head><meta charset="utf-8">`+
		`<meta name="viewport" content="width=device-width, initial-scale=1"><title>`, s.Title, `</title><link rel="stylesheet" href="`,
		s.Prefix+stylePath, `"></head><body><main>`)
	if s.Org != "" {
		put(`<p><bdi>`, s.Org, `</bdi></p>`)
	}
	put(`<h1>`, s.Title, `</h1><p>`, s.Text, `</p>`)
	switch name {
	case "code":
		put(`<form method="post" action="`, s.Prefix+devicePath, `"><p><label>`, s.W["code"],
			` <input name="code" autocomplete="off" spellcheck="false" maxlength="16" required dir="ltr"></label></p><p><button>`, s.W["go"],
			`</button></p></form>`)
	case "again":
		put(`<form method="post" action="`, s.Prefix+againPath, `"><p><button>`, s.W["go"], `</button></p></form>`)
	case "go":
		put(`<p><a class="go" rel="noreferrer" href="`, s.Prefix+loginPath+s.Page, `">`, s.W["go"], `</a></p>`)
	case "words":
		put(`<p class="words" dir="ltr">`, s.Words, `</p><p>`, s.W["joins"], ` <bdi>`, s.Name, `</bdi></p><form method="post" action="`,
			s.Prefix+confirmPath, `"><input type="hidden" name="page" value="`, s.Page, `"><p><button name="same" value="yes">`, s.W["yes"],
			`</button> <button name="same" value="no">`, s.W["no"], `</button></p></form>`)
	}
	put(`</main></body></html>` + "\n")
	return []byte(b.String())
}
