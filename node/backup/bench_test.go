package backup_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"iter"
	mathrand "math/rand/v2"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"muster.example/node/backup"
)

// crowd is a great number of items of one size, made when they are asked for.
type crowd struct {
	kind  backup.Kind
	n     int
	size  int
	noise []byte
}

func newCrowd(kind backup.Kind, n, size int) *crowd {
	c := &crowd{kind: kind, n: n, size: size, noise: make([]byte, 2*size)}
	source := mathrand.New(mathrand.NewPCG(1, 2))
	for i := range c.noise {
		c.noise[i] = byte(source.Uint32())
	}
	return c
}

func (c *crowd) source(context.Context) iter.Seq2[backup.Item, error] {
	return func(yield func(backup.Item, error) bool) {
		for i := range c.n {
			e := backup.Entry{Kind: c.kind, Time: int64(i), Size: c.size}
			binary.BigEndian.PutUint64(e.ID[:], uint64(i))
			load := func(context.Context) ([]byte, error) { return c.noise[i%c.size:][:c.size], nil }
			if !yield(backup.Item{Entry: e, Load: load}, nil) {
				return
			}
		}
	}
}

// memory notes the most that the heap has held while a benchmark ran.
type memory struct {
	most  uint64
	calls int
}

func (m *memory) look(backup.Progress) {
	if m.calls++; m.calls%5000 != 0 {
		return
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(sample)
	m.most = max(m.most, sample[0].Value.Uint64()+sample[1].Value.Uint64())
}

// measure makes a first backup and an increment of one thousandth, reads all, and looks through it.
func measure(b *testing.B, c *crowd) {
	folder := backup.Disk(b.TempDir())
	id, err := backup.Create(b.Context(), folder, words.Writer(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	note := func(name string, do func(tell func(backup.Progress)) error) {
		runtime.GC()
		var m memory
		began := time.Now()
		if err := do(m.look); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), name+"-s")
		b.ReportMetric(float64(m.most)/(1<<20), name+"-MiB")
	}
	job := backup.Job{Folder: folder, Repository: id, Writer: words.Writer(), Source: c.source, Now: begin}
	whole := func(name string) {
		note(name, func(tell func(backup.Progress)) error {
			job.Progress, job.Now = tell, job.Now.Add(time.Hour)
			result, err := backup.Run(b.Context(), job)
			b.ReportMetric(float64(result.Written)/(1<<20), name+"-written-MiB")
			return err
		})
	}
	whole("first")
	whole("nothing")
	c.n += c.n / 1000
	whole("more")
	note("read", func(tell func(backup.Progress)) error {
		r, err := backup.Open(b.Context(), folder, id, backup.WordsKeys(words))
		if err != nil {
			return err
		}
		all := r.Snapshots()
		report, err := r.Read(b.Context(), all[len(all)-1], backup.Reading{Give: func(context.Context, backup.Entry, []byte) error {
			tell(backup.Progress{})
			return nil
		}})
		if report.Items != c.n || len(report.Damage) > 0 {
			b.Errorf("%d items of %d", report.Items, c.n)
		}
		return err
	})
	note("verify", func(tell func(backup.Progress)) error {
		_, err := backup.Verify(b.Context(), folder, id, backup.Keys{}, tell)
		return err
	})
}

// BenchmarkRecords backs up a million records of messages.
func BenchmarkRecords(b *testing.B) {
	for b.Loop() {
		measure(b, newCrowd(backup.KindRecord, 1_000_000, 600))
	}
}

// BenchmarkAttachments backs up 1 GiB of attachments.
func BenchmarkAttachments(b *testing.B) {
	for b.Loop() {
		measure(b, newCrowd(backup.KindPiece, 8192, 128<<10))
	}
}
