// Package cpace agrees on a key by a short secret that two people share: CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21,
// in its initiator-responder setting, with the key confirmation that its section 10.4 recommends.
//
// Whoever takes part without the secret learns nothing but whether one guess of theirs, made in this very run, was right;
// whoever only listens learns nothing at all.
//
// It is pure: it reads randomness from what it is given, and knows neither network nor clock. What the secret is, who may
// try how often, and what the key is used for is its caller's to decide. Spec: docs/spec/11-pairing.md.
package cpace
