package kv

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// inspection looks at the files of a store before the engine does, which cuts off, leaves out or removes what it cannot use. It
// changes nothing. [STO-8]
type inspection struct {
	dir    string
	engine badger.Options
	seal   cipher.AEAD
	tally  *tally
	count  count
	names  []string
	found  []Finding
	sums   []tallied // of files that are whole

	emptied []string // files that are on their way out, or in
}

// inspect looks at a store of this format. What is damaged is in found; an error means that it could not look.
func inspect(dir string, engine badger.Options, seal cipher.AEAD) (*inspection, error) {
	i := &inspection{dir: dir, engine: engine, seal: seal}
	var noTally, noCount *Finding
	var err error
	if i.tally, noTally, err = readTally(dir, seal); err != nil {
		return nil, err
	}
	if i.count, noCount, err = readCount(dir, seal); err != nil {
		return nil, err
	}
	for _, found := range []*Finding{noTally, noCount} {
		if found != nil {
			i.found = append(i.found, *found)
		}
	}
	if i.names, err = engineFiles(dir); err != nil {
		return nil, err
	}
	switch {
	case i.tally == nil:
		return i, nil
	case i.tally.number < i.count.tally:
		i.damaged(tallyFile, "an older copy of it was put back: it is number %d, and the store had come to %d", i.tally.number, i.count.tally)
		return i, nil
	case noCount == nil && i.count.state == closed && i.tally.number > i.count.tally:
		i.damaged(countFile, "an older copy of it was put back: it is of tally %d, and the store had come to %d", i.count.tally, i.tally.number)
		return i, nil
	}
	if noCount == nil && i.count.state == closed {
		err = i.asClosed()
	} else {
		err = i.asCrashed()
	}
	return i, err
}

// inspectOld looks at a store that no tally was kept of. [STO-9]
func inspectOld(dir string, engine badger.Options) (*inspection, error) {
	i := &inspection{dir: dir, engine: engine, tally: &tally{}, count: count{state: skipped}}
	var err error
	if i.names, err = engineFiles(dir); err != nil {
		return nil, err
	}
	return i, i.asCrashed()
}

func (i *inspection) damaged(file, what string, args ...any) {
	i.found = append(i.found, Finding{file, fmt.Sprintf(what, args...)})
}

// damage is what was found, as an error.
func (i *inspection) damage() error {
	if len(i.found) == 0 {
		return nil
	}
	return &Damage{Dir: i.dir, Found: i.found}
}

func (i *inspection) path(name string) string { return filepath.Join(i.dir, name) }

// asClosed looks at a store that was closed in order: each file is as the tally says, and there is no other.
func (i *inspection) asClosed() error {
	for _, name := range i.names {
		if _, listed := i.tally.of(name); !listed {
			i.damaged(name, "it is no file of the store as that was closed")
		}
	}
	for _, listed := range i.tally.files {
		if err := i.same(listed, true); err != nil {
			return err
		}
	}
	return nil
}

// same holds a file against what the tally says of it. A file that only grows may be longer.
func (i *inspection) same(listed tallied, needed bool) error {
	info, err := os.Stat(i.path(listed.name))
	if errors.Is(err, fs.ErrNotExist) {
		if needed {
			i.damaged(listed.name, "it is missing, with %s", holds(listed.name))
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("kv: looking at %s: %w", listed.name, err)
	}
	grows := !needed && (listed.name == manifestFile || listed.name == registryFile)
	switch {
	case info.Size() < listed.size:
		i.damaged(listed.name, "it was cut to %d bytes of %d, with %s", info.Size(), listed.size, holds(listed.name))
		return nil
	case info.Size() > listed.size && !grows:
		i.damaged(listed.name, "it has %d bytes where it had %d, with %s", info.Size(), listed.size, holds(listed.name))
		return nil
	}
	is, err := sum(i.path(listed.name), listed.size)
	if err != nil {
		return fmt.Errorf("kv: reading %s: %w", listed.name, err)
	}
	if is != listed {
		i.damaged(listed.name, "it was changed, or an older copy of it was put back; it has %s", holds(listed.name))
		return nil
	}
	i.sums = append(i.sums, is)
	return nil
}

// holds says what is lost with a file.
func holds(name string) string {
	switch {
	case name == manifestFile:
		return "the list of the tables, without which none of them can be used"
	case name == registryFile:
		return "the keys of the tables, without which none of them can be read"
	case name == discardFile:
		return "hints about the room that can be given back, and nothing else"
	case strings.HasSuffix(name, tableEnd):
		return "some of the entries and small values"
	case strings.HasSuffix(name, valueEnd):
		return "some of the values above 64 KiB"
	}
	return "the latest updates"
}

// asCrashed looks at a store that was not closed: it holds all that the tally says but what the engine has replaced since, and what
// came after that, up to where the count says, with a torn end of what was not answered yet.
func (i *inspection) asCrashed() error {
	if err := i.passEmptied(); err != nil {
		return err
	}
	for _, listed := range i.tally.files {
		if err := i.sameSince(listed); err != nil {
			return err
		}
	}
	tables, err := i.manifest()
	if err != nil || len(i.found) > 0 {
		return err
	}
	registry, err := i.registry()
	if err != nil || registry == nil {
		return err
	}
	flushed, err := i.tables(tables, registry)
	if err != nil {
		return err
	}
	if err := i.logs(registry, flushed); err != nil {
		return err
	}
	return i.lastValues(registry)
}

// passEmptied passes over what the engine was about to remove, or had begun to make, when the process ended: it empties a table that it has
// replaced, and a log of values that holds none, before it removes it. They count as missing, which they may be unless the manifest
// names them; the engine itself does not open over such a log. [STO-8]
func (i *inspection) passEmptied() error {
	for _, name := range slices.Clone(i.names) {
		values := strings.HasSuffix(name, valueEnd)
		if listed, there := i.tally.of(name); values && there && listed.size > valueHead || !values && !strings.HasSuffix(name, tableEnd) {
			continue
		}
		info, err := os.Stat(i.path(name))
		if err != nil {
			return fmt.Errorf("kv: looking at %s: %w", name, err)
		}
		if info.Size() == 0 {
			i.emptied = append(i.emptied, name)
			i.names = slices.DeleteFunc(i.names, func(other string) bool { return other == name })
		}
	}
	return nil
}

// removeEmptied removes them from a store that is whole.
func (i *inspection) removeEmptied() error {
	for _, name := range i.emptied {
		if err := os.Remove(i.path(name)); err != nil {
			return fmt.Errorf("kv: removing an empty file: %w", err)
		}
	}
	return nil
}

// sameSince holds a file against a tally that was made while the store was open.
func (i *inspection) sameSince(listed tallied) error {
	switch {
	case slices.Contains(i.emptied, listed.name):
		return nil
	case listed.name == discardFile:
		return nil // hints that change all the time
	case listed.name == manifestFile:
		if generation, _, err := manifestGeneration(i.dir); err == nil && generation != i.tally.generation {
			return nil // the engine wrote it anew, or manifest names it
		}
	case listed.name == registryFile:
		if !slices.Contains(i.names, registryFile) {
			return i.same(listed, true)
		}
	}
	return i.same(listed, false) // what is missing the engine has replaced; if not, the manifest names it
}

// manifest reads the list of the tables. What the engine would take for a torn end is one only if it is behind what the count says.
func (i *inspection) manifest() (tables map[uint64]badger.TableManifest, err error) {
	f, err := os.Open(i.path(manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		if i.count.manifest > 0 || len(i.names) > 0 {
			i.damaged(manifestFile, "it is missing, with %s", holds(manifestFile))
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("kv: reading the manifest: %w", err)
	}
	defer f.Close()
	manifest, end, err := badger.ReplayManifestFile(f, 0, i.engine)
	if err != nil {
		i.damaged(manifestFile, "it was changed; it has %s", holds(manifestFile))
		return nil, nil
	}
	generation, first, err := manifestGeneration(i.dir)
	if err != nil {
		return nil, fmt.Errorf("kv: reading the manifest: %w", err)
	}
	switch {
	case end < first && i.count.manifest > 0,
		generation == i.count.generation && end < i.count.manifest,
		generation != i.count.generation && i.count.manifest > 0 && first <= 16:
		i.damaged(manifestFile, "it ends at byte %d of at least %d; it has %s", end, i.count.manifest, holds(manifestFile))
	}
	for id := range manifest.Tables {
		if name := tableName(id); !slices.Contains(i.names, name) {
			i.damaged(name, "it is missing, with %s", holds(name))
		}
	}
	return manifest.Tables, nil
}

func tableName(id uint64) string { return fmt.Sprintf("%06d", id) + tableEnd }

// registry opens the keys; nil if there are none or they were changed.
func (i *inspection) registry() (*badger.KeyRegistry, error) {
	if !slices.Contains(i.names, registryFile) {
		if len(i.names) > 0 && !slices.Equal(i.names, []string{manifestFile}) {
			i.damaged(registryFile, "it is missing, with %s", holds(registryFile))
		}
		return nil, nil
	}
	registry, err := badger.OpenKeyRegistry(badger.KeyRegistryOptions{
		Dir: i.dir, ReadOnly: true, EncryptionKey: i.engine.EncryptionKey,
		EncryptionKeyRotationDuration: i.engine.EncryptionKeyRotationDuration,
	})
	if system := new(os.PathError); errors.As(err, &system) {
		return nil, fmt.Errorf("kv: reading the keys of the tables: %w", err)
	}
	if err != nil {
		i.damaged(registryFile, "it was changed; it has %s", holds(registryFile))
		return nil, nil
	}
	return registry, nil
}

// tables reads the tables that came after the tally, and returns the newest version in any.
func (i *inspection) tables(tables map[uint64]badger.TableManifest, registry *badger.KeyRegistry) (newest uint64, err error) {
	newest = i.tally.flushed
	for id, table := range tables {
		name := tableName(id)
		if _, listed := i.tally.of(name); listed {
			continue
		}
		key, err := registry.DataKey(table.KeyID)
		if err != nil || key == nil {
			i.damaged(name, "%v", errUnknownKey)
			continue
		}
		version, err := checkTable(i.path(name), key.Data)
		switch {
		case errors.Is(err, errTable), errors.Is(err, errUnknownKey):
			i.damaged(name, "%v; it has %s", err, holds(name))
		case err != nil:
			return 0, err
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// logs reads the logs of updates, of which the engine would cut off what is behind the first byte that it cannot read. flushed is
// the newest version in a table.
func (i *inspection) logs(registry *badger.KeyRegistry, flushed uint64) error {
	names := i.numbered(logEnd)
	newest := flushed
	for _, name := range names {
		log, err := openLog(i.path(name), registry)
		if errors.Is(err, errUnknownKey) {
			i.damaged(name, "%v; it has %s", err, holds(name))
			continue
		}
		if err != nil {
			return err
		}
		r := log.replay()
		switch {
		case len(r.behind) > 1, len(r.behind) == 1 && r.behind[0] <= i.count.version:
			i.damaged(name, "byte %d or one soon after it was changed; behind it are updates that were answered", r.end)
		case r.first > newest+1 && i.count.state != skipped:
			i.damaged(name, "updates %d to %d are missing before it", newest+1, r.first-1)
		}
		newest = max(newest, r.last)
	}
	if newest < i.count.version && len(i.found) == 0 {
		file := "a log"
		if len(names) > 0 {
			file = names[len(names)-1]
		}
		i.damaged(file, "the last %d updates that were answered are missing from its end", i.count.version-newest)
	}
	return nil
}

// lastValues reads the last log of large values, which the engine cuts as it does with those of updates.
func (i *inspection) lastValues(registry *badger.KeyRegistry) error {
	names := i.numbered(valueEnd)
	if len(names) == 0 || i.count.state == collecting {
		return nil
	}
	name := names[len(names)-1]
	if _, listed := i.tally.of(name); listed {
		return nil
	}
	log, err := openLog(i.path(name), registry)
	if errors.Is(err, errUnknownKey) {
		i.damaged(name, "%v; it has %s", err, holds(name))
		return nil
	}
	if err != nil {
		return err
	}
	if end, behind := log.values(i.count.version); behind > 0 {
		i.damaged(name, "byte %d or one soon after it was changed; behind it are values that were answered", end)
	}
	return nil
}

// numbered returns the engine's files with an ending in the order of their numbers.
func (i *inspection) numbered(end string) (names []string) {
	for _, name := range i.names {
		if strings.HasSuffix(name, end) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return number(a) - number(b) })
	return names
}

// number returns that of an engine's file.
func number(name string) int {
	n, err := strconv.Atoi(name[:strings.IndexByte(name, '.')])
	if err != nil {
		return -1
	}
	return n
}
