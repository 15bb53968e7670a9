// Package wire is how bytes become values and back: the strict canonical CBOR codec, length-prefixed frames on
// streams, and the status numbers that peers answer with.
//
// It owns the caps that hold for every decoder. It must not know any protocol: messages are declared by the
// packages that speak them.
//
// Spec: docs/spec/02-wire.md.
package wire
