// Package hostiletest is what a member may send who means harm, as data: texts, names and files.
//
// It owns the cases. It must not know how they are shown: tests hold them against each part that reads a message, and against
// the app in a browser. It is linked into no program.
//
// Spec: none; docs/threat-model.md says what a hostile member must not reach.
package hostiletest
