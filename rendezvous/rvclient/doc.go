// Package rvclient is the device's side of the rendezvous protocols: requests about the roll, prekeys and grants, and
// the two long-lived streams on which envelopes are posted and delivered.
//
// It owns the streams' windows, deadlines and pings. It must not know what the bytes mean, when to try again or what to
// keep: back-off, custody and the checking of checkpoints are the caller's. It starts no goroutine.
//
// A peer's refusal is a wire.Status, which errors.AsType finds; every other error is the network's, and then it is not
// known whether the request was carried out.
//
// Spec: docs/spec/05-rendezvous.md.
package rvclient
