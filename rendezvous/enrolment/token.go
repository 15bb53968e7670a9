package enrolment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"muster.example/rendezvous/enrolproto"
)

// algorithms are those by which a provider may sign: none that needs no key, and none whose key we would share. [ENR-23]
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// The faults of a token.
var (
	errToken = errors.New("enrolment: the token is not good")
	errSpent = errors.New("enrolment: the token was used before")
)

// idToken is what a token says, once its signature, issuer, audience and expiry were verified.
type idToken struct {
	subject  string
	nonce    string
	parties  string // azp
	audience []string
	issued   time.Time
	expires  time.Time
	id       [sha256.Size]byte // of its bytes
	claims   claims
}

// readToken takes over what go-oidc has verified.
func readToken(token *oidc.IDToken, raw string) (idToken, error) {
	t := idToken{
		subject: token.Subject, nonce: token.Nonce, audience: token.Audience, issued: token.IssuedAt, expires: token.Expiry,
		id: sha256.Sum256([]byte(raw)), claims: make(claims),
	}
	if err := token.Claims(&t.claims); err != nil {
		return idToken{}, fmt.Errorf("%w: its claims cannot be read", errToken)
	}
	t.parties = t.claims.text("azp")
	return t, nil
}

// check asks what go-oidc leaves to its caller: that the token was made for this client among its audiences, when it was made,
// and that it names somebody. [ENR-24]
func (t idToken) check(client string, now time.Time) error {
	switch {
	case !slices.Contains(t.audience, client):
		return fmt.Errorf("%w: it is for another client", errToken)
	case t.parties == "" && len(t.audience) > 1, t.parties != "" && t.parties != client:
		return fmt.Errorf("%w: it was given to another client", errToken)
	case t.issued.IsZero(), t.issued.After(now.Add(maxSkew)):
		return fmt.Errorf("%w: it is from the future, or has no date", errToken)
	case t.issued.Before(now.Add(-maxAge)):
		return fmt.Errorf("%w: it is older than %s", errToken, maxAge)
	case !now.Before(t.expires):
		return fmt.Errorf("%w: it has expired", errToken)
	case t.subject == "" || len(t.subject) > maxSubject:
		return fmt.Errorf("%w: it names nobody", errToken)
	}
	return nil
}

// boundTo asks that the token was made for one login and no other. [ENR-12]
func (t idToken) boundTo(nonce string) error {
	if nonce == "" || !enrolproto.SameNonce(t.nonce, nonce) {
		return fmt.Errorf("%w: it is for another device", errToken)
	}
	return nil
}

// spent remembers tokens until they have expired, so that none counts twice. [ENR-25]
type spent struct {
	mu   sync.Mutex // guards the following; innermost
	seen map[[sha256.Size]byte]time.Time
}

func newSpent() *spent { return &spent{seen: make(map[[sha256.Size]byte]time.Time)} }

// use marks a token as used; errSpent if it was, or if so many were used that no more can be told apart.
func (s *spent) use(t idToken, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.seen[t.id]; used {
		return errSpent
	}
	if len(s.seen) >= maxSpent {
		for id, until := range s.seen {
			if now.After(until) {
				delete(s.seen, id)
			}
		}
	}
	if len(s.seen) >= maxSpent {
		return errSpent
	}
	s.seen[t.id] = t.expires.Add(maxAge)
	return nil
}
