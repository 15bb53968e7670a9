package richtext

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// lookup maps a name as browsers do before they ask for it (UTS #46, non-transitional), and refuses what they refuse.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// toASCII returns the name of a host as it is asked for.
func toASCII(host string) (string, error) {
	if strings.Contains(host, ":") { // an IPv6 address: url.Parse took its brackets away
		return host, nil
	}
	ascii, err := lookup.ToASCII(host)
	if err != nil || ascii == "" || strings.ContainsAny(ascii, "/?#@:[]<>\"'` ") {
		return "", fmt.Errorf("%q is no name of a host", host)
	}
	return ascii, nil
}
