package archive

import (
	"bytes"
	"testing"
)

// Whatever a file of heads holds, each of its lines is a head that holds by itself, a remark, or unreadable.
func FuzzHeads(f *testing.F) {
	f.Add([]byte("# heads\n\nmuster archive head\n"))
	f.Add([]byte{0xff, '\n', '#'})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, unreadable, err := ReadHeads(bytes.NewReader(data))
		if err != nil {
			return
		}
		if lines := bytes.Count(data, []byte("\n")) + 1; len(all)+len(unreadable) > lines {
			t.Errorf("%d heads and %d others in %d lines", len(all), len(unreadable), lines)
		}
		for _, head := range all {
			if again, rest, err := ReadHeads(bytes.NewReader([]byte(head.Text()))); err != nil || len(rest) != 0 || len(again) != 1 {
				t.Errorf("a head is not written as it was read: %v", err)
			}
		}
	})
}
