package agreement

import "time"

// Limits of every agreement by a code. [PAIR-12]
const (
	MaxFrame = 64 << 10         // bytes of one frame
	Life     = 10 * time.Minute // of a code
	Tries    = 3                // wrong tries that void a code
	Visits   = 16               // conversations, wrong or broken off, that void it
	// AnswerTime bounds each wait for the other side's program.
	AnswerTime = 30 * time.Second
)
