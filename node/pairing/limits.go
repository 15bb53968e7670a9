package pairing

import "time"

// Limits of a pairing. [PAIR-12]
const (
	MaxFrame = 64 << 10         // bytes of one frame
	Life     = 10 * time.Minute // of a code, until somebody says yes
	Tries    = 3                // wrong tries that void a code
	Visits   = 16               // conversations, wrong or broken off, that void it
	// AnswerTime bounds each wait for the other side's program. Waits for people last Life, and for the signing and handing
	// in of events SignTime.
	AnswerTime = 30 * time.Second
	SignTime   = 3 * time.Minute

	// MaxOrgs is how many organizations one pairing brings a device into.
	MaxOrgs = 64
	// Rounds is how often signatures are asked for: a counter can be used up meanwhile by another event.
	Rounds = 4

	maxRecovery  = 64  // recovery keys handed on
	maxNodes     = 4   // rendezvous nodes of one organization
	maxAddresses = 16  // of one node
	maxAddress   = 128 // bytes of one
	maxName      = 256 // bytes of an organization's name
	maxLink      = 4 << 10
	padding      = 4 << 10 // sealed messages are padded to a multiple of it
)
