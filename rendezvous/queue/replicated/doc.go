// Package replicated is the queue's engine before a NATS JetStream cluster: any number of node processes serve one queue, and
// none has anything of it on a disk of its own.
//
// The queue lies in shards; an organization is in one of them. A shard is three streams: a log of who waits for what, which
// every process reads and of which each has the same index in memory; sealed bodies, which are read when a device wants them;
// and the keys of the bodies, in the servers' memory alone. Nothing in the cluster is made for a device: no subject, no
// consumer.
//
// An item is accepted when its body, its key, and then the record that points to them are on most of the servers' disks (the
// key in their memories). So a record is all or nothing, and the order of a shard's records is the order of acceptance for all
// processes. What one process puts, the others hear of from the servers at once, and read if they did not hear it.
//
// At any time, whatever fails:
//
//   - An item that was answered with nil is in the log, behind its body and its key.
//   - A body or key is removed only when the log says that nobody waits for it.
//   - What a record says of where an item stands is exact: it is appended only directly behind what its author knew.
//   - What the cluster loses all the same, a purged stream or the keys of a cluster that stopped as a whole, is found, said, and
//     not held any more: so its senders, who keep each message until its receipt, can put it again.
//
// It must not know what bodies hold, the roll, or who the other processes are.
//
// Spec: docs/spec/07-storage.md, part 5.
package replicated
