package logfile

// Limits of the log.
const (
	// MaxFile is the size of each of the two files in bytes.
	MaxFile = 1 << 20
	// MaxLine is the longest line in bytes, with its end: what is longer is cut.
	MaxLine = 2 << 10

	maxID     = 12 // characters of an id
	maxWord   = 40 // characters of a kind, state or reason
	maxCauses = 8  // of one error
	maxDepth  = 32 // of errors in errors
)
