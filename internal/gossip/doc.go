// Package gossip passes small messages among the devices of an organization: checkpoints and signed events, so that
// what one device has seen reaches the others without being asked for. It is the one place that assembles
// go-libp2p-pubsub (gossipsub). A device's host takes part in the topic of its organization; a rendezvous node takes
// part in the topics of all that it serves and passes messages on between devices that have no other neighbour. Each group
// has a topic of its own among its devices, for envelopes, while they have no rendezvous node. [GOS-12]
//
// It owns the topic's name, the layout of a message, who may take part, and the bounds. It is best effort: a message
// may get lost, come late, and come again after minutes. Who joins gets nothing of the past; Config.PeerJoined tells
// whom to Send the newest head to. Nothing may depend on gossip alone. [GOS-13]
//
// The package must not know what a checkpoint, an event or an envelope is, nor read a roll: handlers judge what comes, and
// Config.Member says who belongs. It dials nobody and tells nobody of peers.
//
// Goroutines: Run's own are in a task.Group. Pubsub has its own: a loop with a heartbeat every second, a few workers
// that check signatures and call handlers, and three for each peer. All end with Run; see there.
//
// Queues, and what happens when they are full: messages of 8 MiB wait for their signature to be checked, 1,024 at most, and
// frames of 4 MiB for each peer that is slow to read, 256 at most, each counted as the largest that the host takes; more are
// dropped, which gossip heals only within seconds. A peer that sends more than 256 KiB a second is read more slowly. Waiting
// frames share the memory of their messages. What was accepted is kept for five seconds for those who ask.
//
// The spec is docs/spec/09-gossip.md, rules [GOS-n].
package gossip
