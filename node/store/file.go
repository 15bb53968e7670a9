package store

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

var (
	parts   = bucket[[]byte]{24, "a piece of a file"}
	files   = bucket[FileProgress]{25, "a file's progress"}
	uploads = bucket[Upload]{26, "an upload"}
)

// FileID names a file: the device that sent it, and its nonce. Files taken in for own messages have no author.
type FileID struct {
	Author keys.PublicKey
	Nonce  [history.NonceSize]byte
}

func (f FileID) key() []byte { return append(append([]byte(nil), f.Author[:]...), f.Nonce[:]...) }

// FileProgress is which chunks of a file have come: a bit each.
type FileProgress struct {
	Have []byte `cbor:"1,keyasint"`
}

// Count returns the number of chunks that are there.
func (p FileProgress) Count() uint64 {
	var n uint64
	for _, b := range p.Have {
		for ; b != 0; b &= b - 1 {
			n++
		}
	}
	return n
}

func (p FileProgress) has(index uint64) bool {
	return index/8 < uint64(len(p.Have)) && p.Have[index/8]&(1<<(index%8)) != 0
}

// partSize is how much of a chunk lies under one key: what the store keeps in its tables rather than in a log beside.
const partSize = 32 << 10

// PutChunk stores one chunk of a file, in the place of one that is there, and notes that it is there.
func (tx *Tx) PutChunk(file FileID, index uint64, data []byte) error {
	part := 0
	for ; part*partSize < len(data); part++ {
		piece := data[part*partSize : min((part+1)*partSize, len(data))]
		if err := parts.put(tx, piece, file.key(), number(index), []byte{byte(part)}); err != nil {
			return err
		}
	}
	p, err := tx.FileProgress(file)
	if err != nil {
		return err
	}
	for ; p.has(index) && part*partSize < history.ChunkSize; part++ { // of a longer one
		if err := parts.delete(tx, file.key(), number(index), []byte{byte(part)}); err != nil {
			return err
		}
	}
	for uint64(len(p.Have)) <= index/8 {
		p.Have = append(p.Have, 0)
	}
	p.Have[index/8] |= 1 << (index % 8)
	return files.put(tx, p, file.key())
}

// FileProgress returns which chunks are there; none for a file not heard of.
func (tx *Tx) FileProgress(file FileID) (FileProgress, error) {
	p, err := files.get(tx, file.key())
	if errors.Is(err, ErrNotFound) {
		return FileProgress{}, nil
	}
	return p, err
}

// Chunk returns one chunk of a file.
func (tx *Tx) Chunk(file FileID, index uint64) ([]byte, error) {
	var data []byte
	err := parts.each(tx, nil, func(_ []byte, piece []byte) (bool, error) {
		data = append(data, piece...)
		return true, nil
	}, file.key(), number(index))
	if err == nil && data == nil {
		err = ErrNotFound
	}
	return data, err
}

// DeleteFile removes up to limit pieces of a file and, when none is left, its progress. It reports whether it is gone:
// large files go in several transactions.
func (tx *Tx) DeleteFile(file FileID, limit int) (gone bool, err error) {
	var found [][]byte
	err = parts.each(tx, nil, func(rest []byte, _ []byte) (bool, error) {
		found = append(found, append([]byte(nil), rest...))
		return len(found) <= limit, nil
	}, file.key())
	if err != nil {
		return false, err
	}
	for _, rest := range found[:min(limit, len(found))] {
		if err := parts.delete(tx, file.key(), rest); err != nil {
			return false, err
		}
	}
	if len(found) > limit {
		return false, nil
	}
	return true, files.delete(tx, file.key())
}

// Upload is a file taken in for a message to come, in one go or, for a draft, in pieces.
type Upload struct {
	Nonce [history.NonceSize]byte `cbor:"1,keyasint"`
	Name  string                  `cbor:"2,keyasint"`
	Size  uint64                  `cbor:"3,keyasint"` // bytes, announced or, in one go, so far
	Hash  [32]byte                `cbor:"4,keyasint"` // once it is whole
	Time  int64                   `cbor:"5,keyasint"` // when it was begun or, in pieces, the last bytes came; unix milliseconds
	Whole bool                    `cbor:"6,keyasint"` // all of it is there

	Offset      uint64   `cbor:"7,keyasint,omitempty"` // bytes of whole chunks that came in pieces
	Draft       *DraftID `cbor:"8,keyasint,omitempty"` // whose file it is; nil if it came in one go
	Fingerprint string   `cbor:"9,keyasint,omitempty"` // what the client tells the file by
}

// Stands returns how many bytes are there.
func (u Upload) Stands() uint64 {
	if u.Whole {
		return u.Size
	}
	return u.Offset
}

// Upload returns the upload with a nonce.
func (tx *Tx) Upload(nonce [history.NonceSize]byte) (Upload, error) { return uploads.get(tx, nonce[:]) }

// PutUpload stores an upload.
func (tx *Tx) PutUpload(u Upload) error { return uploads.put(tx, u, u.Nonce[:]) }

// DeleteUpload forgets an upload; its file stays: a message names it now.
func (tx *Tx) DeleteUpload(nonce [history.NonceSize]byte) error { return uploads.delete(tx, nonce[:]) }

// Uploads returns all uploads.
func (tx *Tx) Uploads() ([]Upload, error) {
	var all []Upload
	err := uploads.each(tx, nil, func(_ []byte, u Upload) (bool, error) {
		all = append(all, u)
		return true, nil
	})
	return all, err
}
