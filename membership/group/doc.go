// Package group is who is in one group, and who may do what there: invitations, applications, members, moderators, and
// whether somebody reads of it or was in it at an earlier size of the roll.
//
// It owns the rules of a group (Check), their effects (Apply), and the fold of all its acts without those that are void
// (Judge). It must not know signatures, the roll, names, roles or who is an admin: its caller has verified who signed, says
// whether they act as an admin, and which acts a bar voids. The package is pure.
//
// Spec: docs/spec/03-roll.md, rules [ROLL-140] to [ROLL-149].
package group
