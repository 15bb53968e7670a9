package envelope

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// relabelled is a carried envelope of alice's whose label or signature was changed by who carries it.
func relabelled(change func(c *Carried)) func(t *testing.T, w *world) vector {
	return func(t *testing.T, w *world) vector {
		c := w.carried(t, w.bob.key(), w.bob2.key())
		change(&c)
		data := wire.Encode(carriedWire{Label: wire.Encode(c.Label), Signature: c.Signature, Envelope: c.EnvelopeBytes()})
		return vector{data: data, inputs: [][2]string{inputID("org", w.org)}}
	}
}

var carriedMakers = []vectorMaker{
	{"carried_good", "ok", "[CAR-1]", "for two devices", func(t *testing.T, w *world) vector {
		v := relabelled(func(*Carried) {})(t, w)
		c, err := ParseCarried(v.data, MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		v.inputs = append(v.inputs, inputID("id", c.Label.ID))
		return v
	}},
	{"carried_signer", "signature", "[CAR-2]", "signed by another device", func(t *testing.T, w *world) vector {
		return relabelled(func(c *Carried) {
			c.Signature = w.bob.device.Sign(keys.DomainCarried, w.org, outer(c.Label.ID, c.Envelope.Header))
		})(t, w)
	}},
	{"carried_domain", "signature", "[CAR-2]", "signed for another purpose", func(t *testing.T, w *world) vector {
		return relabelled(func(c *Carried) {
			c.Signature = w.alice.device.Sign(keys.DomainContent, w.org, outer(c.Label.ID, c.Envelope.Header))
		})(t, w)
	}},
	{"carried_id", "malformed", "[CAR-3]", "a label of another envelope", relabelled(func(c *Carried) { c.Label.ID[0] ^= 1 })},
	{"carried_nobody", "malformed", "[CAR-3]", "a label for nobody", relabelled(func(c *Carried) { c.Label.Wanted = nil })},
	{"carried_order", "malformed", "[CAR-3]", "devices out of order", relabelled(func(c *Carried) {
		c.Label.Wanted[0], c.Label.Wanted[1] = c.Label.Wanted[1], c.Label.Wanted[0]
	})},
	{"carried_expires", "malformed", "[CAR-4]", "a time that is not the header's", relabelled(func(c *Carried) { c.Label.Expires++ })},
	{"carried_class", "malformed", "[CAR-4]", "another size class", relabelled(func(c *Carried) { c.Label.Class++ })},
}
