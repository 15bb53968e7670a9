// Package lock locks texts and files with age before they are sent, and opens them again: for public keys (post-quantum,
// X25519, SSH) or for a passphrase. What it makes the age tool opens, and the other way round.
//
// It owns how keys are read and written, what of a foreign age file is worked on at all, and by which words a key is
// compared. It is pure: it knows no network, no store and no message, and nothing of whose a key is. Spec:
// docs/spec/15-locks.md.
package lock
