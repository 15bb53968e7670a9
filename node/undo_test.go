package node

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// sent sends a message as a program does, and returns its id.
func (o *organization) sent(t *testing.T, request api.SendRequest) keys.MessageID {
	t.Helper()
	result, err := o.node.Send(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	id, err := keys.ParseID[keys.Message](result.ID)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// uploaded takes in a file.
func (o *organization) uploaded(t *testing.T, name, content string) api.Upload {
	t.Helper()
	upload, err := o.node.Upload(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return upload
}

// again returns the device as it is after a crash: from its store alone. It takes the place of the old one.
func (o *organization) again(t *testing.T) *organization {
	t.Helper()
	var kept store.Organization
	view(t, o.node.store, func(tx *store.Tx) error {
		all, err := tx.Organizations()
		kept = all[0]
		return err
	})
	reopened, err := o.node.openOrganization(kept)
	if err != nil {
		t.Fatal(err)
	}
	o.node.organizations[o.org] = reopened
	return reopened
}

// swept runs the sweeper until the test ends.
func (o *organization) swept(t *testing.T) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- o.keepExpiring(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != t.Context().Err() {
			t.Errorf("the sweeper: %v", err)
		}
	})
}

// TestSendWaits has a message wait for its time, for others and for an own second device: then all get it. [HIST-23]
func TestSendWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 2, "bob", "carol")
		ada, adasOther, bob, carol := p.all[0], p.all[1], p.all[2], p.all[4]
		ada.swept(t)
		asked := time.Now()
		id := ada.sent(t, api.SendRequest{To: []string{"bob", "carol"}, Text: "Monday", Undo: 10})
		if m := ada.sees(t, id); m.Text != "Monday" || !m.Undo.Equal(asked.Add(10*time.Second)) {
			t.Errorf("its author sees %+v", m)
		}
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		if jobs := ada.jobs(t); len(jobs) > 0 {
			t.Fatalf("before its time is over there is to seal: %+v", jobs)
		}
		if _, err := ada.node.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "Tuesday"}); code(err) != api.CodeRefused {
			t.Errorf("an edit before its time is over: %v", err)
		}
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}}); code(err) != api.CodeRefused {
			t.Errorf("a deletion before its time is over: %v", err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		p.exchange(t, ada)
		for _, o := range []*organization{ada, adasOther, bob, carol} {
			if m := o.sees(t, id); m.Text != "Monday" || !m.Undo.IsZero() {
				t.Errorf("%s sees %+v", o.ownName(), m)
			}
		}
		if recipients, err := ada.recipients(id); err != nil || len(recipients) != 4 {
			t.Errorf("it is tracked for %+v (%v)", recipients, err)
		}
		if _, err := ada.node.Undo(t.Context(), api.UndoRequest{ID: id.String()}); code(err) != api.CodeRefused {
			t.Errorf("taken back when its time is over: %v", err)
		}
	})
}

// TestUndoLeavesNoTrace takes a message with a file back: nothing is sent, nothing of it is in the history, and what it said is
// a draft with the file. [HIST-23]
func TestUndoLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob", "carol")
		ada := p.all[0]
		ada.swept(t)
		upload := ada.uploaded(t, "plan.txt", "North, then east.")
		first := ada.sent(t, api.SendRequest{To: []string{"bob", "carol"}, Text: "First", Undo: 60})
		id := ada.sent(t, api.SendRequest{
			To: []string{"bob", "carol"}, Subject: "Harvest", Text: "Monday", Mentions: []string{"bob"}, Expires: 3600, Reply: first.String(),
			Attachments: []string{upload.ID}, Undo: 10,
		})
		sequence := ada.record(t, id).Sequence
		time.Sleep(9 * time.Second)
		result, err := ada.node.Undo(t.Context(), api.UndoRequest{ID: id.String()[:12]})
		if err != nil {
			t.Fatal(err)
		}
		want := api.Draft{
			ID: result.Draft.ID, Org: ada.org.String(), OrgName: ada.name(), To: []string{"bob", "carol"}, Subject: "Harvest", Text: "Monday",
			Mentions: []string{"bob"}, Expires: 3600, Reply: first.String(), Thread: first.String(), Attachments: []api.Upload{upload},
			Time: time.Now().UTC(),
		}
		if diff := cmp.Diff(want, *result.Draft); diff != "" {
			t.Error(diff)
		}
		ada = ada.again(t)
		if listed, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || cmp.Diff([]api.Draft{want}, listed) != "" {
			t.Errorf("drafts %+v (%v)", listed, err)
		}
		if ada.has(id) {
			t.Error("the message is there")
		}
		view(t, ada.node.store, func(tx *store.Tx) error {
			nonce, err := parseNonce(result.Draft.ID, "a draft")
			if err != nil {
				return err
			}
			r, err := tx.Draft(ada.org, nonce)
			if r.Sequence != sequence {
				t.Errorf("the draft has number %d, the message had %d: a gap would tell of it", r.Sequence, sequence)
			}
			return err
		})
		if _, err := ada.node.Undo(t.Context(), api.UndoRequest{ID: id.String()}); code(err) != api.CodeNotFound {
			t.Errorf("taken back again: %v", err)
		}
		time.Sleep(time.Hour)
		if err := ada.node.tidyUploads(time.Now().Add(48 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, job := range written(ada.jobs(t)) {
			if *job.Message == id {
				t.Error("it is sent all the same")
			}
		}
		again := ada.sent(t, api.SendRequest{To: want.To, Text: want.Text, Attachments: []string{upload.ID}, Draft: want.ID})
		if listed, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || len(listed) > 0 {
			t.Errorf("after sending it: drafts %+v (%v)", listed, err)
		}
		_, file, err := ada.node.Attachment(t.Context(), again.String(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if got, err := io.ReadAll(file); string(got) != "North, then east." {
			t.Errorf("the file says %q (%v)", got, err)
		}
	})
}

// TestSendOutlivesACrash stops the device before the time of a message and of a deletion is over, and starts it long after.
// [STO-35]
func TestSendOutlivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob")
		ada, bob := p.all[0], p.all[1]
		old := ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: "Old"})
		p.exchange(t, ada)
		id := ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: "Monday", Undo: 10})
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{old.String()}, Undo: 10}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		ada = ada.again(t)
		p.all[0] = ada
		if next, err := ada.releaseDelayed(time.Now()); err != nil || !next.Equal(time.Now().Add(5*time.Second)) || len(ada.jobs(t)) > 0 {
			t.Errorf("before its time: next is %v (%v), jobs %+v", next, err, ada.jobs(t))
		}
		time.Sleep(time.Hour)
		ada = ada.again(t)
		p.all[0] = ada
		ada.swept(t)
		synctest.Wait()
		p.exchange(t, ada)
		if !bob.has(id) {
			t.Error("the message is lost")
		}
		for _, o := range []*organization{ada, bob} {
			if m := o.sees(t, old); !m.Deleted || !m.Undo.IsZero() {
				t.Errorf("%s sees what was to be deleted as %+v", o.ownName(), m)
			}
		}
	})
}

// TestAClockThatWasAheadHoldsNothing puts a message off by a clock that is set back by a year then.
func TestAClockThatWasAheadHoldsNothing(t *testing.T) { // [STO-35]
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob")
		ada := p.all[0]
		ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: "Monday", Undo: 10})
		if _, err := ada.releaseDelayed(time.Now().Add(-365 * 24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if len(written(ada.jobs(t))) != 1 {
			t.Error("it waits for a year")
		}
	})
}

// TestDeletionWaits takes a deletion back, and lets another be carried out. [HIST-23]
func TestDeletionWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "the key is under the mat"
		p := newParties(t, 1, "bob")
		ada, bob := p.all[0], p.all[1]
		ada.swept(t)
		upload := ada.uploaded(t, "mat.txt", "Here.")
		id := ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: secret, Attachments: []string{upload.ID}})
		p.exchange(t, ada)
		events := ada.node.hub.watch(t.Context(), "")
		remove := func() {
			t.Helper()
			all, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}, Undo: 10})
			if err != nil || len(all) != 1 || !all[0].Deleted || all[0].Text != "" || all[0].Undo.IsZero() || len(all[0].Attachments) > 0 {
				t.Fatalf("%+v: %v", all, err)
			}
			if e := <-events; e.Kind != api.EventChange || !e.Message.Deleted || e.Message.Undo.IsZero() {
				t.Errorf("watchers are told %+v", e)
			}
		}
		remove()
		if _, _, err := ada.node.Attachment(t.Context(), id.String(), 0); code(err) != api.CodeNotFound {
			t.Errorf("the file of what waits to be deleted: %v", err)
		}
		time.Sleep(9 * time.Second)
		result, err := ada.node.Undo(t.Context(), api.UndoRequest{ID: id.String()})
		if err != nil || result.Draft != nil || result.Message.Text != secret || len(result.Message.Attachments) != 1 || !result.Message.Undo.IsZero() {
			t.Fatalf("%+v: %v", result.Message, err)
		}
		if e := <-events; e.Message.Text != secret {
			t.Errorf("watchers are told %+v", e)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(ada.jobs(t)) > 0 || ada.sees(t, id).Deleted {
			t.Fatal("it is deleted all the same")
		}
		remove()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		p.exchange(t, ada)
		for _, o := range p.all {
			if m := o.sees(t, id); !m.Deleted || !m.Undo.IsZero() {
				t.Errorf("%s sees %+v", o.ownName(), m)
			}
			if m := o.record(t, id).Message; m.Erased != history.ErasedDeleted || m.Text.Text != "" {
				t.Errorf("%s keeps %+v", o.ownName(), m)
			}
		}
		if bob.sees(t, id).Text != "" {
			t.Error("bob has it")
		}
	})
}

// TestADeletionInTimeCounts asks for a deletion in the last second of the policy's time for it: the delay costs nothing.
func TestADeletionInTimeCounts(t *testing.T) { // [HIST-23]
	synctest.Test(t, func(t *testing.T) {
		policy := membership.DefaultPolicy()
		policy.DeleteTime = 3600
		p := newPartiesWith(t, policy, 1, "bob")
		ada, bob := p.all[0], p.all[1]
		ada.swept(t)
		id := ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: "Monday"})
		p.exchange(t, ada)
		time.Sleep(time.Hour - time.Second)
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}, Undo: 60}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		p.exchange(t, ada)
		if !bob.sees(t, id).Deleted {
			t.Error("the deletion came too late")
		}
	})
}

// TestADeletionThatIsRefusedEnds has a member leave the group while a deletion waits: the message is shown again.
func TestADeletionThatIsRefusedEnds(t *testing.T) { // [HIST-23]
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "bob")
		founder, bobs := org.Members[0], org.Members[1]
		crew := org.Group(founder.Device(), "Crew", group.Invited, bobs)
		org.EnterGroup(bobs.Device(), crew)
		p := newPartiesOf(t, org, 1)
		bob := p.all[1]
		id := bob.sent(t, api.SendRequest{To: []string{"Crew"}, Text: "Monday"})
		if _, err := bob.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}, Undo: 10}); err != nil {
			t.Fatal(err)
		}
		org.Expel(founder.Device(), crew, bobs)
		p.grow(t)
		time.Sleep(10 * time.Second)
		if _, err := bob.releaseDelayed(time.Now()); err != nil {
			t.Fatal(err)
		}
		if m := bob.sees(t, id); m.Deleted || m.Text != "Monday" || !m.Undo.IsZero() {
			t.Errorf("he sees %+v", m)
		}
	})
}

func TestUndoHasABound(t *testing.T) {
	p := newParties(t, 1, "bob")
	ada := p.all[0]
	for _, seconds := range []int{-1, api.MaxUndo + 1} {
		if _, err := ada.node.Send(t.Context(), api.SendRequest{To: []string{"bob"}, Text: "x", Undo: seconds}); code(err) != api.CodeUsage {
			t.Errorf("a message with %d seconds: %v", seconds, err)
		}
	}
	id := ada.sent(t, api.SendRequest{To: []string{"bob"}, Text: "x"})
	if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}, Undo: 61}); code(err) != api.CodeUsage {
		t.Errorf("a deletion: %v", err)
	}
}
