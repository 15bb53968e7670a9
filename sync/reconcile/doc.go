// Package reconcile finds in which items two sets differ, by sending fingerprints of ranges and splitting those that
// differ (A. Meyer, "Range-Based Set Reconciliation", 2023): work and bytes go by the number of differences, not by the size
// of the sets, each round is whole by itself, and a set that is equal costs one frame.
//
// It owns sets in memory, their keyed fingerprints, and what the frames mean. It must not know what an item stands for, where
// it lies, or how a frame travels; it has no clock, network, disk or goroutine.
//
// Spec: docs/spec/10-sync.md.
package reconcile
