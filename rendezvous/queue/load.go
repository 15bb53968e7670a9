package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster.example/internal/keys"
)

// FORMAT says which format a folder has. A newer program raises the number and an older one refuses. [STO-1]
const (
	formatText   = "muster queue "
	formatNumber = 2
)

// load reads the folder: the marker, the keys, the ack logs, then the segments in their order.
func (e *Embedded) load() error {
	names, err := e.files.List()
	if err != nil {
		return diskError("listing the folder", err)
	}
	logs := logsIn(names)
	if err := e.loadFormat(names, len(logs) > 0); err != nil {
		return err
	}
	if e.slots, err = openSlots(e.files, e.opt.Secret, names, len(logs) > 0); err != nil {
		return err
	}
	if e.slots.damaged > 0 {
		e.damagedLocked(numbered(slotsPrefix, e.slots.generation, ""), 0, "unreadable key slots")
	}
	segments, err := e.loadSegments(logs, names)
	if err != nil {
		return err
	}
	// The process before may have been killed between a change and its sync: what was read must not be undone later.
	if err := errors.Join(e.slots.sync(), e.files.Sync()); err != nil {
		return diskError("syncing the folder", err)
	}
	l := newLoader(e)
	for _, s := range segments {
		if err := e.readAcks(s, l.gone); err != nil {
			return err
		}
	}
	l.gone.merge()
	for _, s := range segments {
		if err := errors.Join(l.read(s), l.failed); err != nil {
			return err
		}
	}
	l.finish(segments)
	return e.dropDrained()
}

func logsIn(names []string) []uint64 {
	var logs []uint64
	for _, name := range names {
		if n, ok := numberIn(name, logPrefix, logSuffix); ok {
			logs = append(logs, n)
		}
	}
	slices.Sort(logs)
	return logs
}

// loadFormat judges the marker, makes it in a new folder, and raises it in one of format 1 before anything of this one is
// written.
func (e *Embedded) loadFormat(names []string, hasLogs bool) error {
	if !slices.Contains(names, formatName) {
		if hasLogs {
			return fmt.Errorf("%w: there are segments but no %s", ErrFormat, formatName)
		}
	} else if format, err := readFormat(e.files); err != nil || format == formatNumber {
		return err
	}
	if err := writeFile(e.files, formatName, fmt.Appendf(nil, "%s%d\n", formatText, formatNumber)); err != nil {
		return diskError("writing "+formatName, err)
	}
	return nil
}

// readFormat returns the format of a folder, and an error for one that this program does not know.
func readFormat(files Files) (int, error) {
	data, err := readFile(files, formatName)
	if err != nil {
		return 0, diskError("reading "+formatName, err)
	}
	return parseFormat(data, formatNumber)
}

// parseFormat judges a marker for a program that knows the formats up to one.
func parseFormat(data []byte, known int) (int, error) {
	text, ok := strings.CutPrefix(string(data), formatText)
	text, whole := strings.CutSuffix(text, "\n")
	format, err := strconv.Atoi(text)
	switch {
	case !ok || !whole || err != nil || format < 1 || strconv.Itoa(format) != text:
		return 0, fmt.Errorf("%w: %s says %.40q, which is no queue's", ErrFormat, formatName, data)
	case format > known:
		return 0, fmt.Errorf("%w: %s says format %d, which a newer program wrote; this one knows formats up to %d: use that program",
			ErrFormat, formatName, format, known)
	}
	return format, nil
}

// loadSegments makes the segments that have a log and a key. A log without a key was being dropped; a key without a log
// belongs to a segment that was never written.
func (e *Embedded) loadSegments(logs []uint64, names []string) ([]*segment, error) {
	var segments []*segment
	now := time.Now()
	for _, number := range logs {
		key, ok := e.slots.key(number)
		if !ok {
			if e.slots.damaged > 0 {
				e.damagedLocked(numbered(logPrefix, number, logSuffix), 0, "a segment without a key")
				continue
			}
			e.removeLog(number)
			continue
		}
		s := &segment{number: number, key: key, sealed: now}
		if !e.placeLocked(s) {
			return nil, fmt.Errorf("%w: more segments than there may be", ErrFormat)
		}
		segments = append(segments, s)
		e.segments[number] = s
	}
	var unused []uint64
	for number := range e.slots.used {
		if e.segments[number] == nil {
			unused = append(unused, number)
		}
	}
	for _, name := range names {
		if n, ok := numberIn(name, logPrefix, ackSuffix); ok && !slices.Contains(logs, n) {
			e.removeLog(n)
		}
	}
	return segments, e.slots.destroy(unused)
}

// read adds what a segment holds: by its seal if that says so, else by all of its records.
func (l *loader) read(s *segment) error {
	file, err := l.e.files.Open(s.logName())
	if err != nil {
		return diskError("opening "+s.logName(), err)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return diskError("reading "+s.logName(), err)
	}
	s.size = size
	l.last = max(l.last, s.number)
	rows, err := readSeal(file, size, s)
	if err != nil {
		return diskError("reading "+s.logName(), err)
	}
	if rows != nil {
		return l.addRows(s, rows)
	}
	return l.scan(s, file, size)
}

// readSeal returns the footer of a segment, nil if there is none that can be read.
func readSeal(file File, size int64, s *segment) (*footerRows, error) {
	if size < segmentHeader+frameOverhead+trailerSize {
		return nil, nil
	}
	var head, trailer [max(segmentHeader, trailerSize)]byte
	if _, err := file.ReadAt(head[:segmentHeader], 0); err != nil {
		return nil, err
	}
	if head != headerOf(s.number) {
		return nil, nil // a scan names it
	}
	if n, err := file.ReadAt(trailer[:trailerSize], size-trailerSize); n < trailerSize {
		return nil, err
	}
	offset := int64(binary.BigEndian.Uint32(trailer[4:]))
	length := size - trailerSize - offset
	if string(trailer[:4]) != trailerMagic || offset < segmentHeader || length < frameOverhead || length > maxFrame {
		return nil, nil
	}
	data := make([]byte, length)
	if n, err := file.ReadAt(data, offset); n < len(data) {
		return nil, err
	}
	if int64(binary.BigEndian.Uint32(data[4:])) != length-frameHeader {
		return nil, nil
	}
	plain, err := openFrame(data, s.key, s.number, offset)
	if err != nil || len(plain) < 2 || recordType(plain[0]) != recordSeal {
		return nil, nil
	}
	if checkFooter(plain[1:]) != nil {
		return nil, nil
	}
	return parseFooter(plain[1:])
}

// checkFooter reads a whole footer.
func checkFooter(data []byte) error {
	rows, err := parseFooter(data)
	var r row
	for more := true; err == nil && more; {
		more, err = rows.next(&r)
	}
	return err
}

// scan adds all records of a segment, and cuts off a torn end.
func (l *loader) scan(s *segment, file File, size int64) error {
	sets := make(map[uint32]*set)
	var setless []int64
	result, err := scanSegment(file, s.key, s.number, func(f frame) error {
		if !l.addFrame(s, &f, sets) {
			setless = append(setless, f.offset)
		}
		return nil
	})
	if err != nil {
		return diskError("reading "+s.logName(), err)
	}
	for _, offset := range result.damage {
		l.e.damagedLocked(s.logName(), offset, "unreadable records")
	}
	for _, offset := range setless {
		if offset < result.synced { // else it is of a write that nobody was told of
			l.e.damagedLocked(s.logName(), offset, "a body for a set that is not there")
		}
	}
	if result.sealed || result.end < result.synced {
		return nil
	}
	if result.end < size {
		// The torn end of a write that was never answered.
		if err := file.Truncate(result.end); err != nil {
			return diskError("cutting the end of "+s.logName(), err)
		}
		s.size = result.end
	}
	return l.harden(s, file, max(result.synced, segmentHeader), result.end)
}

// harden makes the last commit of a segment durable, which the process before may have written and not synced, or have
// failed to sync: what it holds was read, and must not be lost once other copies of it are gone. The same bytes are written
// again, for a system that failed to write them once may hold them for written.
func (l *loader) harden(s *segment, file File, from, to int64) error {
	if to > from {
		data := make([]byte, to-from)
		if n, err := file.ReadAt(data, from); n < len(data) {
			return diskError("reading "+s.logName(), err)
		}
		if _, err := file.WriteAt(data, from); err != nil {
			return diskError("writing "+s.logName()+" again", err)
		}
	}
	if err := file.Sync(); err != nil {
		return diskError("syncing "+s.logName(), err)
	}
	return nil
}

// addFrame adds a record; false if its set is not there.
func (l *loader) addFrame(s *segment, f *frame, sets map[uint32]*set) bool {
	rec := &f.record
	switch rec.kind {
	case recordSeal:
		return true
	case recordSet:
		sets[uint32(f.offset)] = l.e.setLocked(newSet(rec.devices))
		return true
	}
	r := row{
		kind: rec.kind, offset: uint32(f.offset), length: uint32(f.length), of: rec.of, expires: rec.expires,
		id: [idSize]byte(rec.id[:idSize]), size: uint32(len(rec.body)), count: rec.count, number: rec.number, waiting: rec.waiting,
	}
	var set *set
	if rec.kind == recordShare {
		if set = sets[rec.set]; set == nil || len(set.devices) != rec.count {
			return false
		}
	}
	devices := make([]*loadedDevice, len(rec.recipients))
	for i := range rec.recipients {
		devices[i] = l.device(&rec.recipients[i].device)
		r.numbers = append(r.numbers, rec.recipients[i].number)
	}
	l.add(s, &r, func() account { return account{rec.org, l.e.payerOf(rec, set)} }, devices, set)
	return true
}

// addRows adds what a footer says.
func (l *loader) addRows(s *segment, rows *footerRows) error {
	devices := make([]*loadedDevice, len(rows.devices))
	for i := range rows.devices {
		devices[i] = l.device(&rows.devices[i])
	}
	sets := make(map[uint32]*set)
	var r row
	var of []*loadedDevice
	for {
		more, err := rows.next(&r)
		if err != nil || !more {
			return err
		}
		of = of[:0]
		for _, at := range r.places {
			of = append(of, devices[at])
		}
		if r.kind == recordSet {
			list := make([]keys.PublicKey, len(of))
			for i := range of {
				list[i] = of[i].d.key
			}
			sets[r.offset] = l.e.setLocked(newSet(list))
			continue
		}
		set := sets[r.set]
		if r.kind == recordShare && (set == nil || len(set.devices) != r.count) {
			l.e.damagedLocked(s.logName(), int64(r.offset), "a body for a set that is not there")
			continue
		}
		if r.kind != recordShare {
			set = nil
		}
		l.add(s, &r, func() account { return rows.accounts[r.account] }, of, set)
	}
}

// payerOf returns whose room a record takes that is found when the queue is opened.
func (e *Embedded) payerOf(r *record, s *set) keys.MemberID {
	if e.opt.Payer == nil || r.kind == recordGain {
		return keys.MemberID{}
	}
	item := Item{ID: r.id, Org: r.org, Kind: r.of, Body: r.body, Expires: time.Unix(r.expires, 0)}
	for _, to := range r.recipients {
		item.Recipients = append(item.Recipients, to.device)
	}
	if s != nil {
		item.Set = s.Set
	}
	return e.opt.Payer(&item)
}

// clock returns the number that a time stands for. Numbers follow it, and run ahead where it is slower or set back.
func clock(now time.Time) uint64 { return uint64(max(0, now.UnixMicro())) }
