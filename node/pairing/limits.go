package pairing

import (
	"time"

	"muster.example/node/agreement"
)

// Limits of a pairing. [PAIR-12]
const (
	MaxFrame   = agreement.MaxFrame   // bytes of one frame
	Life       = agreement.Life       // of a code, until somebody says yes
	Tries      = agreement.Tries      // wrong tries that void a code
	Visits     = agreement.Visits     // conversations, wrong or broken off, that void it
	AnswerTime = agreement.AnswerTime // bounds each wait for the other side's program
	// SignTime bounds the signing and handing in of events. Waits for people last Life.
	SignTime = 3 * time.Minute

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
)
