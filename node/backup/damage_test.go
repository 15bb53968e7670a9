package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"muster.example/node/backup"
	"muster.example/node/backup/backuptest"
)

// full returns a drive with a repository of some packs, and what is in it.
func full(t *testing.T, records, size, target int) (*backuptest.Drive, backup.Job, *collection) {
	t.Helper()
	backup.SmallPacks(t, target)
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	c.add(backup.KindRecord, records, size)
	job := backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Source: c.source, Now: begin}
	run(t, job)
	return drive, job, c
}

// accounts sees that each item is given as it was or named as lost.
func accounts(t *testing.T, got map[backup.Entry]string, report backup.Report, want map[backup.Entry]string) {
	t.Helper()
	lost := make(map[backup.Entry]string)
	for _, damage := range report.Damage {
		if damage.Err == nil || damage.File == "" || len(damage.Lost) != damage.Items {
			t.Errorf("damage that is not told: %+v", damage)
		}
		for _, e := range damage.Lost {
			lost[e] = want[e]
		}
	}
	if report.Lost() != len(lost) || len(got)+len(lost) != len(want) {
		t.Fatalf("%d items, %d lost by number and %d by name, of %d", len(got), report.Lost(), len(lost), len(want))
	}
	maps.Copy(lost, got)
	same(t, lost, want)
}

// One byte that is changed, anywhere, is reported whoever looks, and takes nothing with it that it need not. [BAK-13]
func TestAnyByteChanged(t *testing.T) {
	drive, job, c := full(t, 12, 600, 4000)
	want := c.bodies(t)
	id := job.Repository
	for _, info := range drive.Files() {
		step := int64(53)
		if strings.HasSuffix(info.Name, ".id") {
			step = 1
		}
		for at := int64(0); at < info.Size; at += step {
			spoilt := drive.Clone()
			spoilt.Edit(info.Name, func(data []byte) []byte { data[at] ^= 1 << (at % 8); return data })
			got, report := restored(t, spoilt, id, backup.WordsKeys(words))
			accounts(t, got, report, want)
			if lost := report.Lost(); lost > 0 && path.Ext(info.Name) != ".pck" || lost > 7 {
				t.Errorf("byte %d of %s takes %d items", at, info.Name, lost)
			}
			for name, k := range map[string]backup.Keys{"none": {}, "the device's": backup.WriterKeys(words.Writer()), "the words'": backup.WordsKeys(words)} {
				if at%(3*step) != 0 && name != "none" {
					continue // one of three is enough of what opens files
				}
				report, err := backup.Verify(t.Context(), spoilt, id, k, nil)
				if err != nil || len(report.Damage) == 0 || report.Damage[0].File != info.Name {
					t.Fatalf("byte %d of %s, keys %s: %+v, %v", at, info.Name, name, report, err)
				}
			}
		}
	}
}

// Of a pack with a damaged piece all others are read, whichever it is: the items named lost are those that lie in it. [BAK-13]
func TestDamagedPieceOfAPack(t *testing.T) {
	drive, job, c := full(t, 400, 1000, 1<<20)
	want := c.bodies(t)
	var pack backup.Info
	for _, info := range drive.Files() {
		if path.Ext(info.Name) == ".pck" {
			pack = info
		}
	}
	for at := pack.Size - 1; at > 0; at -= 30_000 {
		spoilt := drive.Clone()
		spoilt.Edit(pack.Name, func(data []byte) []byte { data[at] ^= 0x40; return data })
		got, report := restored(t, spoilt, job.Repository, backup.WordsKeys(words))
		accounts(t, got, report, want)
		if lost := report.Lost(); at > 4096 && lost > 67 {
			t.Errorf("byte %d takes %d items", at, lost)
		}
		cut := drive.Clone()
		cut.Edit(pack.Name, func(data []byte) []byte { return data[:at] })
		r, err := backup.Open(t.Context(), cut, job.Repository, backup.WordsKeys(words))
		if err != nil {
			t.Fatal(err)
		}
		if r.Snapshots()[0].Complete {
			t.Error("a snapshot whose pack is cut off is called complete")
		}
		got = make(map[backup.Entry]string)
		report, err = r.Read(t.Context(), r.Snapshots()[0], reading(got))
		if err != nil {
			t.Fatal(err)
		}
		accounts(t, got, report, want)
		if at > 200_000 && len(got) < 100 {
			t.Errorf("of %d bytes only %d items are read", at, len(got))
		}
	}
}

func reading(got map[backup.Entry]string) backup.Reading {
	return backup.Reading{Give: func(_ context.Context, e backup.Entry, body []byte) error {
		got[e] = string(body)
		return nil
	}}
}

// Any file that is missing is reported, and the next run mends what the device can. [BAK-9]
func TestAnyFileMissing(t *testing.T) {
	drive, job, c := full(t, 24, 600, 4000)
	want := c.bodies(t)
	for _, info := range drive.Files() {
		for _, damage := range []func(*backuptest.Drive){
			func(d *backuptest.Drive) { d.Delete(info.Name) },
			func(d *backuptest.Drive) { d.Edit(info.Name, func([]byte) []byte { return nil }) },
			func(d *backuptest.Drive) {
				d.Edit(info.Name, func(data []byte) []byte { clear(data); return data })
			},
		} {
			spoilt := drive.Clone()
			damage(spoilt)
			r, err := backup.Open(t.Context(), spoilt, job.Repository, backup.WordsKeys(words))
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[backup.Entry]string)
			report, err := r.Read(t.Context(), r.Snapshots()[len(r.Snapshots())-1], reading(got))
			if err != nil {
				t.Fatal(err)
			}
			accounts(t, got, report, want)
			mend := job
			mend.Folder, mend.Now, mend.Check = spoilt, begin.Add(time.Hour), true
			result := run(t, mend)
			if path.Ext(info.Name) != ".snp" && path.Ext(info.Name) != ".id" && len(result.Repaired) != 1 {
				t.Errorf("%s: repaired %+v", info.Name, result.Repaired)
			}
			mended, report := restored(t, spoilt, job.Repository, backup.WordsKeys(words))
			accounts(t, mended, report, want)
			if report, err := backup.Verify(t.Context(), spoilt, job.Repository, backup.WordsKeys(words), nil); err != nil ||
				report.Lost() > 0 {
				t.Errorf("%s: after mending %+v, %v", info.Name, report, err)
			}
		}
	}
}

// When no list of a snapshot is left, what is in the packs is. [BAK-13]
func TestPacksWithoutLists(t *testing.T) {
	drive, job, c := full(t, 24, 600, 4000)
	for _, info := range drive.Files() {
		if ext := path.Ext(info.Name); ext == ".snp" || ext == ".idx" || ext == ".id" {
			drive.Edit(info.Name, func(data []byte) []byte { clear(data[:9]); return data })
		}
	}
	r, err := backup.Open(t.Context(), drive, job.Repository, backup.WordsKeys(words))
	if err != nil {
		t.Fatal(err)
	}
	loose, ok := r.Loose()
	if !ok || len(r.Snapshots()) != 0 || len(r.Damage()) != 3 {
		t.Fatalf("%d snapshots, packs %v, damage %+v", len(r.Snapshots()), ok, r.Damage())
	}
	got := make(map[backup.Entry]string)
	report, err := r.Read(t.Context(), loose, reading(got))
	if err != nil || len(report.Damage) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	same(t, got, c.bodies(t))
}

// What somebody else has sealed to the recipient is not given by who has the words, whichever way it is put on the drive. [BAK-5]
func TestPlantedItemsAreNotGiven(t *testing.T) {
	drive, job, c := full(t, 12, 600, 4000)
	recipient, err := words.Writer().Recipient()
	if err != nil {
		t.Fatal(err)
	}
	for name, plain := range map[string][]byte{
		"an empty file": {}, "a pack's beginning": []byte("muster pack 1\n\x00\x00\x00\x00\x00\x00"), "noise": bytes.Repeat([]byte{0xa1}, 500),
		"a pack of another's mark": backup.ForgedPack(job.Repository),
	} {
		for _, suffix := range []string{".snp", ".pck", ".idx"} {
			spoilt := drive.Clone()
			var sealed bytes.Buffer
			w, err := age.Encrypt(&sealed, recipient)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(plain); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			backup.Plant(t, spoilt, job.Repository, suffix, sealed.Bytes())
			got, report := restored(t, spoilt, job.Repository, backup.WordsKeys(words))
			same(t, got, c.bodies(t))
			if len(report.Damage) > 0 {
				t.Errorf("%s as %s: %+v", name, suffix, report.Damage)
			}
			r, err := backup.Open(t.Context(), spoilt, job.Repository, backup.WordsKeys(words))
			if err != nil {
				t.Fatal(err)
			}
			if loose, ok := r.Loose(); ok {
				planted := make(map[backup.Entry]string)
				if report, err := r.Read(t.Context(), loose, reading(planted)); err != nil || len(planted) > 0 || len(report.Damage) != 1 {
					t.Errorf("%s as %s gives %d items, %+v, %v", name, suffix, len(planted), report, err)
				}
			}
			job.Folder, job.Now = spoilt, begin.Add(time.Hour)
			run(t, job)
			same(t, c.bodies(t), got)
		}
	}
}

// A further recipient opens everything, and cannot tell who wrote it. [BAK-4] [BAK-5]
func TestFurtherRecipient(t *testing.T) {
	backup.SmallPacks(t, 4000)
	further, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	c.add(backup.KindRecord, 12, 600)
	run(t, backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Further: further.Recipient(), Source: c.source})
	for name, k := range map[string]backup.Keys{"the words": backup.WordsKeys(words), "the other": backup.IdentityKeys(further)} {
		got, report := restored(t, drive, id, k)
		same(t, got, c.bodies(t))
		r, err := backup.Open(t.Context(), drive, id, k)
		if err != nil || r.Authentic() != (name == "the words") || len(report.Damage) > 0 {
			t.Errorf("%s: %v, %+v", name, err, report.Damage)
		}
	}
	stranger, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Open(t.Context(), drive, id, backup.IdentityKeys(stranger)); !errors.Is(err, backup.ErrOther) {
		t.Errorf("a stranger: %v", err)
	}
}
