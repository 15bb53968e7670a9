package autobackup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/drive"
	"muster.example/node/store"
)

// machine is a computer whose drives a test puts in and takes out, and a Work whose backups take a minute each.
type machine struct {
	mu      sync.Mutex
	mounted map[string]string // folder to the id of the repository there; "" if there is none
	serial  int
	changed func()
	drives  map[string]store.BackupDrive
	choice  store.BackupChoice
	state   string
	fault   error    // what becomes of backups
	log     []string // what happened, in order
	watches bool     // whether the system tells of changes
	locked  error    // why no backup can be made
}

func (m *machine) List() (volumes []drive.Volume, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	volumes = append(volumes, drive.Volume{Path: "/", ID: "root"})
	for folder := range m.mounted {
		volumes = append(volumes, drive.Volume{Path: folder, ID: fmt.Sprint(folder, m.serial)})
	}
	return volumes, nil
}

func (m *machine) Watch(ctx context.Context, changed func()) error {
	if !m.watches {
		return errors.New("this system tells nothing")
	}
	m.mu.Lock()
	m.changed = changed
	m.mu.Unlock()
	changed()
	<-ctx.Done()
	return ctx.Err()
}

// put mounts a drive, and take takes what is in a folder away.
func (m *machine) put(folder, id string) { m.change(func() { m.mounted[folder] = id }) }
func (m *machine) take(folder string)    { m.change(func() { delete(m.mounted, folder) }) }

func (m *machine) change(change func()) {
	m.mu.Lock()
	m.serial++
	change()
	changed := m.changed
	m.mu.Unlock()
	if changed != nil {
		changed()
	}
}

func (m *machine) Recognize(folder, id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mounted[folder] == id
}

func (m *machine) BackUp(ctx context.Context, folder string, d store.BackupDrive, hasty bool, tell func(Progress)) (Outcome, error) {
	m.mu.Lock()
	state, number := m.state, len(m.log)
	m.mu.Unlock()
	m.note("begin %s at %s", d.ID, folder)
	for i := range uint64(60) {
		select {
		case <-ctx.Done():
			m.note("broken off %s", d.ID)
			return Outcome{}, ctx.Err()
		case <-time.After(time.Second):
		}
		tell(Progress{Items: i, Total: 60})
	}
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	if fault != nil {
		m.note("failed %s", d.ID)
		return Outcome{}, fault
	}
	m.note("complete %s", d.ID)
	return Outcome{Snapshot: fmt.Sprint("snapshot ", number), State: []byte(state)}, nil
}

func (m *machine) Ready(store.BackupDrive) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locked
}

func (m *machine) State() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []byte(m.state), nil
}

func (m *machine) Drives() (all []store.BackupDrive, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range []string{"a", "b"} {
		if d, ok := m.drives[id]; ok {
			all = append(all, d)
		}
	}
	return all, nil
}

func (m *machine) Change(id string, change func(*store.BackupDrive)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.drives[id]; ok {
		change(&d)
		m.drives[id] = d
	}
	return nil
}

func (m *machine) Choice() (store.BackupChoice, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.choice, nil
}

func (m *machine) note(format string, values ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, fmt.Sprintf(format, values...))
}

// play runs a scheduler in a bubble. step lets time pass and returns what happened meanwhile.
func play(t *testing.T, m *machine, script func(t *testing.T, s *Scheduler, step func(time.Duration) string)) {
	synctest.Test(t, func(t *testing.T) {
		if m.mounted == nil {
			m.mounted = make(map[string]string)
		}
		m.drives = make(map[string]store.BackupDrive)
		for _, id := range []string{"a", "b"} {
			m.drives[id] = store.BackupDrive{ID: id, Path: "/media/" + id, Within: ".", Marked: time.Now().UnixMilli()}
		}
		s := New(Config{Drives: m, Work: m, Memory: m, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		read := 0
		script(t, s, func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			m.mu.Lock()
			defer m.mu.Unlock()
			happened := strings.Join(m.log[read:], ", ")
			read = len(m.log)
			return happened
		})
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func report(t *testing.T, s *Scheduler, id string) Report {
	t.Helper()
	reports, err := s.Reports()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.Drive.ID == id {
			return r
		}
	}
	t.Fatalf("drive %s is in no report", id)
	return Report{}
}

func TestADriveThatAppearsIsBackedUpTo(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		expect(t, "no drive", step(time.Hour), "")
		m.put("/media/a", "a")
		expect(t, "it appeared", step(30*time.Second), "begin a at /media/a")
		if r := report(t, s, "a"); r.Running == nil || r.Running.Items == 0 || r.Waiting || r.Folder != "/media/a" {
			t.Errorf("while it runs: %+v", r)
		}
		expect(t, "a minute", step(31*time.Second), "complete a")
		if r := report(t, s, "a"); r.Running != nil || r.Drive.Done == 0 || r.Drive.Snapshot == "" || r.Overdue {
			t.Errorf("once it was complete: %+v", r)
		}
		expect(t, "nothing changed", step(23*time.Hour), "")
		expect(t, "a day", step(2*time.Hour), "begin a at /media/a, complete a")
		m.take("/media/a")
		expect(t, "it went", step(time.Hour), "")
		m.put("/mnt/elsewhere", "a")
		expect(t, "it came elsewhere", step(2*time.Minute), "begin a at /mnt/elsewhere, complete a")
		if r := report(t, s, "a"); r.Drive.Path != "/mnt/elsewhere" {
			t.Errorf("its place is %q", r.Drive.Path)
		}
	})
}

func TestAChangeIsBackedUpAfterAWhile(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it appeared", step(2*time.Minute), "begin a at /media/a, complete a")
		m.change(func() { m.state = "one message more" })
		expect(t, "too soon", step(DefaultEvery-3*time.Minute), "")
		m.change(func() { m.state = "two messages more" })
		expect(t, "half an hour", step(5*time.Minute), "begin a at /media/a, complete a")
		expect(t, "no more changes", step(20*time.Hour), "")
	})
}

func TestSeveralDrivesTakeTurns(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		m.put("/media/b", "b")
		expect(t, "the first", step(30*time.Second), "begin a at /media/a")
		if r := report(t, s, "b"); !r.Waiting || r.Running != nil {
			t.Errorf("the second does not wait: %+v", r)
		}
		expect(t, "both", step(2*time.Minute), "complete a, begin b at /media/b, complete b")
	})
}

// A drive that is torn away in the middle is begun again when it is back; what was complete stays.
func TestADriveTornAwayInTheMiddle(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it began", step(30*time.Second), "begin a at /media/a")
		m.take("/media/a")
		expect(t, "it went", step(time.Second), "broken off a")
		if r := report(t, s, "a"); r.Folder != "" || r.Running != nil || r.Drive.Error != errTaken.Error() || r.Drive.Failed == 0 {
			t.Errorf("once it went: %+v", r)
		}
		expect(t, "away", step(time.Hour), "")
		m.put("/media/a", "a")
		expect(t, "it is back", step(2*time.Minute), "begin a at /media/a, complete a")
		if r := report(t, s, "a"); r.Drive.Error != "" || r.Drive.Failed != 0 || r.Failing {
			t.Errorf("once it worked again: %+v", r)
		}
	})
}

func TestAnotherDriveAtItsPlaceIsNotTouched(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "another")
		m.put("/media/b", "")
		expect(t, "neither is it", step(48*time.Hour), "")
	})
}

func TestAFailureIsTriedAgainAndTold(t *testing.T) {
	play(t, &machine{watches: true, fault: errors.New("the drive is full")}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it failed", step(90*time.Second), "begin a at /media/a, failed a")
		if r := report(t, s, "a"); r.Drive.Error != "the drive is full" || r.Failing {
			t.Errorf("after one failure: %+v", r)
		}
		expect(t, "again", step(2*time.Minute), "begin a at /media/a, failed a")
		step(time.Hour)
		r := report(t, s, "a")
		if !r.Failing {
			t.Errorf("after an hour of failures: %+v", r)
		}
		first := r.Drive.Failed
		m.change(func() { m.fault = nil })
		if happened := step(2 * time.Hour); !strings.Contains(happened, "complete a") {
			t.Errorf("it was not tried again: %q", happened)
		}
		if r := report(t, s, "a"); r.Failing || r.Drive.Failed != 0 || first == 0 {
			t.Errorf("once it worked: %+v", r)
		}
	})
}

func TestAMissingDriveIsToldOfAfterAWeek(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		step(DefaultAbsent - time.Minute)
		if r := report(t, s, "a"); r.Overdue {
			t.Errorf("too early: %+v", r)
		}
		step(2 * time.Minute)
		if r := report(t, s, "a"); !r.Overdue {
			t.Errorf("after a week: %+v", r)
		}
		m.put("/media/a", "a")
		step(2 * time.Minute)
		if r := report(t, s, "a"); r.Overdue {
			t.Errorf("once it was there: %+v", r)
		}
		m.take("/media/a")
		m.change(func() { m.choice.Absent = (time.Hour).Milliseconds() })
		step(2 * time.Hour)
		if r := report(t, s, "a"); !r.Overdue {
			t.Errorf("after the time that was chosen: %+v", r)
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it began", step(30*time.Second), "begin a at /media/a")
		m.change(func() { m.choice.Paused = true })
		expect(t, "paused", step(48*time.Hour), "broken off a")
		if r := report(t, s, "a"); r.Drive.Error != "" || r.Drive.Failures != 0 || !r.Next.IsZero() {
			t.Errorf("a pause is no failure: %+v", r)
		}
		s.Now("a")
		expect(t, "asked for", step(2*time.Minute), "begin a at /media/a, complete a")
		m.change(func() { m.choice.Paused = false })
		step(2 * time.Minute)
		m.change(func() { m.state = "more" })
		if happened := step(time.Hour); !strings.Contains(happened, "complete a") {
			t.Errorf("it does not go on: %q", happened)
		}
	})
}

func TestStopEndsTheOneThatRuns(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it began", step(30*time.Second), "begin a at /media/a")
		s.Stop("b") // which has none
		expect(t, "another's", step(time.Second), "")
		s.Stop("a")
		expect(t, "stopped", step(30*time.Minute), "broken off a")
		if r := report(t, s, "a"); r.Running != nil || r.Drive.Error != "" {
			t.Errorf("once it was stopped: %+v", r)
		}
	})
}

// Folders come without a mount, and some systems tell nothing: marked ones are looked for from time to time.
func TestAFolderIsFoundWithoutAWordOfTheSystem(t *testing.T) {
	play(t, &machine{}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a") // nobody listens
		expect(t, "it is found", step(lookTime+2*time.Minute), "begin a at /media/a, complete a")
	})
}

func TestAForgottenDriveIsLeft(t *testing.T) {
	play(t, &machine{watches: true}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "it began", step(30*time.Second), "begin a at /media/a")
		m.change(func() { delete(m.drives, "a") })
		expect(t, "it was forgotten", step(48*time.Hour), "broken off a")
	})
}

func TestNothingBeginsWithoutAKey(t *testing.T) {
	play(t, &machine{watches: true, locked: errors.New("no key")}, func(t *testing.T, s *Scheduler, step func(time.Duration) string) {
		m := s.config.Work.(*machine)
		m.put("/media/a", "a")
		expect(t, "no key", step(48*time.Hour), "")
		if r := report(t, s, "a"); r.Locked == nil || r.Folder == "" {
			t.Errorf("without a key: %+v", r)
		}
		m.mu.Lock()
		m.locked = nil
		m.mu.Unlock()
		s.Look()
		expect(t, "the key is there", step(2*time.Minute), "begin a at /media/a, complete a")
	})
}
