// Package vault guards a node's folder: who may open it, one program at a time, and the data key under which everything
// in it is encrypted at rest.
//
// It owns the folder's mode, its LOCK and FORMAT, and the file keyslots, in which the data key lies wrapped once for
// each way to unlock it: a passphrase (argon2id) or a key file. It hands out one key for each use, derived from the
// data key. It must not know what is stored under those keys, nor ask anybody anything: a passphrase comes from a
// function of the caller's.
//
// Spec: docs/spec/07-storage.md, part 3. [STO-30]
package vault
