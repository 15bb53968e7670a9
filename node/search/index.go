package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"

	"muster.example/internal/keys"
)

// Index is the file. Safe for concurrent use: one caller at a time works, the others wait.
type Index struct {
	path string
	key  [32]byte
	turn chan struct{} // capacity 1: held by who works with the following

	conn       *sqlite3.Conn // nil: the file cannot be used until Reset
	bad        bool          // what was read of it was damaged
	stamp      Stamp
	statements map[string]*sqlite3.Stmt
	interned   map[string]int64 // ids of names
}

// Stamp names a file and the last batch that it holds: who keeps it elsewhere sees whether the file was exchanged or put back.
type Stamp struct {
	ID    [16]byte
	Batch uint64
}

// Message is what is indexed of a message.
type Message struct {
	Org          keys.OrgID
	ID           keys.MessageID
	Conversation keys.ConversationID
	Author       keys.MemberID
	Time         int64 // unix milliseconds, as Request.Before and After mean it

	Subject   string
	Text      string
	Files     []string // names
	Forwarded []string // subjects and texts of what it shows of others
}

// Batch is a change of the index: all of it or nothing.
type Batch struct {
	Put    []Message
	Remove []Removed
	Places map[keys.OrgID][]byte // up to where a history was indexed, as Place gives it back; nil: from the start
}

// Removed names a message that is to leave the index.
type Removed struct {
	Org keys.OrgID
	ID  keys.MessageID
}

// Open opens the index in the file path, or makes it. The file is made anew if it cannot be used under the key.
func Open(path string, key [32]byte) (*Index, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the search index: %w", err)
	}
	x := &Index{
		path: path, key: key, turn: make(chan struct{}, 1),
		statements: make(map[string]*sqlite3.Stmt), interned: make(map[string]int64),
	}
	if _, err := x.open(); err == nil {
		return x, nil
	}
	if err := x.create(); err != nil {
		x.disconnect()
		return nil, err
	}
	return x, nil
}

// Close closes the file.
func (x *Index) Close() error {
	x.turn <- struct{}{}
	defer x.leave()
	x.disconnect()
	return nil
}

// Reset makes the file anew, with nothing in it.
func (x *Index) Reset() error {
	x.turn <- struct{}{}
	defer x.leave()
	return x.create()
}

// enter waits for the turn.
func (x *Index) enter(ctx context.Context) error {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if x.conn == nil || x.bad {
		x.leave()
		return ErrDamaged
	}
	return nil
}

// Check returns ErrDamaged once the file was found to be damaged: it is not used any more until Reset.
func (x *Index) Check(ctx context.Context) error {
	err := x.enter(ctx)
	if err == nil {
		x.leave()
	}
	return err
}

// note remembers damage.
func (x *Index) note(err error) error {
	if errors.Is(err, ErrDamaged) {
		x.bad = true
	}
	return err
}

func (x *Index) leave() { <-x.turn }

// Stamp returns the file's stamp.
func (x *Index) Stamp() Stamp {
	x.turn <- struct{}{}
	defer x.leave()
	return x.stamp
}

func (x *Index) readStamp() error {
	id, err := x.text(`SELECT value FROM meta WHERE name = 'id'`)
	if err != nil || len(id) != len(x.stamp.ID) {
		return errors.Join(ErrDamaged, err)
	}
	copy(x.stamp.ID[:], id)
	batch, err := x.number(`SELECT value FROM meta WHERE name = 'batch'`)
	x.stamp.Batch = uint64(batch)
	return err
}

// Place returns up to where the history of an organization was indexed: nil if none of it was.
func (x *Index) Place(ctx context.Context, org keys.OrgID) ([]byte, error) {
	if err := x.enter(ctx); err != nil {
		return nil, err
	}
	defer x.leave()
	place, err := x.text(`SELECT place FROM places WHERE org = ?`, org[:])
	if errors.Is(err, errNone) {
		return nil, nil
	}
	return []byte(place), x.note(failure(err))
}

// Apply changes the index, durably when it returns. What is put takes the place of what there was of the message. Of what is
// removed or replaced no byte is left in the file. At most MaxBatch messages.
func (x *Index) Apply(ctx context.Context, b Batch) error {
	if len(b.Put)+len(b.Remove) > MaxBatch {
		return fmt.Errorf("%d messages in one batch of at most %d", len(b.Put)+len(b.Remove), MaxBatch)
	}
	if err := x.enter(ctx); err != nil {
		return err
	}
	defer x.leave()
	err := x.change(func() error {
		for _, r := range b.Remove {
			if err := x.removeMessage(r); err != nil {
				return err
			}
		}
		for i := range b.Put {
			if err := x.put(&b.Put[i]); err != nil {
				return err
			}
		}
		for org, place := range b.Places {
			if err := x.setPlace(org, place); err != nil {
				return err
			}
		}
		return x.exec(`UPDATE meta SET value = ? WHERE name = 'batch'`, int64(x.stamp.Batch+1))
	})
	if err == nil {
		x.stamp.Batch++
	}
	return x.note(err)
}

func (x *Index) setPlace(org keys.OrgID, place []byte) error {
	if place == nil {
		return x.exec(`DELETE FROM places WHERE org = ?`, org[:])
	}
	return x.exec(`INSERT INTO places VALUES(?, ?) ON CONFLICT DO UPDATE SET place = excluded.place`, org[:], place)
}

// short is the part of a message's id by which it is looked up.
func short(id keys.MessageID) int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// find returns the row of a message with its words as they are packed, and its marks: 0 if there is none.
func (x *Index) find(r Removed) (id int64, packed []byte, marks string, err error) {
	org, err := x.intern(r.Org[:])
	if err != nil {
		return 0, nil, "", err
	}
	err = x.rows(`SELECT d.id, p.words, d.org, d.conversation, d.author, d.files FROM docs d JOIN packed p ON p.id = d.id WHERE d.short = ? AND d.message = ? AND d.org = ?`, func(s *sqlite3.Stmt) bool {
		id, packed = s.ColumnInt64(0), s.ColumnBlob(1, nil)
		marks = marksOf([3]int64{s.ColumnInt64(2), s.ColumnInt64(3), s.ColumnInt64(4)}, s.ColumnInt64(5))
		return false
	}, short(r.ID), r.ID[:], org)
	return id, packed, marks, err
}

func (x *Index) removeMessage(r Removed) error {
	id, words, marks, err := x.find(r)
	if err != nil || id == 0 {
		return err
	}
	return errors.Join(x.removeWords(id, words, marks), x.exec(`DELETE FROM docs WHERE id = ?`, id), x.exec(`DELETE FROM packed WHERE id = ?`, id))
}

func (x *Index) removeWords(id int64, packed []byte, marks string) error {
	words, err := unpack(packed)
	if err != nil {
		return err
	}
	return x.exec(`INSERT INTO terms(terms, rowid, subject, body, files, forwarded, marks) VALUES('delete', ?, ?, ?, ?, ?, ?)`,
		id, words[0], words[1], words[2], words[3], marks)
}

// put indexes a message: one that is there keeps its row, by which messages are in the order in which they came.
func (x *Index) put(m *Message) error {
	words := m.words()
	packed := pack(words)
	id, have, marks, err := x.find(Removed{m.Org, m.ID})
	switch {
	case err != nil:
		return err
	case id != 0 && bytes.Equal(have, packed):
		return nil
	case id != 0:
		if err := x.removeWords(id, have, marks); err != nil {
			return err
		}
		if err := x.exec(`UPDATE packed SET words = ? WHERE id = ?`, packed, id); err != nil {
			return err
		}
	default:
		if id, marks, err = x.insert(m, packed); err != nil {
			return err
		}
	}
	return x.exec(`INSERT INTO terms(rowid, subject, body, files, forwarded, marks) VALUES(?, ?, ?, ?, ?, ?)`,
		id, words[0], words[1], words[2], words[3], marks)
}

func (x *Index) insert(m *Message, packed []byte) (id int64, marks string, err error) {
	var names [3]int64
	for i, name := range [][]byte{m.Org[:], m.Conversation[:], m.Author[:]} {
		if names[i], err = x.intern(name); err != nil {
			return 0, "", err
		}
	}
	files := int64(0)
	if len(m.Files) > 0 {
		files = 1
	}
	err = x.exec(`INSERT INTO docs(short, message, org, conversation, author, time, files) VALUES(?, ?, ?, ?, ?, ?, ?)`,
		short(m.ID), m.ID[:], names[0], names[1], names[2], m.Time, files)
	if err != nil {
		return 0, "", err
	}
	id = x.conn.LastInsertRowID()
	return id, marksOf(names, files), errors.Join(
		x.exec(`INSERT INTO packed(id, words) VALUES(?, ?)`, id, packed), x.exec(`INSERT OR IGNORE INTO orgs(id) VALUES(?)`, names[0]))
}

// maxInterned is how many names are remembered.
const maxInterned = 4096

// intern returns the number of an identifier of 32 bytes, which the rows have in its place.
func (x *Index) intern(name []byte) (int64, error) {
	if id, ok := x.interned[string(name)]; ok {
		return id, nil
	}
	id, err := x.number(`SELECT id FROM names WHERE name = ?`, name)
	if errors.Is(err, errNone) {
		err = x.exec(`INSERT INTO names(name) VALUES(?)`, name)
		id = x.conn.LastInsertRowID()
	}
	if err != nil {
		return 0, err
	}
	if len(x.interned) == maxInterned {
		clear(x.interned)
	}
	x.interned[string(name)] = id
	return id, nil
}
