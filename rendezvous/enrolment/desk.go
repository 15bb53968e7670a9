package enrolment

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/netip"
	"sync"
	"time"

	"muster.example/rendezvous/enrolproto"
)

// desk holds the logins that are under way. What it hands out is a copy; change puts one back. [ENR-20]
type desk struct {
	random io.Reader

	mu      sync.Mutex // guards the following; innermost
	tickets map[enrolproto.Ticket]*attempt
	pages   map[string]*attempt
	codes   map[string]*attempt
	states  map[string]*attempt
	sites   map[netip.Prefix]*site
}

// site is how much one address may still begin, and wrong codes it may type.
type site struct {
	left float64
	at   time.Time
}

func newDesk(random io.Reader) *desk {
	if random == nil {
		random = rand.Reader
	}
	return &desk{
		random: random, tickets: make(map[enrolproto.Ticket]*attempt), pages: make(map[string]*attempt),
		codes: make(map[string]*attempt), states: make(map[string]*attempt), sites: make(map[netip.Prefix]*site),
	}
}

// secret returns 32 random bytes.
func (d *desk) secret() (secret [32]byte, err error) {
	_, err = io.ReadFull(d.random, secret[:])
	return secret, err
}

// name returns 32 random bytes as a text for addresses and cookies.
func (d *desk) name() (string, error) {
	secret, err := d.secret()
	return base64.RawURLEncoding.EncodeToString(secret[:]), err
}

// begin takes in an attempt; Full if there are too many, from this address or in all.
func (d *desk) begin(a *attempt, from netip.Addr, now time.Time) error {
	var err error
	if a.ticket, err = d.secret(); err != nil {
		return err
	}
	if a.page, err = d.name(); err != nil {
		return err
	}
	var random [64]byte
	if _, err := io.ReadFull(d.random, random[:]); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	if len(d.tickets) >= maxLogins || !d.spend(from, now) {
		return enrolproto.Full
	}
	if !a.again() && a.back == "" {
		a.code = enrolproto.UserCode(random[:])
		if _, taken := d.codes[a.code]; taken || a.code == "" {
			return enrolproto.Full
		}
		d.codes[a.code] = a
	}
	a.phase, a.expires = begun, now.Add(enrolproto.OfferTime)
	d.tickets[a.ticket], d.pages[a.page] = a, a
	return nil
}

// spend takes one from what an address may do. The caller holds mu.
func (d *desk) spend(from netip.Addr, now time.Time) bool {
	bits := 32
	if from = from.Unmap(); from.Is6() {
		bits = 64
	}
	prefix, err := from.Prefix(bits)
	if err != nil {
		return false
	}
	s := d.sites[prefix]
	if s == nil {
		if len(d.sites) >= maxSites {
			clear(d.sites)
		}
		s = &site{left: siteLogins, at: now}
		d.sites[prefix] = s
	}
	s.left = min(siteLogins, s.left+now.Sub(s.at).Seconds()/siteEvery.Seconds())
	s.at = now
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}

// typed returns the attempt with a code, and counts wrong ones against the address. A code is good for one browser.
func (d *desk) typed(code, session string, from netip.Addr, now time.Time) (attempt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	a := d.codes[code]
	if a == nil || a.phase != begun || a.session != "" {
		d.spend(from, now)
		return attempt{}, false
	}
	if !d.spend(from, now) {
		return attempt{}, false
	}
	a.session = session
	delete(d.codes, code)
	return *a, true
}

// open returns the attempt of a page, for the browser with a session, which it becomes if it has none yet.
func (d *desk) open(page, session string, now time.Time) (attempt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	a := d.pages[page]
	if a == nil || a.code != "" && a.session == "" { // whose code was not typed
		return attempt{}, false
	}
	if a.session == "" {
		a.session = session
	}
	if a.session != session {
		return attempt{}, false
	}
	return *a, true
}

// leave notes that the browser goes to the provider with a state, once.
func (d *desk) leave(page, state, verifier, nonce string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.pages[page]
	if a == nil || a.phase != begun && a.phase != away {
		return false
	}
	delete(d.states, a.state)
	a.phase, a.state, a.verifier, a.nonce = away, state, verifier, nonce
	d.states[state] = a
	return true
}

// back returns the attempt that a browser with a session comes back from the provider with, once.
func (d *desk) back(state, session string, now time.Time) (attempt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	a := d.states[state]
	if a == nil || a.phase != away || a.session == "" || a.session != session {
		return attempt{}, false
	}
	delete(d.states, state)
	return *a, true
}

// ticket returns the attempt of a device.
func (d *desk) ticket(ticket enrolproto.Ticket, now time.Time) (attempt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	a := d.tickets[ticket]
	if a == nil {
		return attempt{}, false
	}
	return *a, true
}

// change changes an attempt in place, if it is in a phase.
func (d *desk) change(page string, in phase, change func(*attempt)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.pages[page]
	if a == nil || a.phase != in {
		return false
	}
	change(a)
	return true
}

// sweep forgets what is over. The caller holds mu.
func (d *desk) sweep(now time.Time) {
	for ticket, a := range d.tickets {
		if now.Before(a.expires) {
			continue
		}
		delete(d.tickets, ticket)
		delete(d.pages, a.page)
		delete(d.codes, a.code)
		delete(d.states, a.state)
	}
}
