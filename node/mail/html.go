package mail

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// silent are the elements of which nothing is text to be read.
var silent = map[atom.Atom]bool{
	atom.Head: true, atom.Script: true, atom.Style: true, atom.Title: true, atom.Template: true, atom.Noscript: true, atom.Iframe: true,
	atom.Object: true, atom.Svg: true, atom.Math: true, atom.Select: true, atom.Textarea: true, atom.Audio: true, atom.Video: true, atom.Canvas: true,
}

// blocks are the elements that stand on lines of their own.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Br: true, atom.Tr: true, atom.Table: true, atom.Ul: true, atom.Ol: true, atom.Li: true, atom.Hr: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Blockquote: true, atom.Pre: true,
	atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Dt: true, atom.Dd: true, atom.Body: true,
}

// void are the elements that hold nothing, and so have no end.
var void = map[atom.Atom]bool{
	atom.Br: true, atom.Hr: true, atom.Img: true, atom.Input: true, atom.Meta: true, atom.Link: true, atom.Area: true, atom.Base: true,
	atom.Col: true, atom.Embed: true, atom.Source: true, atom.Track: true, atom.Wbr: true, atom.Param: true,
}

// unseen is a style of what is there to be found and not to be seen.
var unseen = regexp.MustCompile(`(?i)display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all|(?:font-size|opacity|max-height|line-height)\s*:\s*0(?:\.0+)?(?:[a-z%]*)\s*(?:;|!|$)`)

// hides reports whether an element is not to be seen.
func hides(token html.Token) bool {
	for _, a := range token.Attr {
		if a.Key == "hidden" || a.Key == "style" && unseen.MatchString(a.Val) {
			return true
		}
	}
	return silent[token.DataAtom]
}

// textOfHTML returns what a page says to be read. What it would load it does not name; where a link leads is text.
func textOfHTML(page string) string {
	var out written
	tokens := html.NewTokenizer(strings.NewReader(page))
	tokens.SetMaxBuf(1 << 20)
	var hidden []atom.Atom // the elements that are open, from the first that is not to be seen on
	var link string
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return out.text()
		}
		token := tokens.Token()
		at := token.DataAtom
		switch {
		case len(hidden) > 0 && kind == html.StartTagToken && at == hidden[0] && !void[at]:
			hidden = append(hidden, at)
		case len(hidden) > 0 && kind == html.EndTagToken && at == hidden[0]:
			hidden = hidden[1:]
		case len(hidden) > 0 && kind == html.StartTagToken && at == atom.Body:
			hidden = nil // a head without an end
		case len(hidden) > 0:
		case kind == html.TextToken:
			out.words(token.Data)
		case kind == html.StartTagToken && hides(token) && !void[at]:
			hidden = []atom.Atom{at}
		case kind == html.StartTagToken && at == atom.A:
			link = address(token)
			out.linkFrom = out.b.Len()
		case kind == html.EndTagToken && at == atom.A:
			out.link(link)
			link = ""
		default:
			out.element(kind, at)
		}
	}
}

// address returns where a link leads, if that is an address that people read.
func address(token html.Token) string {
	for _, a := range token.Attr {
		if value := oneLine(a.Val); a.Key == "href" && (strings.HasPrefix(value, "https://") || strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "mailto:")) {
			return strings.ReplaceAll(value, " ", "%20")
		}
	}
	return ""
}

// written is the text of a page so far.
type written struct {
	b        strings.Builder
	space    bool // is due before the next word
	pre      int  // depth of elements whose lines are kept
	linkFrom int
}

func (w *written) words(text string) {
	if w.pre > 0 {
		w.b.WriteString(text)
		return
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		w.space = w.space || text != ""
		return
	}
	if first := text[0]; w.space || first == ' ' || first == '\n' || first == '\t' || first == '\r' {
		w.gap()
	}
	w.b.WriteString(strings.Join(fields, " "))
	last := text[len(text)-1]
	w.space = last == ' ' || last == '\n' || last == '\t' || last == '\r'
}

// gap writes a space, unless a line begins.
func (w *written) gap() {
	if s := w.b.String(); s != "" && s[len(s)-1] != '\n' && s[len(s)-1] != ' ' {
		w.b.WriteByte(' ')
	}
	w.space = false
}

func (w *written) element(kind html.TokenType, at atom.Atom) {
	begins := kind != html.EndTagToken
	switch {
	case at == atom.Pre && begins:
		w.pre++
	case at == atom.Pre:
		w.pre = max(0, w.pre-1)
	case (at == atom.Td || at == atom.Th) && begins:
		w.space = true
	}
	if !blocks[at] {
		return
	}
	w.space = false
	w.b.WriteByte('\n')
	if at == atom.P && begins {
		w.b.WriteByte('\n')
	}
	if at == atom.Li && begins {
		w.b.WriteString("- ")
	}
}

// link writes where a link leads behind its words, unless these say so.
func (w *written) link(to string) {
	if to == "" || strings.Contains(w.b.String()[min(w.linkFrom, w.b.Len()):], strings.TrimPrefix(to, "mailto:")) {
		return
	}
	w.gap()
	w.b.WriteString("<" + to + ">")
}

var emptyLines = regexp.MustCompile(`\n[ \t]*\n(?:[ \t]*\n)+`)

func (w *written) text() string {
	return strings.TrimSpace(emptyLines.ReplaceAllString(w.b.String(), "\n\n"))
}
