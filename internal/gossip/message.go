package gossip

import "fmt"

// Kind says what a message holds. It is its first byte. [GOS-5]
type Kind uint8

// The kinds of message. Nothing else is ever gossiped. [GOS-9]
const (
	KindCheckpoint Kind = 1 // a signed note of a checkpoint
	KindEvent      Kind = 2 // a signed event of the roll
	kindReserved   Kind = 3 // for requests; nobody sends them yet
	KindEnvelope   Kind = 4 // a carried envelope for a group, in the topic of that group [GOS-11]
)

// Message is what travels as the data of one pubsub message.
type Message struct {
	Kind Kind
	Body []byte // not empty
}

// AppendMessage appends the bytes of a message with this kind and body to dst. [GOS-5]
func AppendMessage(dst []byte, kind Kind, body []byte) []byte {
	return append(append(dst, byte(kind)), body...)
}

// ParseMessage reads a message. It accepts exactly what AppendMessage writes for the kinds in use and a body of at least
// one byte and at most MaxMessage with its kind, or MaxGroupMessage if it is an envelope; anything else is ErrMessage and is
// to be ignored, not rejected, since a later version may mean something by it. Body points into data. [GOS-5]
func ParseMessage(data []byte) (Message, error) {
	if len(data) < 2 || len(data) > MaxGroupMessage {
		return Message{}, fmt.Errorf("%w: it has %d bytes", ErrMessage, len(data))
	}
	switch kind := Kind(data[0]); kind {
	case KindCheckpoint, KindEvent:
		if len(data) > MaxMessage {
			return Message{}, fmt.Errorf("%w: it has %d bytes", ErrMessage, len(data))
		}
		return Message{Kind: kind, Body: data[1:]}, nil
	case KindEnvelope:
		return Message{Kind: kind, Body: data[1:]}, nil
	case kindReserved:
		return Message{}, fmt.Errorf("%w: its kind is reserved", ErrMessage)
	default:
		return Message{}, fmt.Errorf("%w: its kind is %d", ErrMessage, kind)
	}
}
