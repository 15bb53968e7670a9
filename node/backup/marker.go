package backup

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A marker names a repository: four lines that a person may read. [BAK-1]
const (
	markerFirst = "A backup by Muster, which only its owner's recovery words open. Format 1."
	markerOther = "A backup by Muster, which only its owner's recovery words open. Format " // of newer formats
	markerSize  = 256                                                                       // at most
)

// markerText is the marker of a repository, with the mark by which its writer knows it again.
func markerText(id ID, mark [32]byte) []byte {
	text := markerFirst + "\n" + id.String() + "\n" + textEncoding.EncodeToString(mark[:]) + "\n"
	return []byte(text + hashOf([]byte(text)).String() + "\n")
}

// parseMarker reads a marker. Errors wrap ErrNewer or ErrDamaged.
func parseMarker(data []byte) (id ID, mark [32]byte, err error) {
	lines := strings.Split(string(data), "\n")
	if len(lines) != 5 {
		return id, mark, fmt.Errorf("%w: the marker has %d lines", ErrDamaged, len(lines))
	}
	text := strings.Join(lines[:3], "\n") + "\n"
	if lines[3] != hashOf([]byte(text)).String() || lines[4] != "" {
		return id, mark, fmt.Errorf("%w: the marker's last line does not fit the others", ErrDamaged)
	}
	if lines[0] != markerFirst && strings.HasPrefix(lines[0], markerOther) {
		return id, mark, ErrNewer
	}
	id, err = ParseID(lines[1])
	raw, malformed := textEncoding.DecodeString(lines[2])
	if err != nil || malformed != nil || len(raw) != len(mark) {
		return id, mark, fmt.Errorf("%w: the marker names nothing", ErrDamaged)
	}
	mark = [32]byte(raw)
	if string(markerText(id, mark)) != string(data) {
		return id, mark, fmt.Errorf("%w: the marker is written otherwise", ErrDamaged)
	}
	return id, mark, nil
}

// readMarker reads the marker in the folder of a repository. Errors wrap ErrNewer, ErrDamaged or those of the Folder.
func readMarker(folder Folder, id ID) (mark [32]byte, err error) {
	data, err := readFile(folder, path.Join(id.folder(), markerName), markerSize)
	if errors.Is(err, fs.ErrNotExist) {
		return mark, fmt.Errorf("%w: there is no marker", ErrDamaged)
	}
	if err != nil {
		return mark, err
	}
	named, mark, err := parseMarker(data)
	if err == nil && named != id {
		err = fmt.Errorf("%w: the marker names %s", ErrDamaged, named)
	}
	return mark, err
}

// own reports whether a marker was written with these keys.
func (k Keys) own(id ID, mark [32]byte) bool {
	if k.mark == nil {
		return false
	}
	want := markOf(k.mark, markMarker, id[:])
	return hmac.Equal(mark[:], want[:])
}
