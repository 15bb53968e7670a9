package store

import (
	"errors"
	"math"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// lackingFile is a file whose message came from another device of the account, without its pieces.
type lackingFile struct {
	Author keys.PublicKey          `cbor:"1,keyasint"`
	Nonce  [history.NonceSize]byte `cbor:"2,keyasint"`
	Chunks uint64                  `cbor:"3,keyasint"`
	Hash   [32]byte                `cbor:"4,keyasint"`
}

// lacking are those files, the newest messages' first. [STO-37]
var lacking = bucket[lackingFile]{63, "a file of which pieces are lacking"}

// Lacking is a file of which pieces are lacking.
type Lacking struct {
	File   FileID
	Chunks uint64
	Hash   [32]byte
	Have   []byte // pieces that are there, a bit each
	At     []byte // its place among them
}

// noteLacking notes the files of a message that another device of the account gave.
func (tx *Tx) noteLacking(org keys.OrgID, r history.Record) error {
	for _, file := range r.Message.Text.Files {
		if file.Chunks() == 0 {
			continue
		}
		l := lackingFile{Author: r.Message.Author, Nonce: file.Nonce, Chunks: file.Chunks(), Hash: file.Hash}
		at := number(math.MaxUint64 - uint64(r.Clock.Wall))
		if err := lacking.put(tx, l, org[:], at, l.Author[:], l.Nonce[:]); err != nil {
			return err
		}
	}
	return nil
}

// LackingFiles returns up to limit files of which pieces are lacking, those of the newest messages first, behind a place; nil: from
// the first. Those that have become whole, or whose message is erased, are forgotten.
func (tx *Tx) LackingFiles(org keys.OrgID, after []byte, limit int) (all []Lacking, err error) {
	var over [][]byte
	err = lacking.each(tx, after, func(rest []byte, l lackingFile) (bool, error) {
		file := FileID{Author: l.Author, Nonce: l.Nonce}
		progress, err := tx.FileProgress(file)
		if err != nil {
			return false, err
		}
		erased, err := tx.IsErased(org, file)
		if err != nil {
			return false, err
		}
		at := append([]byte(nil), rest...)
		if erased || progress.Count() >= l.Chunks {
			over = append(over, at)
			return true, nil
		}
		all = append(all, Lacking{File: file, Chunks: l.Chunks, Hash: l.Hash, Have: progress.Have, At: at})
		return len(all) < limit, nil
	}, org[:])
	for _, at := range over {
		err = errors.Join(err, lacking.delete(tx, org[:], at))
	}
	return all, err
}
