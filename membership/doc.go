// Package membership is the muster roll: who belongs to an organization, with which role and devices, and how that is
// proved to somebody who trusts nobody but the members.
//
// It owns the events and their signatures (OpenEvent is the one function that yields an authenticated principal), the
// rules by which events are folded into a State, the Roll that holds the state together with its Merkle tree,
// checkpoints and proofs, grants, invitation links and the rule of names.
//
// It must not know anything else. The package is pure: it has no clock, network, disk or goroutine. Time comes in as
// the stamp of the sequencer, randomness as an io.Reader. Two builds that fold the same entries get the same state, so a
// build refuses whatever it does not know.
//
// A State or Roll is not safe for concurrent use: readers may share one only while nobody appends.
//
// Spec: docs/spec/03-roll.md.
package membership
