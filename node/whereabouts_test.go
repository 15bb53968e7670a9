package node

import (
	"slices"
	"testing"

	"muster.example/membership"
)

func TestNewPlaces(t *testing.T) { // [RV-74]
	home, work := "/ip4/192.168.1.5/tcp/4747", "/ip4/10.0.0.7/tcp/4747"
	six, fresh := "/ip6/2001:db8::1/tcp/4747", "/ip6/2001:db8::abcd/tcp/4747"
	for name, c := range map[string]struct {
		known, now []string
		want       bool
	}{
		"as before":                      {[]string{home}, []string{home}, false},
		"elsewhere":                      {[]string{home}, []string{work}, true},
		"back":                           {[]string{work, home}, []string{home}, false},
		"on a second network":            {[]string{home}, []string{home, work}, true},
		"offline":                        {[]string{home}, nil, false},
		"on loopback alone":              {[]string{home}, []string{"/ip4/127.0.0.1/tcp/4747"}, false},
		"one more IPv6 address":          {[]string{six}, []string{six, fresh}, false},
		"no IPv6 address of before":      {[]string{six}, []string{fresh}, true},
		"the first IPv6 address":         {[]string{home}, []string{home, six}, true},
		"another port":                   {[]string{home}, []string{"/ip4/192.168.1.5/tcp/4748"}, true},
		"IPv4 as before, IPv6 elsewhere": {[]string{home, six}, []string{home, fresh}, true},
		"something that is no multiaddr": {[]string{home}, []string{"here"}, false},
	} {
		if got := newPlace(c.known, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	both := withFormer([]string{work}, []string{home, six, work})
	if !slices.Equal(both, []string{work, home}) {
		t.Errorf("both places are %q", both)
	}
	var many []string
	for i := range 2 * membership.MaxAddresses {
		many = append(many, home+string(rune('0'+i%10)))
	}
	if all := withFormer([]string{work}, many); len(all) > membership.MaxAddresses || all[0] != work {
		t.Errorf("%d addresses, the first %q", len(all), all[0])
	}
	if port := quicPort([]string{"/ip4/127.0.0.1/udp/1/quic-v1", home, "/ip4/10.0.0.7/udp/4747/quic-v1"}); port != 4747 {
		t.Errorf("port %d is announced", port)
	}
}
