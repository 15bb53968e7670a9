// Package store is what a device keeps: the typed layout of its encrypted key-value store. Every value has a struct
// here, every key a bucket; a transaction that spans several of them is durable or absent as a whole.
//
// It owns the layout and its caps. It must not know the network, nor what the values are for beyond their types.
//
// Spec: docs/spec/07-storage.md.
package store
