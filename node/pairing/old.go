package pairing

import (
	"io"

	"muster.example/internal/keys"
	"muster.example/node/agreement"
)

// Old is the side of the device that has the account, in one conversation. Its methods, after those of the agreement, are called in the order in which they
// stand here; each takes the other side's next frame, or returns the next one for it. After an error the conversation is
// over.
type Old struct {
	*agreement.Host
	course
}

// NewOld begins a conversation.
func NewOld(random io.Reader, setup Setup) *Old {
	return &Old{Host: agreement.NewHost(random, purpose, setup)}
}

// Offer returns the frame of the offer, once the person has said yes to the words. An offer beyond its caps is an error.
// [PAIR-10]
func (o *Old) Offer(offer Offer) ([]byte, error) {
	o.at(o.Host, joined, offered)
	o.orgs = len(offer.Orgs)
	err := offer.check()
	data := seal(o.Host, message{Offer: &offer})
	if len(data) > MaxFrame {
		err = frameError("an offer of %d bytes", len(data))
	}
	return data, err
}

// Keys takes the new device's keys, one for each organization, of which none stands for two.
func (o *Old) Keys(data []byte) ([]keys.PublicKey, error) {
	o.at(o.Host, offered, keyed)
	m, err := open(o.Host, data)
	if err != nil {
		return nil, err
	}
	if m.Keys == nil || len(m.Keys.Devices) != o.orgs {
		return nil, frameError("not a key for each organization")
	}
	seen := make(map[keys.PublicKey]bool)
	for _, key := range m.Keys.Devices {
		if key.IsZero() || seen[key] {
			return nil, frameError("no key, or one for two organizations")
		}
		seen[key] = true
	}
	return m.Keys.Devices, nil
}

// Ask returns the frame that asks for signatures. It may be asked again after Signatures. [PAIR-11]
func (o *Old) Ask(ask Ask) []byte {
	if o.phase == signed {
		o.phase = keyed
	}
	o.at(o.Host, keyed, asked)
	return seal(o.Host, message{Ask: &ask})
}

// Signatures takes the new device's signatures, count of them, and does not look at them: the rules of the roll do.
func (o *Old) Signatures(data []byte, count int) ([]keys.Signature, error) {
	o.at(o.Host, asked, signed)
	m, err := open(o.Host, data)
	if err != nil {
		return nil, err
	}
	if m.Signatures == nil || len(m.Signatures.Signatures) != count {
		return nil, frameError("not a signature for each place")
	}
	return m.Signatures.Signatures, nil
}

// Done returns the last frame. It may follow Keys too: when there is nothing to sign.
func (o *Old) Done(done Done) []byte {
	if o.phase == keyed {
		o.phase = signed
	}
	o.at(o.Host, signed, ended)
	return seal(o.Host, message{Done: &done})
}
