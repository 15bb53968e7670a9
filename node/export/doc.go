// Package export writes an account's history in formats that other programs read: JSON lines, mbox, Maildir and Markdown.
//
// It owns the formats, how files are named and what is in them. It must not know where messages lie, nor what is done with the files:
// they go, one after the other, into a Folder, which can be a zip file or a stream. It holds one message at a time, and a piece of a
// file.
//
// Spec: docs/export.md.
package export
