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
	Among         map[keys.MessageID]bool // of these alone; nil: of all. It is not changed while Find runs. Nothing is ranked then.

	From  Mark // where the page before ended; zero: this is the first
	Limit int

	rows  [2]int64 // between which rows the period lies; zero: not known
	whole bool     // Orgs are all that the index has
	marks []string // those of each kind that a message has one of, as FTS5 reads them
	void  bool     // it asks for somebody or something that the index has never heard of
}

// Mark is a place in what fits a query, between two hits.
type Mark struct {
	Newest int64 // the newest row when the first page was asked for: pages do not shift when messages come
	Skip   int   // how many of the best were given before
	Below  int64 // the row of the last that was given, of a query that is not ranked; zero: it is
}

// Hit is a message that fits.
type Hit struct {
	Removed
	row int64
}

// Found is a page of what fits: the best first, of the same rank the newest; or, if more than MaxScored fit, what came last.
type Found struct {
	Hits []Hit
	More bool
	from Mark
}

// Mark returns the place behind the first n hits of the page.
func (f Found) Mark(n int) Mark {
	mark := f.from
	switch {
	case mark.Below == 0:
		mark.Skip += n
	case n > 0:
		mark.Below = f.Hits[n-1].row
	}
	return mark
}

// Find returns a page of what fits. Which of that is shown is for the caller to decide.
func (x *Index) Find(ctx context.Context, r Request) (Found, error) {
	if r.Query.Asked && len(r.Query.Phrases) == 0 || len(r.Orgs) == 0 {
		return Found{}, nil
	}
	if err := x.enter(ctx); err != nil {
		return Found{}, err
	}
	defer x.leave()
	if err := x.narrow(ctx, &r); err != nil {
		return Found{}, x.note(err)
	}
	if r.From == (Mark{}) {
		if err := x.begin(ctx, &r); err != nil {
			return Found{}, x.note(err)
		}
	}
	if r.void {
		return Found{from: r.From}, nil
	}
	found, err := x.page(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && r.From.Below == 0 && r.From.Skip == 0 { // ranking takes too long
		r.From.Below = r.From.Newest + 1
		found, err = x.page(ctx, r)
	}
	return found, x.note(err)
}

// narrow looks up what a query asks for.
func (x *Index) narrow(ctx context.Context, r *Request) error {
	asked := make(map[int64]bool)
	for _, org := range r.Orgs {
		asked[x.known(org[:])] = true
	}
	r.whole = true
	err := x.rows(`SELECT id FROM orgs`, func(s *sqlite3.Stmt) bool {
		r.whole = r.whole && asked[s.ColumnInt64(0)]
		return true
	})
	if err != nil {
		return failure(err)
	}
	if len(r.Query.Phrases) > 0 {
		if !r.whole {
			r.mark(x, markOrg, raw(r.Orgs))
		}
		r.mark(x, markAuthor, raw(r.Authors))
		r.mark(x, markConversation, raw(r.Conversations))
		if r.Files {
			r.marks = append(r.marks, quotedMark(markFiles, 0))
		}
	}
	return x.period(ctx, r)
}

// period finds between which rows a period lies: a history is indexed in its order, nearly.
func (x *Index) period(ctx context.Context, r *Request) error {
	if r.Before == 0 && r.After == 0 || len(r.Query.Phrases) == 0 {
		return nil
	}
	sql := `SELECT ifnull(min(id), 0), ifnull(max(id), 0) FROM docs WHERE time >= ? AND time < ?`
	return x.within(ctx, sql, []any{r.After, r.before()}, func(s *sqlite3.Stmt) bool {
		r.rows = [2]int64{s.ColumnInt64(0), max(s.ColumnInt64(1), 1)}
		return false
	})
}

// before is Before, or the end of time.
func (r Request) before() int64 {
	if r.Before == 0 {
		return math.MaxInt64
	}
	return r.Before
}

// begin decides for a first page whether what fits is ranked.
func (x *Index) begin(ctx context.Context, r *Request) error {
	newest, err := x.number(`SELECT ifnull(max(id), 0) FROM docs`)
	if err != nil {
		return failure(err)
	}
	r.From.Newest = newest
	if r.Among != nil {
		r.From.Below = newest + 1
		return nil
	}
	count := int64(0)
	sql, args := r.count()
	err = x.within(ctx, sql, args, func(s *sqlite3.Stmt) bool {
		count = s.ColumnInt64(0)
		return false
	})
	if late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil; late || err == nil && count > r.most() {
		r.From.Below, err = newest+1, nil
	}
	return err
}

// page asks for a page.
func (x *Index) page(ctx context.Context, r Request) (Found, error) {
	if len(r.Query.Phrases) > 0 && r.From.Below == 0 {
		return x.scored(ctx, r)
	}
	found := Found{from: r.From}
	damaged := false
	sql, args := r.sql()
	err := x.within(ctx, sql, args, func(s *sqlite3.Stmt) bool {
		message, org := s.ColumnRawBlob(0), s.ColumnRawBlob(1)
		if len(message) != keys.IDSize || len(org) != keys.IDSize {
			damaged = true
			return false
		}
		if r.Among != nil && !r.Among[keys.MessageID(message)] {
			return true
		}
		if len(found.Hits) == r.Limit {
			found.More = true
			return false
		}
		found.Hits = append(found.Hits, Hit{Removed{Org: keys.OrgID(org), ID: keys.MessageID(message)}, s.ColumnInt64(2)})
		return true
	})
	if damaged {
		err = ErrDamaged
	}
	return found, err
}

// within visits the rows of a statement, for as long as slowest.
func (x *Index) within(ctx context.Context, sql string, args []any, visit func(*sqlite3.Stmt) bool) error {
	limited, cancel := context.WithTimeout(ctx, slowest)
	defer cancel()
	old := x.conn.SetInterrupt(limited)
	defer x.conn.SetInterrupt(old)
	err := x.rows(sql, visit, args...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failure(err)
}

// most is how many may fit so that what fits is put in order before a page of it is given.
func (r Request) most() int64 {
	if len(r.Query.Phrases) > 0 {
		return MaxScored
	}
	return MaxRanked
}

// where returns what the rows are looked for in, under which conditions, and the column of the row's number. It is made of fixed
// parts alone: what was asked for are its arguments.
func (r Request) where() (from, row string, where []string, args []any) {
	from, row = `docs d`, `d.id`
	words := len(r.Query.Phrases) > 0
	if words {
		from, row = `terms`, `terms.rowid`
		if r.Before != 0 || r.After != 0 {
			from = `terms CROSS JOIN docs d ON d.id = terms.rowid`
		}
		where, args = append(where, `terms MATCH ?`), append(args, strings.Join(append([]string{match(r.Query.Phrases)}, r.marks...), ` AND `))
	}
	highest := r.From.Newest
	if r.From.Below > 0 {
		highest = min(highest, r.From.Below-1)
	}
	if r.rows[1] > 0 { // FTS5 then reads no more than this part of its lists
		highest = min(highest, r.rows[1])
		where, args = append(where, row+` >= ?`), append(args, r.rows[0])
	}
	where, args = append(where, row+` <= ?`), append(args, highest)
	if !words {
		where, args = r.narrowed(where, args)
	}
	if r.Before != 0 || r.After != 0 {
		where, args = append(where, `d.time >= ? AND d.time < ?`), append(args, r.After, r.before())
	}
	return from, row, where, args
}

// narrowed adds what narrows a query without words.
func (r Request) narrowed(where []string, args []any) ([]string, []any) {
	anyOf := func(column string, ids [][]byte) {
		switch len(ids) {
		case 0:
		case 1: // of one, an index has the rows in their order
			where = append(where, column+` = (SELECT id FROM names WHERE name = ?)`)
		default:
			where = append(where, column+` IN (SELECT id FROM names WHERE name IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`))`)
		}
		for _, id := range ids {
			args = append(args, id)
		}
	}
	if !r.whole {
		anyOf(`+d.org`, raw(r.Orgs)) // nearly all are of few organizations: the + keeps SQLite from beginning there
	}
	anyOf(`d.author`, raw(r.Authors))
	anyOf(`d.conversation`, raw(r.Conversations))
	if r.Files {
		where = append(where, `d.files = 1`)
	}
	return where, args
}

// count returns the statement that counts what fits, up to more than are put in order: the newest first, so that no more is read of the
// index than for a page.
func (r Request) count() (sql string, args []any) {
	from, row, where, args := r.where()
	order := ``
	if len(r.Query.Phrases) > 0 {
		order = ` ORDER BY ` + row + ` DESC`
	}
	return `SELECT count(*) FROM (SELECT 1 FROM ` + from + ` WHERE ` + strings.Join(where, ` AND `) + order + ` LIMIT ` + strconv.FormatInt(r.most()+1, 10) + `)`, args
}

// sql returns the statement for a page.
func (r Request) sql() (sql string, args []any) {
	from, row, where, args := r.where()
	if r.Among != nil { // row by row, without all of them put in order first: they come in it, and page ends it
		if len(r.Query.Phrases) > 0 && r.Before == 0 && r.After == 0 {
			from += ` CROSS JOIN docs d ON d.id = terms.rowid`
		}
		return `SELECT d.message, (SELECT name FROM names WHERE id = d.org), d.id FROM ` + from + ` WHERE ` + strings.Join(where, ` AND `) +
			` ORDER BY ` + row + ` DESC`, args
	}
	columns, order, outer := row+` AS id`, row+` DESC`, `f.id DESC`
	limit := ` LIMIT ?`
	args = append(args, int64(r.Limit+1))
	if r.From.Below == 0 {
		columns, order, outer = columns+`, d.time AS time`, `d.time DESC, d.id DESC`, `f.time DESC, f.id DESC`
		limit, args = ` LIMIT ? OFFSET ?`, append(args, int64(r.From.Skip))
	}
	return `SELECT d.message, n.name, f.id FROM (SELECT ` + columns + ` FROM ` + from + ` WHERE ` + strings.Join(where, ` AND `) + ` ORDER BY ` + order + limit +
		`) f CROSS JOIN docs d ON d.id = f.id JOIN names n ON n.id = d.org ORDER BY ` + outer, args
}

// raw returns identifiers as bytes.
func raw[T ~[keys.IDSize]byte](ids []T) (all [][]byte) {
	for _, id := range ids {
		all = append(all, id[:])
	}
	return all
}
