package names

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Skeletons returns what no two names may share: two names are alike if and only if they have a skeleton in common.
// name is one that Check accepts; other text gets skeletons too, which mean nothing. There are from one to four, in an
// order that is always the same and without doubles, each of at most a few times the length of name. Without the tables
// asked for it returns nil, so that a caller must ask Check first. [ROLL-31]
//
// The skeleton of UTS #39 puts the prototype of what looks alike in the place of each character. Here the skeleton of
// the name and that of its case-folded form are both folded and made skeletons again, until nothing changes:
//
//   - of the name as it is: paypaI looks like paypal, and AIice like Alice, which is alice;
//   - of the name in lower case: PAYPAL is paypal, and Strauß is Strauss.
//
// Both come a second time without separators and apostrophes. The first of each must stay, because a separator can look
// like a letter: ' is the prototype of the Hebrew letter yod. The dot above is left out on i and j, which have one.
func Skeletons(name string, tables uint64) []string {
	if tables != Tables {
		return nil
	}
	var room [3 * MaxName]part
	parts := take(room[:0], decompose(name))
	all := append(make([]string, 0, 4), parts.skeleton(false, false))
	add := func(text string) {
		if text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if parts.folds {
		add(parts.skeleton(true, false))
	}
	if parts.separated {
		add(parts.skeleton(false, true))
		if parts.folds {
			add(parts.skeleton(true, true))
		}
	}
	return all
}

// Alike reports whether two names have a skeleton in common. Without the tables asked for it says that they do: what
// cannot be told apart is taken for the same.
func Alike(a, b string, tables uint64) bool { return IsReserved(a, []string{b}, tables) }

// IsReserved reports whether name is alike to one of the reserved names. Without the tables asked for every name is
// reserved.
func IsReserved(name string, reserved []string, tables uint64) bool {
	if tables != Tables {
		return true
	}
	own := Skeletons(name, tables)
	for _, other := range reserved {
		for _, s := range Skeletons(other, tables) {
			if slices.Contains(own, s) {
				return true
			}
		}
	}
	return false
}

// part is a character of a decomposed name and what becomes of it: indices into prototypes, stays for itself.
type part struct {
	r         rune
	raw, fold uint16
	separates bool
}

// parts are those of one name.
type parts struct {
	all       []part
	folds     bool // whether something looks different in lower case
	separated bool // whether something separates
}

// take makes the parts, in room as long as that is enough.
func take(room []part, decomposed string) parts {
	p := parts{all: room}
	for _, r := range decomposed {
		next := part{r, stays, stays, separator(r)}
		if i, ok := resembling(r); ok {
			next.raw, next.fold = resemblances[i].raw, resemblances[i].fold
			next.separates = strings.ContainsRune(apostrophes, r)
		}
		p.folds = p.folds || next.raw != next.fold
		p.separated = p.separated || next.separates
		p.all = append(p.all, next)
	}
	return p
}

// skeleton puts a skeleton together, of the lower case if fold says so, and without separators if join does.
func (p *parts) skeleton(fold, join bool) string {
	var room [4 * MaxBytes]byte
	text, ordered := room[:0], true
	for i := range p.all {
		part := &p.all[i]
		if join && part.separates {
			continue
		}
		index := part.raw
		if fold {
			index = part.fold
		}
		if index == stays {
			text = utf8.AppendRune(text, part.r)
			continue
		}
		text = append(text, prototypes[index]...)
		ordered = ordered && index >= markedPrototypes
	}
	if ordered {
		return undotted(string(text))
	}
	return undotted(norm.NFD.String(string(text))) // marks may have come to stand in another order
}

const dotAbove = 0x307

// undotted leaves out the dot above among the marks on i and j. The lower case of the Turkish dotted I has one.
func undotted(text string) string {
	if !strings.ContainsRune(text, dotAbove) {
		return text
	}
	dotted := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == dotAbove && dotted:
			return -1
		case r < 0x300 || r > 0x36F: // no mark that Latin letters have
			dotted = r == 'i' || r == 'j'
		}
		return r
	}, text)
}
