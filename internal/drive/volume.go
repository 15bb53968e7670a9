package drive

import (
	"path/filepath"
	"slices"
	"strings"
)

// Volume is a file system that is mounted now.
type Volume struct {
	// Path is its top folder, absolute and clean.
	Path string
	// ID stays the same while it is mounted there, and is another one when it was away in between, where the system says so.
	ID string
	// Name is what a person knows it by.
	Name string
	// Removable is whether the system says that it can be taken out.
	Removable bool
	// Memory is whether it lies in memory: nothing there outlives the computer being turned off.
	Memory bool
}

// Compare returns which volumes of now were not there before, and which of those before are gone. One that went and came is
// both.
func Compare(before, now []Volume) (appeared, gone []Volume) {
	return without(now, before), without(before, now)
}

// without returns those of all that are not among others.
func without(all, others []Volume) (rest []Volume) {
	for _, v := range all {
		if !slices.ContainsFunc(others, func(o Volume) bool { return o.ID == v.ID && o.Path == v.Path }) {
			rest = append(rest, v)
		}
	}
	return rest
}

// On returns the volume that a path lies on: the one with the longest top folder above it, or there. The path is absolute and
// clean.
func On(volumes []Volume, path string) (v Volume, ok bool) {
	for _, candidate := range volumes {
		if _, under := below(candidate.Path, path); under && (!ok || len(candidate.Path) > len(v.Path)) {
			v, ok = candidate, true
		}
	}
	return v, ok
}

// below returns the path of a folder as seen from a top folder that it is in.
func below(top, path string) (relative string, ok bool) {
	if path == top {
		return ".", true
	}
	separator := string(filepath.Separator)
	relative, ok = strings.CutPrefix(path, strings.TrimSuffix(top, separator)+separator)
	return relative, ok
}

// Mark is where something lay when it was last seen.
type Mark struct {
	// ID is what it is recognized by.
	ID string
	// Path is where it lay, absolute and clean.
	Path string
	// Within is the same as seen from the top of its volume.
	Within string
}

// NewMark returns the mark of something at a path.
func NewMark(volumes []Volume, id, path string) Mark {
	m := Mark{ID: id, Path: path, Within: "."}
	if v, ok := On(volumes, path); ok {
		m.Within, _ = below(v.Path, path)
	}
	return m
}

// Places returns where a mark may be now: where it was, and the same folder of each volume, each once.
func (m Mark) Places(volumes []Volume) []string {
	places := []string{m.Path}
	for _, v := range volumes {
		if place := filepath.Join(v.Path, m.Within); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// Find returns where each of marks is now, by its id; one that is nowhere is left out. recognize reads whether what has the id
// lies at a place. So the mount point of a drive that is away, which is an empty folder, is never taken for the drive. Where two
// places show one thing, the one where it was before counts, else the first: the other is a copy, or a second way to it.
func Find(marks []Mark, volumes []Volume, recognize func(place, id string) bool) map[string]string {
	found := make(map[string]string)
	for _, m := range marks {
		for _, place := range m.Places(volumes) {
			if recognize(place, m.ID) {
				found[m.ID] = place
				break
			}
		}
	}
	return found
}
