package api

import "time"

// SearchQuery looks for messages: those with every word of Text, and with all that the other fields say. [API-52]
type SearchQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: in all organizations
	// Text is words in any language, of which the last may be a beginning; "some words" in quotes stand together. It may also
	// hold from:NAME, in:GROUP, tag:TAG, has:file, is:unread, before:2026-12-31 and after:2026-01-01, which narrow like the
	// fields.
	Text       string    `json:"text"`
	From       string    `json:"from,omitzero"` // author, by name or id
	Tag        string    `json:"tag,omitzero"`
	Before     time.Time `json:"before,omitzero"`
	After      time.Time `json:"after,omitzero"`
	Attachment bool      `json:"attachment,omitzero"` // only messages with files
	Cursor     string    `json:"cursor,omitzero"`     // SearchPage.Next of the page before
	Limit      int       `json:"limit,omitzero"`      // at most so many; 0 or too many: MaxPage
}

// SearchPage is a page of what was found, the best first, of the same rank the newest; of more than 5,000 that fit, and by tag or
// unread, what came last first.
type SearchPage struct {
	Found List[Found] `json:"found"`
	Next  string      `json:"next"` // cursor of the next page; empty after the last
	// Indexing is how many messages the index still lacks: what is found now may not be all.
	Indexing int `json:"indexing"`
}

// Found is a message and where in it the words are.
type Found struct {
	Message Message    `json:"message"`
	Snippet List[Part] `json:"snippet"` // of the text, around what was found: at most 240 characters
}

// Part is a part of a text, and whether it is what was looked for.
type Part struct {
	Text string `json:"text"`
	Hit  bool   `json:"hit"`
}
