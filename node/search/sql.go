package search

import (
	"errors"

	"github.com/ncruces/go-sqlite3"
)

// errNone means that there is no row.
var errNone = errors.New("no row")

// change does several statements in one transaction.
func (x *Index) change(do func() error) (err error) {
	tx, err := x.conn.BeginImmediate()
	if err != nil {
		return failure(err)
	}
	err = do()
	tx.End(&err)
	if err != nil {
		clear(x.interned) // what it added is gone
	}
	return failure(err)
}

// statement returns a statement that is kept, with its arguments: int64, string or []byte.
func (x *Index) statement(sql string, args []any) (*sqlite3.Stmt, error) {
	s, ok := x.statements[sql]
	if !ok {
		var err error
		if s, _, err = x.conn.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, err
		}
		x.statements[sql] = s
	}
	for i, arg := range args {
		if err := bind(s, i+1, arg); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, at int, arg any) error {
	switch arg := arg.(type) {
	case int64:
		return s.BindInt64(at, arg)
	case string:
		return s.BindText(at, arg)
	default:
		return s.BindBlob(at, arg.([]byte))
	}
}

// exec does a statement without rows.
func (x *Index) exec(sql string, args ...any) error {
	return x.rows(sql, func(*sqlite3.Stmt) bool { return true }, args...)
}

// rows visits the rows of a statement until visit returns false.
func (x *Index) rows(sql string, visit func(*sqlite3.Stmt) bool, args ...any) error {
	s, err := x.statement(sql, args)
	if err != nil {
		return err
	}
	for s.Step() {
		if !visit(s) {
			break
		}
	}
	err = s.Err()
	return errors.Join(err, s.Reset(), s.ClearBindings())
}

// text returns the one value of the one row, errNone if there is none.
func (x *Index) text(sql string, args ...any) (value string, err error) {
	found := false
	err = x.rows(sql, func(s *sqlite3.Stmt) bool {
		value, found = s.ColumnText(0), true
		return false
	}, args...)
	if err == nil && !found {
		err = errNone
	}
	return value, err
}

func (x *Index) number(sql string, args ...any) (value int64, err error) {
	found := false
	err = x.rows(sql, func(s *sqlite3.Stmt) bool {
		value, found = s.ColumnInt64(0), true
		return false
	}, args...)
	if err == nil && !found {
		err = errNone
	}
	return value, err
}
