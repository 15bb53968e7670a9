package autobackup

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/task"
	"muster.example/node/store"
)

// begin begins a backup, unless one runs.
func (s *Scheduler) begin(ctx context.Context, group *task.Group, d store.BackupDrive) {
	s.mu.Lock()
	if s.running != nil {
		s.mu.Unlock()
		return
	}
	seen := s.sights[d.ID]
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{id: d.ID, folder: seen.folder, asked: seen.asked, cancel: cancel}
	s.running = r
	seen.came, seen.asked = false, false
	s.mu.Unlock()
	s.remember(d.ID, func(d *store.BackupDrive) { d.Begun = s.config.Now().UnixMilli() })
	s.config.Log.Info("a backup begins", "drive", short(d.ID), "asked", r.asked)
	group.Go("backup", func(context.Context) error {
		outcome, err := s.config.Work.BackUp(ctx, r.folder, d, r.asked, func(p Progress) { s.tell(r, p) })
		r.outcome = outcome
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx) // what came of being ended says less than why
		}
		cancel(nil)
		s.finished <- err // there is room: one runs at a time
		return nil
	})
}

// tell notes progress, and tells of it now and then.
func (s *Scheduler) tell(r *run, p Progress) {
	now := time.Now()
	s.mu.Lock()
	r.progress = p
	late := now.Sub(r.told) >= progressTime
	if late {
		r.told = now
	}
	s.mu.Unlock()
	if late {
		s.config.Changed()
	}
}

// settle notes what came of the backup that has ended.
func (s *Scheduler) settle(ctx context.Context, err error) {
	now := s.config.Now()
	s.mu.Lock()
	r := s.running
	s.running = nil
	seen := s.sights[r.id]
	ended := ctx.Err() != nil || errors.Is(err, errPaused) || errors.Is(err, errStopped)
	switch {
	case seen == nil: // it is not marked any more
	case err == nil:
		seen.tries = 0
	case ended && !errors.Is(err, errStopped):
		seen.came = true // it goes on once it may
	case ended:
		seen.tries, seen.retry = max(seen.tries, 1), now.Add(lastRetry) // the person wants to be left alone
	default:
		seen.tries++
		seen.retry = now.Add(pauseAfter(seen.tries))
	}
	s.mu.Unlock()
	if err != nil {
		s.config.Log.Warn("a backup came to nothing", "drive", short(r.id), "error", err)
	} else {
		s.config.Log.Info("a backup is complete", "drive", short(r.id), "snapshot", short(r.outcome.Snapshot))
	}
	if ended {
		return
	}
	s.remember(r.id, func(d *store.BackupDrive) {
		if err != nil {
			if d.Error = err.Error(); d.Failed == 0 {
				d.Failed = now.UnixMilli()
			}
			d.Failures++
			return
		}
		d.Done, d.Seen, d.Failed, d.Failures, d.Error = now.UnixMilli(), now.UnixMilli(), 0, 0, ""
		d.Snapshot, d.State, d.Bytes = r.outcome.Snapshot, r.outcome.State, r.outcome.Bytes
	})
}

func short(id string) string { return id[:min(len(id), 8)] }

// Reports describes every marked drive as it is now.
func (s *Scheduler) Reports() ([]Report, error) {
	drives, choice, err := s.read()
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	locked := make(map[string]error)
	for _, d := range drives {
		locked[d.ID] = s.config.Work.Ready(d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var reports []Report
	for _, d := range drives {
		report := Report{Drive: d, Overdue: overdue(now, d, choice), Failing: d.Failures >= triesUntold, Locked: locked[d.ID]}
		if seen := s.sights[d.ID]; seen != nil {
			report.Folder = seen.folder
		}
		if next := s.next[d.ID]; report.Folder != "" && !choice.Paused {
			report.Next, report.Waiting = next, !next.IsZero() && !next.After(now)
		}
		if s.running != nil && s.running.id == d.ID {
			progress := s.running.progress
			report.Running, report.Waiting = &progress, false
		}
		reports = append(reports, report)
	}
	return reports, nil
}
