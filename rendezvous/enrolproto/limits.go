package enrolproto

import "time"

// Caps of everything that travels. [ENR-3]
const (
	// MaxRequest is the size of a request in bytes, MaxAnswer that of an answer.
	MaxRequest = 8 << 10
	MaxAnswer  = 16 << 10
	// MaxOffer is the size of an offer in bytes.
	MaxOffer = 12 << 10
	// MaxReturn is the length of an address to which a browser comes back in bytes, MaxLogin that of a page of the service.
	MaxReturn = 256
	MaxLogin  = 512
	// MaxName is the length of a name in bytes.
	MaxName = 256
	// CodeSize is the number of letters of a user code.
	CodeSize = 8

	// RequestTime is how long one exchange may take.
	RequestTime = 30 * time.Second
	// OfferTime is how long an offer is good for.
	OfferTime = 10 * time.Minute
	// PollTime is how long a device waits between two questions.
	PollTime = 2 * time.Second
)

// Path is where a service takes requests, below its address.
const Path = "/muster/enrol/1"

// MediaType is that of requests and answers.
const MediaType = "application/cbor"
