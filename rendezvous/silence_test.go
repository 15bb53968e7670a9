package rendezvous

import (
	"bytes"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// What stands for an envelope in the queue has one form. [RV-58]
func FuzzSilence(f *testing.F) {
	f.Add(silence{Sender: keys.PublicKey{1}, Device: keys.PublicKey{2}, Introduction: true}.item(keys.OrgID{3}, time.Unix(1, 0)).Body)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, err := parseSilence(body); err == nil && !bytes.Equal(wire.Encode(s), body) {
			t.Error("it has a second form")
		}
	})
}
