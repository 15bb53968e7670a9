// Package hosted runs a rendezvous node inside another program, for organizations that have no server: it makes the node when the
// first organization is founded there, runs it as long as it is needed, and removes it when the last one has moved away.
//
// It owns the node's folder, where the node listens (chosen once and kept, since invitations name it), and its being tried again when
// it cannot run. It must not know what else the program is: that hands it a folder and a key.
package hosted
