// Package sync is the floor of what the devices of one account keep in step. It holds no code: package history has the
// records, package reconcile finds which of them two devices lack, and package exchange hands
// those over. It is never imported (its name would shadow the
// standard library's).
package sync
