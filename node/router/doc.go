// Package router decides which envelope goes with which device, where no rendezvous node can be reached: what is offered to a
// device in reach and in which order, with how many copies it goes, what a device takes, and what it lets go when room is short.
//
// It owns the bounds of what is carried, how near devices are to each other by when they met, the sharing of copies and the rule
// of dropping. Pure: no clock, network, disk or goroutine; times and what is held are handed in. It must not know how envelopes
// travel, whether a signature holds or who is a member: node/carrier does, and asks only about what was verified. Rules:
// docs/spec/19-mesh.md, MSH-40 on; reasons: docs/adr/0063-carriers.md.
package router
