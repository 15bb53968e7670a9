// Package logfile keeps the node's log in its folder, for the person and for whoever helps them: two files of at most 1 MiB.
//
// It owns the files, their turn, and what may be in them. They lie in the folder as they are, also while it is locked, so they
// hold nothing of what is encrypted there: of each entry the text that the program wrote itself, numbers, times, beginnings of
// ids, and of an error what is the same on every machine. Names, texts, addresses, paths and keys are left out, whoever
// logs them. It must not know what an entry is about.
//
// Spec: docs/spec/07-storage.md. [STO-42]
package logfile
