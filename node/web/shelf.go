package web

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	// shelfTime is for how long a line is kept to be drawn.
	shelfTime = 10 * time.Minute
	// shelfSize is how many lines are kept: beyond it the oldest goes.
	shelfSize = 16
)

// shelf keeps secret lines, such as invitations, for the pictures of pages that were just made: in memory, for a short time,
// under names that nobody guesses, so that no address holds what the picture shows.
type shelf struct {
	mu    sync.Mutex // guards lines
	lines []shelved  // oldest first
}

type shelved struct {
	name, line string
	until      time.Time
}

// put keeps a line and returns its name.
func (s *shelf) put(line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) == shelfSize {
		s.lines = append(s.lines[:0], s.lines[1:]...)
	}
	name := rand.Text()
	s.lines = append(s.lines, shelved{name, line, time.Now().Add(shelfTime)})
	return name
}

// get returns the line of a name, unless its time is over.
func (s *shelf) get(name string) (line string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.lines) > 0 && now.After(s.lines[0].until) {
		s.lines[0] = shelved{}
		s.lines = s.lines[1:]
	}
	for _, kept := range s.lines {
		if kept.name == name {
			return kept.line, true
		}
	}
	return "", false
}
