// Package rvproto is what a device and a rendezvous node say to each other: protocol names, messages, limits and their
// strict codecs, and the claim link.
//
// It owns the bytes on the streams and nothing behind them. It must not know the roll's rules, how envelopes are
// sealed, disks or networks: events, entries, checkpoints, prekeys, grants, envelopes and receipts are bytes to it.
// It is the one package that node and rendezvous share, beside the client of it in rvclient.
//
// # Flow
//
// Five protocols are one request and one answer a stream; the requester closes its half after the request:
//
//	/muster/join/1     anyone    JoinRequest   → RollAnswer
//	/muster/roll/1     members   RollRequest   → RollAnswer
//	/muster/prekey/1   members   PrekeyRequest → PrekeyAnswer
//	/muster/grant/1    members   GrantRequest  → GrantAnswer
//	/muster/presence/1 members   PresenceRequest → PresenceAnswer
//
// Two are long-lived, one stream each a device, and a newer stream of the same device ends the older:
//
//	/muster/post/1                             /muster/deliver/1
//	node   → Hello                             node   → Hello
//	device → Post Post Post …                  node   → Deliver Deliver … Head …
//	node   → Answer Answer Answer …            device → Ack …
//	device → Ping; node → Pong                 device → Ping; node → Pong
//	                                           device → Status, Watch, Typing; node → Presence, Typist
//
// The node answers a stranger on a members' protocol without reading a byte: with the status in the Hello or in the
// answer. A device gives a long-lived stream up when the node does not answer for Patience, and the node when the
// device says nothing for Silence; a post stream without an unanswered post rests, and may be silent for RestSilence.
//
// # Versions
//
// The number at the end of a protocol's name is its version; a change that an older peer cannot read gets a new one.
// Frames and statuses are append-only lists.
//
//	1  2026-11  first
//
// Spec: docs/spec/05-rendezvous.md.
package rvproto
