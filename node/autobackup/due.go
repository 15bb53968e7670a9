package autobackup

import (
	"time"

	"muster.example/node/store"
)

const (
	// DefaultEvery is the shortest time between two backups to a drive that stays, if something changed.
	DefaultEvery = 30 * time.Minute
	// DefaultAbsent is after how long without a complete backup the person is told.
	DefaultAbsent = 7 * 24 * time.Hour
	// atLeast is how often a drive that stays gets a backup although nothing changed: it shows that the drive still works.
	atLeast = 24 * time.Hour
	// firstRetry is how long a backup that failed waits for the next try, which doubles up to lastRetry.
	firstRetry = time.Minute
	lastRetry  = time.Hour
	// triesUntold is how many times in a row a backup may fail before the person is told at once.
	triesUntold = 3
	// lookTime is how often marked folders that are not there are looked for: not each comes with a mount.
	lookTime = time.Minute
)

// Every is the shortest time between two backups to a drive that stays, by a choice.
func Every(c store.BackupChoice) time.Duration { return chosen(c.Every, DefaultEvery) }

// Absent is after how long without a complete backup the person is told, by a choice.
func Absent(c store.BackupChoice) time.Duration { return chosen(c.Absent, DefaultAbsent) }

func chosen(milliseconds int64, usual time.Duration) time.Duration {
	if milliseconds > 0 {
		return time.Duration(milliseconds) * time.Millisecond
	}
	return usual
}

// sight is what this run of the program knows of a marked drive.
type sight struct {
	folder string    // where it is now; "" if it is away
	came   bool      // it appeared, and no backup was begun since
	asked  bool      // the person asked for a backup
	tries  int       // that failed one after another, since it appeared
	retry  time.Time // when the next try is
}

// due returns when a drive that is there gets its next backup: a time that is not after now means at once. changed says whether
// there is something that the last one does not have; it is asked only if that matters.
func (s sight) due(now time.Time, d store.BackupDrive, choice store.BackupChoice, changed func() bool) time.Time {
	done := time.UnixMilli(max(d.Done, 0))
	switch {
	case s.asked || s.came && !choice.Paused && s.tries == 0:
		return now
	case choice.Paused:
		return now.Add(atLeast) // something wakes the scheduler before
	case s.tries > 0:
		return s.retry
	case d.Done == 0 || done.After(now): // none yet, or the clock was set back
		return now
	case now.Sub(done) >= atLeast:
		return now
	case now.Sub(done) < Every(choice):
		return done.Add(Every(choice))
	case changed():
		return now
	}
	return earlier(done.Add(atLeast), now.Add(Every(choice))) // when to look again
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// pauseAfter is how long to wait after so many tries failed.
func pauseAfter(tries int) time.Duration {
	pause := firstRetry
	for ; tries > 1 && pause < lastRetry; tries-- {
		pause *= 2
	}
	return min(pause, lastRetry)
}

// overdue reports whether the person is to be told that a drive has no complete backup for too long.
func overdue(now time.Time, d store.BackupDrive, choice store.BackupChoice) bool {
	return now.Sub(time.UnixMilli(max(d.Done, d.Marked))) > Absent(choice)
}
