// Package bundle is the format of a file that carries envelopes, receipts and what else an organization's devices lack for one
// another: frames that stand each for itself, sealed for whoever is of the organization.
//
// It reads and writes streams. It must not know what items mean, whether what they say is true, where files lie, or who is a
// member; time and randomness come in.
//
// Spec: docs/spec/18-carried.md.
package bundle
