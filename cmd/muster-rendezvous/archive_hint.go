package main

import (
	"errors"
	"io/fs"

	"muster.example/rendezvous/archive"
	"muster.example/rendezvous/archive/bucket"
	"muster.example/rendezvous/archive/reader"
	"muster.example/rendezvous/archive/storage"
)

// archiveHint says what to do about an error of the archive, "" for others.
func archiveHint(err error) string {
	switch {
	case errors.Is(err, archive.ErrRunning):
		return "stop the other one, or give this one a folder of its own with --dir"
	case errors.Is(err, archive.ErrIdentity):
		return "nothing was changed: put the file back from a copy of the folder"
	case errors.Is(err, archive.ErrFolder):
		return "give the archive's service a folder of its own with --dir"
	case errors.Is(err, archive.ErrIndex):
		return "remove the folder index in the service's folder and start again: it is made anew from the store"
	case errors.Is(err, storage.ErrFull):
		return "make room, and start it again: nothing is lost"
	case errors.Is(err, bucket.ErrUnlocked):
		return "make the bucket anew with object lock: it cannot be given to one that is there with most servers"
	case errors.Is(err, reader.ErrKeys):
		return "the store says by which keys it is sealed: archive read verify; give the file of one with --key"
	case errors.Is(err, reader.ErrNotEmpty):
		return "name a folder that is not there yet"
	case errors.Is(err, errNoIdentity):
		return "make it: muster-rendezvous archive identity"
	case errors.Is(err, fs.ErrExist):
		return "nothing was changed: a key that is there may be one in use"
	}
	return ""
}

// errNoIdentity means that a folder has no key of a service.
var errNoIdentity = errors.New("there is no key of a service in the folder")
