// Package search is the index of a device's messages: which hold a word. It owns one encrypted file, which is disposable: it
// holds nothing that the history does not hold, and is made anew from there when it is missing, damaged, of another version or
// under another key. [STO-40]
//
// It must not know the network, the node or the store: it is told texts and asked for ids, and who asks decides what of
// that is shown. What people type is parsed here (Parse) and never reaches SQLite as it was typed.
package search
