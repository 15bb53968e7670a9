package search

import "errors"

var (
	// ErrQuery means that a query cannot be understood: its text says why, for the person who typed it.
	ErrQuery = errors.New("the query")
	// ErrDamaged means that the file cannot be used any more: Reset makes it anew. It never says what was in it.
	ErrDamaged = errors.New("the search index is damaged")
	// ErrFull means that there is no room on the disk. What was there before is as it was.
	ErrFull = errors.New("no room for the search index")
)
