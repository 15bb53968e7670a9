// Package pairing is the conversation by which a device that has an account adds another one to it: the *old* and the *new*
// device. It knows codes and links, what each side says in which order, what it seals, and what both must find before they
// go on. It is pure: frames go in and out, and time, network, disk and people are its caller's.
//
// It must not know how frames travel, nor what puts events on a roll. Spec: docs/spec/11-pairing.md.
package pairing
