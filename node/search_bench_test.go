package node

import (
	"path/filepath"
	"testing"

	"muster.example/node/api"
)

// BenchmarkSearch asks a device with 100,000 messages for a page of 50 of what all of them hold: index, history and what is shown
// of each.
func BenchmarkSearch(b *testing.B) {
	org := newRoll(b, "Bo")
	dir := b.TempDir()
	n, err := New(Config{
		Dir: filepath.Join(dir, "store"), Key: [32]byte{1}, Index: filepath.Join(dir, "index"), IndexKey: [32]byte{2},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close() })
	o := addOrganization(b, n, org, org.Founder)
	o.fill(b, org.Founder, org.Members[1], 100_000, 5_000)
	for more := true; more; {
		if more, err = n.indexSome(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	page, err := n.Threads(b.Context(), api.ThreadsQuery{Limit: 50})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := n.Tag(b.Context(), api.TagRequest{Threads: []string{page.Threads[49].Thread}, Tag: "todo"}); err != nil {
		b.Fatal(err)
	}
	for name, query := range map[string]api.SearchQuery{
		"word": {Text: "ladder"}, "two": {Text: "long ladd"}, "person": {Text: "from:Bo"}, "personAndWord": {Text: "from:Bo ladder"}, "tag": {Text: "tag:todo"}, "tagAndWord": {Text: "tag:todo ladder"},
	} {
		b.Run(name, func(b *testing.B) {
			query.Limit = 50
			for b.Loop() {
				page, err := n.Search(b.Context(), query)
				if err != nil || len(page.Found) < 20 {
					b.Fatalf("%d found: %v", len(page.Found), err)
				}
			}
		})
	}
}
