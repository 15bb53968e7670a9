package localapitest

import (
	"context"
	"io"
	"strings"

	"muster.example/node/api"
)

// Keys implements localapi.Backend.
func (b *Backend) Keys(_ context.Context, q api.KeysQuery) ([]api.LockKey, error) {
	return []api.LockKey{{Org: q.Org, Name: "key", Kind: "x25519", Own: true}}, b.got(q)
}

// ChangeKey implements localapi.Backend.
func (b *Backend) ChangeKey(_ context.Context, r api.KeyRequest) (api.KeyResult, error) {
	return api.KeyResult{Key: api.LockKey{Name: r.Name}}, b.got(r)
}

// ExportKey implements localapi.Backend.
func (b *Backend) ExportKey(_ context.Context, r api.ExportKeyRequest) (api.ExportKeyResult, error) {
	return api.ExportKeyResult{Name: r.Name, Identity: "secret"}, b.got(r)
}

// PrepareLock implements localapi.Backend.
func (b *Backend) PrepareLock(_ context.Context, r api.LockRequest) (api.Lock, error) {
	return api.Lock{ID: "lock", Passphrase: r.Passphrase != ""}, b.got(r)
}

// DropLock implements localapi.Backend.
func (b *Backend) DropLock(_ context.Context, r api.UnlockRequest) (api.UnlockResult, error) {
	return api.UnlockResult{Dropped: true}, b.got(r)
}

// UploadLocked implements localapi.Backend.
func (b *Backend) UploadLocked(ctx context.Context, lock, name string, r io.Reader) (api.Upload, error) {
	return b.Upload(ctx, lock+" "+name, r)
}

// Open implements localapi.Backend.
func (b *Backend) Open(_ context.Context, r api.OpenRequest) (api.Opened, error) {
	return api.Opened{ID: r.ID, Text: "opened"}, b.got(r)
}

// Opened implements localapi.Backend.
func (b *Backend) Opened(_ context.Context, q api.OpenedQuery) (api.Opened, error) {
	return api.Opened{ID: q.ID, Text: "opened"}, b.got(q)
}

// CloseOpened implements localapi.Backend.
func (b *Backend) CloseOpened(_ context.Context, r api.CloseRequest) (api.CloseResult, error) {
	return api.CloseResult{Closed: 1}, b.got(r)
}

// OpenedAttachment implements localapi.Backend. Of every message the second file is damaged.
func (b *Backend) OpenedAttachment(_ context.Context, id string, index int) (api.OpenedFile, io.ReadCloser, error) {
	content := io.Reader(strings.NewReader("opened"))
	if index == 1 {
		content = io.MultiReader(content, broken{})
	}
	return api.OpenedFile{Name: "plan.txt"}, io.NopCloser(content), b.got("opened " + id)
}

// broken is what is left of a file that is damaged.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, api.Errorf(api.CodeFailed, "it is damaged") }
