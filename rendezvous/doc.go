// Package rendezvous is the thin server of an organization, or of several: it admits members only, orders their rolls,
// keeps prekeys and grants, and holds sealed envelopes for devices that are offline until they acknowledge them. It passes on
// calls between devices of one account, and what is said while one is being added.
//
// It owns admission, the sequencing of rolls, the judgement of leave, and the sessions of devices; the queue behind
// them is in rendezvous/queue. It must not know `node`, `sync` or any plaintext: it can neither open an envelope nor
// author an event, and no key that it holds is on a roll as a member's.
//
// # Folder
//
//	identity            seed of the node's Ed25519 key, 32 bytes in base64, mode 0600
//	store/              rolls, moves, prekeys, grants, claims, allowances (internal/kv, under a key derived from the identity)
//	queue/              the embedded queue
//	rendezvous.sock     control socket, mode 0600
//
// # Goroutines and locks
//
// Run starts the queue's own, one for signing checkpoints anew, two that close connections of strangers who overstay and
// of devices that were barred, three for gossip, the control and metrics servers; libp2p's relay has one that forgets places. Each stream has libp2p's goroutine, and a deliver stream one more that writes. A stream's goroutine
// ends with the stream; Run returns after all have. Locks are taken in this order and none is held while a peer is
// waited for: Node.sequence, roll.mu, then the small ones (directory, grants, sessions, gater), never two of those.
//
// Spec: docs/spec/05-rendezvous.md.
package rendezvous
