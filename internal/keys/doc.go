// Package keys holds the identities and hashes that every other room names things by: Ed25519 keys with
// domain-separated signatures, 32-byte identifiers with one text form, and the recovery words.
//
// It owns the list of signature and hash domains (domain.go): no other package makes one up. It must not know
// what is signed: events, envelopes and prekeys are bytes to it. It implements no primitive; Ed25519, SHA-256
// and HKDF are the standard library's, the identities of backups are age's.
//
// Spec: docs/spec/01-keys.md.
package keys
