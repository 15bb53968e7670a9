package search

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Query is what a person looks for.
type Query struct {
	Phrases []Phrase // all of which a message holds
	// Asked means that there were words, though perhaps none that is indexed, such as "?!": then nothing is found.
	Asked bool

	From, In, Tag string
	Files, Unread bool
	Before, After time.Time // zero: any
}

// Phrase is a word, or words that stand beside each other.
type Phrase struct {
	words   []string
	prefix  bool // the last of them may be a beginning
	subject bool // they stand in the subject
}

// Parse reads a query. Its last word may be a beginning, unless it stands in quotes. What narrows is name:value, where a value
// with spaces stands in quotes; what is not known as a name is a word like others. Words behind subject: stand in the subject. Dates are in zone, as 2026, 2026-12 or
// 2026-12-31. Parse fails with ErrQuery.
func Parse(text string, zone *time.Location) (Query, error) {
	var q Query
	if len(text) > MaxQuery {
		return q, fmt.Errorf("%w is too long: %d bytes, of at most %d", ErrQuery, len(text), MaxQuery)
	}
	text = strings.ToValidUTF8(text, " ")
	var words []item
	for rest := strings.TrimLeftFunc(text, unicode.IsSpace); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		item, after := next(rest)
		rest = after
		if item.takeSubject(); item.subject && item.text == "" {
			continue // still being typed
		}
		known, err := q.narrow(item, zone)
		switch {
		case err != nil:
			return Query{}, err
		case known:
			continue
		}
		words = append(words, item)
	}
	q.Asked = len(words) > 0
	tokens := 0
	for i, w := range words {
		// a space behind the last word changes nothing: who pauses there types on
		p := phrase(w.text, i == len(words)-1 && !w.closed)
		p.subject = w.subject
		if tokens += len(p.words); len(p.words) > 0 && len(q.Phrases) < MaxWords && tokens <= MaxTokens {
			q.Phrases = append(q.Phrases, p)
		}
	}
	return q, nil
}

// item is a part of a query: a word, what is in quotes, or name:value.
type item struct {
	text   string
	quoted bool // all of it
	closed bool // and so it is whole

	subject bool // it was behind subject:
}

// next takes the first item off a text that begins with no space. A quote that is not closed goes to the end, as it is still
// being typed.
func next(text string) (item, string) {
	if inside, ok := strings.CutPrefix(text, `"`); ok {
		quoted, rest, closed := strings.Cut(inside, `"`)
		return item{text: quoted, quoted: true, closed: closed}, rest
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	if open := strings.Index(text, `:"`); open > 0 && open < end {
		value, rest, closed := strings.Cut(text[open+2:], `"`)
		return item{text: text[:open+1] + value, closed: closed}, rest
	}
	return item{text: text[:end]}, text[end:]
}

// takeSubject takes subject: off an item that begins with it.
func (i *item) takeSubject() {
	if name, value, ok := strings.Cut(i.text, ":"); ok && !i.quoted && strings.EqualFold(name, "subject") {
		i.text, i.subject = strings.TrimSpace(value), true
	}
}

// narrow takes an item that narrows, and reports whether it is one.
func (q *Query) narrow(item item, zone *time.Location) (known bool, err error) {
	name, value, ok := strings.Cut(item.text, ":")
	if !ok || item.quoted || item.subject {
		return false, nil
	}
	value = strings.TrimSpace(value)
	switch name = strings.ToLower(name); name {
	case "from":
		q.From = value
	case "in":
		q.In = value
	case "tag":
		q.Tag = value
	case "has":
		switch strings.ToLower(value) {
		case "file", "files", "attachment", "attachments":
		default:
			return false, nil
		}
		q.Files = true
	case "is":
		if !strings.EqualFold(value, "unread") {
			return false, nil
		}
		q.Unread = true
	case "before":
		q.Before, err = date(name, value, zone)
	case "after":
		q.After, err = date(name, value, zone)
	default:
		return false, nil
	}
	return true, err
}

// date reads a day, month or year: its first moment.
func date(name, value string, zone *time.Location) (time.Time, error) {
	if value == "" { // still being typed
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if t, err := time.ParseInLocation(layout, value, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s: takes a date such as 2026-12-31", ErrQuery, name)
}

// phrase cuts a text as messages are cut. Where it ends within a text without spaces, that text may go on in the message.
func phrase(text string, prefix bool) Phrase {
	var all []word
	cut(text, func(w word) bool {
		all = append(all, w)
		return len(all) < MaxTokens
	})
	if n := len(all); n > 0 && all[n-1].tail {
		if n > 1 && !all[n-2].tail && all[n-2].end == all[n-1].end {
			all = all[:n-1] // its pair says more
		} else {
			prefix = true // a single character begins pairs
		}
	}
	p := Phrase{prefix: prefix}
	for _, w := range all {
		p.words = append(p.words, w.text)
	}
	return p
}

// match writes phrases as FTS5 reads them. Words hold letters, digits, marks and symbols beyond ASCII alone, and stand in
// quotes: nothing in them can mean anything else.
func match(phrases []Phrase) string {
	var b strings.Builder
	for i, p := range phrases {
		if i > 0 {
			b.WriteString(" AND ")
		}
		if p.subject {
			b.WriteString("subject : ")
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(strings.Join(p.words, " "), `"`, `""`))
		b.WriteByte('"')
		if p.prefix {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// Part is a part of a text, and whether it is what was looked for.
type Part struct {
	Text string
	Hit  bool
}

// Snippet returns up to limit characters of a text around the first place where something that was looked for stands, or its
// beginning, in parts. What was left out before or behind shows as "…".
func (q Query) Snippet(text string, limit int) []Part {
	hits := q.hits(text)
	start := 0
	if len(hits) > 0 {
		start = back(text, hits[0][0], limit/4)
	}
	var parts []Part
	add := func(text string, hit bool) {
		if text != "" {
			parts = append(parts, Part{text, hit})
		}
	}
	if start > 0 {
		add("…", false)
		limit--
	}
	end := forward(text, start, limit)
	if end < len(text) {
		end = forward(text, start, limit-1)
	}
	at := start
	for _, hit := range hits {
		from, to := max(hit[0], at), min(hit[1], end)
		if from >= to {
			continue
		}
		add(text[at:from], false)
		add(text[from:to], true)
		at = to
	}
	add(text[at:end], false)
	if end < len(text) {
		add("…", false)
	}
	return parts
}

// back returns where count characters before a place begin, forward where count behind it end.
func back(text string, at, count int) int {
	for ; at > 0 && count > 0; count-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return at
}

func forward(text string, at, count int) int {
	for ; at < len(text) && count > 0; count-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// hits returns where in a text the phrases stand, in their order, none over another.
func (q Query) hits(text string) (hits [][2]int) {
	var recent []word // as many as the longest phrase has
	longest := 0
	for _, p := range q.Phrases {
		longest = max(longest, len(p.words))
	}
	cut(text, func(w word) bool {
		if recent = append(recent, w); len(recent) > longest {
			recent = recent[1:]
		}
		for _, p := range q.Phrases {
			if n := len(p.words); !p.subject && n <= len(recent) && p.fits(recent[len(recent)-n:]) {
				hits = join(hits, [2]int{recent[len(recent)-n].start, w.end})
			}
		}
		return len(hits) < MaxTokens
	})
	return hits
}

func (p Phrase) fits(words []word) bool {
	for i, w := range words {
		if last := i == len(words)-1; w.text != p.words[i] && !(last && p.prefix && strings.HasPrefix(w.text, p.words[i])) {
			return false
		}
	}
	return true
}

// join adds a place to places, to the last ones if they overlap.
func join(hits [][2]int, hit [2]int) [][2]int {
	for n := len(hits); n > 0 && hit[0] < hits[n-1][1]; n = len(hits) {
		hit[0], hit[1] = min(hit[0], hits[n-1][0]), max(hit[1], hits[n-1][1])
		hits = hits[:n-1]
	}
	return append(hits, hit)
}
