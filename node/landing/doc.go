// Package landing keeps what other devices of the account gave until it is taken into the history: records as they came, in files
// that are sealed, written from front to end, durable when Put returns, read in the order in which they were written, and removed
// whole. A link brings records twenty times as fast as signatures, indexes and the store's log can follow. [STO-43]
//
// It must not know what a record says or whether it holds, nor the network and the store: who takes in what lies here checks it
// as if it came just then. It has no goroutine.
package landing
