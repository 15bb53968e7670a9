package archive

import "errors"

// The errors that callers tell apart.
var (
	ErrRunning  = errors.New("archive: another service is running in this folder")
	ErrIdentity = errors.New("archive: damaged identity file")
	ErrFolder   = errors.New("archive: this is the folder of a rendezvous node")
	ErrConfig   = errors.New("archive: not how a service is set up")
	ErrIndex    = errors.New("archive: damaged index of what is stored")
)

// errOther means that a node speaks of something that this version does not know.
var errOther = errors.New("archive: the node handed over what this version cannot read: run a newer one")
