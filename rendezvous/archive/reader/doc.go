// Package reader opens an archive with its offline private key: what was said, by whom and to whom, and what is not as it
// should be: items that do not open, receivers who were told something else than the archive, gaps that a node confessed,
// numbers that an author left out, and every fault that audit finds.
//
// It is the only room of the archive that sees plaintext, and runs where the private key is, never in the service.
//
// Spec: docs/spec/16-archive.md, part 2.
package reader
