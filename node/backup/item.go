package backup

import (
	"context"
	"iter"

	"muster.example/internal/keys"
)

// Kind says what an item is. The package treats all alike; a reader passes by what it does not know. [BAK-3]
type Kind uint8

// The kinds of items.
const (
	KindAccount Kind = 1 // what a restore needs to find organizations
	KindRecord  Kind = 2 // a record of history, in its canonical bytes
	KindPiece   Kind = 3 // a piece of an attachment
)

// Entry names one item. Organization, kind and ID together name one body for ever: whose body changes needs another ID. [BAK-3]
type Entry struct {
	Org  keys.OrgID // zero for none
	Kind Kind       // 1 to 255
	ID   [32]byte
	Time int64 // Unix milliseconds, taken as 0 if negative; says what is newer when items are read, and nothing else
	Size int   // bytes of the body, at most MaxBody; from a Source a hint for Progress, 0 if not known
}

// Item is an item of a Source.
type Item struct {
	Entry
	// Load returns the body, which may be empty; ErrGone if the item is there no more, which is passed over. It is called only when
	// the repository lacks the item. The bytes are not kept or changed.
	Load func(ctx context.Context) ([]byte, error)
}

// Source gives all items that there are, in any order: those of one kind together, older ones first, make the best packs. It is
// called at most twice in a run, and what comes or goes between the two does no harm. An error ends the run.
type Source func(ctx context.Context) iter.Seq2[Item, error]
