package p2p

import (
	"fmt"
	"strings"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
)

// peerIDPrefix is what stands before an Ed25519 key in the bytes of its peer id. [KEY-1]
const peerIDPrefix = "\x00\x24\x08\x01\x12\x20"

// PeerID returns the libp2p name of key. [KEY-1]
func PeerID(key keys.PublicKey) peer.ID { return peer.ID(peerIDPrefix + string(key[:])) }

// Key returns the key that a peer id stands for, or ErrPeer: other kinds of key are nobody's here. [KEY-1]
func Key(id peer.ID) (keys.PublicKey, error) {
	raw, found := strings.CutPrefix(string(id), peerIDPrefix)
	if !found || len(raw) != keys.PublicKeySize {
		return keys.PublicKey{}, ErrPeer
	}
	return keys.PublicKey([]byte(raw)), nil
}

// AddressInfo returns what libp2p needs to dial key at addresses: 1 to MaxAddresses texts that CheckAddress accepts.
// Names are refused, so that nobody's list of addresses makes this host ask a name server. Errors wrap ErrAddress.
func AddressInfo(key keys.PublicKey, addresses []string) (peer.AddrInfo, error) {
	if len(addresses) == 0 || len(addresses) > MaxAddresses {
		return peer.AddrInfo{}, fmt.Errorf("%w: %d addresses where 1 to %d are expected",
			ErrAddress, len(addresses), MaxAddresses)
	}
	info := peer.AddrInfo{ID: PeerID(key)}
	for _, text := range addresses {
		address, err := parseAddress(text)
		if err != nil {
			return peer.AddrInfo{}, err
		}
		if !Networks(nil).isOneHost(address) || hasPortZero(address) {
			return peer.AddrInfo{}, fmt.Errorf("%w: %q cannot be dialled", ErrAddress, text)
		}
		info.Addrs = append(info.Addrs, address)
	}
	return info, nil
}

// CheckAddress returns nil for /ip4/A/tcp/P, /ip6/A/tcp/P, /ip4/A/udp/P/quic-v1 and /ip6/A/udp/P/quic-v1 in their
// canonical text of at most MaxAddressLength bytes, else an error that wraps ErrAddress. A may be the unspecified
// address and P zero, as in addresses to listen on.
func CheckAddress(text string) error {
	_, err := parseAddress(text)
	return err
}

// Addresses returns where h can be reached, as texts for AddressInfo: its listening addresses, with the unspecified
// address replaced by those of the interfaces.
func Addresses(h host.Host) []string {
	var texts []string
	for _, address := range h.Addrs() {
		if CheckAddress(address.String()) == nil && len(texts) < MaxAddresses {
			texts = append(texts, address.String())
		}
	}
	return texts
}

// parseAddress is CheckAddress with the result.
func parseAddress(text string) (ma.Multiaddr, error) {
	if len(text) > MaxAddressLength {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrAddress, len(text))
	}
	address, err := ma.NewMultiaddr(text)
	if err != nil || address.String() != text || !validShape(address) {
		return nil, fmt.Errorf("%w: %q", ErrAddress, text)
	}
	return address, nil
}

func validShape(address ma.Multiaddr) bool {
	if len(address) < 2 || (address[0].Code() != ma.P_IP4 && address[0].Code() != ma.P_IP6) {
		return false
	}
	switch address[1].Code() {
	case ma.P_TCP:
		return len(address) == 2
	case ma.P_UDP:
		return len(address) == 3 && address[2].Code() == ma.P_QUIC_V1
	}
	return false
}

func hasPortZero(address ma.Multiaddr) bool { return address[1].Value() == "0" }
