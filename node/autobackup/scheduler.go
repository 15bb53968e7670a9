package autobackup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"muster.example/internal/drive"
	"muster.example/internal/task"
	"muster.example/node/store"
)

// Drives is what the machine has: drive.List and drive.Watch.
type Drives interface {
	List() ([]drive.Volume, error)
	Watch(ctx context.Context, changed func()) error
}

// Work makes backups.
type Work interface {
	// Recognize reports whether the repository with an id lies in a folder.
	Recognize(folder, id string) bool
	// BackUp makes a backup in a folder whose repository is the drive's, and tells how it goes. A drive that is torn away is an
	// error; what was complete before stays good. hasty means that a person waits: nothing is held back for others' sake.
	BackUp(ctx context.Context, folder string, d store.BackupDrive, hasty bool, tell func(Progress)) (Outcome, error)
	// Ready returns why no backup can be made to a drive until the person does something, nil if one can.
	Ready(d store.BackupDrive) error
	// State is what there is to back up, in short: while it stays the same, nothing changed.
	State() ([]byte, error)
}

// Memory is where the scheduler keeps what it knows.
type Memory interface {
	Drives() ([]store.BackupDrive, error)
	// Change changes one drive, if it is still marked.
	Change(id string, change func(*store.BackupDrive)) error
	Choice() (store.BackupChoice, error)
}

// Progress is how far a backup has come.
type Progress struct {
	Phase string // what it does, a word of the API
	Items uint64 // done so far
	Total uint64 // of so many; 0: not known
	Bytes uint64 // written so far
}

// Outcome is what a complete backup came to.
type Outcome struct {
	Snapshot string
	State    []byte // what there was to back up when it began
	Bytes    uint64 // on the drive in all
}

// Report is a drive as it is now.
type Report struct {
	Drive   store.BackupDrive
	Folder  string    // where it is; "" if it is away
	Running *Progress // of the backup that is made there now
	Waiting bool      // one is to begin as soon as another is done
	Next    time.Time // when one begins by itself if it stays; zero if it is away or nothing is to come
	Overdue bool      // no complete backup for too long
	Failing bool      // backups fail, and the person is to be told at once
	Locked  error     // why none can be made until the person does something; nil if one can
}

// Config is what a scheduler is made from. All is required but Changed.
type Config struct {
	Drives Drives
	Work   Work
	Memory Memory
	Log    *slog.Logger
	// Changed is called when a Report may be another than before: at each progress, at most every progressTime.
	Changed func()
	// Now is the time, by which backups are due and dated; nil for the clock's.
	Now func() time.Time
}

// progressTime is how often progress is told of.
const progressTime = 500 * time.Millisecond

// Scheduler has backups made. Its methods may be called at any time, also while it does not run.
type Scheduler struct {
	config   Config
	wake     chan struct{} // capacity 1: something may be otherwise
	finished chan error    // capacity 1: the backup that ran has ended

	mu      sync.Mutex // guards the following; innermost
	sights  map[string]*sight
	next    map[string]time.Time
	running *run
}

// run is a backup under way.
type run struct {
	id       string
	folder   string
	asked    bool
	progress Progress
	told     time.Time
	cancel   context.CancelCauseFunc
	outcome  Outcome
}

// errTaken means that the drive went while a backup was made.
var errTaken = errors.New("the drive was taken away in the middle; the backups that were complete before are still good")

// errPaused and errStopped end a backup that nothing is wrong with.
var (
	errPaused  = errors.New("paused")
	errStopped = errors.New("stopped")
)

// New returns a scheduler. It starts nothing.
func New(config Config) *Scheduler {
	if config.Changed == nil {
		config.Changed = func() {}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Scheduler{
		config: config, wake: make(chan struct{}, 1), finished: make(chan error, 1),
		sights: make(map[string]*sight), next: make(map[string]time.Time),
	}
}

// Look has the scheduler look at everything anew: a drive was marked or forgotten, a choice made, a key is there.
func (s *Scheduler) Look() {
	select {
	case s.wake <- struct{}{}:
	default: // a signal that is there already is enough
	}
}

// Now asks for a backup of a drive at once, paused or not. It is forgotten if the drive is away.
func (s *Scheduler) Now(id string) {
	s.mu.Lock()
	if seen := s.sights[id]; seen != nil {
		seen.asked = true
	} else {
		s.sights[id] = &sight{asked: true}
	}
	s.mu.Unlock()
	s.Look()
}

// Stop ends the backup that is made now, if it is of the drive, or of any for "". It returns at once; the drive may be taken out
// when no report says that one runs.
func (s *Scheduler) Stop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil && (id == "" || s.running.id == id) {
		s.running.cancel(errStopped)
	}
}

// Run has backups made until ctx ends, and returns after the one under way has ended.
func (s *Scheduler) Run(ctx context.Context) error {
	group := task.New(ctx)
	group.Go("drives", func(ctx context.Context) error {
		err := s.config.Drives.Watch(ctx, s.Look)
		if err != nil && ctx.Err() == nil { // marked folders are looked for from time to time all the same
			s.config.Log.Warn("drives that appear are noticed late", "error", err)
			return nil
		}
		return err
	})
	group.Go("turns", func(ctx context.Context) error { return s.turns(ctx, group) })
	return group.Wait()
}

// turns looks, begins what is due, and waits for what comes next.
func (s *Scheduler) turns(ctx context.Context, group *task.Group) error {
	for {
		wait := s.turn(ctx, group)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-s.wake:
		case <-timer.C:
		case err := <-s.finished:
			s.settle(ctx, err)
		}
		timer.Stop()
	}
}

// turn looks at everything, begins a backup if one is due and none runs, and returns when to look again.
func (s *Scheduler) turn(ctx context.Context, group *task.Group) time.Duration {
	now := s.config.Now()
	drives, choice, err := s.read()
	if err != nil {
		s.config.Log.Error("reading which drives are marked", "error", err)
		return lookTime
	}
	s.see(drives)
	s.hold(choice)
	soonest, away := now.Add(atLeast), len(drives) == 0
	var begin *store.BackupDrive
	for _, d := range drives {
		seen := s.seen(d.ID)
		if seen.folder == "" {
			away = true
			s.plan(d.ID, time.Time{})
			continue
		}
		if s.config.Work.Ready(d) != nil { // what makes it so wakes the scheduler
			s.plan(d.ID, time.Time{})
			continue
		}
		due := seen.due(now, d, choice, func() bool { return s.changed(d) })
		s.plan(d.ID, due)
		if !due.After(now) {
			if begin == nil {
				begin = &d
			}
		} else {
			soonest = earlier(soonest, due)
		}
	}
	if begin != nil {
		s.begin(ctx, group, *begin)
	}
	if away && len(drives) > 0 {
		soonest = earlier(soonest, now.Add(lookTime))
	}
	s.config.Changed()
	return max(soonest.Sub(now), time.Second)
}

func (s *Scheduler) read() ([]store.BackupDrive, store.BackupChoice, error) {
	drives, err := s.config.Memory.Drives()
	if err != nil {
		return nil, store.BackupChoice{}, err
	}
	choice, err := s.config.Memory.Choice()
	return drives, choice, err
}

// see notes which drives are there and where, and ends a backup whose drive went.
func (s *Scheduler) see(drives []store.BackupDrive) {
	var marks []drive.Mark
	for _, d := range drives {
		marks = append(marks, drive.Mark{ID: d.ID, Path: d.Path, Within: d.Within})
	}
	volumes, err := s.config.Drives.List()
	if err != nil { // folders are found all the same
		s.config.Log.Warn("reading which drives there are", "error", err)
	}
	found := drive.Find(marks, volumes, s.config.Work.Recognize)
	now := s.config.Now().UnixMilli()
	for _, d := range drives {
		folder := found[d.ID]
		if came, went := s.note(d.ID, folder); came || went {
			mark := drive.NewMark(volumes, d.ID, folder)
			s.remember(d.ID, func(d *store.BackupDrive) {
				if d.Seen = now; came {
					d.Path, d.Within = mark.Path, mark.Within
				}
			})
		}
	}
	s.forget(drives)
}

// note notes where a drive is, and reports whether it came or went since the last time.
func (s *Scheduler) note(id, folder string) (came, went bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.sights[id]
	if seen == nil {
		seen = new(sight)
		s.sights[id] = seen
	}
	switch {
	case folder == seen.folder:
	case folder == "":
		went = true
		*seen = sight{}
	default:
		came = true
		*seen = sight{folder: folder, came: true, asked: seen.asked}
	}
	if folder == "" {
		seen.asked = false
	}
	if s.running != nil && s.running.id == id && s.running.folder != folder {
		s.running.cancel(errTaken)
	}
	return came, went
}

// forget forgets drives that are not marked any more.
func (s *Scheduler) forget(drives []store.BackupDrive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.sights {
		marked := false
		for _, d := range drives {
			marked = marked || d.ID == id
		}
		if !marked {
			delete(s.sights, id)
			delete(s.next, id)
			if s.running != nil && s.running.id == id {
				s.running.cancel(errStopped)
			}
		}
	}
}

// hold ends a backup that nobody asked for while backups are paused.
func (s *Scheduler) hold(choice store.BackupChoice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if choice.Paused && s.running != nil && !s.running.asked {
		s.running.cancel(errPaused)
	}
}

func (s *Scheduler) seen(id string) sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.sights[id]
}

func (s *Scheduler) plan(id string, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[id] = due
}

// changed reports whether there is something that the last backup of a drive does not have.
func (s *Scheduler) changed(d store.BackupDrive) bool {
	state, err := s.config.Work.State()
	if err != nil {
		s.config.Log.Error("reading what there is to back up", "error", err)
		return false
	}
	return string(state) != string(d.State)
}

func (s *Scheduler) remember(id string, change func(*store.BackupDrive)) {
	if err := s.config.Memory.Change(id, change); err != nil {
		s.config.Log.Error("storing what became of a backup", "error", fmt.Errorf("drive %.8s: %w", id, err))
	}
}
