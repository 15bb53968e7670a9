package search

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"muster.example/internal/keys"
)

// Request asks for a page of what fits.
type Request struct {
	Query   Query // of which the index answers Phrases; what else it says is in the following
	Orgs    []keys.OrgID
	Authors []keys.MemberID // any of them; empty: anybody
	// Conversations are any of those; empty: all.
	Conversations []keys.ConversationID
	Before, After int64 // unix milliseconds, Before not included; zero: any
	Files         bool

	Newest int64 // Found.Newest of the first page; zero: this is the first
	Skip   int   // how many were given before
	Limit  int
}

// Found is a page of what fits: the best first, of the same rank the newest.
type Found struct {
	Hits   []Removed
	Newest int64 // the newest row when the first page was asked for: pages do not shift when messages come
	More   bool
}

// weights of the columns: what is in the subject, or a file's name, counts for more than the text, and that for more than what
// is forwarded.
const weights = "8.0, 1.0, 3.0, 0.5"

// Find returns a page of what fits. Which of that is shown is for the caller to decide.
func (x *Index) Find(ctx context.Context, r Request) (Found, error) {
	if r.Query.Asked && len(r.Query.Phrases) == 0 || len(r.Orgs) == 0 || r.Skip >= MaxRanked {
		return Found{}, nil
	}
	if err := x.enter(ctx); err != nil {
		return Found{}, err
	}
	defer x.leave()
	if r.Newest == 0 {
		newest, err := x.number(`SELECT ifnull(max(id), 0) FROM docs`)
		if err != nil {
			return Found{}, x.note(failure(err))
		}
		r.Newest = newest
	}
	found, err := x.within(ctx, r, len(r.Query.Phrases) > 0)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil { // too many fit
		found, err = x.within(ctx, r, false)
	}
	return found, x.note(err)
}

// within asks for a page, for as long as slowest.
func (x *Index) within(ctx context.Context, r Request, ranked bool) (Found, error) {
	limited, cancel := context.WithTimeout(ctx, slowest)
	defer cancel()
	old := x.conn.SetInterrupt(limited)
	defer x.conn.SetInterrupt(old)
	sql, args := r.sql(ranked)
	found := Found{Newest: r.Newest}
	damaged := false
	err := x.rows(sql, func(s *sqlite3.Stmt) bool {
		message, org := s.ColumnRawBlob(0), s.ColumnRawBlob(1)
		if len(message) != keys.IDSize || len(org) != keys.IDSize {
			damaged = true
			return false
		}
		if len(found.Hits) == r.Limit {
			found.More = true
			return false
		}
		found.Hits = append(found.Hits, Removed{Org: keys.OrgID(org), ID: keys.MessageID(message)})
		return true
	}, args...)
	if damaged {
		err = ErrDamaged
	}
	if ctx.Err() != nil {
		return Found{}, ctx.Err()
	}
	return found, failure(err)
}

// sql returns the statement for a request. It is made of fixed parts alone: what was asked for are its arguments.
func (r Request) sql(ranked bool) (sql string, args []any) {
	var where []string
	from, order := `docs d`, `d.id`
	if len(r.Query.Phrases) > 0 {
		from, order = `terms CROSS JOIN docs d ON d.id = terms.rowid`, `terms.rowid`
		where, args = append(where, `terms MATCH ?`), append(args, match(r.Query.Phrases))
	}
	where, args = append(where, order+` <= ?`), append(args, r.Newest)
	anyOf := func(column string, ids [][]byte) {
		if len(ids) > 0 {
			where = append(where, column+` IN (SELECT id FROM names WHERE name IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`))`)
		}
		for _, id := range ids {
			args = append(args, id)
		}
	}
	anyOf(`d.org`, raw(r.Orgs))
	anyOf(`d.author`, raw(r.Authors))
	anyOf(`d.conversation`, raw(r.Conversations))
	if r.Before != 0 || r.After != 0 {
		before := r.Before
		if before == 0 {
			before = math.MaxInt64
		}
		where, args = append(where, `d.time >= ? AND d.time < ?`), append(args, r.After, before)
	}
	if r.Files {
		where = append(where, `d.files = 1`)
	}
	rank := `0`
	if ranked {
		rank = `bm25(terms, ` + weights + `)`
	}
	inner := `SELECT d.id AS id, d.message AS message, d.org AS org, ` + rank + ` AS score, d.time AS time FROM ` + from +
		` WHERE ` + strings.Join(where, ` AND `) + ` ORDER BY ` + order + ` DESC LIMIT ` + strconv.Itoa(MaxRanked)
	return `SELECT f.message, n.name FROM (` + inner + `) f JOIN names n ON n.id = f.org ORDER BY f.score, f.time DESC, f.id DESC LIMIT ? OFFSET ?`,
		append(args, int64(r.Limit+1), int64(r.Skip))
}

// raw returns identifiers as bytes.
func raw[T ~[keys.IDSize]byte](ids []T) (all [][]byte) {
	for _, id := range ids {
		all = append(all, id[:])
	}
	return all
}
