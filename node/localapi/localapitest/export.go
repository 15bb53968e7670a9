package localapitest

import (
	"context"
	"io"

	"muster.example/node/api"
)

// Export implements localapi.Backend.
func (b *Backend) Export(_ context.Context, r api.ExportRequest, begin func(api.ExportStart) io.Writer) error {
	if err := b.got(r); err != nil {
		return err
	}
	_, err := io.WriteString(begin(api.ExportStart{Type: "application/zip", Name: "muster-export", Messages: 1}), "a zip file")
	return err
}
