package search

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // registers the encrypting file system
	"golang.org/x/text/unicode/norm"
)

// layout is the version of the file, with that of the tables by which texts are cut: a file of another one is made anew.
const layout = "3 unicode " + unicode.Version + " " + norm.Version

// pragmas are set on every opening. Pages that are freed are overwritten; the journal is emptied with each commit; nothing goes
// into temporary files. Nobody else opens the file, as the node's folder is locked.
const pragmas = `
	PRAGMA locking_mode = exclusive;
	PRAGMA journal_mode = truncate;
	PRAGMA synchronous = full;
	PRAGMA temp_store = memory;
	PRAGMA secure_delete = on;
	PRAGMA trusted_schema = off;
	PRAGMA cache_size = -%d;`

// schema is the layout. The words of a message are kept beside FTS5's index, packed: to take a message out of that index with
// all bytes of it, FTS5 must be told the words again, and the history does not have them any more when it was erased. They lie in
// a table of their own, so that what narrows a query is read without them. What narrows a query of words is a word of the index too, a
// mark: to look for each message that has the words in docs cost more than to find them.
const schema = `
	CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
	CREATE TABLE names(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
	CREATE TABLE docs(
		id INTEGER PRIMARY KEY AUTOINCREMENT, short INTEGER NOT NULL, message BLOB NOT NULL, org INTEGER NOT NULL,
		conversation INTEGER NOT NULL, author INTEGER NOT NULL, time INTEGER NOT NULL, files INTEGER NOT NULL);
	CREATE INDEX docs_short ON docs(short);
	CREATE INDEX docs_author ON docs(author, time);
	CREATE INDEX docs_conversation ON docs(conversation, time);
	CREATE INDEX docs_time ON docs(time);
	CREATE INDEX docs_files ON docs(time) WHERE files = 1;
	CREATE TABLE orgs(id INTEGER PRIMARY KEY);
	CREATE TABLE packed(id INTEGER PRIMARY KEY, words BLOB NOT NULL);
	CREATE TABLE places(org BLOB PRIMARY KEY, place BLOB NOT NULL) WITHOUT ROWID;
	CREATE VIRTUAL TABLE terms USING fts5(subject, body, files, forwarded, marks, content='', tokenize='ascii', prefix='1 2 3');
	INSERT INTO terms(terms, rank) VALUES('secure-delete', 1);`

// open opens the file or makes it. fresh means that it was made.
func (x *Index) open() (fresh bool, err error) {
	if _, err := os.Stat(x.path); errors.Is(err, fs.ErrNotExist) {
		return true, x.create()
	}
	if err := x.connect(); err != nil {
		return false, err
	}
	version, err := x.text(`SELECT value FROM meta WHERE name = 'layout'`)
	if err == nil && version != layout {
		err = ErrDamaged
	}
	if err == nil {
		err = x.readStamp()
	}
	return false, err
}

// create makes an empty file in the place of whatever there was.
func (x *Index) create() error {
	if err := x.remove(); err != nil {
		return err
	}
	file, err := os.OpenFile(x.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return fmt.Errorf("making the search index: %w", err)
	}
	if err := x.connect(); err != nil {
		return err
	}
	x.bad = false
	x.stamp = Stamp{}
	if _, err := rand.Read(x.stamp.ID[:]); err != nil {
		return err
	}
	return x.change(func() error {
		if err := x.conn.Exec(schema); err != nil {
			return err
		}
		if err := x.exec(`INSERT INTO meta VALUES('layout', ?)`, layout); err != nil {
			return err
		}
		if err := x.exec(`INSERT INTO meta VALUES('id', ?)`, x.stamp.ID[:]); err != nil {
			return err
		}
		return x.exec(`INSERT INTO meta VALUES('batch', ?)`, int64(0))
	})
}

// remove closes the file and removes it with its journal.
func (x *Index) remove() error {
	x.disconnect()
	for _, path := range []string{x.path, x.path + "-journal"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the search index: %w", err)
		}
	}
	return nil
}

func (x *Index) disconnect() {
	for _, s := range x.statements {
		s.Close()
	}
	clear(x.statements)
	clear(x.interned)
	x.conn.Close() // whatever it says, the file is not used any more
	x.conn = nil
}

// connect opens a connection to the file.
func (x *Index) connect() error {
	conn, err := sqlite3.OpenFlags(uri(x.path), sqlite3.OPEN_READWRITE|sqlite3.OPEN_URI)
	if err != nil {
		return failure(err)
	}
	x.conn = conn
	if err := conn.Exec("PRAGMA hexkey='" + hex.EncodeToString(x.key[:]) + "'"); err != nil {
		return errors.New("opening the search index: the key was not taken") // SQLite's error may quote the statement
	}
	if err := fts5.RegisterCustom(conn, func(api *fts5.API) error { return api.CreateFunction("score", score) }); err != nil {
		return failure(err)
	}
	if err := conn.Exec(fmt.Sprintf(pragmas, cacheKiB)); err != nil {
		return failure(err)
	}
	// Each page has a checksum within what is sealed as one block: a page that was changed on the disk opens to noise, and is
	// refused. A page of an older moment is not.
	if info, err := os.Stat(x.path); err == nil && info.Size() == 0 {
		if err := conn.EnableChecksums("main"); err != nil {
			return failure(err)
		}
	}
	return nil
}

// uri names the file for SQLite, with the encrypting file system.
func uri(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/… on Windows
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "vfs=adiantum"}).String()
}

// failure makes of an error of SQLite one that says nothing of what is in the file: its own texts quote statements.
func failure(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrFull) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, sqlite3.INTERRUPT):
		return context.DeadlineExceeded
	case errors.Is(err, sqlite3.FULL):
		return ErrFull
	}
	var code sqlite3.ErrorCode
	if errors.As(err, &code) {
		return fmt.Errorf("%w: SQLite's error %d", ErrDamaged, code)
	}
	return ErrDamaged
}
