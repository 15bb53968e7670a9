package localapitest

import (
	"context"
	"strings"

	"muster.example/node/api"
)

// Search implements localapi.Backend: it finds each of Messages that holds the text.
func (b *Backend) Search(_ context.Context, q api.SearchQuery) (page api.SearchPage, err error) {
	for _, m := range b.Messages {
		if strings.Contains(m.Text, q.Text) {
			page.Found = append(page.Found, api.Found{Message: m, Snippet: []api.Part{{Text: m.Text}}})
		}
	}
	return page, b.got(q)
}
