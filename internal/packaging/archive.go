package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tarGz packs files and the folders that they need. Nothing in it is of the machine that made it: owners are 0, times given.
func tarGz(files []entry, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression) // its header has no time and no name unless told
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(packed)
	made := make(map[string]bool)
	for _, file := range files {
		for _, folder := range parents(file.name) {
			if made[folder] {
				continue
			}
			made[folder] = true
			header := &tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: when, Format: tar.FormatUSTAR}
			if err := archive.WriteHeader(header); err != nil {
				return nil, err
			}
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: file.mode, Size: int64(len(file.data)), ModTime: when, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(file.data); err != nil {
			return nil, err
		}
	}
	err = errors.Join(archive.Close(), packed.Close())
	return out.Bytes(), err
}

// parents returns the folders above a name, the outermost first; "./usr/bin/x" has ".", "./usr" and "./usr/bin".
func parents(name string) (all []string) {
	for at, c := range name {
		if c == '/' {
			all = append(all, name[:at])
		}
	}
	return all
}

// zipped packs files for Windows.
func zipped(files []entry, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, file := range files {
		header := &zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: when}
		w, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(file.data); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

// sums writes SHA256SUMS as sha256sum --check reads it.
func (r release) sums(names []string) error {
	slices.Sort(names)
	var list strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(r.built, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(data), path.Base(name))
	}
	return os.WriteFile(filepath.Join(r.built, "SHA256SUMS"), []byte(list.String()), 0o644)
}

// fileVersion returns a version as it is in file names.
func fileVersion(version string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-", r) {
			return r
		}
		return '_'
	}, strings.TrimPrefix(version, "v"))
}
