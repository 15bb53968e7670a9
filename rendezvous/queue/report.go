package queue

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// Report is what a queue holds, for health pages and checks: all kinds of bodies, of all organizations.
type Report struct {
	Bodies  int64 // that somebody waits for
	Entries int64 // unacknowledged (body, device) pairs
	Bytes   int64 // sizes of those bodies

	Dead     int64 // copies of bodies that nobody waits for, readable until their segment is freed
	Segments int   // files of the log
	Disk     int64 // bytes of all files in the folder

	Oldest time.Time // when the entry that waits longest was accepted, zero if nothing waits

	// What belongs to nothing. A crash leaves the first two until the next opening; the third is damage, or comes of it.
	Keyless  []string // files of the log without a key slot, which nobody can read
	Fileless int      // key slots without a file
	Stray    int64    // entries whose body is nowhere

	Damage []error // what cannot be read; each wraps ErrCorrupt and names a file
}

// Report counts what the queue holds. It waits for the committer, so that nothing is half-made or half-removed, and looks
// at the folder. Errors: of the disk, of the context, ErrClosed. Until Run runs, it waits.
func (e *Embedded) Report(ctx context.Context) (Report, error) {
	var report Report
	err := e.commission(ctx, func() (err error) {
		report, err = e.look()
		return err
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// look is the committer's part of Report: it makes segments, and whoever holds ackMu removes them.
func (e *Embedded) look() (Report, error) {
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	report, err := e.lookAtFiles()
	if err != nil {
		return report, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	report.Entries, report.Bodies = e.used.Entries, e.used.Bodies
	oldest := ^uint64(0)
	for _, d := range e.devices {
		oldest = min(oldest, e.frontLocked(d))
	}
	if report.Entries > 0 {
		report.Oldest = acceptedAt(oldest, time.Now())
	}
	e.table.each(func(_ handle, c cell) {
		if !c.is(markFresh) {
			report.Bytes += int64(c.size())
		}
	})
	for _, s := range e.segments {
		report.Dead += int64(s.laid - s.bodies)
	}
	report.Damage = append([]error(nil), e.damage...)
	return report, nil
}

func (e *Embedded) lookAtFiles() (report Report, err error) {
	names, err := e.files.List()
	if err != nil {
		return report, diskError("listing the folder", err)
	}
	if report.Disk, err = sizeOf(e.files, names); err != nil {
		return report, err
	}
	numbers := e.slots.numbers()
	report.compare(names, numbers)
	return report, nil
}

// compare looks for files of the log without a slot, and for slots without a file.
func (r *Report) compare(names []string, slots map[uint64]bool) {
	logs := make(map[uint64]bool)
	for _, name := range names {
		for _, suffix := range []string{logSuffix, ackSuffix} {
			number, ok := numberIn(name, logPrefix, suffix)
			if !ok {
				continue
			}
			if suffix == logSuffix {
				r.Segments++
				logs[number] = true
			}
			if !slots[number] {
				r.Keyless = append(r.Keyless, name)
			}
		}
	}
	for number := range slots {
		if !logs[number] {
			r.Fileless++
		}
	}
}

// sizeOf returns the bytes of files together. One that was removed meanwhile has none.
func sizeOf(files Files, names []string) (total int64, err error) {
	for _, name := range names {
		if name == lockName {
			continue // empty, and closing a handle of it gives the lock back on some systems
		}
		file, err := files.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, diskError("opening "+name, err)
		}
		size, err := file.Size()
		if err := errors.Join(err, file.Close()); err != nil {
			return 0, diskError("looking at "+name, err)
		}
		total += size
	}
	return total, nil
}

// acceptedAt says when the entry of a number was accepted: numbers follow the clock in microseconds. Where they ran ahead
// of it, the clock was set back since.
func acceptedAt(number uint64, now time.Time) time.Time {
	if at := time.UnixMicro(int64(number)); at.Before(now) {
		return at
	}
	return now
}
