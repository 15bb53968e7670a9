package main

import (
	"muster.example/node/api"
	"muster.example/node/guard"
	"muster.example/node/localapi"
	"muster.example/node/logfile"
	"muster.example/node/rotation"
)

// part is a file or folder that the program makes in the node's folder.
type part struct {
	name  string
	about string // for people; empty: what is made anew by itself
}

// parts are all of them, in the order in which they are removed: the key slots first, without which the rest is noise.
var parts = []part{
	{"keyslots", "the key to everything else, under your passphrase or key file"},
	{rotation.Store, "your keys, messages, files and contacts, encrypted"},
	{rotation.Landing, "what your other devices gave and was not taken in yet, encrypted"},
	{"rendezvous", "the meeting point of organizations without a server, encrypted"},
	{"rendezvous-gone", ""},
	{"evidence", "proofs against rendezvous nodes"},
	{api.SocketName, ""},
	{api.SocketPointer, ""},
	{"index", ""},
	{"index-journal", ""},
	{logfile.Name, ""},
	{logfile.Old, ""},
	{localapi.AddressFile, ""},
	{loginFile, ""},
	{guard.SettingsFile, ""},
	{"FORMAT", "what marks the folder"},
	{"LOCK", "what marks the folder"},
}

// partNamed returns the part that is called so, whichever generation of the data key it is under.
func partNamed(called string) (part, bool) {
	name := rotation.PartOf(called)
	for _, p := range parts {
		if p.name == name {
			return p, true
		}
	}
	return part{}, false
}
