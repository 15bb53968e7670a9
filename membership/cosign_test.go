package membership

import (
	"bytes"
	"testing"

	"muster.example/internal/keys"
)

// TestCosignedElsewhere: two signers that never meet make the event that one who has both keys makes; a cosignature of
// another event, or by another key, is refused when it is opened. [ROLL-2]
func TestCosignedElsewhere(t *testing.T) {
	old, added, other := keys.FromSeed([32]byte{1}), keys.FromSeed([32]byte{2}), keys.FromSeed([32]byte{3})
	event := Event{Org: keys.OrgID{4}, Counter: 5, At: 6, Device: &Device{Add: added.Public()}}
	signed := SignCosigned(event, old, Cosign(event, old.Public(), added))
	if !bytes.Equal(signed, SignEvent(event, old, &added)) {
		t.Error("it is another event than one signer makes")
	}
	if _, principal, err := OpenEvent(signed); err != nil || principal.Cosigner != added.Public() {
		t.Errorf("%+v, %v", principal, err)
	}
	later := event
	later.Counter++
	for what, cosignature := range map[string]keys.Signature{
		"of another event":   Cosign(later, old.Public(), added),
		"for another signer": Cosign(event, other.Public(), added),
		"by another key":     Cosign(event, old.Public(), other),
		"that is none":       {},
	} {
		if _, _, err := OpenEvent(SignCosigned(event, old, cosignature)); !isReason(err, ReasonSignature) {
			t.Errorf("a cosignature %s: %v", what, err)
		}
	}
}

func isReason(err error, want Reason) bool {
	reason, ok := ReasonOf(err)
	return ok && reason == want
}
