package queue

import (
	"cmp"
	"crypto/cipher"
	"time"
)

// segment is one file of the log. All but the last, the active one, are sealed: never appended to again. A segment that
// was opened from disk is sealed from the start.
type segment struct {
	number uint64
	key    cipher.AEAD
	place  uint16 // what the cells of messages call it

	// The committer's alone, while the segment is active.
	file    File
	synced  int64 // durable up to here
	counter uint32
	footer  *footer

	// Guarded by Embedded.mu.
	size     int64
	sealed   time.Time       // zero while active
	broken   bool            // a write or fsync failed on it: what lives is copied forward soon
	held     bool            // what lives in it cannot be read: copying it was tried
	entries  int             // living entries whose record lies here
	bodies   int             // living bodies that lie here
	laid     int             // bodies that were written here
	living   int64           // their frames' bytes
	acks     []ackNote       // to be written to the ack log
	ranges   map[*device]int // where in acks there is a range of a device
	dead     time.Time       // first removal since the segment held only living bodies; zero if none
	touched  time.Time       // last removal
	draining bool            // in Embedded.drained
	moved    bool            // entries of it were copied forward

	// Guarded by Embedded.ackMu.
	ackSize int64
}

// die notes that something in the segment has died.
func (s *segment) die(now time.Time) {
	if s.dead.IsZero() {
		s.dead = now
	}
	s.touched = now
}

func (s *segment) empty() bool { return s.entries == 0 && s.bodies == 0 }

func (s *segment) logName() string { return numbered(logPrefix, s.number, logSuffix) }
func (s *segment) ackName() string { return numbered(logPrefix, s.number, ackSuffix) }

// due says whether what lives in the segment should be copied forward now. A quarter full: the room is worth more than
// the copy. Dead bodies: they must become unreadable soon after the segment has come to rest, and in bounded time.
func (s *segment) due(now time.Time, full int64) bool {
	if s.sealed.IsZero() || s.draining || s.held {
		return false
	}
	laggard := s.living < full/4 && now.Sub(s.sealed) >= laggardTime
	return s.broken || laggard || s.resting(now)
}

// byNumber orders segments by age.
func byNumber(a, b *segment) int { return cmp.Compare(a.number, b.number) }

// resting says whether bodies in the segment are dead and it is time to free it.
func (s *segment) resting(now time.Time) bool {
	return !s.dead.IsZero() && (now.Sub(s.touched) >= quietTime || now.Sub(s.dead) >= busyTime)
}
