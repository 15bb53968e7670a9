package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// unzipFile is `unzip ARCHIVE FILE`: it writes the names and contents of all that is in an archive into one file.
func unzipFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unzip archive file")
	}
	archive, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer archive.Close()
	var all bytes.Buffer
	for _, entry := range archive.File {
		content, err := entry.Open()
		ts.Check(err)
		all.WriteString("\n" + entry.Name + "\n")
		_, err = io.Copy(&all, content)
		ts.Check(err)
		content.Close()
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), all.Bytes(), 0o600))
}

// withoutWords is `without FILE SECRETS...`: it fails if the file holds three words in a row of a file of secrets, or one
// that is longer than words of a language are.
func withoutWords(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: without file secrets...")
	}
	text := strings.Join(strings.Fields(ts.ReadFile(args[0])), " ")
	for _, name := range args[1:] {
		secrets := strings.Fields(ts.ReadFile(name))
		if len(secrets) == 0 {
			ts.Fatalf("%s is empty", name)
		}
		for i, word := range secrets {
			if len(word) > 20 && strings.Contains(text, strings.TrimPrefix(word, "muster:key/")) ||
				i+2 < len(secrets) && strings.Contains(text, strings.Join(secrets[i:i+3], " ")) {
				ts.Fatalf("%s holds what is in %s", args[0], name)
			}
		}
	}
}
