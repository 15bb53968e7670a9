// Package service has a system start the node whenever its person logs in: a user unit of systemd on Linux, an agent of
// launchd on macOS, a task at log-on on Windows.
//
// It owns the text of each, which is made from a Spec alone and the same on every machine, and how it is put in place and
// taken away. It must not know what the program does. No secret is in any of these texts: the path of a key file at most.
package service
