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
	"unicode/utf8"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// BeginUpload notes a file that is to come in pieces, for a draft that is there. [API-70]
func (n *Node) BeginUpload(_ context.Context, request api.BeginUploadRequest) (api.Partial, error) {
	if err := validatePartial(request); err != nil {
		return api.Partial{}, err
	}
	_, draft, err := n.findDraft(request.Org, request.Draft)
	if err != nil {
		return api.Partial{}, err
	}
	whose := store.DraftID(draft.Draft.ID)
	upload := store.Upload{
		Name: request.Name, Size: uint64(request.Size), Time: n.now().UnixMilli(), Draft: &whose, Fingerprint: request.Fingerprint,
	}
	rand.Read(upload.Nonce[:])
	if upload.Size == 0 {
		upload.Whole, upload.Hash = true, sha256.Sum256(nil)
	}
	err = n.store.Update(func(tx *store.Tx) error {
		if err := roomForPartial(tx, upload); err != nil {
			return err
		}
		return tx.PutUpload(upload)
	})
	return partial(upload), err
}

func validatePartial(request api.BeginUploadRequest) error {
	if err := history.ValidateFileName(request.Name); err != nil {
		return api.Errorf(api.CodeUsage, "%v", err)
	}
	switch {
	case request.Size < 0:
		return api.Errorf(api.CodeUsage, "a file of %d bytes", request.Size)
	case request.Size > history.MaxFileSize:
		return api.Errorf(api.CodeRefused, "%q is larger than a file may be (%d bytes)", request.Name, uint64(history.MaxFileSize))
	case len(request.Fingerprint) > api.MaxFingerprint || !utf8.ValidString(request.Fingerprint):
		return api.Errorf(api.CodeUsage, "a fingerprint has at most %d bytes", api.MaxFingerprint)
	}
	return nil
}

// roomForPartial refuses what would be too much beside the uploads that are not complete.
func roomForPartial(tx *store.Tx, upload store.Upload) error {
	all, err := tx.Uploads()
	if err != nil {
		return err
	}
	count, size := 1, upload.Size
	for _, other := range all {
		if !other.Whole && other.Draft != nil {
			count, size = count+1, size+other.Size
		}
	}
	if count > api.MaxPartials || size > api.MaxPartialSize {
		return api.Errorf(api.CodeRefused, "too many files are being taken in").WithHint("finish or remove some of them first")
	}
	return nil
}

// PartialUpload tells how an upload that comes in pieces stands.
func (n *Node) PartialUpload(_ context.Context, id string) (api.Partial, error) {
	upload, err := n.partial(id)
	return partial(upload), err
}

// ContinueUpload takes in the next bytes of an upload, from offset on, reading r to its end. What came is kept in whole chunks
// whatever breaks off, so that one can go on from there. Of two that write at once one is refused.
func (n *Node) ContinueUpload(ctx context.Context, id string, offset int64, r io.Reader) (api.Partial, error) {
	upload, err := n.partial(id)
	if err != nil {
		return api.Partial{}, err
	}
	if offset < 0 || uint64(offset) != upload.Stands() {
		return partial(upload), movedOn(upload)
	}
	sum, err := n.sumOf(ctx, upload)
	if err != nil {
		return api.Partial{}, err
	}
	chunk := make([]byte, history.ChunkSize)
	for !upload.Whole && err == nil {
		upload, err = n.continueChunk(upload, sum, chunk, r)
		if err == nil {
			err = ctx.Err()
		}
	}
	if errors.Is(err, io.EOF) { // the rest comes in another request
		return partial(upload), nil
	} else if err != nil {
		return api.Partial{}, err
	}
	if extra, _ := r.Read(chunk[:1]); extra > 0 {
		return api.Partial{}, api.Errorf(api.CodeUsage, "%q has more than the %d bytes that were announced", upload.Name, upload.Size)
	}
	return partial(upload), nil
}

// continueChunk reads one chunk and stores it, if the upload still stands where it stood. The error is io.EOF if r ended before
// the chunk did.
func (n *Node) continueChunk(upload store.Upload, sum hash.Hash, chunk []byte, r io.Reader) (store.Upload, error) {
	data := chunk[:min(uint64(len(chunk)), upload.Size-upload.Offset)]
	if _, err := io.ReadFull(r, data); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return upload, io.EOF
	} else if err != nil {
		return upload, fmt.Errorf("reading %q: %w", upload.Name, err)
	}
	sum.Write(data)
	next := upload
	next.Offset += uint64(len(data))
	next.Time = n.now().UnixMilli()
	if next.Whole = next.Offset == next.Size; next.Whole {
		sum.Sum(next.Hash[:0])
	}
	err := n.store.Update(func(tx *store.Tx) error {
		switch now, err := tx.Upload(upload.Nonce); {
		case errors.Is(err, store.ErrNotFound):
			return noUpload(hex.EncodeToString(upload.Nonce[:]))
		case err != nil:
			return err
		case now.Offset != upload.Offset:
			return movedOn(now)
		}
		if err := tx.PutChunk(store.FileID{Nonce: upload.Nonce}, upload.Offset/history.ChunkSize, data); err != nil {
			return err
		}
		return tx.PutUpload(next)
	})
	if err != nil {
		return upload, err
	}
	return next, nil
}

// sumOf returns the hash of what is there of an upload, to go on with.
func (n *Node) sumOf(ctx context.Context, upload store.Upload) (hash.Hash, error) {
	sum := sha256.New()
	for index := range upload.Offset / history.ChunkSize {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := n.store.View(func(tx *store.Tx) error {
			data, err := tx.Chunk(store.FileID{Nonce: upload.Nonce}, index)
			sum.Write(data)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading what there is of %q: %w", upload.Name, err)
		}
	}
	return sum, nil
}

// DropUpload removes an upload, complete or not. One that went with a message stays there.
func (n *Node) DropUpload(_ context.Context, id string) (api.DropUploadResult, error) {
	nonce, err := parseNonce(id, "an upload")
	if err != nil {
		return api.DropUploadResult{}, err
	}
	var upload store.Upload
	err = n.store.View(func(tx *store.Tx) (err error) { upload, err = tx.Upload(nonce); return err })
	if errors.Is(err, store.ErrNotFound) {
		return api.DropUploadResult{ID: id, Already: true}, nil
	} else if err != nil {
		return api.DropUploadResult{}, err
	}
	return api.DropUploadResult{ID: id}, n.deleteUpload(upload)
}

// dropUploadsOf removes all uploads of a draft that was sent or dropped. What fails is removed when the node tidies up.
func (n *Node) dropUploadsOf(draft store.DraftID) {
	var all []store.Upload
	err := n.store.View(func(tx *store.Tx) (err error) { all, err = tx.Uploads(); return err })
	for _, upload := range all {
		if upload.Draft != nil && *upload.Draft == draft {
			err = errors.Join(err, n.deleteUpload(upload))
		}
	}
	if err != nil {
		n.log.Warn("the uploads of a draft were not removed", "error", err)
	}
}

// partial returns an upload that comes in pieces.
func (n *Node) partial(id string) (upload store.Upload, err error) {
	nonce, err := parseNonce(id, "an upload")
	if err != nil {
		return upload, err
	}
	err = n.store.View(func(tx *store.Tx) (err error) { upload, err = tx.Upload(nonce); return err })
	if errors.Is(err, store.ErrNotFound) || err == nil && upload.Draft == nil {
		return store.Upload{}, noUpload(id)
	}
	return upload, err
}

func noUpload(id string) error {
	return api.Errorf(api.CodeNotFound, "no upload %q", id).WithHint("it was removed, went with a message, or is too old: begin it again")
}

func movedOn(upload store.Upload) error {
	return api.Errorf(api.CodeRefused, "%q goes on at byte %d", upload.Name, upload.Stands()).WithHint("go on from there, one piece after the other")
}

// partial describes an upload.
func partial(upload store.Upload) api.Partial {
	p := api.Partial{
		ID: hex.EncodeToString(upload.Nonce[:]), Name: upload.Name, Size: int64(upload.Size), Offset: int64(upload.Stands()),
		Complete: upload.Whole, Fingerprint: upload.Fingerprint, Time: moment(upload.Time),
	}
	if upload.Draft != nil {
		p.Draft = hex.EncodeToString(upload.Draft[:])
	}
	return p
}
