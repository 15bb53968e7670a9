package enrolment

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// Config says what service to run.
type Config struct {
	Dir    string // with the enrolment key and the store
	Org    membership.Card
	URL    string // under which people and devices reach the service: that of the terms
	Issuer string // of the provider
	Client string // the client id there
	Secret string // the client's secret there; "" for a public client
	Scopes []string
	Rules  Rules
	Check  time.Duration // how often the provider is asked about each account
	Listen string        // HOST:PORT
	Cert   string        // files of the certificate and its key; "" behind a proxy, on loopback
	Key    string

	Logger *slog.Logger
	// HTTP reaches the provider, nil: as the system does. Now and Random are the clock and the randomness, nil: the system's.
	HTTP   *http.Client
	Now    func() time.Time
	tokens func() time.Time // the clock by which tokens are judged; nil: Now
	Random io.Reader
}

// ErrConfig means that a setting is missing or wrong.
var ErrConfig = errors.New("enrolment: a setting is missing or wrong")

// Check returns nil if a service can run so.
func (c Config) check() error {
	switch {
	case c.Org.Org.IsZero():
		return fmt.Errorf("%w: no organization", ErrConfig)
	case !membership.SecureURL(c.URL):
		return fmt.Errorf("%w: the service's own address is not https://HOST…", ErrConfig)
	case !membership.SecureURL(c.Issuer):
		return fmt.Errorf("%w: the issuer is not https://HOST…", ErrConfig)
	case c.Client == "":
		return fmt.Errorf("%w: no client id", ErrConfig)
	case c.Check < MinCheck || c.Check > MaxCheck:
		return fmt.Errorf("%w: accounts are checked every %s, not from %s to %s", ErrConfig, c.Check, MinCheck, MaxCheck)
	case (c.Cert == "") != (c.Key == ""):
		return fmt.Errorf("%w: a certificate goes with its key", ErrConfig)
	}
	return nil
}

// scopes returns what is asked of the provider: who it is, and that it can be asked again.
func (c Config) scopes() []string {
	scopes := []string{"openid", "profile", "offline_access"}
	for _, more := range c.Scopes {
		if !slices.Contains(scopes, more) {
			scopes = append(scopes, more)
		}
	}
	return scopes
}

// terms returns what the roll says of the key, if it is what this service was set up for.
func (c Config) terms(state *membership.State, key keys.PublicKey) (membership.EnrolmentTerms, error) {
	if err := state.CheckEnrolment(key); err != nil {
		return membership.EnrolmentTerms{}, err
	}
	issued, _ := state.Enrolment(key)
	t := issued.Terms
	if t.Issuer != c.Issuer || t.Client != c.Client || t.URL != c.URL {
		return t, fmt.Errorf("%w: the roll names the issuer %s, the client %s and the service %s", ErrConfig, t.Issuer, t.Client, t.URL)
	}
	return t, nil
}
