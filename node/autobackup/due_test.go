package autobackup

import (
	"testing"
	"time"

	"muster.example/node/store"
)

func TestWhenADriveIsDue(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	paused := store.BackupChoice{Paused: true}
	for name, c := range map[string]struct {
		seen    sight
		drive   store.BackupDrive
		choice  store.BackupChoice
		changed bool
		want    time.Duration // from now
	}{
		"it appeared":                     {sight{came: true}, store.BackupDrive{Done: ago(time.Minute)}, store.BackupChoice{}, false, 0},
		"it appeared, paused":             {sight{came: true}, store.BackupDrive{}, paused, true, atLeast},
		"asked for, paused":               {sight{asked: true}, store.BackupDrive{Done: ago(0)}, paused, false, 0},
		"it never had one":                {sight{}, store.BackupDrive{}, store.BackupChoice{}, false, 0},
		"something changed just now":      {sight{}, store.BackupDrive{Done: ago(10 * time.Minute)}, store.BackupChoice{}, true, 20 * time.Minute},
		"something changed a while ago":   {sight{}, store.BackupDrive{Done: ago(DefaultEvery)}, store.BackupChoice{}, true, 0},
		"nothing changed":                 {sight{}, store.BackupDrive{Done: ago(time.Hour)}, store.BackupChoice{}, false, DefaultEvery},
		"nothing changed for a day":       {sight{}, store.BackupDrive{Done: ago(24 * time.Hour)}, store.BackupChoice{}, false, 0},
		"almost a day":                    {sight{}, store.BackupDrive{Done: ago(24*time.Hour - time.Minute)}, store.BackupChoice{}, false, time.Minute},
		"the clock was set back":          {sight{}, store.BackupDrive{Done: ago(-48 * time.Hour)}, store.BackupChoice{}, false, 0},
		"chosen more often":               {sight{}, store.BackupDrive{Done: ago(time.Minute)}, store.BackupChoice{Every: 60_000}, true, 0},
		"one failed":                      {sight{tries: 1, retry: now.Add(time.Minute)}, store.BackupDrive{}, store.BackupChoice{}, true, time.Minute},
		"one failed as soon as it was in": {sight{came: true, tries: 1, retry: now.Add(time.Minute)}, store.BackupDrive{}, store.BackupChoice{}, true, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.seen.due(now, c.drive, c.choice, func() bool { return c.changed }).Sub(now); got != c.want {
				t.Errorf("due in %s, want %s", got, c.want)
			}
		})
	}
}

func TestTriesWaitEverLonger(t *testing.T) {
	want := []time.Duration{firstRetry, 2 * firstRetry, 4 * firstRetry}
	for i, pause := range want {
		if got := pauseAfter(i + 1); got != pause {
			t.Errorf("after %d tries %s, want %s", i+1, got, pause)
		}
	}
	if got := pauseAfter(1 << 20); got != lastRetry {
		t.Errorf("at last %s", got)
	}
}
