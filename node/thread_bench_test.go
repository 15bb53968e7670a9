package node

import (
	"runtime"
	"testing"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// BenchmarkThreads asks a device with 100,000 messages in 5,000 threads, made by the real store in batches. [API-50]
func BenchmarkThreads(b *testing.B) {
	org := newRoll(b, "Bo")
	o := newDevice(b, org, org.Founder)
	o.fill(b, org.Founder, org.Members[1], 100_000, 5_000)
	ctx := b.Context()
	page, err := o.node.Threads(ctx, api.ThreadsQuery{Limit: 50})
	if err != nil {
		b.Fatal(err)
	}
	thread := page.Threads[7].Thread
	run := func(name string, ask func() error) {
		b.Run(name, func(b *testing.B) {
			before := o.node.store.Reads()
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(o.node.store.Reads()-before)/float64(b.N), "reads/op")
		})
	}
	run("list50", func() error { _, err := o.node.Threads(ctx, api.ThreadsQuery{Limit: 50}); return err })
	run("listUnread50", func() error { _, err := o.node.Threads(ctx, api.ThreadsQuery{Limit: 50, Unread: true}); return err })
	run("open", func() error { _, err := o.node.Thread(ctx, api.ThreadQuery{Thread: thread}); return err })
	unread := false
	run("mark", func() error {
		unread = !unread
		_, err := o.node.Mark(ctx, api.MarkRequest{Threads: []string{thread}, Unread: unread})
		return err
	})
	run("conversations", func() error { _, err := o.node.Conversations(ctx, api.ConversationsQuery{}); return err })
	run("orgs", func() error { _, err := o.node.Orgs(ctx); return err })
	run("fold", func() error {
		return o.node.store.View(func(tx *store.Tx) error { _, err := tx.Fold(o.org, o.member, o.countsLocked); return err })
	})
	run("decode", func() error { // what fold does beside
		return o.node.store.View(func(tx *store.Tx) error {
			return tx.Records(o.org, func(data []byte) error { _, err := history.DecodeRecord(data); return err })
		})
	})
	run("foldAndIndex", func() error {
		return o.node.store.View(func(tx *store.Tx) error {
			folded, err := tx.Fold(o.org, o.member, o.countsLocked)
			folded.Threads().See(nil)
			return err
		})
	})
	var before, after runtime.MemStats
	o.view = nil
	runtime.GC()
	runtime.ReadMemStats(&before)
	view(b, o.node.store, func(tx *store.Tx) (err error) { o.view, err = tx.Fold(o.org, o.member, o.countsLocked); return err })
	o.threadsLocked()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("the index has %d bytes a message", (after.HeapAlloc-before.HeapAlloc)/100_000)
}
