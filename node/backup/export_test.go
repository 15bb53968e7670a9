package backup

import (
	"path"
	"testing"
	"time"

	"muster.example/internal/wire"
)

// SmallPacks has packs closed at so many bytes until the test ends.
func SmallPacks(t *testing.T, target int) {
	before := packTarget
	packTarget = target
	t.Cleanup(func() { packTarget = before })
}

// ForgedPack is a pack with one item, before it is sealed, by somebody who does not know what marks are made with.
func ForgedPack(id ID) []byte {
	b := builder{contents: contents{Repository: id}}
	e := Entry{Kind: KindRecord, ID: [32]byte{1}}
	mark := itemMark([]byte("a guess"), e, []byte("forged"))
	b.add(e, []byte("forged"), mark[:])
	return b.plain(wire.Encode(&b.contents))
}

// Plant puts a file into a repository under the name that it must have.
func Plant(t *testing.T, folder Folder, id ID, suffix string, data []byte) {
	t.Helper()
	name := hashOf(data).pathIn(id, suffix)
	if err := makeFolders(folder, path.Dir(name)); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(t.Context(), folder, name, data, new(pace)); err != nil {
		t.Fatal(err)
	}
}

// WholePacks returns snapshots as if all items of their packs were of them.
func WholePacks(all []Snapshot) (whole []Snapshot) {
	for _, one := range all {
		from := *one.from
		from.lines = nil
		for _, line := range one.from.lines {
			line.dead = nil
			from.lines = append(from.lines, line)
		}
		whole = append(whole, Snapshot{from: &from})
	}
	return whole
}

// Kept returns which of snapshots of these ages a policy keeps.
func Kept(p Policy, ages []time.Duration, now time.Time) (kept []time.Duration) {
	var all []*snapshot
	for _, age := range ages {
		all = append(all, &snapshot{manifest: &manifest{Time: uint64(now.Add(-age).UnixMilli())}})
	}
	for _, one := range p.keeps(all, now.UnixMilli()) {
		kept = append(kept, now.Sub(time.UnixMilli(int64(one.Time))))
	}
	return kept
}
