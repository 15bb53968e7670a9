package sim

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/drive"
	"muster.example/node"
	"muster.example/node/api"
)

// sticks are the drives of a simulated machine: none comes or goes by itself.
type sticks struct{}

func (sticks) List() ([]drive.Volume, error) { return nil, nil }

func (sticks) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

// simulateRestores is simulate with devices that can make backups.
func simulateRestores(t *testing.T, seed uint64, test func(w *world)) {
	simulate(t, seed, func(w *world) {
		w.change = func(_ *person, config *node.Config) { config.Drives = sticks{} }
		test(w)
	})
}

// stick makes the folder of a drive.
func (w *world) stick(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, "stick-"+name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// backUp makes a backup of a device.
func (p *person) backUp(dir string) {
	t := p.world.t
	t.Helper()
	made, err := p.node.MarkDrive(t.Context(), api.MarkDriveRequest{Path: dir, SameDisk: true})
	if err != nil {
		t.Fatalf("%s marks a drive: %v", p.name, err)
	}
	time.Sleep(time.Second)
	began := time.Now()
	p.world.await(time.Hour, p.name+" has made a backup", func() bool {
		if _, err := p.node.BackupNow(t.Context(), api.DriveRequest{Drive: made.ID}); err != nil {
			t.Fatalf("%s makes a backup: %v", p.name, err)
		}
		said, err := p.node.Backups(t.Context(), api.BackupQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(said.Drives, func(d api.BackupDrive) bool {
			return d.ID == made.ID && d.State == api.BackupReady && d.Done.After(began)
		})
	})
}

// restore has a device that has nothing restore a backup of somebody's, and returns what came of it.
func (p *person) restore(of *person, request api.RestoreRequest) api.Restore {
	p.world.t.Helper()
	said, err := p.node.Restore(p.world.t.Context(), request)
	for err == nil && !said.Over() {
		said, err = p.node.Restoring(p.world.t.Context(), api.RestoreQuery{After: said.Version})
	}
	if err != nil || said.State != api.RestoreDone {
		p.world.t.Fatalf("%s restores: %+v, %v, %v", p.name, said, said.Error, err)
	}
	p.id = of.id
	return said
}

// crew makes a group of all, who write there.
func (w *world) crew(by *person, others ...*person) string {
	w.t.Helper()
	request := api.GroupRequest{Do: api.GroupCreate, Name: "Crew"}
	for _, other := range others {
		request.Members = append(request.Members, other.id)
	}
	made, err := by.node.ChangeGroup(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, other := range others {
		w.await(time.Minute, other.name+" joins the crew", func() bool {
			_, err := other.node.ChangeGroup(w.t.Context(), api.GroupRequest{Do: api.GroupJoin, Group: made.Group.Group})
			return err == nil
		})
	}
	return made.Group.Group
}

func (p *person) sendTo(text string, to string) string {
	p.world.t.Helper()
	result, err := p.node.Send(p.world.t.Context(), api.SendRequest{Text: text, To: []string{to}})
	if err != nil {
		p.world.t.Fatalf("%s sends %q: %v", p.name, text, err)
	}
	return result.ID
}

// quiet wants no alarm on devices.
func (w *world) quiet(devices ...*person) {
	w.t.Helper()
	for _, d := range devices {
		if alarms := d.status().Alarms; len(alarms) > 0 {
			w.t.Errorf("%s: alarms %q", d.name, alarms)
		}
	}
}

// attached reports whether a device has the first file of a message, as it is.
func (p *person) attached(message string, want []byte) bool {
	_, file, err := p.node.Attachment(p.world.t.Context(), message, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	return err == nil && bytes.Equal(data, want)
}

// TestSimRestoreBesideTheOldDevice restores a new device from a backup that is older than what its account wrote, got, edited and
// deleted since, while the old one lives: both go on, and end with the same history; nothing is lost or doubled, and what was deleted
// since stays so. [BACKUP-50] [BACKUP-52]
func TestSimRestoreBesideTheOldDevice(t *testing.T) {
	simulateRestores(t, 71, func(w *world) {
		t := w.t
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		words, _, _ := alice.foundWith("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		carol.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		crew := w.crew(alice, bob, carol)
		chart := bytes.Repeat([]byte("north of the pier "), 20_000)
		upload, err := bob.node.Upload(t.Context(), "chart.txt", bytes.NewReader(chart))
		if err != nil {
			t.Fatal(err)
		}
		withFile, err := bob.node.Send(t.Context(), api.SendRequest{To: []string{alice.id}, Text: "the chart", Attachments: []string{upload.ID}})
		if err != nil {
			t.Fatal(err)
		}
		changed, gone := bob.send("a misteak", alice), bob.send("to be deleted", alice)
		alice.send("before the backup", bob)
		alice.sendTo("to the crew", crew)
		w.await(time.Minute, "all is there", func() bool {
			return len(alice.inbox()) == 3 && len(bob.inbox()) == 2 && len(carol.inbox()) == 1 && alice.attached(withFile.ID, chart)
		})
		if _, err := alice.node.SaveDraft(t.Context(), api.Draft{To: []string{bob.id}, Text: "half an answer"}); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.node.Tag(t.Context(), api.TagRequest{IDs: []string{withFile.ID}, Tag: "harbour"}); err != nil {
			t.Fatal(err)
		}
		drive := w.stick("one")
		alice.backUp(drive)

		if _, err := bob.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{gone}}); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.node.Edit(t.Context(), api.EditRequest{ID: changed, Text: "a mistake"}); err != nil {
			t.Fatal(err)
		}
		alice.send("after the backup", bob)
		bob.send("to alice after the backup", alice)
		carol.sendTo("to the crew after the backup", crew)
		w.await(time.Minute, "it is all there", func() bool {
			return strings.Contains(alice.seen(), "to the crew after") && strings.Contains(alice.seen(), "a mistake") && strings.Contains(alice.seen(), "deleted true")
		})

		back := w.person("alice-new")
		done := back.restore(alice, api.RestoreRequest{From: drive, Words: words})
		if len(done.Damage) > 0 || len(done.Orgs) != 1 || done.Orgs[0].State != "entered" || len(done.Orgs[0].Refused)+len(done.Orgs[0].Lacking) > 0 ||
			done.Orgs[0].Files != 1 || len(done.Orgs[0].Others) != 1 {
			t.Fatalf("%+v", done)
		}
		if !back.attached(withFile.ID, chart) {
			t.Error("the file is not there")
		}
		if !strings.Contains(back.seen(), "half an answer") || !strings.Contains(back.seen(), "harbour") {
			t.Errorf("drafts and tags are lacking:\n%s", back.seen())
		}
		w.alike(10*time.Minute, alice, back)
		for _, text := range []string{"to be deleted", "a misteak"} {
			if slices.Contains(back.inbox(), text) {
				t.Errorf("%q came back", text)
			}
		}

		back.follow(bob)
		back.send("by the new device", bob)
		alice.send("by the old device", bob)
		back.sendTo("to the crew, by the new device", crew)
		bob.send("to both", alice)
		carol.sendTo("to the crew again", crew)
		bobs := []string{"after the backup", "before the backup", "by the new device", "by the old device", "to the crew", "to the crew after the backup",
			"to the crew again", "to the crew, by the new device"}
		w.await(10*time.Minute, "bob has all, once", func() bool { return slices.Equal(bob.inbox(), bobs) })
		w.await(10*time.Minute, "carol has all, once", func() bool {
			return slices.Equal(carol.inbox(), []string{"to the crew", "to the crew, by the new device"})
		})
		w.await(10*time.Minute, "the devices have all", func() bool {
			return slices.Contains(back.inbox(), "to both") && slices.Contains(alice.inbox(), "to both") && slices.Contains(back.inbox(), "to the crew again")
		})
		w.alike(10*time.Minute, alice, back)
		w.await(10*time.Minute, "nothing waits", func() bool { return w.node.queued() == 0 })
		w.quiet(alice, back, bob, carol)
	})
}

// beginning is alice and bob, acquainted, with messages before and after a backup of alice's device.
func (w *world) beginning() (alice, bob *person, words, drive, gone string) {
	w.t.Helper()
	alice, bob = w.person("alice"), w.person("bob")
	words, _, _ = alice.foundWith("Harbour")
	bob.join(alice.invite(api.InviteRequest{}))
	alice.acquaint(bob)
	gone = bob.send("to be deleted", alice)
	alice.send("before the backup", bob)
	w.await(time.Minute, "it is there", func() bool { return len(alice.inbox()) == 1 && len(bob.inbox()) == 1 })
	drive = w.stick("one")
	alice.backUp(drive)
	return alice, bob, words, drive, gone
}

// talk wants messages both ways between two devices to be read, once.
func (w *world) talk(one, other *person, text string) {
	w.t.Helper()
	one.follow(other)
	other.follow(one)
	one.send("to: "+text, other)
	other.send("from: "+text, one)
	times := func(p *person, text string) (n int) {
		for _, have := range p.inbox() {
			if have == text {
				n++
			}
		}
		return n
	}
	w.await(10*time.Minute, "both read of "+text, func() bool { return times(one, "from: "+text) == 1 && times(other, "to: "+text) == 1 })
}

// TestSimRestoreAlone restores where no other device is left: what the backup had is there, as it had it, also what was deleted since;
// what was on its way when the backup was made is delivered once, and not by the new device.
func TestSimRestoreAlone(t *testing.T) {
	simulateRestores(t, 72, func(w *world) {
		t := w.t
		alice, bob, words, _, gone := w.beginning()
		bob.crash()
		alice.send("on its way", bob)
		w.await(time.Minute, "it waits for bob", func() bool { return w.node.queued() > 0 })
		drive := w.stick("two")
		alice.backUp(drive)
		alice.crash()
		bob.start()
		w.await(time.Minute, "bob has it", func() bool { return slices.Contains(bob.inbox(), "on its way") })
		if _, err := bob.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{gone}}); err != nil {
			t.Fatal(err)
		}
		bob.send("to the lost device", alice)

		back := w.person("alice-new")
		done := back.restore(alice, api.RestoreRequest{From: drive, Words: words})
		if done.Orgs[0].State != "entered" || len(done.Orgs[0].Refused) > 0 {
			t.Fatalf("%+v", done)
		}
		if seen := back.seen(); !strings.Contains(seen, "before the backup") || !strings.Contains(seen, "on its way") || !strings.Contains(seen, `"to be deleted"`) {
			t.Errorf("it shows\n%s", seen)
		}
		w.talk(back, bob, "after")
		if got := bob.inbox(); !slices.Equal(got, []string{"before the backup", "on its way", "to: after"}) {
			t.Errorf("bob has %q", got)
		}
		w.quiet(back, bob)
		if plan, err := back.node.Bar(t.Context(), api.BarRequest{Devices: []string{"others"}, Words: words}); err != nil || !plan.Done {
			t.Errorf("barring the lost one: %+v, %v", plan, err)
		}
	})
}

// TestSimRestoreAfterATheft bars the stolen device in the step in which the new one is restored.
func TestSimRestoreAfterATheft(t *testing.T) {
	simulateRestores(t, 73, func(w *world) {
		t := w.t
		alice, bob, words, drive, _ := w.beginning()
		stolen := alice.ownDevice()
		time.Sleep(time.Hour)
		theft := time.Now()
		loose := alice.invite(api.InviteRequest{Role: "admin"}) // the thief's
		if _, err := alice.node.SaveDraft(t.Context(), api.Draft{To: []string{bob.id}, Text: "the thief's"}); err != nil {
			t.Fatal(err)
		}

		back := w.person("alice-new")
		done := back.restore(alice, api.RestoreRequest{From: drive, Words: words, Bar: []string{"all"}, Since: theft, First: true})
		if one := done.Orgs[0]; one.State != "entered" || len(one.Barred) != 1 || len(one.Others) > 0 || one.Why != "" {
			t.Fatalf("%+v", done)
		}
		if back.standing(stolen) != "barred" {
			t.Error("the stolen device is not barred")
		}
		w.await(time.Hour, "the stolen device learns it", func() bool { return alice.status().Excluded != nil })
		w.talk(back, bob, "the theft")
		if slices.Contains(alice.inbox(), "from: the theft") || strings.Contains(back.seen(), "the thief's") {
			t.Error("the stolen device takes part")
		}
		if _, err := w.person("mallory").node.Join(t.Context(), api.JoinRequest{Invitation: loose, As: "mallory"}); code(err) != api.CodeRefused {
			t.Errorf("the thief's invitation is good: %v", err)
		}
		w.quiet(back, bob)
	})
}

// TestSimRestoreAfterAMove restores from a backup that is from before another rendezvous node took over.
func TestSimRestoreAfterAMove(t *testing.T) {
	simulateRestores(t, 74, func(w *world) {
		alice, bob, words, drive, _ := w.beginning()
		second := w.server(100)
		second.start()
		defer second.stop()
		alice.moveTo(second)
		w.await(10*time.Minute, "all follow", func() bool { return alice.at(second) && bob.at(second) })
		w.talk(alice, bob, "the move")

		back := w.person("alice-new")
		if done := back.restore(alice, api.RestoreRequest{From: drive, Words: words}); done.Orgs[0].State != "entered" {
			w.t.Fatalf("%+v", done)
		}
		w.await(10*time.Minute, "it follows", func() bool { return back.at(second) })
		w.alike(20*time.Minute, alice, back)
		w.talk(back, bob, "the restore")
		w.alike(10*time.Minute, alice, back)
	})
}

// TestSimRestoreWithoutTheNode restores while the rendezvous node is away: what the backup had can be read at once, also after a restart,
// and the device is added by itself when the node is back.
func TestSimRestoreWithoutTheNode(t *testing.T) {
	simulateRestores(t, 75, func(w *world) {
		t := w.t
		alice, bob, words, drive, _ := w.beginning()
		alice.crash()
		w.node.crash()
		back := w.person("alice-new")
		done := back.restore(alice, api.RestoreRequest{From: drive, Words: words, Bar: []string{"all"}})
		if one := done.Orgs[0]; one.State != "waiting" || one.Why == "" || one.Records == 0 {
			t.Fatalf("%+v", done)
		}
		read := func() {
			t.Helper()
			if got := back.inbox(); !slices.Equal(got, []string{"to be deleted"}) {
				t.Errorf("it reads %q", got)
			}
			if err := back.sendError(bob); code(err) != api.CodeRefused {
				t.Errorf("it sends: %v", err)
			}
			if e := back.status().Excluded; e == nil || e.Standing != "restored" || e.Why == "" {
				t.Errorf("it says %+v", e)
			}
		}
		read()
		back.stop()
		back.start()
		time.Sleep(time.Hour)
		read()
		w.node.start()
		w.await(time.Hour, "it is added", func() bool { return back.status().Excluded == nil && back.status().Rendezvous[0].Connected })
		alice.start()
		w.await(time.Hour, "the old one is barred", func() bool { return alice.status().Excluded != nil })
		w.talk(back, bob, "the wait")
		w.quiet(back, bob)
	})
}

// TestSimRestoreByOldWords restores with words that were replaced since the backup: it can be read, says why it is no device of the
// account, and becomes one by the new words.
func TestSimRestoreByOldWords(t *testing.T) {
	simulateRestores(t, 76, func(w *world) {
		t := w.t
		alice, bob, words, drive, _ := w.beginning()
		next, err := alice.node.MakeWords(t.Context(), api.WordsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		fresh := strings.Join(next.RecoveryWords, " ")
		if _, err := alice.node.Recover(t.Context(), api.RecoverRequest{Words: words, NewWords: fresh}); err != nil {
			t.Fatal(err)
		}
		back := w.person("alice-new")
		done := back.restore(alice, api.RestoreRequest{From: drive, Words: words})
		if one := done.Orgs[0]; one.State != "refused" || one.Why == "" || one.Records == 0 {
			t.Fatalf("%+v", done)
		}
		card, err := back.node.Card(t.Context(), api.DevicesQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := back.node.Return(t.Context(), api.ReturnRequest{Card: card.Card, Words: words}); code(err) != api.CodeRefused {
			t.Errorf("by the old words: %v", err)
		}
		back.comeBack(alice, api.ReturnRequest{Card: card.Card, Words: fresh})
		w.alike(10*time.Minute, alice, back)
		w.talk(back, bob, "the new words")
	})
}
