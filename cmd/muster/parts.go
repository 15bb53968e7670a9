package main

import (
	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/logfile"
)

// part is a file or folder that the program makes in the node's folder.
type part struct {
	name  string
	about string // for people; empty: what is made anew by itself
}

// parts are all of them, in the order in which they are removed: the key slots first, without which the rest is noise.
var parts = []part{
	{"keyslots", "the key to everything else, under your passphrase or key file"},
	{"store", "your keys, messages, files and contacts, encrypted"},
	{"evidence", "proofs against rendezvous nodes"},
	{api.SocketName, ""},
	{api.SocketPointer, ""},
	{"index", ""},
	{"index-journal", ""},
	{logfile.Name, ""},
	{logfile.Old, ""},
	{localapi.AddressFile, ""},
	{loginFile, ""},
	{"FORMAT", "what marks the folder"},
	{"LOCK", "what marks the folder"},
}

// partNamed returns the part of that name.
func partNamed(name string) (part, bool) {
	for _, p := range parts {
		if p.name == name {
			return p, true
		}
	}
	return part{}, false
}
