// Package node is the device: one account's place in each of its organizations, from what a person asks for to what a
// rendezvous node is given, and back.
//
// The way out of a message is in compose.go (leave is checked, history saved), chain.go and seal.go (chains, prekeys,
// envelopes), post.go (what a rendezvous node has and what it has not); the way in is in deliver.go (streams and
// receipts) and open.go (envelopes to bodies). introduction.go and contact.go are how two members come to write. roll.go
// keeps the roll and raises alarms. join.go and enter.go are how an organization is founded or joined. Node is the facade
// of all organizations; organization is one of them, and session.go is its life on the network.
// siblings.go, siblingset.go, direct.go, known.go and siblinghistory.go keep the histories of the account's devices in step, and the files pairing_*.go add a device.
//
// Each organization has one mutex, which guards its roll, its view and every change of its part of the store; it is
// never held while waiting for the network. Goroutines and their owners are listed in docs/architecture.md.
//
// The package owns the device's behaviour. It must not know how a rendezvous node works inside, how the local API is
// spoken, nor how the store lies on disk.
package node
