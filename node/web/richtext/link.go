package richtext

import (
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxAddress is the longest address that is made a link, in bytes.
const MaxAddress = 2048

// Suspicion is what is suspicious about a link: a key of words, empty if nothing is.
type Suspicion string

// What can be suspicious about a link.
const (
	SuspectName    Suspicion = "link.punycode" // the host's name has letters of other scripts, which may look like a known name
	SuspectUser    Suspicion = "link.user"     // what looks like a host stands before the real one
	SuspectNumbers Suspicion = "link.numbers"  // the host is a number, not a name
	SuspectPort    Suspicion = "link.port"     // an unusual port
)

// Target is where a link leads.
type Target struct {
	Address   string // as it is opened: http or https, with an ASCII host
	Host      string // the true host as its owner registered it, in ASCII
	Suspicion Suspicion
}

// Page returns the address of the app's own page about the link.
func (t Target) Page() string { return "/leave?to=" + url.QueryEscape(t.Address) }

// Inspect reads an address that a member wrote. ok is false for everything but http and https.
func Inspect(address string) (t Target, ok bool) {
	if len(address) > MaxAddress || !utf8.ValidString(address) || strings.ContainsFunc(address, unicode.IsControl) || strings.ContainsAny(address, "\\ ") {
		return t, false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return t, false
	}
	host, err := toASCII(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
	if err != nil {
		return t, false
	}
	t.Host = host
	switch {
	case u.User != nil:
		t.Suspicion = SuspectUser
	case strings.Contains(host, "xn--"):
		t.Suspicion = SuspectName
	case net.ParseIP(host) != nil || isNumber(host):
		t.Suspicion = SuspectNumbers
	case u.Port() != "" && u.Port() != "80" && u.Port() != "443":
		t.Suspicion = SuspectPort
	}
	port := u.Port()
	u.User, u.Host = nil, host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		u.Host += ":" + port
	}
	t.Address = u.String()
	return t, true
}

// isNumber reports whether browsers would read a name as an address: its last label begins with a digit or is hexadecimal.
func isNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && last[0] >= '0' && last[0] <= '9'
}
