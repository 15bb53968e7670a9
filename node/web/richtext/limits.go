package richtext

import (
	"errors"
	"strings"
)

// What the marks of one text may ask for. A text that asks for more is shown as it was typed: all of it, and cheaply.
const (
	// MaxMarked is the most bytes of a text whose marks are looked at.
	MaxMarked = 64 << 10
	// MaxMarkup is the most bytes of markup that one text may become.
	MaxMarkup = 1 << 20
	// MaxDepth is how deep quotes and lists may lie in one another.
	MaxDepth = 32
	// MaxWork bounds what looking for the ends of marks may take: a mark without an end is looked for to the end of its
	// paragraph, so that each paragraph costs its marks times its bytes.
	MaxWork = 16 << 20
	// MaxCells is the most cells that the tables of a text may have: each row is filled up to the width of its head.
	MaxCells = 10_000
	// maxLinked is the most bytes that all addresses of a text may have, each time that one is used.
	maxLinked = 128 << 10
)

var errTooMuch = errors.New("the text becomes too much markup")

// marks are the characters at which something is looked for.
const marks = "*_[]!<`~&\\:(@"

// tooMuch reports whether the marks of a text ask for more than they may.
func tooMuch(text string) bool {
	if len(text) > MaxMarked {
		return true
	}
	var p paragraph
	work, cells := 0, 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			work, cells = work+p.work(), cells+p.cells()
			p = paragraph{}
			continue
		}
		if depth(line) > MaxDepth {
			return true
		}
		p.add(line)
	}
	return work+p.work() > MaxWork || cells+p.cells() > MaxCells
}

// paragraph is what stands between two empty lines.
type paragraph struct{ bytes, marks, lines, columns int }

func (p *paragraph) add(line string) {
	p.bytes += len(line)
	p.lines++
	p.columns = max(p.columns, strings.Count(line, "|"))
	for i := range len(line) {
		if strings.IndexByte(marks, line[i]) >= 0 {
			p.marks++
		}
	}
}

func (p *paragraph) work() int  { return p.bytes * p.marks }
func (p *paragraph) cells() int { return p.lines * p.columns }

// depth returns how many quotes and lists a line can lie in: its marks at the beginning, and its indentation before one.
func depth(line string) (deep int) {
	for columns := 0; ; {
		rest := strings.TrimLeft(line, " \t")
		blank := line[:len(line)-len(rest)]
		columns += len(blank) + 3*strings.Count(blank, "\t")
		width := blockMark(rest)
		if width == 0 {
			return deep
		}
		deep += 1 + max(columns-1, 0)/2
		line, columns = rest[width:], 0
	}
}

// blockMark returns how long the mark of a quote or of a list's item is with which a line begins, 0 if it begins with none.
func blockMark(line string) int {
	if strings.HasPrefix(line, ">") {
		return 1
	}
	width := len(line) - len(strings.TrimLeft(line, "0123456789"))
	if width > 0 {
		if width > 9 || width == len(line) || line[width] != '.' && line[width] != ')' {
			return 0
		}
	} else if line == "" || strings.IndexByte("-+*", line[0]) < 0 {
		return 0
	}
	width++
	if width < len(line) && strings.IndexByte(" \t\n", line[width]) < 0 {
		return 0
	}
	return width
}

// capped keeps what is written to it, up to MaxMarkup.
type capped struct{ strings.Builder }

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.Len()+len(b) > MaxMarkup {
		return 0, errTooMuch
	}
	return c.Builder.Write(b)
}
