// Package mesh is what two members' devices of one organization say to each other on a direct connection: the frames of
// /muster/mesh/1, their strict encodings and their caps.
//
// Pure: bytes in, values out. The package must not know how frames travel, who is a member, what becomes of an envelope, or what the
// time is. Envelopes, receipts, prekeys, checkpoints, entries and bars are bytes here: who reads them says what they are worth.
//
// Spec: docs/spec/19-mesh.md.
package mesh
