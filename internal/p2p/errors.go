package p2p

import "errors"

var (
	// ErrAddress means that an address is not of the form /ip4|ip6/…/tcp/PORT or /ip4|ip6/…/udp/PORT/quic-v1.
	ErrAddress = errors.New("p2p: not an IP address with a TCP or QUIC port")
	// ErrPeer means that a peer id is not that of an Ed25519 key, or not the one that was expected.
	ErrPeer = errors.New("p2p: not the peer id of an Ed25519 key")
)
