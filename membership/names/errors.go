package names

import (
	"errors"
	"fmt"
)

// ErrTables means that a version of the Unicode tables is asked for that this build does not have. A build must not
// fold past a policy that names it.
var ErrTables = errors.New("names: unknown version of the Unicode tables")

// Error says why text is not a name or not a pattern.
type Error struct {
	// Rune is the character at fault and Index its place, counted in code points from 0. Index is -1 where no single
	// character is at fault.
	Rune  rune
	Index int
	// Text says what is wrong, for people, as the end of a sentence about the name. It shows characters by number, but
	// for letters that a name may have.
	Text string
}

// Error implements error.
func (e *Error) Error() string { return "names: " + e.Text }

// whole is an error that no single character is to blame for.
func whole(format string, arguments ...any) error {
	return &Error{Index: -1, Text: fmt.Sprintf(format, arguments...)}
}
