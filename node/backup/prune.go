package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// prune removes snapshots that the policy does not keep, then files that no snapshot names. The newest complete snapshot is the run's
// own, or as good. [BAK-11]
func (r *run) prune(ctx context.Context) error {
	var complete []*snapshot
	for _, one := range r.all {
		if one.complete(r.shelf) {
			complete = append(complete, one)
		}
	}
	kept := r.Policy.keeps(complete, r.sober)
	if err := r.keepOnly(ctx, kept, nil); err != nil {
		return err
	}
	if err := r.mendMarker(ctx); err != nil {
		return err
	}
	r.all = kept
	return nil
}

func (r *run) mendMarker(ctx context.Context) error {
	if mark, err := readMarker(r.Folder, r.Repository); err == nil && r.keys.own(r.Repository, mark) {
		return nil
	}
	return writeMarker(ctx, r.Folder, r.Repository, r.keys)
}

// relieve makes room on a full drive: of the snapshots the newest stays. It reports whether anything was removed.
func (r *run) relieve(ctx context.Context) (bool, error) {
	if len(r.damaged) > 0 || len(r.all) > 0 && r.last != r.all[len(r.all)-1] {
		return false, nil // what could not be read just now may be the last that is complete
	}
	needed := make(map[hash]bool)
	for _, p := range r.stock.packs {
		if n, _, _ := r.stock.weigh(p); n > 0 {
			needed[p.pack], needed[p.index] = true, true
		}
	}
	var kept []*snapshot
	if r.last != nil {
		kept = append(kept, r.last)
	}
	before := r.result.Removed
	err := r.keepOnly(ctx, kept, needed)
	r.all = kept
	return r.result.Removed > before, err
}

// keepOnly removes the lists of all other snapshots and, when that is durable, the files that neither those that are kept nor needed
// name.
func (r *run) keepOnly(ctx context.Context, kept []*snapshot, needed map[hash]bool) error {
	lists, files := make(map[hash]bool), make(map[hash]bool)
	for _, one := range kept {
		for _, h := range one.copies {
			lists[h] = true
		}
		for i := range one.lines {
			files[one.lines[i].pack], files[one.lines[i].index] = true, true
		}
	}
	removed, err := r.removeUnless(ctx, r.shelf.manifests, manifestSuffix, lists)
	if err != nil {
		return err
	}
	if removed > 0 {
		r.result.Dropped += max(len(r.all)-len(kept), 0)
		if err := syncFolders(r.Folder, r.Repository.folder()); err != nil {
			return err
		}
	}
	for h := range needed {
		files[h] = true
	}
	if _, err := r.removeUnless(ctx, r.shelf.packs, packSuffix, files); err != nil {
		return err
	}
	_, err = r.removeUnless(ctx, r.shelf.indexes, indexSuffix, files)
	return err
}

func (r *run) removeUnless(ctx context.Context, there map[hash]int64, suffix string, keep map[hash]bool) (removed int, err error) {
	for _, h := range sorted(there) {
		if keep[h] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		if err := r.shred(h.pathIn(r.Repository, suffix), there[h]); err != nil {
			return removed, err
		}
		delete(there, h)
		removed++
		r.result.Removed++
	}
	return removed, nil
}

// shred removes a file. Its beginning, where the key is that opens it, is written over first: what is left of a removed file on a
// drive is then of no use, as far as the drive writes where it wrote before. [BAK-11]
func (r *run) shred(name string, size int64) error {
	if file, err := r.Folder.Change(name); err == nil {
		_, err = file.WriteAt(make([]byte, min(size, headerBytes)), 0)
		_ = errors.Join(err, file.Sync(), file.Close()) // removing it is what counts
	}
	if err := r.Folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: removing %s: %w", name, err)
	}
	return nil
}

// headerBytes is more than the header of a file of age with three recipients.
const headerBytes = 8 << 10
