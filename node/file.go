package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// uploadLife is how long a file is kept that no message has taken.
	uploadLife = 24 * time.Hour
	// draftedLife is how long it is kept at most while a draft names it, since the draft was saved.
	draftedLife = 30 * 24 * time.Hour
	// piecesAtOnce is how many pieces of a file one transaction deletes.
	piecesAtOnce = 128
)

// Upload takes in a file for a message to come. Its pieces are encrypted and on disk as they are read.
func (n *Node) Upload(ctx context.Context, name string, r io.Reader) (api.Upload, error) {
	if err := history.ValidateFileName(name); err != nil {
		return api.Upload{}, api.Errorf(api.CodeUsage, "%v", err)
	}
	upload := store.Upload{Name: name, Time: n.now().UnixMilli()}
	rand.Read(upload.Nonce[:])
	if err := n.store.Update(func(tx *store.Tx) error { return tx.PutUpload(upload) }); err != nil {
		return api.Upload{}, err
	}
	if err := n.takeIn(ctx, &upload, r); err != nil {
		return api.Upload{}, errors.Join(err, n.deleteUpload(upload))
	}
	return api.Upload{ID: hex.EncodeToString(upload.Nonce[:]), Name: name, Size: int64(upload.Size)}, nil
}

func (n *Node) takeIn(ctx context.Context, upload *store.Upload, r io.Reader) error {
	sum := sha256.New()
	chunk := make([]byte, history.ChunkSize)
	for index := uint64(0); ; index++ {
		size, err := io.ReadFull(r, chunk)
		if size > 0 {
			sum.Write(chunk[:size])
			if upload.Size += uint64(size); upload.Size > history.MaxFileSize {
				return api.Errorf(api.CodeRefused, "%q is larger than a file may be (%d bytes)", upload.Name, uint64(history.MaxFileSize))
			}
			put := func(tx *store.Tx) error { return tx.PutChunk(store.FileID{Nonce: upload.Nonce}, index, chunk[:size]) }
			if err := n.store.Update(put); err != nil {
				return fmt.Errorf("storing %q: %w", upload.Name, err)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %q: %w", upload.Name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	upload.Whole = true
	sum.Sum(upload.Hash[:0])
	return n.store.Update(func(tx *store.Tx) error { return tx.PutUpload(*upload) })
}

// uploads returns the uploads that a message names, in its order.
func (n *Node) uploads(ids []string) ([]store.Upload, error) {
	var all []store.Upload
	err := n.store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			nonce, err := parseNonce(id, "an upload")
			if err != nil {
				return err
			}
			upload, err := tx.Upload(nonce)
			if errors.Is(err, store.ErrNotFound) || err == nil && !upload.Whole {
				return api.Errorf(api.CodeNotFound, "no upload %q", id).WithHint("uploads are kept for a day, or with a draft for 30, and serve one message")
			} else if err != nil {
				return err
			}
			all = append(all, upload)
		}
		return nil
	})
	return all, err
}

// parseNonce reads the id of an upload or a draft.
func parseNonce(id, what string) (nonce [history.NonceSize]byte, err error) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != history.NonceSize {
		return nonce, api.Errorf(api.CodeUsage, "%q is not the id of %s", id, what)
	}
	return [history.NonceSize]byte(raw), nil
}

// tidy removes files that no message took and gives back the room of what was delivered, hourly until ctx ends. What
// fails, on a full disk say, is tried again: no reason to end everything.
func (n *Node) tidy(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := n.tidyUploads(n.now()); err != nil {
			n.log.Warn("old uploads were not removed", "error", err)
		}
		if err := n.store.Collect(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("the store's room was not given back", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (n *Node) tidyUploads(now time.Time) error {
	drafted := make(map[[history.NonceSize]byte]int64) // when a draft that names it was saved
	written := make(map[store.DraftID]int64)           // when that draft was saved
	var all []store.Upload
	organizations := n.all()
	err := n.store.View(func(tx *store.Tx) (err error) {
		for _, o := range organizations {
			err := tx.Drafts(o.org, func(r history.Record) (bool, error) {
				written[r.Draft.ID] = r.Draft.Content.Time
				for _, file := range r.Draft.Content.Files {
					drafted[file.Nonce] = max(drafted[file.Nonce], r.Draft.Content.Time)
				}
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		all, err = tx.Uploads()
		return err
	})
	if err != nil {
		return err
	}
	for _, upload := range all {
		saved, age := drafted[upload.Nonce], uploadLife
		if upload.Draft != nil {
			if saved = max(saved, written[*upload.Draft]); saved == 0 {
				age = 0 // its draft was sent or dropped
			}
		}
		if now.Sub(time.UnixMilli(upload.Time)) > age && now.Sub(time.UnixMilli(saved)) > draftedLife {
			err = errors.Join(err, n.deleteUpload(upload))
		}
	}
	return err
}

func (n *Node) deleteUpload(upload store.Upload) error {
	for gone := false; !gone; {
		err := n.store.Update(func(tx *store.Tx) (err error) {
			if gone, err = tx.DeleteFile(store.FileID{Nonce: upload.Nonce}, piecesAtOnce); err != nil || !gone {
				return err
			}
			return tx.DeleteUpload(upload.Nonce)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fileReader reads a file from the store and, at its end, checks its hash.
type fileReader struct {
	ctx     context.Context // of the request that reads
	store   *store.Store
	id      store.FileID
	file    history.File
	next    uint64
	pending []byte
	sum     hash.Hash
}

func newFileReader(ctx context.Context, s *store.Store, id store.FileID, file history.File) *fileReader {
	return &fileReader{ctx: ctx, store: s, id: id, file: file, sum: sha256.New()}
}

// Read implements io.Reader. What the sender's hash does not fit ends in an error instead of io.EOF.
func (r *fileReader) Read(p []byte) (int, error) {
	if len(r.pending) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

func (r *fileReader) fill() error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if r.next == r.file.Chunks() {
		if [32]byte(r.sum.Sum(nil)) != r.file.Hash {
			return api.Errorf(api.CodeFailed, "%q is not the file that its sender named: its hash differs", r.file.Name)
		}
		return io.EOF
	}
	want := uint64(history.ChunkSize)
	if r.next == r.file.Chunks()-1 {
		want = r.file.Size - r.next*history.ChunkSize
	}
	err := r.store.View(func(tx *store.Tx) (err error) {
		r.pending, err = tx.Chunk(r.id, r.next)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading %q: %w", r.file.Name, err)
	}
	if uint64(len(r.pending)) != want {
		return api.Errorf(api.CodeFailed, "%q is not the file that its sender named: piece %d has the wrong size", r.file.Name, r.next)
	}
	r.next++
	r.sum.Write(r.pending)
	return nil
}

// Close implements io.Closer.
func (r *fileReader) Close() error { return nil }
