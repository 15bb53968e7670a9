package main

import (
	"errors"
	"os"
)

// quarantine sets the mark by which Windows asks before it opens what came from others: a stream beside the file's content. On
// a volume without streams (FAT) there is no place for it, opening one fails, and the file is saved without.
func quarantine(root *os.Root, _ *os.File, name string) error {
	stream, err := os.OpenFile(root.Name()+`\`+name+":Zone.Identifier", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil //nolint:nilerr // a volume without streams
	}
	_, err = stream.WriteString("[ZoneTransfer]\r\nZoneId=3\r\n")
	return errors.Join(err, stream.Close())
}
