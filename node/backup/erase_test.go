package backup_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"

	"muster.example/node/backup"
	"muster.example/node/backup/backuptest"
)

// onDrive returns every item that anybody with the words can find on a drive, in whatever file.
func onDrive(t *testing.T, drive *backuptest.Drive, id backup.ID) map[backup.Entry]string {
	t.Helper()
	r, err := backup.Open(t.Context(), drive, id, backup.WordsKeys(words))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[backup.Entry]string)
	snapshots := r.Snapshots()
	if loose, ok := r.Loose(); ok {
		snapshots = append(snapshots, loose)
	}
	for _, one := range backup.WholePacks(snapshots) {
		if _, err := r.Read(t.Context(), one, reading(all)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Whatever comes and goes, and however often a run is made: when it ends, nothing is on the drive that was gone for the time of
// erasing; what is there now is; and older snapshots hold what there was then, as far as it is not erased. [BAK-11]
func TestWhatIsGoneIsErasedInTime(t *testing.T) {
	backup.SmallPacks(t, 3000)
	chance := mathrand.New(mathrand.NewPCG(7, 7))
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const erase = 10 * 24 * time.Hour
	c, every, now := new(collection), new(collection), begin
	goneAt := make(map[[32]byte]time.Time)
	job := backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Source: c.source,
		Policy: backup.Policy{Last: 4, Daily: 5, Weekly: 3, Monthly: 2, Erase: erase}}
	for range 60 {
		at := len(every.items)
		every.add(backup.KindRecord, chance.IntN(8), 300)
		c.items = append(c.items, every.items[at:]...)
		for range chance.IntN(3) {
			if len(c.items) > 0 {
				i := chance.IntN(len(c.items))
				goneAt[c.items[i].ID] = now
				c.items = slices.Delete(c.items, i, i+1)
			}
		}
		now = now.Add(time.Duration(1+chance.IntN(60)) * time.Hour)
		job.Now = now
		run(t, job)
		got, report := restored(t, drive, id, backup.WordsKeys(words))
		same(t, got, c.bodies(t))
		if len(report.Damage) > 0 {
			t.Fatalf("%+v", report.Damage)
		}
		for e := range onDrive(t, drive, id) {
			if gone, ok := goneAt[e.ID]; ok && now.Sub(gone) >= erase {
				t.Fatalf("an item that was gone at %v is on the drive at %v", gone, now)
			}
		}
	}
	if len(goneAt) < 20 {
		t.Errorf("only %d items went", len(goneAt))
	}
	if files := len(drive.Files()); files > 120 {
		t.Errorf("%d files are left", files)
	}
}

// What is removed is of no use where the drive writes in place: the beginning of each file is written over first. [BAK-11]
func TestRemovedFilesAreWrittenOver(t *testing.T) {
	drive, job, c := full(t, 6, 600, 4000)
	watched := &watch{Drive: drive, shredded: make(map[string]bool), removed: make(map[string]bool)}
	c.items = c.items[1:]
	job.Folder, job.Now, job.Policy = watched, begin.Add(100*24*time.Hour), backup.Policy{Last: 1}
	result := run(t, job)
	if result.Rewritten != 5 || result.Removed != 4 || len(watched.removed) != 4 {
		t.Errorf("%+v, %d removed", result, len(watched.removed))
	}
	for name := range watched.removed {
		if !watched.shredded[name] {
			t.Errorf("%s was not written over", name)
		}
	}
}

// watch notes what is removed, and what lies in it then.
type watch struct {
	*backuptest.Drive
	shredded, removed map[string]bool
}

func (w *watch) Change(name string) (backup.File, error) {
	file, err := w.Drive.Change(name)
	w.shredded[name] = err == nil
	return file, err
}

func (w *watch) Remove(name string) error {
	w.removed[name] = true
	return w.Drive.Remove(name)
}

// Many small packs become one. [BAK-11]
func TestSmallPacksAreJoined(t *testing.T) {
	backup.SmallPacks(t, 1<<20)
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	most := 0
	for i := range 60 {
		c.add(backup.KindRecord, 2, 600)
		run(t, backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Source: c.source, Now: begin.Add(time.Duration(i) * time.Hour),
			Policy: backup.Policy{Last: 1}})
		packs := 0
		for _, info := range drive.Files() {
			if path.Ext(info.Name) == ".pck" {
				packs++
			}
		}
		most = max(most, packs)
	}
	if most > 25 || most < 10 {
		t.Errorf("%d packs at most", most)
	}
	got, _ := restored(t, drive, id, backup.WordsKeys(words))
	same(t, got, c.bodies(t))
}

// Which snapshots are kept, by the hours of their runs. [BAK-11]
func TestPolicyKeeps(t *testing.T) {
	hour, day := time.Hour, 24*time.Hour
	for name, test := range map[string]struct {
		policy backup.Policy
		ages   []time.Duration // of the snapshots before the newest, oldest first
		want   []time.Duration
	}{
		"the last":                {backup.Policy{Last: 2}, []time.Duration{3 * hour, 2 * hour, hour}, []time.Duration{hour}},
		"only the newest":         {backup.Policy{Last: 1}, []time.Duration{hour}, nil},
		"no number at all":        {backup.Policy{Erase: day}, []time.Duration{hour}, nil},
		"of each day the newest":  {backup.Policy{Daily: 3}, []time.Duration{50 * hour, 49 * hour, 26 * hour, 25 * hour, hour}, []time.Duration{49 * hour, 25 * hour}},
		"of each week the newest": {backup.Policy{Weekly: 2}, []time.Duration{15 * day, 8 * day, 7 * day, day}, []time.Duration{7 * day}},
		"of each month":           {backup.Policy{Monthly: 3, Erase: 100 * day}, []time.Duration{62 * day, 61 * day, 30 * day, 29 * day}, []time.Duration{61 * day, 29 * day}},
		"none beyond erasing":     {backup.Policy{Last: 9, Erase: 5 * day}, []time.Duration{6 * day, 5 * day, 4 * day}, []time.Duration{4 * day}},
		"erasing within a day":    {backup.Policy{Last: 9, Erase: hour}, []time.Duration{25 * hour, 23 * hour}, []time.Duration{23 * hour}},
	} {
		got := backup.Kept(test.policy, append(slices.Clone(test.ages), 0), begin)
		if fmt.Sprint(got) != fmt.Sprint(append(slices.Clone(test.want), 0)) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Items that were written anew stay where they are now, also while an older snapshot has them where they were. [BAK-11]
func TestItemsAreWrittenAnewOnce(t *testing.T) {
	drive, job, c := full(t, 10, 600, 80_000)
	c.items = c.items[:4]
	job.Policy = backup.Policy{Last: 3}
	for i := range 3 {
		job.Now = begin.Add(time.Duration(i+1) * time.Hour)
		result := run(t, job)
		if want := i == 0; (result.Rewritten == 4) != want || result.Unchanged == want {
			t.Errorf("run %d: %+v", i+1, result)
		}
	}
	if packs := len(drive.Files()); packs != 1+4+4 {
		t.Errorf("%d files", packs)
	}
}
