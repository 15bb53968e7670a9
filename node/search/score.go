package search

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"muster.example/internal/keys"
)

// weights of the columns: what is in the subject, or a file's name, counts for more than the text, and that for more than what is
// forwarded. Marks do not count.
var weights = [...]float64{8, 1, 3, 0.5, 0}

// The usual constants of BM25: how soon more of the same word says no more, and how much a long text is held against it.
const (
	saturation = 1.2
	lengths    = 0.75
	usual      = 50 // words
)

// score ranks a message as BM25 does but for how rare each word is: all messages that are ranked have all words, and to count how many
// have each means to read its whole list, which for a common word among a million messages takes longer than all else. The lower the
// better, as of bm25.
func score(fts fts5.Context, ctx sqlite3.Context, _ ...sqlite3.Value) {
	count, err := fts.InstCount()
	if err != nil {
		ctx.ResultError(err)
		return
	}
	var weighed [MaxTokens]float64
	for i := range count {
		phrase, column, _, err := fts.Inst(i)
		if err != nil {
			ctx.ResultError(err)
			return
		}
		if phrase < len(weighed) && column < len(weights) {
			weighed[phrase] += weights[column]
		}
	}
	size, err := fts.ColumnSize(-1)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	length := saturation * (1 - lengths + lengths*float64(size)/usual)
	total := 0.0
	for _, w := range weighed {
		total += w * (saturation + 1) / (w + length)
	}
	ctx.ResultFloat(-total)
}

// ranked is a row with its rank.
type ranked struct {
	row   int64
	score float64
	time  int64 // of the message, where others have the same score
}

// better puts the better before the worse, and of one rank the newer before the older.
func better(a, b ranked) int {
	return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(b.time, a.time), cmp.Compare(b.row, a.row))
}

// scored asks for a page of what fits a query with words, the best first. No more is read of a message than its words' places until it is
// known to be on the page.
func (x *Index) scored(ctx context.Context, r Request) (Found, error) {
	from, row, where, args := r.where()
	sql := `SELECT ` + row + `, score(terms) FROM ` + from + ` WHERE ` + strings.Join(where, ` AND `)
	var all []ranked
	err := x.within(ctx, sql, args, func(s *sqlite3.Stmt) bool {
		all = append(all, ranked{row: s.ColumnInt64(0), score: s.ColumnFloat(1)})
		return true
	})
	if err != nil {
		return Found{}, err
	}
	slices.SortFunc(all, better)
	first := min(r.From.Skip, len(all))
	last := min(first+r.Limit, len(all))
	if err := x.settle(ctx, all, first, last); err != nil {
		return Found{}, err
	}
	found := Found{from: r.From, More: last < len(all)}
	for _, one := range all[first:last] {
		hit, err := x.hit(ctx, one.row)
		if err != nil {
			return found, err
		}
		found.Hits = append(found.Hits, hit)
	}
	return found, nil
}

// settle puts those of one rank in the order of their times, as far as they are on a page.
func (x *Index) settle(ctx context.Context, all []ranked, first, last int) error {
	for at := 0; at < last; {
		end := at + 1
		for end < len(all) && all[end].score == all[at].score {
			end++
		}
		if same := all[at:end]; end > first && len(same) > 1 {
			for i := range same {
				err := x.within(ctx, `SELECT time FROM docs WHERE id = ?`, []any{same[i].row}, func(s *sqlite3.Stmt) bool {
					same[i].time = s.ColumnInt64(0)
					return false
				})
				if err != nil {
					return err
				}
			}
			slices.SortFunc(same, better)
		}
		at = end
	}
	return nil
}

// hit returns the message of a row.
func (x *Index) hit(ctx context.Context, row int64) (hit Hit, err error) {
	whole := false
	err = x.within(ctx, `SELECT d.message, n.name FROM docs d JOIN names n ON n.id = d.org WHERE d.id = ?`, []any{row}, func(s *sqlite3.Stmt) bool {
		message, org := s.ColumnRawBlob(0), s.ColumnRawBlob(1)
		if whole = len(message) == keys.IDSize && len(org) == keys.IDSize; whole {
			hit = Hit{Removed{Org: keys.OrgID(org), ID: keys.MessageID(message)}, row}
		}
		return false
	})
	if err == nil && !whole {
		err = ErrDamaged
	}
	return hit, err
}
