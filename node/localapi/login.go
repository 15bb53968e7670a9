package localapi

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// logins are the one-time codes that have neither been used nor expired.
type logins struct {
	life  time.Duration // of a code
	mu    sync.Mutex    // guards the following
	codes []loginCode
}

// loginCode is a code by its hash: looking one up takes the same time however much of it is right.
type loginCode struct {
	hash    [sha256.Size]byte
	expires time.Time
}

// add makes a code of 26 letters and digits (130 random bits). Beyond maxLogins the oldest code goes.
func (l *logins) add(now time.Time) (code string, expires time.Time) {
	code, expires = rand.Text(), now.Add(l.life)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.codes) >= maxLogins {
		l.codes = slices.Delete(l.codes, 0, 1)
	}
	l.codes = append(l.codes, loginCode{sha256.Sum256([]byte(code)), expires})
	return code, expires
}

// redeem uses a code up and reports whether it was good. [API-3]
func (l *logins) redeem(code string, now time.Time) bool {
	hash := sha256.Sum256([]byte(code))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes = slices.DeleteFunc(l.codes, func(c loginCode) bool { return !now.Before(c.expires) })
	at := slices.IndexFunc(l.codes, func(c loginCode) bool { return c.hash == hash })
	if at < 0 {
		return false
	}
	l.codes = slices.Delete(l.codes, at, at+1)
	return true
}
