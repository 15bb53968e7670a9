package segment

import "errors"

// The errors that callers tell apart. Each is wrapped with what was wrong.
var (
	ErrForm      = errors.New("segment: malformed")
	ErrMissing   = errors.New("segment: missing item")
	ErrDamaged   = errors.New("segment: damaged item")
	ErrSignature = errors.New("segment: signature of another")
	ErrChain     = errors.New("segment: does not follow the segment before it")
	ErrKey       = errors.New("segment: sealed to another key")
	ErrOpen      = errors.New("segment: does not open")
	ErrTooLarge  = errors.New("segment: too large")
)
