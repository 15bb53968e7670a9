// Package sync is the floor of what the devices of one account keep in step. It holds no code: package history has the
// records, and package reconcile finds which of them two devices lack. It is never imported (its name would shadow the
// standard library's).
package sync
