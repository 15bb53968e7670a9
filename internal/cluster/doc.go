// Package cluster makes a local NATS JetStream cluster of server processes, with keys and certificates of its own: for `make
// cluster`, tests and measurements. It owns how such servers are configured.
//
// It must not know what is kept in them. It is linked into no program that is shipped.
package cluster
