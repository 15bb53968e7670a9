package nearby

import (
	"context"
	"errors"
	"net/netip"
)

// Kind is what an announcement is for. On the network it is the type of a DNS-SD service (RFC 6763).
type Kind string

const (
	// Devices is for devices of an organization, which find each other for as long as they run.
	Devices Kind = "_muster._udp"
	// Meetings is for two devices of which one shows a code and the other one enters it, for some minutes.
	Meetings Kind = "_muster-meet._udp"
)

const (
	// MaxPayload is the size of the longest payload, in bytes: it fits one packet with everything else.
	MaxPayload = 200
	// MaxAddresses is how many addresses of one announcement are told at most.
	MaxAddresses = 16
	// MaxHeard is how many announcements of one kind are kept at a time; further ones are not told.
	MaxHeard = 1024
)

// ErrAnnouncement means that an announcement has no port, an unknown kind, or a payload that is empty or too long.
var ErrAnnouncement = errors.New("nearby: no announcement")

// Announcement is what one device tells others on its local networks.
type Announcement struct {
	Kind Kind
	// Port is where the device waits, by QUIC over UDP, and over TCP if it can.
	Port uint16
	// Payload is at most MaxPayload bytes, seen by everybody on the network.
	Payload []byte
}

// Found is an announcement of another device, as it was heard.
type Found struct {
	Payload []byte
	// Addresses are where the device says that it waits, 1 to MaxAddresses, on the local network alone: link-local ones with their
	// zones, and addresses of a network that this machine is on there.
	Addresses []netip.AddrPort
}

// Network is the local networks that a device is on.
type Network interface {
	// Announce answers for an announcement until the context ends, and takes it back then. It is heard within moments, also
	// by those who browse already. A device does not hear its own. Errors are ErrAnnouncement, the context's, or say that there
	// is no network to announce on, and why.
	Announce(ctx context.Context, a Announcement) error
	// Browse tells each announcement of a kind, those that are there and those that come, until the context ends; again when its
	// addresses change or when it comes back, and in no order. found is called by one goroutine at a time and must not wait long.
	// It asks seldom, and ever more seldom. Errors are as those of Announce.
	Browse(ctx context.Context, kind Kind, found func(Found)) error
}

// Check reports what is wrong with an announcement, as ErrAnnouncement.
func (a Announcement) Check() error {
	if (a.Kind != Devices && a.Kind != Meetings) || a.Port == 0 || len(a.Payload) == 0 || len(a.Payload) > MaxPayload {
		return ErrAnnouncement
	}
	return nil
}
