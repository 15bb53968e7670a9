// Package archive is the service that keeps what designated accounts of an organization send and are sent: it takes what a
// rendezvous node queues for it, puts it into a store that only grows, and acknowledges it once it is durable there.
//
// It owns how deliveries become segments, what is stored once, how a chain is taken up again after a crash, and what is told
// of the service. It holds no key that opens anything: what it stores is sealed to the archive's public key. It must not know
// the roll, nor what envelopes say.
//
// Spec: docs/spec/16-archive.md, part 2.
package archive
