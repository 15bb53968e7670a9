package queue

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"muster.example/internal/keys"
)

// Inspect reads the queue at rest in dir and reports what it holds, from the files alone. It changes nothing, and keeps
// others from opening the queue meanwhile. Errors: ErrLocked if a process has it open, ErrFormat, and ErrCorrupt when the
// keys themselves are lost. What else is damaged is in the report.
func Inspect(dir string) (report Report, err error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDONLY)) // not made where there is none
	switch held, err := lock.TryRLock(); {
	case errors.Is(err, fs.ErrNotExist): // a copy of a folder: nobody has it open
	case err != nil:
		return report, fmt.Errorf("queue: locking %s: %w", dir, err)
	case !held:
		return report, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	i := inspector{
		files: readOnly{osFiles(dir)}, gone: make(gone),
		bodies: make(map[keys.EnvelopeID]*found), devices: make(map[keys.PublicKey]uint32),
	}
	if err := i.read(); err != nil {
		return Report{}, err
	}
	i.count(time.Now())
	return i.report, nil
}

// inspector builds its picture of a queue from the files, by its own means: it is what an engine's index is held against. It
// reads every record, and takes no footer's word.
type inspector struct {
	files   Files
	gone    gone
	bodies  map[keys.EnvelopeID]*found
	devices map[keys.PublicKey]uint32
	copies  int64 // of bodies, dead and living
	report  Report
}

// found is a body and the entries that were found for it.
type found struct {
	there   bool
	size    uint32
	entries []foundEntry
	shares  []foundShare
}

type foundEntry struct {
	device uint32
	number uint64
}

// foundShare is the entries of one number that are a set's.
type foundShare struct {
	number  uint64
	waiting bitmap
}

func (i *inspector) read() error {
	names, err := i.files.List()
	if err != nil {
		return diskError("listing the folder", err)
	}
	logs := logsIn(names)
	if !slices.Contains(names, formatName) {
		return fmt.Errorf("%w: there is no %s", ErrFormat, formatName)
	}
	if _, err := readFormat(i.files); err != nil {
		return err
	}
	held, err := readSlots(i.files, names, len(logs) > 0)
	if err != nil {
		return err
	}
	defer held.close()
	if held.damaged > 0 {
		i.damaged(numbered(slotsPrefix, held.generation, ""), 0, "unreadable key slots")
	}
	if i.report.Disk, err = sizeOf(i.files, names); err != nil {
		return err
	}
	i.report.compare(names, held.numbers())
	for _, number := range logs {
		if err := i.acks(held, number); err != nil {
			return err
		}
	}
	i.gone.merge()
	for _, number := range logs {
		if err := i.segment(held, number); err != nil {
			return err
		}
	}
	return nil
}

// acks notes what an ack log says is gone.
func (i *inspector) acks(held *slots, number uint64) error {
	name := numbered(logPrefix, number, ackSuffix)
	key, ok := held.ackKey(number)
	if !ok {
		return nil
	}
	data, err := readFile(i.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return diskError("reading "+name, err)
	}
	notes, _ := parseAcks(data, key, number)
	i.gone.add(notes)
	return nil
}

// segment notes the bodies and entries of a segment.
func (i *inspector) segment(held *slots, number uint64) error {
	name := numbered(logPrefix, number, logSuffix)
	key, ok := held.key(number)
	if !ok {
		return nil
	}
	file, err := i.files.Open(name)
	if err != nil {
		return diskError("opening "+name, err)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return diskError("looking at "+name, err)
	}
	sets := make(map[uint32][]keys.PublicKey)
	listed, err := listedRows(file, size, number, key)
	if err != nil {
		return diskError("reading "+name, err)
	}
	var setless []int64
	result, err := scanSegment(file, key, number, func(f frame) error {
		r := &f.record
		if listed != nil && r.kind != recordSeal && listed[uint32(f.offset)] != outlineOf(r, f.length) {
			i.damaged(name, f.offset, "a record that the footer tells otherwise of")
		}
		delete(listed, uint32(f.offset))
		switch devices := sets[r.set]; {
		case r.kind == recordSet:
			sets[uint32(f.offset)] = r.devices
		case r.kind == recordShare && len(devices) != r.count:
			setless = append(setless, f.offset)
		case r.kind != recordSeal:
			i.record(r, devices)
		}
		return nil
	})
	if err != nil {
		return diskError("reading "+name, err)
	}
	for _, offset := range result.damage {
		i.damaged(name, offset, "unreadable records")
	}
	for _, offset := range setless {
		if offset < result.synced {
			i.damaged(name, offset, "a body for a set that is not there")
		}
	}
	if len(listed) > 0 && len(result.damage) == 0 {
		i.damaged(name, 0, "a footer of records that are not there")
	}
	return nil
}

// outline is what a footer and a record both say.
type outline struct {
	kind    recordType
	length  uint32
	id      [idSize]byte
	size    uint32
	entries int
}

func outlineOf(r *record, length int64) outline {
	o := outline{kind: r.kind, length: uint32(length), size: uint32(len(r.body)), entries: len(r.recipients) + len(r.devices) + r.waiting.count()}
	copy(o.id[:], r.id[:])
	return o
}

// listedRows returns what the footer of a segment says, by offset; nil if there is none.
func listedRows(file File, size int64, number uint64, key cipher.AEAD) (map[uint32]outline, error) {
	rows, err := readSeal(file, size, &segment{number: number, key: key})
	if err != nil || rows == nil {
		return nil, err
	}
	listed := make(map[uint32]outline)
	var r row
	for {
		more, err := rows.next(&r)
		if err != nil || !more {
			return listed, err
		}
		listed[r.offset] = outline{r.kind, r.length, r.id, r.size, len(r.places) + r.waiting.count()}
	}
}

// record notes a body, or more devices for one. Those of a share are in the order of its set.
func (i *inspector) record(r *record, set []keys.PublicKey) {
	b := i.bodies[r.id]
	if b == nil {
		b = new(found)
		i.bodies[r.id] = b
	}
	if r.kind != recordGain {
		b.there, b.size = true, uint32(len(r.body))
		i.copies++
	}
	if r.kind == recordShare {
		i.share(b, r, set)
		return
	}
	before := make(map[foundEntry]bool, len(b.entries))
	for _, en := range b.entries {
		before[en] = true
	}
	for at := range r.recipients {
		to := &r.recipients[at]
		b.shares = slices.DeleteFunc(b.shares, func(s foundShare) bool { return s.number == to.number }) // written anew
		if en := (foundEntry{i.device(&to.device), to.number}); !before[en] && !i.gone.of(&to.device).has(to.number) {
			b.entries = append(b.entries, en)
		}
	}
}

// share notes the entries of a share. A later copy takes the place of an earlier one.
func (i *inspector) share(b *found, r *record, set []keys.PublicKey) {
	waiting := slices.Clone(r.waiting)
	r.waiting.each(func(at int) {
		if i.gone.of(&set[at]).has(r.number) {
			waiting.unset(at)
		}
	})
	b.shares = slices.DeleteFunc(b.shares, func(s foundShare) bool { return s.number == r.number })
	b.shares = append(b.shares, foundShare{r.number, waiting})
}

func (i *inspector) device(key *keys.PublicKey) uint32 {
	at, ok := i.devices[*key]
	if !ok {
		at = uint32(len(i.devices))
		i.devices[*key] = at
	}
	return at
}

// count sums up.
func (i *inspector) count(now time.Time) {
	r := &i.report
	oldest := ^uint64(0)
	for _, b := range i.bodies {
		entries, first := int64(len(b.entries)), ^uint64(0)
		for _, en := range b.entries {
			first = min(first, en.number)
		}
		for _, share := range b.shares {
			if n := share.waiting.count(); n > 0 {
				entries, first = entries+int64(n), min(first, share.number)
			}
		}
		switch {
		case entries == 0:
			continue
		case !b.there:
			r.Stray += entries
			continue
		}
		r.Bodies++
		r.Bytes += int64(b.size)
		r.Entries += entries
		oldest = min(oldest, first)
	}
	r.Dead = i.copies - r.Bodies
	if r.Entries > 0 {
		r.Oldest = acceptedAt(oldest, now)
	}
}

func (i *inspector) damaged(file string, offset int64, what string) {
	i.report.Damage = append(i.report.Damage, fmt.Errorf("%w: %s: %s at offset %d", ErrCorrupt, file, what, offset))
}

// readOnly is a folder in which nothing can be changed.
type readOnly struct{ osFiles }

func (d readOnly) Open(name string) (File, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (readOnly) Create(string) (File, error) { return nil, fs.ErrPermission }
func (readOnly) Rename(string, string) error { return fs.ErrPermission }
func (readOnly) Remove(string) error         { return fs.ErrPermission }
func (readOnly) Sync() error                 { return fs.ErrPermission }
