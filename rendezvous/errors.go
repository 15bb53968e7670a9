package rendezvous

import "errors"

// The errors of Run and of the control socket that callers tell apart.
var (
	ErrRunning    = errors.New("rendezvous: another node is running in this folder")
	ErrNotRunning = errors.New("rendezvous: no node is running in this folder")
	ErrListen     = errors.New("rendezvous: cannot listen")
	ErrIdentity   = errors.New("rendezvous: damaged identity file")
	ErrClaims     = errors.New("rendezvous: too many claim links are open")
)

// errNotMember ends a stream whose device has left the roll.
var errNotMember = errors.New("rendezvous: the device is no member's any more")
