// Package face is what two people's devices say to each other face to face, once a code has shown each that the other is the one
// that was meant: one gives an invitation, or both exchange contact cards. It knows what is said, in which order, and what a
// card proves. It is pure: frames go in and out, and time, network, disk and people are its caller's.
//
// It must not know how frames travel, nor what becomes of an invitation or an acquaintance. Spec:
// docs/spec/13-face-to-face.md.
package face
