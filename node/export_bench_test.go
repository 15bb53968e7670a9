package node

import (
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"muster.example/node/api"
)

// BenchmarkExport writes all messages of a history out, and removes all of them as older than is kept: 100,000 of some 600 bytes, or as
// many as MUSTER_EXPORT_MESSAGES says. MiB is the most memory in use at once beyond what the history takes before.
func BenchmarkExport(b *testing.B) {
	messages := 100_000
	if text := os.Getenv("MUSTER_EXPORT_MESSAGES"); text != "" {
		messages, _ = strconv.Atoi(text)
	}
	org := newRoll(b, "Bo")
	o := newDevice(b, org, org.Founder)
	o.receives(b, org.Members[1], messages)
	o.mu.Lock()
	o.refoldLocked()
	o.mu.Unlock()
	b.ResetTimer()
	for _, format := range []string{"json", "mbox", "maildir", "markdown"} {
		b.Run(format, func(b *testing.B) {
			var before, now runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				most, written := uint64(0), 0
				meter := writes(func(n int) {
					if written += n; written>>20 != (written-n)>>20 { // each MiB
						runtime.ReadMemStats(&now)
						most = max(most, now.HeapAlloc)
					}
				})
				begun := time.Now()
				request := api.ExportRequest{Format: format, Zip: false}
				if err := o.node.Export(b.Context(), request, func(api.ExportStart) io.Writer { return meter }); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(messages)/time.Since(begun).Seconds(), "messages/s")
				b.ReportMetric(float64(written)/1e6, "MB")
				b.ReportMetric(float64(int64(most)-int64(before.HeapAlloc))/(1<<20), "MiB")
			}
		})
	}
	b.Run("remove", func(b *testing.B) {
		passes(3*month, o)
		if _, err := o.node.SetRetention(b.Context(), api.RetentionRequest{Keep: "1m", Erase: true}); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		if _, err := o.letGo(b.Context(), o.now()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(messages)/time.Since(begun).Seconds(), "messages/s")
		if left := len(o.view.Threads().Conversations()); left != 0 {
			b.Fatalf("%d conversations are left", left)
		}
	})
}

// writes is a writer that counts.
type writes func(n int)

// Write implements io.Writer.
func (w writes) Write(data []byte) (int, error) {
	w(len(data))
	return len(data), nil
}
