// Package mail reads mail that other programs kept: mbox files and single mails (RFC 5322, MIME).
//
// It owns what a mail says as text: header fields, the text to be read, the files. HTML becomes text: nothing in it acts, and nothing
// that it names is fetched. Whatever the bytes are, a mail is read as far as it goes, within the limits; where a part cannot be read,
// the mail is kept whole. It must not know where mail comes from, nor whom it is shown to.
//
// Spec: docs/export.md, and [HIST-70] for the text that a mail becomes.
package mail
