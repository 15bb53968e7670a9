// Package history is what an account remembers: the bodies that messages carry, the immutable records that devices
// keep of them, and the fold of records into what a person sees.
//
// It owns the body layouts (body.go, act.go), the names that files may have (name.go), the records with their hybrid logical
// clock (record.go, clock.go) and the folds: of records (view.go) and of acts on one message (fold.go). Each yields the same
// for any order and any repetition of the same pieces. It is pure: no network, disk, clock or goroutine, and it must not know how a body travelled or where a
// record lies.
//
// Spec: docs/spec/08-history.md.
package history
