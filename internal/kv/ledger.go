package kv

import (
	"crypto/cipher"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// tallyEvery is how often a tally is made anew while tables come and go: what is newer is held by the engine's checksums alone.
const tallyEvery = time.Minute

// ledger keeps the tally and the count of an open store. It is used under the store's write lock.
type ledger struct {
	dir   string
	seal  cipher.AEAD
	file  *os.File // the count
	count count
	tally *tally
	sums  map[string]tallied // of files that do not change any more

	manifest int64     // how long it was at the last update
	covered  int64     // how long it was at the last tally
	made     time.Time // when that was
}

// newLedger opens a ledger for a store that was found whole. Of a store that has none it writes the first, durably.
func newLedger(dir string, seal cipher.AEAD, i *inspection, kind format) (l *ledger, err error) {
	l = &ledger{dir: dir, seal: seal, count: i.count, tally: i.tally, made: time.Now()}
	l.keep(i.sums)
	if listed, there := i.tally.of(manifestFile); there {
		l.manifest, l.covered = listed.size, listed.size
	}
	if l.file, err = openCount(dir); err != nil {
		return nil, err
	}
	if kind != current {
		err = writeTally(dir, seal, l.tally)
	}
	if err == nil && (kind != current || l.count.state == closed) {
		err = l.mark(map[bool]state{true: skipped, false: opened}[kind == old])
	}
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// mark changes the state, durably.
func (l *ledger) mark(s state) error {
	l.count.state = s
	return writeCount(l.file, l.seal, l.count, true)
}

// answered notes that an update is durable, and makes a new tally now and then. A tally that cannot be made is tried again: what it
// would have covered has its checksums meanwhile.
func (l *ledger) answered(db *badger.DB, version uint64) error {
	l.count.version = version
	if info, err := os.Stat(filepath.Join(l.dir, manifestFile)); err == nil {
		if info.Size() < l.manifest {
			l.count.generation, _, err = manifestGeneration(l.dir)
			l.count.manifest = 0
		}
		// as it was an update ago: this one may not be durable yet
		if err == nil {
			l.count.manifest, l.manifest = max(l.count.manifest, min(l.manifest, info.Size())), info.Size()
		}
	}
	err := writeCount(l.file, l.seal, l.count, false)
	if l.manifest != l.covered && time.Since(l.made) >= tallyEvery {
		l.made = time.Now()
		err = errors.Join(err, l.take(db))
	}
	return err
}

// take makes a new tally of an open store: of all files that do not change any more, and of what there is of those that only grow.
func (l *ledger) take(db *badger.DB) error {
	var flushed uint64
	names := []string{manifestFile, registryFile}
	for _, table := range db.Tables() {
		flushed = max(flushed, table.MaxVersion)
		names = append(names, tableName(table.ID))
	}
	present, err := engineFiles(l.dir)
	if err != nil {
		return err
	}
	i := inspection{names: present}
	if values := i.numbered(valueEnd); len(values) > 0 {
		names = append(names, values[:len(values)-1]...) // the last is written to
	}
	return l.write(names, flushed, opened)
}

// takeClosed makes the tally of a store whose engine has ended. All updates are in tables then.
func (l *ledger) takeClosed() error {
	names, err := engineFiles(l.dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, logEnd) }) {
		return nil // the engine has left a log to replay: as after a crash
	}
	if err := l.write(names, l.count.version, closed); err != nil {
		return err
	}
	return l.mark(closed)
}

// write makes a tally of files, and counts it once it is durable.
func (l *ledger) write(names []string, flushed uint64, s state) error {
	generation, _, err := manifestGeneration(l.dir)
	if err != nil {
		return err
	}
	next := &tally{number: l.tally.number + 1, flushed: max(flushed, l.tally.flushed), generation: generation}
	slices.Sort(names)
	for _, name := range names {
		is, known := l.sums[name]
		if !known {
			if is, err = sum(filepath.Join(l.dir, name), -1); errors.Is(err, fs.ErrNotExist) && s != closed {
				continue // replaced meanwhile
			}
			if err != nil {
				return err
			}
		}
		next.files = append(next.files, is)
	}
	if err := writeTally(l.dir, l.seal, next); err != nil {
		return err
	}
	l.tally, l.count.tally, l.count.generation, l.count.manifest = next, next.number, generation, 0
	if manifest, there := next.of(manifestFile); there {
		l.count.manifest, l.manifest, l.covered = manifest.size, manifest.size, manifest.size
	}
	l.keep(next.files)
	if s == opened {
		return writeCount(l.file, l.seal, l.count, true)
	}
	return nil
}

// keep remembers the digests of files that do not change any more, and of no others.
func (l *ledger) keep(files []tallied) {
	l.sums = make(map[string]tallied)
	for _, f := range files {
		if strings.HasSuffix(f.name, tableEnd) || strings.HasSuffix(f.name, valueEnd) {
			l.sums[f.name] = f
		}
	}
}

func (l *ledger) close() error { return l.file.Close() }
