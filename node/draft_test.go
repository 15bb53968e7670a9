package node

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// drafted saves a draft.
func (o *organization) drafted(t *testing.T, d api.Draft) api.Draft {
	t.Helper()
	d, err := o.node.SaveDraft(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recorded returns how many records a device has, and how many bytes they are; none may hold what is erased.
func (o *organization) recorded(t *testing.T, erased string) (count, size int) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Records(o.org, func(data []byte) error {
			if count, size = count+1, size+len(data); strings.Contains(string(data), erased) {
				t.Errorf("%q is kept", erased)
			}
			return nil
		})
	})
	return count, size
}

// TestDraftsAreSavedAsTheyAreTyped saves a draft letter by letter: of all that it said only the last is kept, beside what the
// spec says for each save. [HIST-22] [API-51]
func TestDraftsAreSavedAsTheyAreTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bob")
		ada := p.all[0]
		before, bytesBefore := ada.recorded(t, "nothing of that")
		d := ada.drafted(t, api.Draft{To: []string{"bob"}, Text: "secret 0"})
		for i := range 200 {
			time.Sleep(time.Second)
			d.Text = fmt.Sprintf("secret %d.", i)
			d = ada.drafted(t, d)
		}
		d.Text = "Monday"
		d = ada.drafted(t, d)
		count, size := ada.recorded(t, "secret")
		if count != before+202 || size-bytesBefore > 202*128 {
			t.Errorf("%d records of %d bytes", count-before, size-bytesBefore)
		}
		time.Sleep(time.Second)
		if same := ada.drafted(t, d); !same.Time.Equal(d.Time) {
			t.Errorf("unchanged, it is saved at %v again", same.Time)
		}
		if again, _ := ada.recorded(t, "secret"); again != count {
			t.Error("unchanged, it is a new record")
		}
		ada = ada.again(t)
		if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || cmp.Diff([]api.Draft{d}, all) != "" {
			t.Errorf("drafts %+v (%v)", all, err)
		}
		for i, already := range []bool{false, true} {
			result, err := ada.node.DropDraft(t.Context(), api.DropDraftRequest{ID: d.ID})
			if err != nil || result.Already != already {
				t.Errorf("dropped %d times: %+v (%v)", i+1, result, err)
			}
		}
		ada.recorded(t, "Monday")
		if _, err := ada.node.SaveDraft(t.Context(), d); code(err) != api.CodeNotFound {
			t.Errorf("saved after it was dropped: %v", err)
		}
		if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || len(all) > 0 {
			t.Errorf("drafts %+v (%v)", all, err)
		}
	})
}

// TestSendingDropsTheDraft sends what was a draft: the draft goes with it, at once even if the message waits.
func TestSendingDropsTheDraft(t *testing.T) { // [API-51]
	for _, undo := range []int{0, 10} {
		p := newParties(t, 1, "bob")
		ada := p.all[0]
		first, other := ada.drafted(t, api.Draft{To: []string{"bob"}, Text: "Monday"}), ada.drafted(t, api.Draft{Text: "stays"})
		if _, err := ada.node.Send(t.Context(), api.SendRequest{To: []string{"nobody"}, Text: "x", Draft: first.ID}); code(err) != api.CodeNotFound {
			t.Fatal(err)
		}
		if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || len(all) != 2 {
			t.Errorf("after what was not sent: %+v (%v)", all, err)
		}
		ada.sent(t, api.SendRequest{To: first.To, Text: first.Text, Draft: first.ID, Undo: undo})
		if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || len(all) != 1 || all[0].ID != other.ID {
			t.Errorf("after it was sent: %+v (%v)", all, err)
		}
	}
}

// TestUploadsLiveWithTheirDraft tidies up at times: a file that a draft names stays for 30 days, another for one. [STO-34]
func TestUploadsLiveWithTheirDraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ada := newParties(t, 1, "bob").all[0]
		named, other := ada.uploaded(t, "plan.txt", "North."), ada.uploaded(t, "other.txt", "x")
		d := ada.drafted(t, api.Draft{To: []string{"bob"}, Attachments: []api.Upload{named}})
		has := func(u api.Upload) bool { _, err := ada.node.uploads([]string{u.ID}); return err == nil }
		after := func(days time.Duration) { // the clock of the store's own goroutines stays: days of it take minutes
			if err := ada.node.tidyUploads(time.Now().Add(days*24*time.Hour + time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if after(1); !has(named) || has(other) {
			t.Errorf("after a day: %t, %t", has(named), has(other))
		}
		if after(29); !has(named) {
			t.Error("29 days after its draft was saved it is gone")
		}
		if after(30); has(named) {
			t.Error("30 days after its draft was saved it is there")
		}
		// What is not here any more, or not on this device, is shown by name, and kept when the rest is saved.
		d.Attachments[0].ID, d.Text = "", "There."
		if saved := ada.drafted(t, d); len(saved.Attachments) != 1 || saved.Attachments[0] != (api.Upload{Name: "plan.txt", Size: 6}) {
			t.Errorf("attachments %+v", saved.Attachments)
		}
		second := ada.uploaded(t, "second.txt", "x")
		dropped := ada.drafted(t, api.Draft{Attachments: []api.Upload{second}})
		if _, err := ada.node.DropDraft(t.Context(), api.DropDraftRequest{ID: dropped.ID}); err != nil {
			t.Fatal(err)
		}
		if after(1); has(second) {
			t.Error("the file of a draft that was dropped is kept")
		}
	})
}

func TestDraftsHaveBounds(t *testing.T) { // [API-51]
	ada := newParties(t, 1, "bob").all[0]
	for name, c := range map[string]struct {
		d    api.Draft
		want api.Code
	}{
		"lines":     {api.Draft{Subject: "two\nlines"}, api.CodeUsage},
		"text":      {api.Draft{Text: strings.Repeat("x", history.MaxText+1)}, api.CodeUsage},
		"no id":     {api.Draft{ID: "x", Text: "x"}, api.CodeUsage},
		"unknown":   {api.Draft{ID: strings.Repeat("ab", 16), Text: "x"}, api.CodeNotFound},
		"no upload": {api.Draft{Attachments: []api.Upload{{ID: strings.Repeat("ab", 16)}}}, api.CodeNotFound},
		"no answer": {api.Draft{Reply: "abcdefgh"}, api.CodeNotFound},
		"negative":  {api.Draft{Expires: -1}, api.CodeUsage},
	} {
		if _, err := ada.node.SaveDraft(t.Context(), c.d); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{}); err != nil || len(all) > 0 {
		t.Fatalf("%+v (%v)", all, err)
	}
	var last api.Draft
	for i := range api.MaxDrafts {
		last = ada.drafted(t, api.Draft{Text: fmt.Sprint(i)})
	}
	if _, err := ada.node.SaveDraft(t.Context(), api.Draft{Text: "one more"}); code(err) != api.CodeRefused {
		t.Errorf("one more: %v", err)
	}
	last.Text = "other"
	ada.drafted(t, last)
}
