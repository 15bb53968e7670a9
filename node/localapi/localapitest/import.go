package localapitest

import (
	"context"
	"io"

	"muster.example/node/api"
)

// Import implements localapi.Backend. Every byte is a mail.
func (b *Backend) Import(_ context.Context, r api.ImportRequest, from io.Reader) (api.ImportResult, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return api.ImportResult{}, err
	}
	return api.ImportResult{Mails: len(data), Imported: len(data)}, b.got(r)
}
