// Package envelope seals what members say to one another, and opens it: signed prekeys of the hybrid KEM, chains and
// their announcements, messages, introductions of one fixed size, reports, receipts, what is for an archive, and envelopes as
// others carry them.
//
// It is pure: time comes in as an argument and randomness as an io.Reader, except that crypto/hpke draws the
// randomness of each encapsulation itself. It must not know the network, the disk, or who is a member: a caller says
// which member a device belongs to, and whom a place admits. It implements no primitive: HPKE, ML-KEM, X25519, HKDF, HMAC and Ed25519 are the
// standard library's and ChaCha20-Poly1305 is golang.org/x/crypto's.
//
// The way of a message: NewChain once for a conversation and a set of devices; Announce to each of those devices;
// Seal each message; save Chain and Line; send. At the other end: Parse; OpenAnnounce once for a chain; Inbound.Open
// for each message; save Inbound together with the message; answer with a receipt.
//
// Another way of sealing (MLS, for large connected groups) would be another Version of the header; nothing here is
// general before there is a second one.
//
// Spec: docs/spec/04-envelope.md, docs/spec/16-archive.md, docs/spec/18-carried.md.
package envelope
