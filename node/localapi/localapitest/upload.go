package localapitest

import (
	"context"
	"fmt"
	"io"
	"slices"

	"muster.example/node/api"
)

// partial is an upload that comes in pieces. Unlike a node it keeps every byte, not whole chunks.
type partial struct {
	api.Partial
	data []byte
}

// BeginUpload implements localapi.Backend.
func (b *Backend) BeginUpload(_ context.Context, r api.BeginUploadRequest) (api.Partial, error) {
	if err := b.got(r); err != nil {
		return api.Partial{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &partial{Partial: api.Partial{
		ID: fmt.Sprintf("partial-%d", len(b.partials)), Draft: r.Draft, Name: r.Name, Size: r.Size, Fingerprint: r.Fingerprint, Complete: r.Size == 0,
	}}
	b.partials = append(b.partials, p)
	return p.Partial, nil
}

// PartialUpload implements localapi.Backend.
func (b *Backend) PartialUpload(_ context.Context, id string) (api.Partial, error) {
	if err := b.got("partial " + id); err != nil {
		return api.Partial{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.partialLocked(id)
	if err != nil {
		return api.Partial{}, err
	}
	return p.Partial, nil
}

// ContinueUpload implements localapi.Backend.
func (b *Backend) ContinueUpload(_ context.Context, id string, offset int64, r io.Reader) (api.Partial, error) {
	if err := b.got(fmt.Sprint("continue ", id, " at ", offset)); err != nil {
		return api.Partial{}, err
	}
	data, broken := io.ReadAll(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.partialLocked(id)
	if err != nil {
		return api.Partial{}, err
	}
	if offset != p.Offset {
		return api.Partial{}, api.Errorf(api.CodeRefused, "it goes on at byte %d", p.Offset)
	}
	p.data = append(p.data, data...)
	p.Offset = int64(len(p.data))
	p.Complete = p.Offset == p.Size
	if p.Complete {
		if b.uploads == nil {
			b.uploads = make(map[string][]byte)
		}
		b.uploads[id] = p.data
	}
	if broken != nil {
		return api.Partial{}, fmt.Errorf("reading %s: %w", id, broken)
	}
	return p.Partial, nil
}

// DropUpload implements localapi.Backend.
func (b *Backend) DropUpload(_ context.Context, id string) (api.DropUploadResult, error) {
	if err := b.got("drop " + id); err != nil {
		return api.DropUploadResult{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.partials)
	b.partials = slices.DeleteFunc(b.partials, func(p *partial) bool { return p.ID == id })
	return api.DropUploadResult{ID: id, Already: len(b.partials) == before}, nil
}

func (b *Backend) partialLocked(id string) (*partial, error) {
	for _, p := range b.partials {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, api.Errorf(api.CodeNotFound, "no upload %s", id)
}
