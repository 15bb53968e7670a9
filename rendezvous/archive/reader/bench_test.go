package reader_test

import (
	"fmt"
	"testing"

	"muster.example/rendezvous/archive/reader"
	"muster.example/sync/history"
)

// BenchmarkRead opens messages of one chain: the time of one.
func BenchmarkRead(b *testing.B) {
	const count = 5000
	w := newWorld(b)
	chain, announced := w.chain(w.anna, between(w))
	list := items(announced)
	for i := range count {
		e, _ := w.seal(chain, w.anna, history.KindText, w.text("", fmt.Sprintf("message %d of some words", i)))
		if list = append(list, item(e)); len(list) == 256 {
			w.put(list...)
			list = nil
		}
	}
	w.put(list...)
	options := w.options()
	for _, verify := range []bool{false, true} {
		options.Verify = verify
		b.Run(fmt.Sprintf("verify=%t", verify), func(b *testing.B) {
			for range b.N {
				seen := 0
				if _, err := reader.Read(b.Context(), w.place, options, func(*reader.Entry) error { seen++; return nil }); err != nil || seen != count {
					b.Fatalf("%d, %v", seen, err)
				}
			}
			b.ReportMetric(float64(b.N*count)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
