package queue

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// formatText is what FORMAT says. A newer program raises the number and this one refuses. [STO-1]
const formatText = "muster queue 1\n"

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
	if e.slots, err = openSlots(e.files, names, len(logs) > 0); err != nil {
		return err
	}
	if e.slots.damaged > 0 {
		e.damagedLocked(numbered(slotsPrefix, e.slots.generation, ""), 0, "unreadable key slots")
	}
	segments, err := e.loadSegments(logs, names)
	if err != nil {
		return err
	}
	gone := make(map[ackNote]struct{})
	for _, s := range segments {
		if err := e.readAcks(s, gone); err != nil {
			return err
		}
	}
	l := loader{e: e, gone: gone, bodies: make(map[keys.EnvelopeID]*loaded), laid: make(map[*segment]int64)}
	for _, s := range segments {
		if err := l.read(s); err != nil {
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

// loadFormat judges the marker, or makes it in a new folder.
func (e *Embedded) loadFormat(names []string, hasLogs bool) error {
	if !slices.Contains(names, formatName) {
		if hasLogs {
			return fmt.Errorf("%w: there are segments but no %s", ErrFormat, formatName)
		}
		if err := writeFile(e.files, formatName, []byte(formatText)); err != nil {
			return diskError("writing "+formatName, err)
		}
		return nil
	}
	data, err := readFile(e.files, formatName)
	if err != nil {
		return diskError("reading "+formatName, err)
	}
	if string(data) != formatText {
		return fmt.Errorf("%w: %s says %.40q, this program knows %q", ErrFormat, formatName, data, formatText)
	}
	return nil
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

// loader builds the index from records in the order of the log. Of two copies of a body or an entry the later counts.
type loader struct {
	e      *Embedded
	gone   map[ackNote]struct{}
	bodies map[keys.EnvelopeID]*loaded
	last   uint64             // highest number seen
	laid   map[*segment]int64 // bytes of the frames of bodies, dead and living
}

// loaded is a body and the entries found for it so far.
type loaded struct {
	body    *body // nil while only gains were seen
	entries []loadedEntry
}

type loadedEntry struct {
	recipient
	home *segment
}

// read adds the records of a segment.
func (l *loader) read(s *segment) error {
	file, err := l.e.files.Open(s.logName())
	if err != nil {
		return diskError("opening "+s.logName(), err)
	}
	defer file.Close()
	result, err := scanSegment(file, s.key, s.number, func(f frame) error {
		l.add(s, &f)
		return nil
	})
	if err != nil {
		return diskError("reading "+s.logName(), err)
	}
	for _, offset := range result.damage {
		l.e.damagedLocked(s.logName(), offset, "unreadable records")
	}
	size, err := file.Size()
	if err != nil {
		return diskError("reading "+s.logName(), err)
	}
	if result.end < size && result.end >= result.synced {
		// The torn end of a write that was never answered.
		if err := file.Truncate(result.end); err != nil {
			return diskError("cutting the end of "+s.logName(), err)
		}
		size = result.end
	}
	s.size = size
	l.last = max(l.last, s.number)
	return nil
}

func (l *loader) add(s *segment, f *frame) {
	r := &f.record
	if r.kind == recordSeal {
		return
	}
	at := l.bodies[r.id]
	if at == nil {
		at = new(loaded)
		l.bodies[r.id] = at
	}
	if r.kind == recordBody {
		if at.body == nil {
			at.body = &body{id: r.id, org: l.e.orgLocked(r.org), kind: r.of, expires: r.expires}
		}
		l.laid[s] += f.length
		at.body.size = int32(len(r.body))
		at.body.home, at.body.offset, at.body.length = s, f.offset, int32(f.length)
	}
	before := at.entries // no record names one recipient twice
	for _, to := range r.recipients {
		l.last = max(l.last, to.number)
		if _, gone := l.gone[noteOf(&to.device, to.number)]; gone {
			continue
		}
		i := slices.IndexFunc(before, func(en loadedEntry) bool { return en.recipient == to })
		if i < 0 {
			at.entries = append(at.entries, loadedEntry{to, s})
		} else {
			at.entries[i].home = s
		}
	}
}

// finish fills the index with what lives, and lines up what is drained.
func (l *loader) finish(segments []*segment) {
	e := l.e
	e.now = time.Now()
	for _, at := range l.bodies {
		b := at.body
		if b == nil || len(at.entries) == 0 {
			continue // a gain whose body is gone: its segment was dropped, or is named as damaged
		}
		e.bodies[b.id] = b
		length := int64(b.length)
		b.length = 0
		e.settleLocked(b, b.home, b.offset, length)
		if b.kind == Envelope {
			b.org.stats.Bodies++
			b.org.stats.Bytes += int64(b.size)
			b.org.stats.Entries += int64(len(at.entries))
		}
		b.number = at.entries[0].number
		for i := range at.entries {
			en := &at.entries[i]
			if en.number != b.number {
				b.gain(en.number, 1)
			}
			d := e.deviceLocked(&en.device)
			d.entries = append(d.entries, entry{number: en.number, body: b, home: en.home})
			d.count++
			d.bytes += int64(b.size)
			b.pending++
			en.home.entries++
		}
	}
	for _, d := range e.devices {
		slices.SortFunc(d.entries, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	}
	for _, s := range segments {
		if s.living < l.laid[s] {
			s.die(e.now) // there are dead bodies in it
		}
		e.drainLocked(s)
	}
	for org, c := range e.orgs {
		if c.stats == (Stats{}) {
			delete(e.orgs, org)
		}
	}
	e.peak = len(e.bodies)
	// Numbers never go back, even when all that had the highest ones is gone: the clock is ahead of any count.
	e.next = max(l.last+1, uint64(max(0, e.now.UnixMicro())))
}
