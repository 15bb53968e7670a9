// Package richtext makes what members write safe to show: Markdown to markup that can only look, and links that say where
// they lead.
//
// It owns which markup a message may have and what is suspicious about a link. It must not know who wrote it, nor fetch
// anything. Every byte of a message that is not understood is shown as the text that it is, so that nothing is hidden.
//
// Spec: CommonMark 0.31 and GitHub's tables, strikethrough, task lists and bare links, without HTML and without images.
package richtext
