// Package enrolproto is what a device and an enrolment service say to each other: requests, answers, the signed offer, the
// nonce by which a login is bound to a device, and the words by which a person compares. Pure.
//
// It must not know either end, nor how frames travel.
//
// Spec: docs/spec/17-enrolment.md.
package enrolproto
