package backup

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"path"
	"strings"
)

// textEncoding writes names: base32 in lower case, so that no two are one on a drive that does not tell cases apart. [BAK-2]
var textEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const (
	topFolder  = "MUSTER" // where repositories lie
	markerName = "muster.id"

	packSuffix     = ".pck"
	indexSuffix    = ".idx"
	manifestSuffix = ".snp"
)

// ID is the random name of a repository. Its text is the name of its folder. [BAK-1]
type ID [16]byte

// NewID reads a fresh name from random.
func NewID(random io.Reader) (ID, error) {
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return id, fmt.Errorf("backup: no randomness for a repository: %w", err)
	}
	return id, nil
}

// String returns the text form, 26 characters.
func (id ID) String() string { return textEncoding.EncodeToString(id[:]) }

// ParseID reads what String writes, in any case. The error wraps ErrNotFound.
func ParseID(text string) (ID, error) {
	var id ID
	raw, err := textEncoding.DecodeString(strings.ToLower(text))
	if err != nil || len(raw) != len(id) || textEncoding.EncodeToString(raw) != strings.ToLower(text) {
		return id, fmt.Errorf("%w: %q is not the name of one", ErrNotFound, text)
	}
	return ID(raw), nil
}

// folder is where the repository lies, from the top of the drive.
func (id ID) folder() string { return path.Join(topFolder, id.String()) }

// hash is the name of a file: the first 20 bytes of the SHA-256 of what is in it. [BAK-2]
type hash [20]byte

func hashOf(data []byte) hash {
	sum := sha256.Sum256(data)
	return hash(sum[:len(hash{})])
}

// String returns the name without its suffix: 32 characters.
func (h hash) String() string { return textEncoding.EncodeToString(h[:]) }

// pathIn is where a file of the name lies from the top of the drive: lists of snapshots in the repository's folder, all others in
// folders by their first letter.
func (h hash) pathIn(id ID, suffix string) string {
	name := h.String()
	if suffix == manifestSuffix {
		return path.Join(id.folder(), name+suffix)
	}
	return path.Join(id.folder(), name[:1], name+suffix)
}

// parseName splits the name of a file; ok is false for names that are none of a repository's.
func parseName(name string) (h hash, suffix string, ok bool) {
	name = strings.ToLower(name)
	suffix = path.Ext(name)
	base := strings.TrimSuffix(name, suffix)
	raw, err := textEncoding.DecodeString(base)
	if err != nil || len(raw) != len(h) || (suffix != packSuffix && suffix != indexSuffix && suffix != manifestSuffix) {
		return h, "", false
	}
	return hash(raw), suffix, true
}
