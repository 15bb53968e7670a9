package localapi

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// sessions are the browsers that entered, until the server stops. The zero value has none.
type sessions struct {
	mu   sync.Mutex // guards the following
	used map[[sha256.Size]byte]time.Time
	past map[[sha256.Size]byte]bool // those of before the folder was locked: they end when it is unlocked
}

// add makes a session of 26 letters and digits. Beyond maxSessions the one unused for longest ends.
func (s *sessions) add(now time.Time) (token string) {
	token = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == nil {
		s.used = make(map[[sha256.Size]byte]time.Time)
	}
	if len(s.used) >= maxSessions {
		var oldest [sha256.Size]byte
		first := now
		for hash, used := range s.used {
			if !used.After(first) {
				oldest, first = hash, used
			}
		}
		delete(s.used, oldest)
		delete(s.past, oldest)
	}
	s.used[sha256.Sum256([]byte(token))] = now
	return token
}

// good reports whether a token is that of a session that was used within sessionLife, and notes the use.
func (s *sessions) good(token string, now time.Time) bool {
	hash := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	used, ok := s.used[hash]
	if !ok || now.Sub(used) > sessionLife {
		delete(s.used, hash)
		return false
	}
	s.used[hash] = now
	return true
}

// isPast reports whether a good session is one of before the folder was locked.
func (s *sessions) isPast(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.past[sha256.Sum256([]byte(token))]
}

// endPast ends the sessions of before the folder was locked.
func (s *sessions) endPast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash := range s.past {
		delete(s.used, hash)
	}
	s.past = nil
}

// marshal returns the hashes of all sessions: who has them cannot come in by them.
func (s *sessions) marshal() (hashes []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash := range s.used {
		hashes = append(hashes, hash[:]...)
	}
	return hashes
}

// bequeath takes in what marshal returned before the folder was locked: those sessions see the page that asks for the passphrase,
// and nothing else ever. What is not understood is left out.
func (s *sessions) bequeath(hashes []byte, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used, s.past = make(map[[sha256.Size]byte]time.Time), make(map[[sha256.Size]byte]bool)
	for ; len(hashes) >= sha256.Size && len(s.used) < maxSessions; hashes = hashes[sha256.Size:] {
		hash := [sha256.Size]byte(hashes)
		s.used[hash], s.past[hash] = now, true
	}
}
