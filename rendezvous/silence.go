package rendezvous

import (
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// silence stands in the queue for an envelope that goes nowhere and of which its sender is told nothing: when its time is
// over it is returned as that of a device that stayed away. Without it, who gets no return would know that they are
// blocked. [RV-58]
type silence struct {
	Sender keys.PublicKey  `cbor:"1,keyasint"`
	Device keys.PublicKey  `cbor:"2,keyasint"`
	ID     keys.EnvelopeID `cbor:"3,keyasint"`

	Introduction bool `cbor:"4,keyasint,omitempty"`
}

// silenceOf returns the name under which what stands for envelopes to a device waits. It is nobody's key, and nobody comes
// for it.
func silenceOf(device keys.PublicKey) keys.PublicKey {
	return keys.PublicKey(keys.Hash[keys.Envelope](keys.DomainReturn, []byte("silence"), device[:]))
}

// item returns what waits in the place of the envelope.
func (s silence) item(org keys.OrgID, expires time.Time) queue.Item {
	return queue.Item{
		ID:  keys.Hash[keys.Envelope](keys.DomainReturn, []byte("silence"), s.Device[:], s.ID[:]),
		Org: org, Kind: queue.Silence, Body: wire.Encode(s), Recipients: []keys.PublicKey{silenceOf(s.Device)}, Expires: expires,
	}
}

func parseSilence(body []byte) (s silence, err error) {
	if err := wire.Decode(body, &s); err != nil {
		return s, fmt.Errorf("what stands for an envelope in the queue: %w", err)
	}
	return s, nil
}

// refusedSilence makes an answer refuse the device that an item stands for as one whose queue is full.
func refusedSilence(item queue.Item, answer *rvproto.AnswerFrame) {
	if s, err := parseSilence(item.Body); err == nil {
		answer.Refused = append(answer.Refused, rvproto.Refusal{Device: s.Device, Status: wire.StatusFull})
	}
}

func isFull(err error) bool { return errors.Is(err, queue.ErrFull) }
