// Package cluster proves that a node of several processes before a NATS JetStream cluster loses nothing and repeats nothing: real
// servers, real muster-rendezvous processes and real devices, which write to each other while servers and processes are
// killed, stopped, cut off, and stream data is deleted.
//
// It holds tests only, behind the build tag cluster.
package cluster
