// Package login has the programs join an organization by a login at a real provider, and leave it with the login: rendezvous
// node, enrolment service, two devices and the provider, as they are run.
//
// It holds tests only.
package login
