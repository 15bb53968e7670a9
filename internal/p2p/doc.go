// Package p2p is the one place that assembles a libp2p host, and the small helpers that every protocol on it needs:
// names of peers, addresses that may be dialled, and streams with a deadline, a byte cap and a handler that cannot take
// the process down.
//
// The host is put together by hand: swarm and basic host, TCP with TLS 1.3 and yamux, and QUIC. Both transports agree
// on their keys with X25519MLKEM768; Noise, which has no post-quantum key exchange, is not linked, and neither are
// WebRTC, WebTransport and the other parts that the root package of libp2p drags in.
//
// A host can wait and call through a relay, and be one: libp2p's circuit relay v2, with TLS 1.3 between the two ends.
//
// The package must not know who is a member: the caller's gater and handlers decide that. It contacts nobody but the
// peers that it is told to: it resolves no names, maps no ports and sends no metrics.
//
// Goroutines: all are those of libp2p. They end before Close of the host returns, and handlers before the stop function
// of Handle or Serve does.
package p2p
