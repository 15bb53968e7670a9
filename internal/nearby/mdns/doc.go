// Package mdns finds and is found on local networks by multicast DNS (RFC 6762) and DNS-SD (RFC 6763): it is a nearby.Network.
//
// The state machine (machine) is pure: it is told the time, the links and what was heard, and says what to send. Network drives it
// with sockets, of which a process has one for each IP version.
//
// It is polite: questions come ever more seldom, up to one an hour, and name what is known already; answers wait a moment, go out
// once for all who ask, and at most once a second; who leaves says goodbye. Names are random for each announcement: nothing tells
// the machine, its person or a key. All records are shared ones (RFC 6762 section 2), so that nothing is probed for.
//
// The package must not know what payloads mean.
package mdns
