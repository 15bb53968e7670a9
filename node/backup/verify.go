package backup

import (
	"context"
	"fmt"
)

// verifier is one Verify.
type verifier struct {
	report   Report
	progress func(Progress)
	told     Progress
}

func (v *verifier) tell(total int, bytes int64) {
	v.told.Phase, v.told.Items, v.told.Total, v.told.Bytes = PhaseReading, v.told.Items+1, total, v.told.Bytes+bytes
	if v.progress != nil {
		v.progress(v.told)
	}
}

// hashes holds each file against its name.
func (v *verifier) hashes(ctx context.Context, on *shelf) error {
	total := len(on.packs) + len(on.indexes) + len(on.manifests)
	for _, part := range []struct {
		files  map[hash]int64
		suffix string
	}{{on.manifests, manifestSuffix}, {on.indexes, indexSuffix}, {on.packs, packSuffix}} {
		for _, h := range sorted(part.files) {
			if err := ctx.Err(); err != nil {
				return err
			}
			v.report.Files++
			if _, err := on.checked(h, part.suffix, part.files[h]); err != nil {
				v.report.Damage = append(v.report.Damage, Damage{File: h.pathIn(on.id, part.suffix), Err: err, Items: -1})
			}
			v.tell(total, part.files[h])
		}
	}
	return nil
}

// all looks through what the snapshots name, and at the names of all else.
func (v *verifier) all(ctx context.Context, r *Reader) error {
	lines := make(map[hash]*packLine)
	for _, one := range r.all {
		for i := range one.lines {
			line := one.lines[i]
			line.dead = nil // one snapshot or another names each item, or will be rid of it
			lines[line.pack] = &line
		}
	}
	v.report.Files += len(r.shelf.manifests)
	for _, h := range sorted(lines) {
		if err := ctx.Err(); err != nil {
			return err
		}
		v.pack(ctx, r, lines[h])
		v.tell(len(lines), int64(lines[h].size))
	}
	for _, h := range sorted(r.shelf.packs) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if lines[h] == nil { // nothing relies on it
			v.report.Files++
			if _, err := r.shelf.checked(h, packSuffix, r.shelf.packs[h]); err != nil {
				v.report.Damage = append(v.report.Damage, Damage{File: h.pathIn(r.shelf.id, packSuffix), Err: err})
			}
		}
	}
	return v.lists(ctx, r)
}

// pack looks at one pack that a snapshot names.
func (v *verifier) pack(ctx context.Context, r *Reader, line *packLine) {
	if r.keys.items {
		nothing := Reading{Give: func(context.Context, Entry, []byte) error { return nil }}
		read := r.readPack(line)
		_ = read.give(ctx, &nothing, &v.report, new(Progress)) // gives no error: nobody makes one
		return
	}
	v.report.Files++
	size, there := r.shelf.packs[line.pack]
	err := error(nil)
	switch {
	case !there:
		err = fmt.Errorf("%w: it is missing", ErrDamaged)
	case size != int64(line.size):
		err = fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, size, line.size)
	default:
		_, err = r.shelf.checked(line.pack, packSuffix, size)
	}
	if err != nil {
		v.report.Damage = append(v.report.Damage, Damage{File: line.pack.pathIn(r.shelf.id, packSuffix), Err: err, Items: line.items, Lost: r.named(line)})
		return
	}
	v.report.Items += line.items
}

// lists looks at the lists of packs. A snapshot whose packs are intact loses nothing by one that is not; the next run writes the items anew.
func (v *verifier) lists(ctx context.Context, r *Reader) error {
	for _, h := range sorted(r.shelf.indexes) {
		if err := ctx.Err(); err != nil {
			return err
		}
		v.report.Files++
		if _, _, err := r.index(h); err != nil {
			v.report.Damage = append(v.report.Damage, Damage{File: h.pathIn(r.shelf.id, indexSuffix), Err: err})
		}
	}
	for _, one := range r.all {
		for i := range one.lines {
			if _, there := r.shelf.indexes[one.lines[i].index]; !there {
				v.missing(one.lines[i].index, r)
			}
		}
	}
	return nil
}

// missing notes once that a list is not there.
func (v *verifier) missing(h hash, r *Reader) {
	file := h.pathIn(r.shelf.id, indexSuffix)
	for _, d := range v.report.Damage {
		if d.File == file {
			return
		}
	}
	v.report.Damage = append(v.report.Damage, Damage{File: file, Err: fmt.Errorf("%w: it is missing", ErrDamaged)})
}
