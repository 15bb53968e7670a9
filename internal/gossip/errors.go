package gossip

import "errors"

var (
	// ErrStopped means that Run has not begun, or is about to end.
	ErrStopped = errors.New("gossip: not running")
	// ErrTopic means that the topic has not been joined, or that it is joined twice.
	ErrTopic = errors.New("gossip: topic")
	// ErrSize means that a message is empty or larger than its topic was joined for.
	ErrSize = errors.New("gossip: size of the message")
	// ErrRate means that the host has published what others would take; wait, and publish what is newest then.
	ErrRate = errors.New("gossip: too many messages")
	// ErrMessage means that bytes are not a message, or one of a kind that is not in use.
	ErrMessage = errors.New("gossip: not a message")
)

// errNotAdmitted ends attempts of pubsub to speak to peers that may not take part.
var errNotAdmitted = errors.New("gossip: peer may not take part")
