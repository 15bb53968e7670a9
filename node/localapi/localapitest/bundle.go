package localapitest

import (
	"context"
	"io"

	"muster.example/node/api"
)

// ExportBundle implements localapi.Backend: one part.
func (b *Backend) ExportBundle(_ context.Context, r api.BundleRequest, open func(part uint64) (io.Writer, error)) (api.BundleWritten, error) {
	if err := b.got(r); err != nil {
		return api.BundleWritten{}, err
	}
	part, err := open(1)
	if err == nil {
		_, err = part.Write([]byte("sealed"))
	}
	return api.BundleWritten{Bundle: "00", Org: "org", Parts: 1}, err
}

// BundleKept implements localapi.Backend.
func (b *Backend) BundleKept(_ context.Context, r api.BundleKeptRequest) (api.BundleKept, error) {
	return api.BundleKept{Messages: 1}, b.got(r)
}

// ImportBundle implements localapi.Backend. Every byte is an envelope.
func (b *Backend) ImportBundle(_ context.Context, r api.BundleImportRequest, from io.Reader) (api.BundleImport, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return api.BundleImport{}, err
	}
	return api.BundleImport{Org: "org", Opened: len(data), Whole: true}, b.got(r)
}

// Carrying implements localapi.Backend.
func (b *Backend) Carrying(context.Context) ([]api.Carrying, error) {
	return []api.Carrying{{Org: "org", OrgName: "Acme", Envelopes: 1}}, b.got(nil)
}
