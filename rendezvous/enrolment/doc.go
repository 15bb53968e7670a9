// Package enrolment is the enrolment service of an organization: it holds the enrolment key, sends people who want to join to
// the organization's login provider, signs the join of whom the provider names, and suspends whom the provider names no more.
// It is a process apart from the rendezvous node, which it reaches as a stranger does.
//
// It owns logins under way, the binding of a token to a device, the mapping of claims, the accounts that it keeps watch of, and
// its pages. It must not know the server inside, nor devices, nor hold any key of a node or member.
//
// Spec: docs/spec/17-enrolment.md.
package enrolment
