package search

import (
	"strconv"
	"strings"
)

// A mark is a word of the index that no text has: it says of which organization, conversation or author a message is, by the numbers
// that the index gave them, or that it has files. Marks begin with a character that is none, so that no text and no query has one.
const markStart = "\ufdd0"

const (
	markOrg          = "o"
	markConversation = "c"
	markAuthor       = "a"
	markFiles        = "f"
)

// marksOf returns the marks of a message: of its organization, conversation and author.
func marksOf(names [3]int64, files int64) string {
	var b strings.Builder
	for i, kind := range []string{markOrg, markConversation, markAuthor} {
		b.WriteString(markStart + kind + strconv.FormatInt(names[i], 10) + " ")
	}
	if files != 0 {
		b.WriteString(markStart + markFiles + "0")
	}
	return b.String()
}

// quotedMark is a mark as FTS5 reads it in a query.
func quotedMark(kind string, number int64) string {
	return `"` + markStart + kind + strconv.FormatInt(number, 10) + `"`
}

// mark narrows a query of words to messages that have one of some marks; none: to nothing less.
func (r *Request) mark(x *Index, kind string, names [][]byte) {
	var all []string
	for _, name := range names {
		if number := x.known(name); number > 0 {
			all = append(all, quotedMark(kind, number))
		}
	}
	switch {
	case len(all) > 0:
		r.marks = append(r.marks, "("+strings.Join(all, " OR ")+")")
	case len(names) > 0:
		r.void = true
	}
}

// known returns the number of a name: 0 if the index has none, or cannot say.
func (x *Index) known(name []byte) int64 {
	if id, ok := x.interned[string(name)]; ok {
		return id
	}
	id, err := x.number(`SELECT id FROM names WHERE name = ?`, name)
	if err != nil {
		return 0
	}
	return id
}
