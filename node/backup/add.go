package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"muster.example/internal/wire"
)

// write writes what the drive lacks, and what goes into other packs.
func (r *run) write(ctx context.Context) error {
	if r.progress.Total == 0 {
		return nil
	}
	for item, err := range r.Source(ctx) {
		if err == nil {
			err = errors.Join(ctx.Err(), checkItem(&item))
		}
		if err != nil {
			return err
		}
		if err := r.offer(ctx, &item); err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

// offer writes an item unless the drive has it in a pack that stays.
func (r *run) offer(ctx context.Context, item *Item) error {
	key := r.stock.key(&item.Entry)
	number, known := r.stock.items[key]
	if known && number == fresh {
		return nil
	}
	if known {
		r.stock.setLive(int(number)) // it may have come back since compare
		if !r.stock.of(int(number)).rewrite {
			return nil
		}
	}
	body, err := item.Load(ctx)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: loading an item: %w", err)
	}
	if len(body) > MaxBody {
		return fmt.Errorf("%w: a body of %d bytes, of at most %d", ErrItem, len(body), MaxBody)
	}
	if !r.builder.fits(item.Entry, len(body)) {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	mark := itemMark(r.mark, item.Entry, body)
	r.builder.add(item.Entry, body, mark[:])
	r.stock.items[key] = fresh
	if known {
		r.result.Rewritten++
	} else {
		r.result.Added++
	}
	r.tell(func(p *Progress) { p.Items, p.Bytes = p.Items+1, p.Bytes+int64(len(body)) })
	return nil
}

// flush closes the pack that is being filled: first the pack, and when it is on the drive its list. [BAK-9]
func (r *run) flush(ctx context.Context) error {
	if r.builder.contents.count() == 0 {
		return nil
	}
	c := &r.builder.contents
	encoded := wire.Encode(c)
	sealed, err := seal(r.builder.plain(encoded), r.packTo)
	if err != nil {
		return err
	}
	pack := hashOf(sealed)
	if err := r.put(ctx, pack, packSuffix, sealed); err != nil {
		return err
	}
	list, err := sealList(r.mark, markIndex, wire.Encode(index{Pack: pack, Size: uint32(len(sealed)), Contents: encoded}), r.listTo)
	if err != nil {
		return err
	}
	if err := r.put(ctx, hashOf(list), indexSuffix, list); err != nil {
		return err
	}
	r.stockPackOfRun(pack, hashOf(list), len(sealed))
	r.builder.reset()
	return nil
}

// stockPackOfRun takes a new pack into the stock.
func (r *run) stockPackOfRun(pack, list hash, size int) {
	c, s := &r.builder.contents, r.stock
	kinds, newest := c.summary()
	s.packs = append(s.packs, &stocked{base: len(s.sizes), made: r.now,
		packLine: packLine{pack: pack, index: list, size: uint32(size), items: c.count(), kinds: kinds, newest: newest}})
	for i := range c.count() {
		number := len(s.sizes)
		s.sizes = append(s.sizes, uint32(c.entry(i).Size))
		if number/64 == len(s.live) {
			s.live = append(s.live, 0)
		}
		s.setLive(number)
	}
	r.shelf.packs[pack] = int64(size)
}

// put writes a file of the repository. When the drive is full, old snapshots make room once.
func (r *run) put(ctx context.Context, h hash, suffix string, data []byte) error {
	name := h.pathIn(r.Repository, suffix)
	if dir := path.Dir(name); !r.made[dir] {
		// Only the last folder: where the others are gone the drive is, and what is there now is another.
		if err := r.retry(ctx, func() error { return r.Folder.MakeDir(dir) }); err != nil {
			return fmt.Errorf("backup: making the folder %s: %w", dir, err)
		}
		r.made[dir] = true
	}
	err := r.retry(ctx, func() error { return writeFile(ctx, r.Folder, name, data, &r.pace) })
	r.result.Written += int64(len(data))
	return err
}

// retry does something once more if the drive was full and room could be made.
func (r *run) retry(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, ErrFull) || r.relieved {
		return err
	}
	r.relieved = true
	if made, cause := r.relieve(ctx); cause != nil || !made {
		return errors.Join(err, cause)
	}
	return do()
}

// commit makes the new snapshot: when all that it names is durable, its list, twice. [BAK-9]
func (r *run) commit(ctx context.Context) error {
	r.enter(PhaseClosing, 0, 0)
	m, lines := r.list()
	if r.unchanged(m, lines) {
		r.result.Unchanged, r.result.Snapshot = true, publicSnapshot(r.last, r.shelf)
		return nil
	}
	if err := syncFolders(r.Folder, r.unsynced(lines)...); err != nil {
		return err
	}
	list := wire.Encode(m)
	one := &snapshot{manifest: m, lines: lines}
	for range 2 {
		sealed, err := sealList(r.mark, markManifest, list, r.listTo)
		if err != nil {
			return err
		}
		if err := r.put(ctx, hashOf(sealed), manifestSuffix, sealed); err != nil {
			return err
		}
		if err := syncFolders(r.Folder, r.Repository.folder()); err != nil {
			return err
		}
		one.copies = append(one.copies, hashOf(sealed))
		r.shelf.manifests[hashOf(sealed)] = int64(len(sealed))
	}
	r.all, r.last = append(r.all, one), one
	r.result.Snapshot = publicSnapshot(one, r.shelf)
	return nil
}

// unsynced returns the folders whose names may not be durable yet: of all files that the newest complete snapshot does not name, this run's and those
// that an earlier one has left, and those above them.
func (r *run) unsynced(lines []packLine) []string {
	found := make(map[string]bool)
	for i := range lines {
		if line := &lines[i]; r.lines[line.pack] == nil || r.lines[line.pack].index != line.index {
			found[path.Dir(line.pack.pathIn(r.Repository, packSuffix))] = true
			found[path.Dir(line.index.pathIn(r.Repository, indexSuffix))] = true
		}
	}
	dirs := append(slices.Sorted(maps.Keys(found)), r.Repository.folder())
	if r.last == nil {
		dirs = append(dirs, topFolder, ".")
	}
	return dirs
}

// list makes the list of what is live.
func (r *run) list() (*manifest, []packLine) {
	m := &manifest{Repository: r.Repository, Number: 1, Time: uint64(r.now)}
	for _, one := range r.all {
		m.Number = max(m.Number, one.Number+1)
	}
	byName := make(map[hash]packLine)
	for _, p := range r.stock.packs {
		n, live, _ := r.stock.weigh(p)
		if n == 0 || p.rewrite {
			continue
		}
		line := p.packLine
		for i := range p.items {
			if !r.stock.isLive(p.base + i) {
				line.kill(i)
			}
		}
		if n == p.items {
			line.since = 0 // what had gone came back since compare
		}
		m.Items, m.Bytes = m.Items+uint64(n), m.Bytes+uint64(live)
		byName[p.pack] = line
	}
	var lines []packLine
	for _, h := range sorted(byName) {
		line := byName[h]
		lines = append(lines, line)
		m.Packs = appendLine(m.Packs, &line)
	}
	return m, lines
}

// unchanged reports whether the newest complete snapshot says the same already, and twice.
func (r *run) unchanged(m *manifest, lines []packLine) bool {
	if r.last == nil || len(r.last.copies) < 2 || r.last != r.all[len(r.all)-1] || len(r.damaged) > 0 {
		return false
	}
	return sha256.Sum256(m.Packs) == sha256.Sum256(r.last.Packs) && len(lines) == len(r.last.lines)
}
