// Package authority is who may do what to one account: its devices and their order of seniority, bars, freezes, the
// recovery key, and re-admissions.
//
// It owns the rules of an account (Check), their effects (Apply), and the fold of bars, by which a later bar decides
// over the earlier ones of the device that it bars. It must not know signatures, the roll, names, roles or who is an
// admin: its caller has verified who signed, says in which capacity, and gives position and stamp. The package is pure.
//
// The rules are proved by an exhaustive small model (model_test.go), which also shows that each of them is needed.
//
// Spec: docs/spec/03-roll.md, rules [ROLL-70] to [ROLL-81].
package authority
