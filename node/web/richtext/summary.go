package richtext

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	tasks "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// maxSummed is the most bytes of a text that a summary is made of.
const maxSummed = 1 << 10

// Summary returns the words of a text on one line, without its marks: what is written, not how it looks. Of a link it has
// the words and not the address. A text of marks alone is shown as it was typed.
func Summary(message string) string {
	if len(message) > maxSummed {
		message = message[:maxSummed]
	}
	message = Plain(message)
	if tooMuch(message) {
		return Line(message)
	}
	source := []byte(message)
	var words strings.Builder
	document := markdown.Parser().Parse(text.NewReader(source))
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Type() == ast.TypeBlock {
			words.WriteByte(' ')
		}
		if !entering {
			return ast.WalkContinue, nil
		}
		return sum(&words, n, source), nil
	})
	if line := Line(words.String()); err == nil && line != "" {
		return line
	}
	return Line(message)
}

// sum adds the words of one part of a text.
func sum(words *strings.Builder, n ast.Node, source []byte) ast.WalkStatus {
	switch n := n.(type) {
	case *ast.Text:
		words.Write(n.Value(source))
		if n.SoftLineBreak() || n.HardLineBreak() {
			words.WriteByte(' ')
		}
	case *ast.String:
		words.Write(n.Value)
	case *ast.AutoLink:
		words.Write(n.Label(source))
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			words.Write(segment.Value(source))
		}
	case *ast.HTMLBlock:
		words.WriteString(htmlOf(n, source))
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		words.WriteString(linesOf(n, source))
	case *tasks.TaskCheckBox:
		words.WriteString(signOf(n))
	}
	return ast.WalkContinue
}
