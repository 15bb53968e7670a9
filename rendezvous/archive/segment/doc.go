// Package segment is the form in which the archive keeps what it was handed: segments of sealed items, each naming the one
// before it by its hash, and the signed heads that say how far a chain of them goes.
//
// It owns the layout, what is hashed and signed, and the seal of the items. It must not know where segments lie, what the
// items say, or who is a member. It is pure: time comes in as an argument; crypto/hpke draws the randomness of each
// encapsulation itself.
//
// Spec: docs/spec/16-archive.md, part 2.
package segment
