package node

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/account"
	"muster.example/node/backup"
	"muster.example/node/store"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// backupItem is what the items of a backup that are no records are named by.
type backupItem struct{}

// backupSource is what goes into a backup: what the account's devices give each other, and what a restore needs to find back. It
// never gives what one device alone has: identities, prekeys, chains, the outbox, the data key. Nothing of an organization is locked
// while it is read, and no transaction is open while the drive takes its time. [BACKUP-62]
type backupSource struct {
	node *Node
	said account.Account
}

// items implements backup.Source: first the account and the rolls, then the records of each organization, the oldest first, then
// its files. In memory is at most a page of records, and some 80 bytes for each file.
func (s *backupSource) items(ctx context.Context) iter.Seq2[backup.Item, error] {
	return func(yield func(backup.Item, error) bool) {
		give := func(item backup.Item) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(item, nil) {
				return errEnough
			}
			return nil
		}
		err := s.visit(ctx, give)
		if err != nil && !errors.Is(err, errEnough) {
			yield(backup.Item{}, err)
		}
	}
}

// errEnough means that whoever asked wants no more.
var errEnough = errors.New("nothing more is asked for")

func (s *backupSource) visit(ctx context.Context, give func(backup.Item) error) error {
	if err := give(s.item(keys.OrgID{}, backup.KindAccount, s.said.Time, s.said.Encode())); err != nil {
		return err
	}
	for _, said := range s.said.Orgs {
		o, here := s.node.entered(said.Org)
		if !here { // left since
			continue
		}
		err := o.rollPages(ctx, said.Size, func(page account.Page) error {
			return give(s.item(o.org, backup.KindAccount, s.said.Time, page.Encode()))
		})
		if err != nil {
			return err
		}
		if err := s.history(ctx, o, give); err != nil {
			return err
		}
	}
	return nil
}

// item is an item whose body is here, named by its body.
func (s *backupSource) item(org keys.OrgID, kind backup.Kind, time int64, body []byte) backup.Item {
	id := keys.Hash[backupItem](keys.DomainBackupItem, []byte{byte(kind)}, body)
	return backup.Item{
		Entry: backup.Entry{Org: org, Kind: kind, ID: id, Time: max(time, 0), Size: len(body)},
		Load:  func(context.Context) ([]byte, error) { return body, nil },
	}
}

// history gives the records of an organization as other devices of the account get them, and its files.
func (s *backupSource) history(ctx context.Context, o *organization, give func(backup.Item) error) error {
	var files []backedUpFile
	var last *reconcile.Item
	for more := true; more; {
		var page []store.Given
		err := s.node.store.View(func(tx *store.Tx) (err error) {
			page, more, err = tx.GivenUpward(o.org, last, sharedAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, given := range page {
			found, err := filesOf(given)
			if err != nil {
				return err
			}
			files = append(files, found...)
			item := backup.Item{Entry: backup.Entry{
				Org: o.org, Kind: backup.KindRecord, ID: given.Item.ID, Time: int64(given.Item.Time), Size: len(given.Record),
			}}
			item.Load = func(context.Context) ([]byte, error) { return given.Record, nil }
			if err := give(item); err != nil {
				return err
			}
		}
		if len(page) > 0 {
			last = &page[len(page)-1].Item
		}
	}
	for _, file := range files {
		if err := s.pieces(o, file, give); err != nil {
			return err
		}
	}
	return nil
}

// backedUpFile is a file that a message names.
type backedUpFile struct {
	author keys.PublicKey // the device that sent it, also where that is this one
	nonce  [history.NonceSize]byte
	size   uint64
	time   int64
}

// filesOf returns the files that a record names: those of a message that is not erased.
func filesOf(given store.Given) (files []backedUpFile, err error) {
	named, err := history.NamesFiles(given.Record)
	if err != nil || !named {
		return nil, err
	}
	r, err := history.DecodeRecord(given.Record)
	if err != nil || r.Message == nil {
		return nil, err
	}
	for _, f := range r.Message.Text.Files {
		files = append(files, backedUpFile{author: r.Message.Author, nonce: f.Nonce, size: f.Size, time: r.Clock.Wall})
	}
	return files, nil
}

// pieces gives the chunks of a file, if all have come.
func (s *backupSource) pieces(o *organization, f backedUpFile, give func(backup.Item) error) error {
	id := store.FileID{Author: f.author, Nonce: f.nonce}
	if f.author == o.device {
		id.Author = keys.PublicKey{} // what was taken in here
	}
	chunks := history.File{Size: f.size}.Chunks()
	whole := false
	err := s.node.store.View(func(tx *store.Tx) error {
		erased, err := tx.IsErased(o.org, id)
		if err != nil || erased {
			return err
		}
		progress, err := tx.FileProgress(id)
		whole = progress.Count() >= chunks
		return err
	})
	if err != nil || !whole {
		return err
	}
	for index := range chunks {
		if err := give(s.piece(o, f, id, index)); err != nil {
			return err
		}
	}
	return nil
}

// piece is one chunk of a file. It is read when it is asked for; one that was erased meanwhile is gone.
func (s *backupSource) piece(o *organization, f backedUpFile, id store.FileID, index uint64) backup.Item {
	name := binary.BigEndian.AppendUint64(append(append([]byte(nil), f.author[:]...), f.nonce[:]...), index)
	entry := backup.Entry{
		Org: o.org, Kind: backup.KindPiece, ID: keys.Hash[backupItem](keys.DomainBackupItem, []byte{byte(backup.KindPiece)}, name),
		Time: max(f.time, 0), Size: int(min(f.size-index*history.ChunkSize, history.ChunkSize)) + pieceFrame,
	}
	return backup.Item{Entry: entry, Load: func(context.Context) ([]byte, error) {
		var data []byte
		err := s.node.store.View(func(tx *store.Tx) error {
			erased, err := tx.IsErased(o.org, id)
			if err == nil && !erased {
				data, err = tx.Chunk(id, index)
			}
			return err
		})
		if errors.Is(err, store.ErrNotFound) || err == nil && data == nil {
			return nil, backup.ErrGone
		}
		return account.Piece{Author: f.author, Nonce: f.nonce, Index: index, Data: data}.Encode(), err
	}}
}

// pieceFrame is about how many bytes a piece has beside its data.
const pieceFrame = 64

// backupState is what there is to back up, in short: while it stays the same, nothing changed. A file whose last piece came after
// its message changes nothing here, and is taken along with what comes next, or the next day.
func (n *Node) backupState() ([]byte, error) {
	type part struct {
		Org    keys.OrgID       `cbor:"1,keyasint"`
		Digest reconcile.Digest `cbor:"2,keyasint"`
		Roll   uint64           `cbor:"3,keyasint"`
	}
	var parts []part
	for _, o := range n.all() {
		o.mu.Lock()
		size := o.roll.Size()
		o.mu.Unlock()
		p := part{Org: o.org, Roll: size}
		err := n.store.View(func(tx *store.Tx) (err error) {
			p.Digest, err = tx.Digest(o.org)
			return err
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	sum := keys.Hash[backupItem](keys.DomainBackupItem, wire.Encode(parts))
	return sum[:], nil
}
