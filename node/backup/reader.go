package backup

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
)

// Reader reads a repository. It is safe for use by many goroutines; what is written meanwhile it does not see.
type Reader struct {
	keys   Keys
	shelf  *shelf
	all    []*snapshot
	damage []Damage
}

// Open opens a repository for reading. Errors wrap ErrNotFound, ErrOther, ErrNewer or those of the Folder; damage is no error: see Damage.
func Open(ctx context.Context, folder Folder, id ID, k Keys) (*Reader, error) {
	r := &Reader{keys: k}
	var err error
	if r.shelf, err = look(folder, id); err != nil {
		return nil, err
	}
	if r.all, r.damage, err = r.shelf.snapshots(ctx, k); err != nil {
		return nil, err
	}
	if _, err := readMarker(folder, id); err != nil {
		r.damage = append(r.damage, Damage{File: path.Join(id.folder(), markerName), Err: err})
	}
	return r, nil
}

// Snapshots returns what there is to read, oldest first. The last one that is Complete is what a restore begins with.
func (r *Reader) Snapshots() []Snapshot {
	snapshots := make([]Snapshot, 0, len(r.all))
	for _, one := range r.all {
		snapshots = append(snapshots, publicSnapshot(one, r.shelf))
	}
	return snapshots
}

// Loose returns the packs that none of the Snapshots names, as a snapshot with the number 0 of unknown time and size: what a run had
// written when it ended early, what a snapshot held whose list is damaged, what is about to be removed. ok is false if there are none. They may hold
// what the person has deleted since.
func (r *Reader) Loose() (loose Snapshot, ok bool) {
	named := make(map[hash]bool)
	for _, one := range r.all {
		for i := range one.lines {
			named[one.lines[i].pack] = true
		}
	}
	one := &snapshot{manifest: &manifest{Repository: r.shelf.id}}
	for _, h := range sorted(r.shelf.packs) {
		if !named[h] {
			one.lines = append(one.lines, packLine{pack: h, size: uint32(min(r.shelf.packs[h], MaxFile+1)), kinds: ^uint32(0)})
		}
	}
	if len(one.lines) == 0 {
		return Snapshot{}, false
	}
	return Snapshot{from: one}, true
}

// Damage returns what is wrong with the marker and the lists of snapshots. A list that cannot be read may be that of a snapshot newer
// than all others.
func (r *Reader) Damage() []Damage { return slices.Clone(r.damage) }

// Authentic reports whether the keys can tell that the person's own devices wrote what is read. If so nothing is given that they did
// not write. If not, anybody may have who knew the recipient.
func (r *Reader) Authentic() bool { return r.keys.mark != nil }

// Reading says what Read is to give.
type Reading struct {
	Kinds []Kind           // of these kinds only; none: all
	Want  func(Entry) bool // of these only; nil: all. Packs of which nothing is wanted are read no further
	// Give gets each item once, roughly newest first: packs by their newest item, and the items of one by their times. The body is the
	// receiver's. An error ends Read, which returns it.
	Give     func(ctx context.Context, e Entry, body []byte) error
	Progress func(Progress) // nil for nobody
}

// Report says what was read.
type Report struct {
	Files  int
	Items  int
	Bytes  int64 // of bodies
	Damage []Damage
}

// Lost is how many items are known to be lost.
func (r *Report) Lost() (n int) {
	for _, d := range r.Damage {
		n += max(d.Items, 0)
	}
	return n
}

// Read gives the items of a snapshot: every one that is intact, and in the Report what is not. Errors are those of ctx and of Give, and ErrOther for keys that open only lists;
// what the drive cannot read is damage.
func (r *Reader) Read(ctx context.Context, s Snapshot, reading Reading) (Report, error) {
	var report Report
	if s.from == nil {
		return report, fmt.Errorf("%w: no snapshot", ErrNotFound)
	}
	if !r.keys.items {
		return report, fmt.Errorf("%w, or only lists can be opened", ErrOther)
	}
	wanted := uint32(0)
	for _, kind := range reading.Kinds {
		wanted |= kind.bit()
	}
	lines := make([]*packLine, 0, len(s.from.lines))
	progress := Progress{Phase: PhaseReading}
	for i := range s.from.lines {
		if line := &s.from.lines[i]; wanted == 0 || line.kinds&wanted != 0 {
			lines = append(lines, line)
			progress.Total += line.items - line.deadCount()
		}
	}
	slices.SortStableFunc(lines, func(a, b *packLine) int { return cmp.Compare(b.newest, a.newest) })
	for _, line := range lines {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		read := r.readPack(line)
		if err := read.give(ctx, &reading, &report, &progress); err != nil {
			return report, err
		}
	}
	return report, nil
}

// Verify looks through a whole repository, as far as the keys let it: without any (Keys{}) it holds each file against its name; with
// those of a device also what the lists say against what is there; with those of the words, or of a further recipient, it opens
// every item. The error is ErrNotFound, ErrOther, ErrNewer, or that of ctx or of listing; all else is in the Report.
func Verify(ctx context.Context, folder Folder, id ID, k Keys, progress func(Progress)) (Report, error) {
	v := verifier{progress: progress}
	if len(k.identities) == 0 {
		on, err := look(folder, id)
		if err != nil {
			return v.report, err
		}
		if _, err := readMarker(folder, id); err != nil {
			v.report.Damage = append(v.report.Damage, Damage{File: path.Join(id.folder(), markerName), Err: err})
		}
		return v.report, v.hashes(ctx, on)
	}
	r, err := Open(ctx, folder, id, k)
	if err != nil {
		return v.report, err
	}
	v.report.Damage = append(v.report.Damage, r.damage...)
	return v.report, v.all(ctx, r)
}
