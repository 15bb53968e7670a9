// Package coredump keeps what a program remembers out of the file that a system may write when it crashes.
//
// It must not know what there is to remember. What the system swaps out is not in its power: docs/threat-model.md.
package coredump

// Limit lets the system write no file of this process and of those that it starts: the limit of its size is zero. A system that hands
// memory to a program of its own when something crashes may not look at that: Linux does not, if core_pattern begins with a pipe.
// Where there is no such limit it does nothing: on Windows the Go runtime keeps crashes from being reported.
func Limit() error { return limit() }

// Forbid is Limit, and has the system keep this process's memory from all who are not root, also when it crashes, where that is possible
// (Linux). Its /proc/self/fd can then be listed by root alone.
func Forbid() error { return forbid() }
