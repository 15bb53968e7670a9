// Package backup keeps backups in a folder of a drive: what it is given, packed into files of age that only the recovery words
// open, named by their hashes, added to and never changed. A backup is a set of items (Entry) at one time, called a snapshot.
//
// Who writes calls Find or Create, then Run as often as there is something new: Run asks a Source for what there is and loads only
// what the drive lacks. Who reads calls Find, then Open with the keys of the words, Snapshots, and Read. Verify looks through a
// repository with whatever keys there are, or none.
//
// What holds at any time, whatever is torn away or fails between two writes: a file that is there under a name and has the hash that
// is its name is never changed; a snapshot's list is written when all that it names is on the drive and was read back; and nothing
// that the newest complete snapshot names is removed. A run that ends early, for whatever reason, leaves packs that the next one
// uses. So a drive may be taken away at any moment. [BAK-9] [BAK-10]
//
// The package must not know the network, the store, nor what items are: records are verified by who restores them. It has no
// goroutine. One process writes to a repository at a time, which its caller ensures: two would remove each other's leftovers.
// Reading is possible at the same time, by many.
//
// Memory: Run holds at most one pack three times (8 MiB and one item: its items, whole, sealed), the list of one pack, and about 50 bytes
// an item of the repository, which for a million records is 135 MiB at most; Read and Verify hold one pack twice, whatever the
// repository's size.
//
// Spec: docs/spec/14-backup.md.
package backup
