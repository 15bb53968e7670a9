package kv

import (
	"fmt"
	"strings"
)

// Damage says what is wrong with the files of a store that is not opened for it. It is ErrCorrupt.
type Damage struct {
	Dir   string
	Found []Finding // at least one
}

// Finding is one file and what is wrong with it.
type Finding struct{ File, What string }

// String names the file, then what is wrong.
func (f Finding) String() string { return f.File + ": " + f.What }

// named is how many findings the text of an error has at most.
const named = 8

// Error names the folder and the first files.
func (d *Damage) Error() string {
	var all []string
	for i, found := range d.Found {
		if i == named {
			all = append(all, fmt.Sprintf("and %d more", len(d.Found)-i))
			break
		}
		all = append(all, found.String())
	}
	return fmt.Sprintf("%v: %s: %s", ErrCorrupt, d.Dir, strings.Join(all, "; "))
}

// Unwrap makes it ErrCorrupt.
func (d *Damage) Unwrap() error { return ErrCorrupt }
