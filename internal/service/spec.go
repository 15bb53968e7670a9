package service

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The errors to tell apart. Each is wrapped with the path that it is about.
var (
	ErrPath = errors.New("a path that the system cannot start")
	ErrNone = errors.New("this system has no services that Muster knows")
)

// Spec is what is to be started. Paths are absolute.
type Spec struct {
	Program string // the path of muster
	Dir     string // the node's folder; empty: the program's own choice
	KeyFile string // unlocks it; empty: it starts locked
	User    string // who logs in, as Windows names them: DOMAIN\NAME; other systems need no name
	// NoDirect has it open no port.
	NoDirect bool
}

// arguments are what follows the program's path.
func (s Spec) arguments() []string {
	arguments := []string{"start"}
	if s.Dir != "" {
		arguments = append(arguments, "--dir", s.Dir)
	}
	if s.NoDirect {
		arguments = append(arguments, "--no-direct")
	}
	if s.KeyFile == "" { // a task of Windows may have a console, where nobody looks
		return append(arguments, "--unlock-in-browser")
	}
	return append(arguments, "--key-file", s.KeyFile)
}

// check refuses what is in no path that a person chose, and what no unit, list or task can hold.
func (s Spec) check(forbidden ...string) error {
	for _, text := range []string{s.Program, s.Dir, s.KeyFile, s.User} {
		control := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff })
		if control || !utf8.ValidString(text) {
			return fmt.Errorf("%w: %q holds a control character, or is not UTF-8", ErrPath, text)
		}
		for _, part := range forbidden {
			if strings.Contains(text, part) {
				return fmt.Errorf("%w: %q holds %s, which has a meaning of its own there", ErrPath, text, part)
			}
		}
	}
	if s.Program == "" {
		return fmt.Errorf("%w: the program has no path", ErrPath)
	}
	return nil
}
