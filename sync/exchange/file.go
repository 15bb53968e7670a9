package exchange

import (
	"context"
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// FileName names a file as its author's device did.
type FileName struct {
	Author keys.PublicKey
	Nonce  [history.NonceSize]byte
}

// File is a file of which pieces are lacking.
type File struct {
	Name   FileName
	Chunks uint64   // how many it has
	Have   []byte   // those that are there: a bit each, from the lowest of the first byte on
	Hash   [32]byte // SHA-256 of the whole
	At     []byte   // where the history keeps that it lacks it: for the history alone
}

// Piece is one chunk of a file.
type Piece struct {
	Index uint64
	Data  []byte // 1 to history.ChunkSize bytes
}

const nameSize = keys.PublicKeySize + history.NonceSize

// maxHave is the longest list of pieces that are there, in bytes: of a file of the most chunks.
const maxHave = history.MaxChunks / 8

// filesAtOnce is how many files are looked up at a time.
const filesAtOnce = 64

// fetchFiles asks for the pieces of files that are lacking, those of the newest messages first, each file once. [SYNC-12]
func (b *beginner) fetchFiles(ctx context.Context) error {
	var last []byte
	for {
		files, err := b.history.Lacking(last, filesAtOnce)
		if err != nil || len(files) == 0 {
			return err
		}
		for _, file := range files {
			if err := b.fetch(ctx, file); err != nil {
				return err
			}
			last = file.At
		}
	}
}

func (b *beginner) fetch(ctx context.Context, file File) error {
	name := append(append([]byte(nil), file.Name.Author[:]...), file.Name.Nonce[:]...)
	if err := b.link.write(frame{Kind: kindFile, Data: name, Records: [][]byte{file.Have}}); err != nil {
		return err
	}
	for {
		f, err := b.link.read(kindPieces, kindEnd)
		if err != nil || f.Kind == kindEnd {
			return err
		}
		pieces := make([]Piece, len(f.Records))
		for i, record := range f.Records {
			piece := Piece{Index: uint64(binary.BigEndian.Uint32(record)), Data: record[4:]}
			if piece.Index >= file.Chunks {
				return fmt.Errorf("%w: piece %d of a file that has %d", ErrProtocol, piece.Index, file.Chunks)
			}
			pieces[i] = piece
		}
		if err := b.history.TakePieces(ctx, file, pieces); err != nil {
			return err
		}
		b.Pieces += uint64(len(pieces))
		b.tell()
	}
}

// file hands over what is here of a file and not there.
func (a *answerer) file(f frame) error {
	name := FileName{Author: keys.PublicKey(f.Data[:keys.PublicKeySize]), Nonce: [history.NonceSize]byte(f.Data[keys.PublicKeySize:])}
	out := batch{link: a.link, kind: kindPieces}
	err := a.history.Pieces(name, f.Records[0], func(piece Piece) error {
		a.Pieces++
		return out.add(append(binary.BigEndian.AppendUint32(nil, uint32(piece.Index)), piece.Data...))
	})
	if err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	return a.link.write(frame{Kind: kindEnd})
}

// checkFile refuses frames about files that hold anything else than their kind says. [SYNC-12]
func (f frame) checkFile() bool {
	if f.Kind == kindFile {
		return len(f.Data) == nameSize && len(f.Records) == 1 && len(f.Records[0]) <= maxHave && f.Count == 0
	}
	ok := len(f.Data) == 0 && len(f.Records) > 0 && len(f.Records) <= maxInBatch && f.Count == 0
	for _, record := range f.Records {
		ok = ok && len(record) > 4 && len(record) <= 4+history.ChunkSize
	}
	return ok
}
