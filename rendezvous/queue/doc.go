// Package queue keeps sealed bodies for devices that are away: accepted means durable, and the last acknowledgement
// makes a body unreadable.
//
// It owns the Engine interface, which every storage of the rendezvous node implements and queuetest checks, and the
// embedded engine: an append-only log of segments in a folder.
//
// A segment is a file of sealed records under a key of its own. The keys lie in one small file of fixed slots, each
// wrapped under a root key. A record is a body with the devices that it is for, or for members of a set that the segment
// holds once, or more devices for a body that is there already. A segment that is full ends with a footer, from which it is
// known again when the folder is opened. Which entries were acknowledged is noted in a file beside the segment, sealed under
// the segment's key too, at most a second late: an acknowledgement that a crash forgets costs one repeated delivery. When no
// entry of a segment is left, its key slot is zeroed and the file unlinked; what still lives in a segment of dead bodies is
// copied forward first. Nothing is kept in memory but the index and a bounded cache of fresh bodies. The index has 60 bytes a
// message (table), four for each device that it waits for by itself (list), and a bit for each member of a set.
//
// At any time, whatever fails:
//
//   - An item that was answered with nil is on the disk, its segment's key before it.
//   - A segment's key is destroyed only when each of its living entries is durable elsewhere, and segments go in the
//     order in which they were drained: an old copy of an entry never outlives the note of its acknowledgement.
//   - What an opening reads is made durable before it is relied on.
//   - A record is written at a place and under a counter that its key has not seen before, and a file whose fsync
//     failed is never written again.
//
// It must not know what bodies hold, the roll, or the network.
//
// Spec: docs/spec/07-storage.md, part 2.
package queue
