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
