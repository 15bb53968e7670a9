package rendezvous

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous/queue"
)

// BenchmarkReturns returns what is over: envelopes of 1 KiB, each for so many devices that never came. One operation is one pair of
// envelope and device: read, signed for, and gone.
func BenchmarkReturns(b *testing.B) {
	for _, devices := range []int{1, 100} {
		b.Run(fmt.Sprint("devices=", devices), func(b *testing.B) { benchmarkReturns(b, devices) })
	}
}

func benchmarkReturns(b *testing.B, devices int) {
	s, founder, _ := benchSite(b, 1)
	engine, err := queue.Open(b.TempDir(), queue.Options{})
	if err != nil {
		b.Fatal(err)
	}
	group := task.New(context.Background())
	group.Go("queue", engine.Run)
	defer func() { group.Stop(); _ = group.Wait(); _ = engine.Close() }()
	node := &Node{cfg: s.node.cfg, log: s.node.log, directory: s.node.directory, key: s.node.key, queue: engine}
	var to []keys.PublicKey
	for i := range devices {
		to = append(to, keyOf(fmt.Sprint("away ", i)).Public())
	}
	chain, err := envelope.NewChain(rand.Reader, founder.Org, envelope.Among(founder.member, keys.MemberID{1}), founder.key.Public(), time.Now(), 1)
	if err != nil {
		b.Fatal(err)
	}
	var items []queue.Item
	for range max(b.N/devices, 1) {
		e, _, err := chain.Seal(rand.Reader, founder.key, &envelope.Line{}, envelope.Content{Kind: 1, Body: make([]byte, 700)},
			envelope.Meta{RollSize: 1, Expires: time.Now().Add(time.Hour).Unix()})
		if err != nil {
			b.Fatal(err)
		}
		items = append(items, queue.Item{ID: e.ID(), Org: founder.Org, Kind: queue.Envelope, Body: e.Bytes(), Recipients: to, Expires: time.Unix(1, 0)})
	}
	for _, err := range engine.Put(b.Context(), items) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	if err := node.returnExpired(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if left := engine.Stats()[founder.Org].Entries; left > 0 {
		b.Fatalf("%d are left", left)
	}
	b.ReportMetric(float64(node.counters.returns.Load()), "returns")
}
