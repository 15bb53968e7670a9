// Package audit goes through an archive as it lies in its storage and says what is not as the service wrote it: segments and
// items that are missing, altered, in another order or cut off, and what others put there. It needs no private key.
//
// It owns how segments are named in a storage. It must not know what items say.
//
// Spec: docs/spec/16-archive.md, part 2.
package audit
