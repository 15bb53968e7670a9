// Package kv is the one door to the store at rest: an ordered map of bytes to bytes in a folder, encrypted, durable
// on return.
//
// It owns the storage engine (Badger) and its settings for small machines, the folder's format marker and lock, and
// the sealing of values. Badger encrypts its tables but authenticates nothing, so each value is sealed here once more,
// bound to its key: a value that was changed, or moved to another key, is ErrCorrupt and never returned. Badger cuts off,
// leaves out or removes what it cannot use, so the files are looked at before it opens them, against a sealed tally and a
// sealed count of updates: a store that lost anything is refused as it is, with the files that are damaged named. What is not
// seen is a whole folder put back from an older copy. Lengths of keys and values can be seen without the key.
//
// It must not know what the values mean. A store is opened and closed in the same testing/synctest bubble.
//
// Spec: docs/spec/07-storage.md, part 1.
package kv
