// Package exchange brings the histories of two devices of one account in step over a stream: it says hello, finds out which
// records differ (package reconcile), and hands over those that one side lacks, the newest first. A stream that breaks at any
// byte loses nothing that was taken: the next exchange finds what is still missing.
//
// It owns the frames and their order, deadlines and caps. It must not know where records lie, what they say, how the other
// device was found or whether it may ask: the caller has seen to that. It has no goroutine: both ends run in the caller's.
//
// Spec: docs/spec/10-sync.md.
package exchange
