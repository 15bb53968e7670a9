package richtext

import (
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tasks "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	reader "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

var markdown = goldmark.New(
	goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), // styles are not allowed
		extension.Strikethrough, extension.TaskList, extension.Linkify,
	),
	goldmark.WithRendererOptions(
		html.WithHardWraps(),
		renderer.WithNodeRenderers(util.Prioritized(safe{}, 100)), // before the library's own
	),
)

// Render returns the markup of a message's text. It holds no address but those of this app, and no name or style of the
// message's choice.
func Render(text string) template.HTML {
	text = Plain(text)
	if tooMuch(text) {
		return typed(text)
	}
	source := []byte(text)
	document := markdown.Parser().Parse(reader.NewReader(source))
	var out capped
	if overgrown(document) || markdown.Renderer().Render(&out, source, document) != nil {
		return typed(text)
	}
	return template.HTML(out.String())
}

// overgrown reports whether what was read lies too deep in one another, or its addresses are too much: a definition can be
// short to name and long to write out.
func overgrown(document ast.Node) bool {
	deep, deepest, linked := 0, 0, 0
	ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { //nolint:errcheck // no step returns one
		if !entering {
			deep--
			return ast.WalkContinue, nil
		}
		deep++
		deepest = max(deepest, deep)
		switch n := n.(type) {
		case *ast.Link:
			linked += len(n.Destination)
		case *ast.Image:
			linked += len(n.Destination)
		}
		return ast.WalkContinue, nil
	})
	return deepest > 3*MaxDepth || linked > maxLinked
}

// typed returns a text as it was typed.
func typed(text string) template.HTML {
	return template.HTML(`<p class="typed">` + template.HTMLEscapeString(text) + `</p>`)
}

// safe renders what could do more than look.
type safe struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (safe) RegisterFuncs(register renderer.NodeRendererFuncRegisterer) {
	register.Register(ast.KindLink, link)
	register.Register(ast.KindAutoLink, autoLink)
	register.Register(ast.KindImage, image)
	register.Register(ast.KindRawHTML, rawHTML)
	register.Register(ast.KindHTMLBlock, htmlBlock)
	register.Register(ast.KindHeading, heading)
	register.Register(ast.KindFencedCodeBlock, code)
	register.Register(ast.KindCodeBlock, code)
	register.Register(tasks.KindTaskCheckBox, task)
}

func link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, string(n.(*ast.Link).Destination), entering), nil
}

// image shows the description of a picture elsewhere, and leads there: nothing is fetched to show a message.
func image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, string(n.(*ast.Image).Destination), entering), nil
}

func autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	auto := n.(*ast.AutoLink)
	label := string(auto.Label(source))
	if auto.AutoLinkType == ast.AutoLinkEmail {
		w.WriteString(template.HTMLEscapeString(label)) //nolint:errcheck // the buffer keeps its first error
		return ast.WalkContinue, nil
	}
	anchor(w, string(auto.URL(source)), true)
	w.WriteString(template.HTMLEscapeString(label)) //nolint:errcheck // as above
	anchor(w, string(auto.URL(source)), false)
	return ast.WalkContinue, nil
}

// anchor begins or ends a link. It leads to a page of the app that says where it goes; a script may go there at once if
// nothing is suspicious. What is no link to a place on the web stays text, with its address behind it.
func anchor(w util.BufWriter, destination string, entering bool) ast.WalkStatus {
	target, ok := Inspect(destination)
	switch {
	case ok && entering:
		w.WriteString(`<a class="out" rel="noopener noreferrer nofollow" href="` + template.HTMLEscapeString(target.Page()) + `"`) //nolint:errcheck // as above
		if target.Suspicion == "" {
			w.WriteString(` data-open="` + template.HTMLEscapeString(target.Address) + `"`) //nolint:errcheck // as above
		}
		w.WriteString(`>`) //nolint:errcheck // as above
	case ok:
		class := "host"
		if target.Suspicion != "" {
			class += " suspicious"
		}
		w.WriteString(`</a> <bdi class="` + class + `">(` + template.HTMLEscapeString(target.Host) + `)</bdi>`) //nolint:errcheck // as above
	case !entering && destination != "":
		w.WriteString(` <bdi class="host">(` + template.HTMLEscapeString(shorten(destination)) + `)</bdi>`) //nolint:errcheck // as above
	}
	return ast.WalkContinue
}

func shorten(address string) string {
	if runes := []rune(address); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return address
}

func rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		segments := n.(*ast.RawHTML).Segments
		for i := range segments.Len() {
			segment := segments.At(i)
			w.WriteString(template.HTMLEscapeString(string(segment.Value(source)))) //nolint:errcheck // as above
		}
	}
	return ast.WalkSkipChildren, nil
}

func htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	text := htmlOf(n.(*ast.HTMLBlock), source)
	w.WriteString(string(typed(strings.TrimRight(text, "\n")))) //nolint:errcheck // as above
	return ast.WalkSkipChildren, nil
}

func htmlOf(block *ast.HTMLBlock, source []byte) string {
	text := linesOf(block, source)
	if block.HasClosure() {
		text += string(block.ClosureLine.Value(source))
	}
	return text
}

// heading is a heading within a message, which itself stands below the headings of the page. It has no id: the names of
// the page are its own.
func heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	level := string(rune('0' + min(n.(*ast.Heading).Level+3, 6)))
	if entering {
		w.WriteString("<h" + level + ">") //nolint:errcheck // as above
	} else {
		w.WriteString("</h" + level + ">\n") //nolint:errcheck // as above
	}
	return ast.WalkContinue, nil
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		w.WriteString(`<pre tabindex="0"><code>` + template.HTMLEscapeString(linesOf(n, source)) + "</code></pre>\n") //nolint:errcheck // as above
	}
	return ast.WalkSkipChildren, nil
}

// task is a sign, not a box that nobody can tick.
func task(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		w.WriteString(signOf(n.(*tasks.TaskCheckBox))) //nolint:errcheck // as above
	}
	return ast.WalkContinue, nil
}

func signOf(box *tasks.TaskCheckBox) string {
	if box.IsChecked {
		return "☑ "
	}
	return "☐ "
}

func linesOf(n ast.Node, source []byte) string {
	var text strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		segment := lines.At(i)
		text.Write(segment.Value(source))
	}
	return text.String()
}
