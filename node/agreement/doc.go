// Package agreement is how two devices of which one shows a short code, and has the other have it entered, come to have keys in
// common: codes, the frames of the agreement, and the sealing of what is said from then on. What for is a Purpose: a code for one
// purpose is worth nothing for another. It is pure: frames go in and out, and time, network and people are its caller's.
//
// It must not know what is sealed, nor how frames travel. Spec: docs/spec/11-pairing.md, of which docs/spec/13-face-to-face.md
// makes use.
package agreement
