package rendezvous

import "errors"

// The errors of Run and of the control socket that callers tell apart.
var (
	// errNotPeer means that another node is none of the organization any more.
	errNotPeer    = errors.New("rendezvous: no node of this organization")
	ErrRunning    = errors.New("rendezvous: another node is running in this folder")
	ErrNotRunning = errors.New("rendezvous: no node is running in this folder")
	ErrListen     = errors.New("rendezvous: cannot listen")
	ErrIdentity   = errors.New("rendezvous: damaged identity file")
	ErrSealed     = errors.New("rendezvous: this folder is part of a device's, and only muster start opens it")
	ErrClaims     = errors.New("rendezvous: too many claim links are open")
	ErrShared     = errors.New("rendezvous: what this node knows lies in a cluster, and the folder has only a copy")
)

// errBehind means that the node has forgotten entries that it signed: it appends nothing before it has them again.
var errBehind = errors.New("rendezvous: the roll on disk is older than one that this node signed")

// errPace means that an account puts events on the roll too fast: the event is taken later.
var errPace = errors.New("rendezvous: too many events of one account at once")

// errForked means that the node signed two rolls that cannot both be true: nothing mends that.
var errForked = errors.New("rendezvous: this node has signed another roll")

// errHasty ends a stream whose device does at once what nobody does who means well.
var errHasty = errors.New("rendezvous: the device goes on too fast")

// errNotMember ends a stream whose device is not served any more.
var errNotMember = errors.New("rendezvous: the device is not served any more")

// errPiece ends a stream on which more of an envelope came than was announced.
var errPiece = errors.New("rendezvous: more of an envelope than its device announced")
