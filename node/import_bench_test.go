package node

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// BenchmarkImport takes in an mbox of 10,000 mails of some KB. MiB is what the history takes in memory then, and what was in use beside.
func BenchmarkImport(b *testing.B) {
	const mails = 10_000
	org := newRoll(b, "Bo")
	text := strings.Repeat("the harbour map and the tide table\n", 60)
	for b.Loop() {
		b.StopTimer()
		o := newDevice(b, org, org.Founder)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		reader, writer := io.Pipe()
		group := make(chan error, 1)
		b.StartTimer()
		begun := time.Now()
		go func() {
			for n := range mails {
				fmt.Fprintf(writer, "From a@a.example Mon Nov 30 02:12:45 2020\nMessage-ID: <%d@a.example>\nReferences: <%d@a.example>\nFrom: Bo <bo@a.example>\nSubject: Mail %d\n\n%s\n", n, n-n%5, n, text)
			}
			group <- writer.Close()
		}()
		done, err := o.node.Import(b.Context(), api.ImportRequest{}, reader)
		if err != nil || done.Imported != mails || <-group != nil {
			b.Fatalf("%+v, %v", done, err)
		}
		b.ReportMetric(mails/time.Since(begun).Seconds(), "mails/s")
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB")
	}
}
