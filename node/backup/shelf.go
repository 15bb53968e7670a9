package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// shelf is what lies in the folders of a repository, by names alone.
type shelf struct {
	folder    Folder
	id        ID
	packs     map[hash]int64 // to sizes
	indexes   map[hash]int64
	manifests map[hash]int64
	bad       map[hash]bool // packs that were read and are damaged
}

// look lists a repository. Files that are none of it are passed over. Errors wrap ErrNotFound, ErrDamaged for one with more files than
// there can be, or those of the Folder.
func look(folder Folder, id ID) (*shelf, error) {
	s := &shelf{folder: folder, id: id, packs: make(map[hash]int64), indexes: make(map[hash]int64), manifests: make(map[hash]int64), bad: make(map[hash]bool)}
	top, err := folder.List(id.folder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return nil, fmt.Errorf("backup: listing %s: %w", id.folder(), err)
	}
	for _, info := range top {
		h, suffix, ok := parseName(info.Name)
		switch {
		case info.Dir && len(info.Name) == 1:
			if err := s.lookInto(strings.ToLower(info.Name)); err != nil {
				return nil, err
			}
		case ok && !info.Dir && suffix == manifestSuffix:
			s.manifests[h] = info.Size
		}
		if len(s.packs)+len(s.indexes) > maxFiles || len(s.manifests) > maxManifests {
			return nil, fmt.Errorf("%w: %s has more files than a backup has", ErrDamaged, id)
		}
	}
	return s, nil
}

func (s *shelf) lookInto(dir string) error {
	found, err := listing(s.folder, path.Join(s.id.folder(), dir))
	if err != nil {
		return err
	}
	for _, info := range found {
		h, suffix, ok := parseName(info.Name)
		if !ok || info.Dir {
			continue
		}
		switch suffix {
		case packSuffix:
			s.packs[h] = info.Size
		case indexSuffix:
			s.indexes[h] = info.Size
		}
	}
	return nil
}

// Damage is one file that is not what was written.
type Damage struct {
	File  string  // from the top of the drive
	Err   error   // wraps ErrDamaged, or says why it cannot be read
	Items int     // so many items are lost by it; -1 if nobody can tell
	Lost  []Entry // which they are, as far as known
}

// snapshot is a list of the repository, read.
type snapshot struct {
	*manifest
	lines  []packLine
	copies []hash // the files that hold it
}

// complete reports whether all packs of the snapshot are there with the sizes that they had, and none is known to
// be damaged.
func (s *snapshot) complete(on *shelf) bool {
	for i := range s.lines {
		if size, there := on.packs[s.lines[i].pack]; !there || size != int64(s.lines[i].size) || on.bad[s.lines[i].pack] {
			return false
		}
	}
	return true
}

// checked reads a file and holds it against its name. Errors wrap ErrDamaged, or are the Folder's.
func (s *shelf) checked(h hash, suffix string, size int64) ([]byte, error) {
	data, err := readFile(s.folder, h.pathIn(s.id, suffix), size)
	if err != nil {
		return nil, err
	}
	if hashOf(data) != h {
		return data, fmt.Errorf("%w: what is in it does not fit its name", ErrDamaged)
	}
	return data, nil
}

// snapshots reads all lists of snapshots, oldest first, and what is wrong with others. The error is ErrOther if there are lists
// and the keys open none of those that are intact, and ErrNewer if one is of a newer format.
func (s *shelf) snapshots(ctx context.Context, k Keys) (all []*snapshot, damage []Damage, err error) {
	byList := make(map[[sha256.Size]byte]*snapshot)
	others := 0
	for _, h := range sorted(s.manifests) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		list, err := s.list(h, k)
		switch {
		case errors.Is(err, ErrOther):
			others++
			fallthrough
		case err != nil && !errors.Is(err, ErrNewer):
			damage = append(damage, Damage{File: h.pathIn(s.id, manifestSuffix), Err: err, Items: -1})
			continue
		case err != nil:
			return nil, nil, err
		}
		sum := sha256.Sum256(list)
		if one := byList[sum]; one != nil {
			one.copies = append(one.copies, h)
			continue
		}
		m, lines, err := parseManifest(list)
		if err == nil && m.Repository != s.id {
			err = fmt.Errorf("%w: it is of the repository %s", ErrDamaged, m.Repository)
		}
		if err != nil {
			damage = append(damage, Damage{File: h.pathIn(s.id, manifestSuffix), Err: err, Items: -1})
			continue
		}
		byList[sum] = &snapshot{manifest: m, lines: lines, copies: []hash{h}}
		all = append(all, byList[sum])
	}
	if others > 0 && len(all) == 0 {
		return nil, nil, ErrOther
	}
	slices.SortStableFunc(all, func(a, b *snapshot) int { return cmp.Compare(a.Number, b.Number) })
	return all, damage, nil
}

func (s *shelf) list(h hash, k Keys) ([]byte, error) {
	data, err := s.checked(h, manifestSuffix, s.manifests[h])
	if err != nil {
		return nil, err
	}
	return k.openList(data, markManifest)
}

// sorted returns the names in their order.
func sorted[V any](files map[hash]V) []hash {
	names := make([]hash, 0, len(files))
	for h := range files {
		names = append(names, h)
	}
	slices.SortFunc(names, func(a, b hash) int { return slices.Compare(a[:], b[:]) })
	return names
}

// newestComplete returns the last snapshot that is complete, nil if there is none.
func newestComplete(all []*snapshot, on *shelf) *snapshot {
	for _, one := range slices.Backward(all) {
		if one.complete(on) {
			return one
		}
	}
	return nil
}
