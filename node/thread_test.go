package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// fill gives a device a history of messages in threads, written by it and another member by turns, all but a tenth read.
func (o *organization) fill(t testing.TB, self, other *membershiptest.Member, messages, threads int) {
	t.Helper()
	roots := make([]keys.MessageID, threads)
	start := time.Now().Add(-time.Hour).UnixMilli()
	const atOnce = 300
	for from := 0; from < messages; from += atOnce {
		update(t, o.node.store, func(tx *store.Tx) error {
			for i := from; i < min(from+atOnce, messages); i++ {
				author, to := other, self
				if i%2 == 1 {
					author, to = self, other
				}
				m := history.Message{Author: author.Device().Public(), Member: author.ID, Text: history.Text{
					To: []keys.MemberID{to.ID}, Text: strings.Repeat("Bring the long ladder. ", 10), Time: start,
				}}
				copy(m.Text.Nonce[:], fmt.Sprint(i))
				m.Conversation = placeOf(m).ID(o.org)
				if root := &roots[i%threads]; i < threads {
					m.Text.Subject, *root = fmt.Sprintf("Subject %d", i), m.ID()
				} else {
					m.Text.Thread, m.Text.Reply = root, root
				}
				if _, err := tx.AppendRecord(o.org, o.self, start+int64(i), history.Record{Kind: history.RecordMessage, Message: &m}); err != nil {
					return err
				}
				if i%10 == 0 || author == self {
					continue
				}
				mark := history.Record{Kind: history.RecordRead, Read: &history.Read{Message: m.ID()}}
				if _, err := tx.AppendRecord(o.org, o.self, start+int64(i), mark); err != nil {
					return err
				}
			}
			return nil
		})
	}
	view(t, o.node.store, func(tx *store.Tx) (err error) { o.view, err = tx.Fold(o.org, o.member, o.countsLocked); return err })
}

// TestListingReadsWhatItShows counts what is read from the store: a page of threads, a thread, a mark and the summary read
// what they are about, whatever the number of messages.
func TestListingReadsWhatItShows(t *testing.T) {
	org := newRoll(t, "Bo")
	reads := func(messages int) (all [4]uint64) {
		o := newDevice(t, org, org.Founder)
		o.fill(t, org.Founder, org.Members[1], messages, messages/10)
		var thread string
		for i, ask := range []func() error{
			func() error {
				page, err := o.node.Threads(t.Context(), api.ThreadsQuery{Limit: 5})
				thread = page.Threads[0].Thread
				return err
			},
			func() error { _, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: thread}); return err },
			func() error {
				_, err := o.node.Mark(t.Context(), api.MarkRequest{Threads: []string{thread}, Unread: true})
				return err
			},
			func() error { _, err := o.node.Orgs(t.Context()); return err },
		} {
			before := o.node.store.Reads()
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			all[i] = o.node.store.Reads() - before
		}
		return all
	}
	few, many := reads(100), reads(1000)
	if few != many || few[0] == 0 || few[1] == 0 {
		t.Errorf("with 100 messages %v values are read, with 1000 %v", few, many)
	}
}

// [API-50]
func TestThreadsAreListed(t *testing.T) {
	p := newParties(t, 1, "Bo", "Cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	first := p.sends(t, bo, api.SendRequest{Subject: "Harvest", Text: "Monday\n\n  or   Tuesday?"}, ada)
	p.exchange(t, bo)
	talk := p.sends(t, cy, api.SendRequest{Text: strings.Repeat("ä", 200), Mentions: []string{ada.member.String()}}, ada, bo)
	p.exchange(t, cy)
	reply := p.sends(t, ada, api.SendRequest{Text: "Tuesday.", Reply: first.String()}, bo)
	page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{})
	if err != nil || len(page.Threads) != 2 || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
	harvest, several := page.Threads[0], page.Threads[1]
	if harvest.Thread != first.String() || harvest.Subject != "Harvest" || harvest.Snippet != "Tuesday." || !harvest.Sent || harvest.Messages != 2 ||
		harvest.Unread != 1 || harvest.Mentioned || len(harvest.People) != 1 || harvest.People[0].Name != "Bo" || harvest.From != ada.ownName() {
		t.Errorf("the thread with Bo is %+v", harvest)
	}
	if several.Thread != talk.String() || len([]rune(several.Snippet)) != 160 || !several.Mentioned || len(several.People) != 2 || several.From != "Cy" {
		t.Errorf("the thread of three is %+v", several)
	}
	summary(t, ada, 2, 1, 0)
	shown, err := ada.node.Thread(t.Context(), api.ThreadQuery{Thread: first.String()[:10]})
	if err != nil || len(shown.Messages) != 2 || shown.Messages[0].ID != first.String() || shown.Messages[1].ID != reply.String() || !shown.MayWrite ||
		len(shown.Messages[1].Delivery) != 1 || shown.Messages[1].Delivery[0].State != api.StateHeld || !shown.Messages[0].Unread {
		t.Errorf("%+v, %v", shown, err)
	}
	all, err := ada.node.Conversations(t.Context(), api.ConversationsQuery{})
	if err != nil || len(all) != 2 || all[0].Conversation != harvest.Conversation || all[0].Unread != 1 || all[0].Messages != 2 || !all[0].MayWrite ||
		all[0].Mentioned || !all[1].Mentioned {
		t.Errorf("%+v, %v", all, err)
	}
	if snippet("  a\n\tb ") != "a b" {
		t.Errorf("%q", snippet("  a\n\tb "))
	}
}

func summary(t *testing.T, o *organization, unread, mentions, requests int) {
	t.Helper()
	all, err := o.node.Orgs(t.Context())
	if err != nil || len(all) != 1 || all[0].Unread != unread || all[0].Mentions != mentions || all[0].Requests != requests {
		t.Errorf("%+v, %v, want %d, %d, %d", all, err, unread, mentions, requests)
	}
}

// TestThreadsFollowActs edits, deletes and expires messages: listings show what is left. [API-50]
func TestThreadsFollowActs(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	first := p.sends(t, bo, api.SendRequest{Subject: "Harvest", Text: "Monday"}, ada)
	p.exchange(t, bo)
	if _, err := bo.node.Edit(t.Context(), api.EditRequest{ID: first.String(), Text: "Tuesday", Mentions: []string{ada.member.String()}}); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bo)
	one := func() api.Thread {
		t.Helper()
		page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{})
		if err != nil || len(page.Threads) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Threads[0]
	}
	if th := one(); th.Snippet != "Tuesday" || !th.Mentioned {
		t.Errorf("after an edit: %+v", th)
	}
	summary(t, ada, 1, 1, 0)
	p.sends(t, bo, api.SendRequest{Text: "short", Reply: first.String(), Expires: 60}, ada)
	p.exchange(t, bo)
	if th := one(); th.Messages != 2 || th.Snippet != "short" {
		t.Errorf("with one that expires: %+v", th)
	}
	if _, err := ada.expireMessages(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if th := one(); th.Messages != 1 || th.Unread != 1 {
		t.Errorf("after one expired: %+v", th)
	}
	if _, err := bo.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{first.String()}}); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bo)
	if th := one(); th.Messages != 1 || th.Snippet != "" || th.Subject != "" || th.Mentioned {
		t.Errorf("after it was deleted: %+v", th)
	}
	again, err := json.Marshal(one())
	if err != nil {
		t.Fatal(err)
	}
	view(t, ada.node.store, func(tx *store.Tx) (err error) {
		ada.view, err = tx.Fold(ada.org, ada.member, ada.countsLocked)
		return err
	})
	if reopened, _ := json.Marshal(one()); string(reopened) != string(again) {
		t.Errorf("opened again: %s\nwas %s", reopened, again)
	}
}

// TestThreadsForgetWhatWasTakenBack takes a message back that waits: it is in no listing any more. [API-50] [API-54]
func TestThreadsForgetWhatWasTakenBack(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada := p.all[0]
	result, err := ada.node.Send(t.Context(), api.SendRequest{To: []string{"Bo"}, Text: "Monday", Undo: 30})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{})
		if err != nil || len(page.Threads) != want {
			t.Errorf("%+v, %v, want %d", page, err, want)
		}
		if want == 0 {
			break
		}
		if _, err := ada.node.Undo(t.Context(), api.UndoRequest{ID: result.ID}); err != nil {
			t.Fatal(err)
		}
	}
}

// [API-53]
func TestMarking(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	first := p.sends(t, bo, api.SendRequest{Subject: "Harvest", Text: "Monday"}, ada)
	p.exchange(t, bo)
	second := p.sends(t, bo, api.SendRequest{Text: "Or Tuesday?", Reply: first.String()}, ada)
	p.exchange(t, bo)
	p.sends(t, ada, api.SendRequest{Text: "Monday.", Reply: first.String()}, bo)
	events := ada.node.hub.watch(t.Context(), "")
	told := func() *api.Mark {
		select {
		case event := <-events:
			return event.Mark
		default:
			return nil
		}
	}
	mark := func(request api.MarkRequest, changed, unread int) {
		t.Helper()
		got, err := ada.node.Mark(t.Context(), request)
		if err != nil || got.Changed != changed {
			t.Errorf("%+v: %+v, %v", request, got, err)
		}
		summary(t, ada, unread, 0, 0)
		if m := told(); (m != nil) != (changed > 0) || m != nil && (len(m.IDs) != changed || *m.Read == request.Unread || len(m.Threads) != 1 ||
			m.Threads[0] != first.String()) {
			t.Errorf("%+v: watchers are told %+v", request, m)
		}
	}
	thread := []string{first.String()}
	mark(api.MarkRequest{Threads: thread}, 2, 0)
	mark(api.MarkRequest{Threads: thread}, 0, 0)
	mark(api.MarkRequest{Threads: thread, Unread: true}, 1, 1)
	if m := ada.sees(t, second); !m.Unread {
		t.Error("the newest received message is not the one that was marked")
	}
	mark(api.MarkRequest{IDs: []string{first.String()[:9], first.String()}, Unread: true}, 1, 2)
	mark(api.MarkRequest{IDs: []string{first.String()}, Threads: thread}, 2, 0)
	if _, err := ada.node.Mark(t.Context(), api.MarkRequest{IDs: []string{first.String(), strings.Repeat("a", 52)}, Unread: true}); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("a message that there is not: %v", err)
	}
	if _, err := ada.node.Mark(t.Context(), api.MarkRequest{}); api.AsError(err).Code != api.CodeUsage {
		t.Errorf("nothing: %v", err)
	}
	summary(t, ada, 0, 0, 0)
}

// TestMarkingSendsReceiptsOnce marks a thread as read, and once more: its authors are told once, in one body. [API-53]
func TestMarkingSendsReceiptsOnce(t *testing.T) {
	policy := membership.DefaultPolicy()
	policy.ReadReceipts = membership.Allowed
	p := newPartiesWith(t, policy, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	ada.chosen(t, settingReceipts, on)
	bo.chosen(t, settingReceipts, on)
	first := p.sends(t, bo, api.SendRequest{Text: "Monday"}, ada)
	p.exchange(t, bo)
	second := p.sends(t, bo, api.SendRequest{Text: "Tuesday", Reply: first.String()}, ada)
	p.exchange(t, bo)
	for _, unread := range []bool{false, true, false} {
		if _, err := ada.node.Mark(t.Context(), api.MarkRequest{Threads: []string{first.String()}, Unread: unread}); err != nil {
			t.Fatal(err)
		}
	}
	if jobs := ada.jobs(t); len(jobs) != 1 {
		t.Errorf("%d bodies are sent", len(jobs))
	}
	p.exchange(t, ada)
	for _, id := range []keys.MessageID{first, second} {
		if m := bo.sees(t, id); len(m.Seen) != 1 {
			t.Errorf("seen by %+v", m.Seen)
		}
	}
}

// [API-53]
func TestTagging(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	first := p.sends(t, bo, api.SendRequest{Text: "Monday"}, ada)
	other := p.sends(t, bo, api.SendRequest{Text: "Tuesday"}, ada)
	p.exchange(t, bo)
	events := ada.node.hub.watch(t.Context(), "")
	tag := func(request api.TagRequest, changed int) {
		t.Helper()
		if got, err := ada.node.Tag(t.Context(), request); err != nil || got.Changed != changed {
			t.Errorf("%+v: %+v, %v", request, got, err)
		}
	}
	tag(api.TagRequest{IDs: []string{first.String()}, Threads: []string{other.String()}, Tag: " Todo "}, 2)
	if event := <-events; event.Kind != api.EventMark || event.Mark.Tag != "Todo" || len(event.Mark.IDs) != 2 || event.Mark.Read != nil {
		t.Errorf("watchers are told %+v", event)
	}
	tag(api.TagRequest{IDs: []string{first.String()}, Tag: "ToDO"}, 0)
	tag(api.TagRequest{IDs: []string{first.String()}, Tag: "todo", Off: true}, 1)
	page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{Tag: "tODO"})
	if err != nil || len(page.Threads) != 1 || page.Threads[0].Thread != other.String() || len(page.Threads[0].Tags) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	if m := ada.sees(t, other); len(m.Tags) != 1 || m.Tags[0] != "Todo" {
		t.Errorf("the message bears %q", m.Tags)
	}
	tags, err := ada.node.Tags(t.Context(), api.TagsQuery{})
	if err != nil || len(tags) != 1 || tags[0].Messages != 1 || tags[0].Tag != "Todo" {
		t.Errorf("%+v, %v", tags, err)
	}
	for _, bad := range []string{"", " ", "a\nb", strings.Repeat("x", 65)} {
		if _, err := ada.node.Tag(t.Context(), api.TagRequest{IDs: []string{first.String()}, Tag: bad}); api.AsError(err).Code != api.CodeUsage {
			t.Errorf("tag %q: %v", bad, err)
		}
	}
}

// TestThreadsOfBlocked blocks who wrote last in a conversation of several. [API-24] [API-50]
func TestThreadsOfBlocked(t *testing.T) {
	p := newParties(t, 1, "Bo", "Cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	first := p.sends(t, bo, api.SendRequest{Text: "Monday"}, ada, cy)
	p.exchange(t, bo)
	p.sends(t, cy, api.SendRequest{Text: "rude", Reply: first.String(), Mentions: []string{ada.member.String()}}, ada, bo)
	p.exchange(t, cy)
	summary(t, ada, 2, 1, 0)
	if _, err := ada.block(cy.member); err != nil {
		t.Fatal(err)
	}
	summary(t, ada, 1, 0, 0)
	page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{})
	if err != nil || len(page.Threads) != 1 || page.Threads[0].Snippet != "Monday" || page.Threads[0].Messages != 1 || page.Threads[0].Mentioned {
		t.Errorf("%+v, %v", page, err)
	}
	for hidden, want := range map[bool]int{false: 1, true: 2} {
		shown, err := ada.node.Thread(t.Context(), api.ThreadQuery{Thread: first.String(), Hidden: hidden})
		if err != nil || len(shown.Messages) != want || shown.Hidden != 2-want || hidden && shown.Messages[1].Text != "rude" {
			t.Errorf("hidden %t: %+v, %v", hidden, shown, err)
		}
	}
	if _, err := ada.node.Mark(t.Context(), api.MarkRequest{Threads: []string{first.String()}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.unblock(cy.member); err != nil {
		t.Fatal(err)
	}
	summary(t, ada, 1, 1, 0) // what was hidden was not read
}

// TestThreadPagesOfNode turns pages over threads, and back over a thread. [API-50]
func TestThreadPagesOfNode(t *testing.T) {
	org := newRoll(t, "Bo")
	o := newDevice(t, org, org.Founder)
	o.fill(t, org.Founder, org.Members[1], 70, 7)
	var subjects []string
	query := api.ThreadsQuery{Limit: 3}
	for more := true; more; more = query.Cursor != "" {
		page, err := o.node.Threads(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, th := range page.Threads {
			subjects = append(subjects, th.Subject)
		}
		query.Cursor = page.Next
	}
	if got := strings.Join(subjects, ", "); got != "Subject 6, Subject 5, Subject 4, Subject 3, Subject 2, Subject 1, Subject 0" {
		t.Errorf("the threads are %s", got)
	}
	first, err := o.node.Threads(t.Context(), api.ThreadsQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	back := api.ThreadQuery{Thread: first.Threads[0].Thread, Limit: 4}
	last := ""
	for more := true; more; more = back.Before != "" {
		page, err := o.node.Thread(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			seen[m.ID] = true
		}
		last, back.Before = page.Messages[0].ID, page.Earlier
	}
	if len(seen) != 10 || last != first.Threads[0].Thread {
		t.Errorf("%d messages of 10, the first is %s", len(seen), last)
	}
	for _, bad := range []string{"x", "!!", "AAAA"} {
		_, err1 := o.node.Threads(t.Context(), api.ThreadsQuery{Cursor: bad})
		_, err2 := o.node.Thread(t.Context(), api.ThreadQuery{Thread: first.Threads[0].Thread, Before: bad})
		if api.AsError(err1).Code != api.CodeUsage || api.AsError(err2).Code != api.CodeUsage {
			t.Errorf("cursor %q: %v, %v", bad, err1, err2)
		}
	}
	if _, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: strings.Repeat("a", 52)}); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("a thread that there is not: %v", err)
	}
}

// TestThreadAround opens a long thread at each of its messages: the page has it, and pages lead from there to both ends without
// a gap. [API-50]
func TestThreadAround(t *testing.T) {
	org := newRoll(t, "Bo")
	o := newDevice(t, org, org.Founder)
	o.fill(t, org.Founder, org.Members[1], 23, 1)
	thread := func(q api.ThreadQuery) api.ThreadPage {
		t.Helper()
		q.Limit = 6
		page, err := o.node.Thread(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		return page
	}
	root := thread(api.ThreadQuery{Thread: newestThread(t, o)}).Thread.Thread
	whole, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: root})
	if err != nil || len(whole.Messages) != 23 || whole.Earlier != "" || whole.Later != "" {
		t.Fatalf("%d messages, earlier %q, later %q: %v", len(whole.Messages), whole.Earlier, whole.Later, err)
	}
	all := idsOf(whole.Messages)
	for at, id := range all {
		page := thread(api.ThreadQuery{Thread: root, Around: id[:20]})
		got := idsOf(page.Messages)
		if !slices.Contains(got, id) || len(got) != 6 {
			t.Errorf("around message %d there are %d, with it: %v", at, len(got), slices.Contains(got, id))
		}
		if newest := at >= 23-6; newest != (page.Later == "") {
			t.Errorf("message %d: the page behind is %q", at, page.Later)
		}
		for earlier := page.Earlier; earlier != ""; {
			before := thread(api.ThreadQuery{Thread: root, Before: earlier})
			if before.Later == "" {
				t.Error("nothing leads on from an earlier page")
			}
			got, earlier = append(idsOf(before.Messages), got...), before.Earlier
		}
		for later := page.Later; later != ""; {
			after := thread(api.ThreadQuery{Thread: root, After: later})
			if after.Earlier == "" {
				t.Error("nothing leads back from a later page")
			}
			got, later = append(got, idsOf(after.Messages)...), after.Later
		}
		if !slices.Equal(got, all) {
			t.Errorf("from message %d on, the pages have %d messages of 23, or in another order", at, len(got))
		}
	}
	for _, bad := range []api.ThreadQuery{{Around: all[0], After: thread(api.ThreadQuery{Thread: root}).Earlier}, {After: "x"}, {Around: "x"}} {
		if bad.Thread = root; true {
			if _, err := o.node.Thread(t.Context(), bad); code(err) != api.CodeUsage {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	}
	if _, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: root, Around: strings.Repeat("a", 52)}); code(err) != api.CodeNotFound {
		t.Errorf("around a message that there is not: %v", err)
	}
}

// TestThreadAroundWithHidden opens a thread at a message between those of a blocked member, which stay out of it.
func TestThreadAroundWithHidden(t *testing.T) {
	org := newRoll(t, "Bo", "Cy")
	o := newDevice(t, org, org.Founder)
	bo, cy := org.Members[1], org.Members[2]
	o.fill(t, org.Founder, bo, 40, 1)
	root := newestThread(t, o)
	id, err := keys.ParseID[keys.Message](root)
	if err != nil {
		t.Fatal(err)
	}
	var ids []keys.MessageID
	update(t, o.node.store, func(tx *store.Tx) error {
		for i := range 30 { // in a conversation of three
			author := []*membershiptest.Member{bo, cy}[i%2]
			m := history.Message{Author: author.Device().Public(), Member: author.ID, Text: history.Text{
				To: []keys.MemberID{org.Founder.ID, []*membershiptest.Member{cy, bo}[i%2].ID}, Text: fmt.Sprint(i), Time: int64(i + 1), Thread: &id, Reply: &id,
			}}
			copy(m.Text.Nonce[:], fmt.Sprint("hidden", i))
			m.Conversation = placeOf(m).ID(o.org)
			if _, err := tx.AppendRecord(o.org, o.self, time.Now().UnixMilli(), history.Record{Kind: history.RecordMessage, Message: &m}); err != nil {
				return err
			}
			ids = append(ids, m.ID())
		}
		return nil
	})
	view(t, o.node.store, func(tx *store.Tx) (err error) { o.view, err = tx.Fold(o.org, o.member, o.countsLocked); return err })
	if _, err := o.node.Block(t.Context(), api.ContactRequest{Member: cy.ID.String()}); err != nil {
		t.Fatal(err)
	}
	page, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: ids[10].String(), Around: ids[10].String(), Limit: 4})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range page.Messages {
		said = append(said, m.Text)
	}
	if got := strings.Join(said, " "); got != "8 10 12 14" || page.Hidden != 3 || page.Earlier == "" || page.Later == "" {
		t.Errorf("around 10 there are %q, %d hidden, earlier %q, later %q", got, page.Hidden, page.Earlier, page.Later)
	}
	whole, err := o.node.Thread(t.Context(), api.ThreadQuery{Thread: ids[10].String(), Around: ids[11].String(), Limit: 4, Hidden: true})
	if err != nil || len(whole.Messages) != 4 || whole.Messages[1].Text != "11" {
		t.Errorf("around a hidden one that is asked for: %d messages, %v", len(whole.Messages), err)
	}
}

// newestThread returns the newest thread of an account.
func newestThread(t *testing.T, o *organization) string {
	t.Helper()
	page, err := o.node.Threads(t.Context(), api.ThreadsQuery{Limit: 1})
	if err != nil || len(page.Threads) == 0 {
		t.Fatalf("no thread: %v", err)
	}
	return page.Threads[0].Thread
}

func idsOf(messages []api.Message) (ids []string) {
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// TestThreadsSayWhatCameBack has a delivery fail: the thread says so, also when the organization is opened again, unless another
// device of the member has the message.
func TestThreadsSayWhatCameBack(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	id := p.sends(t, ada, api.SendRequest{Text: "Monday"}, bo)
	returned := func() bool {
		t.Helper()
		page, err := ada.node.Threads(t.Context(), api.ThreadsQuery{Sent: true})
		if err != nil || len(page.Threads) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Threads[0].Returned
	}
	if returned() {
		t.Error("it came back before it was sent")
	}
	effects := newEffects()
	update(t, ada.node.store, func(tx *store.Tx) error {
		d, err := tx.Delivery(ada.org, id, bo.device)
		if err != nil {
			return err
		}
		c, err := ada.setState(tx, id, d, store.StateReturned, store.ReasonTime)
		effects.changes = append(effects.changes, c)
		return err
	})
	ada.mu.Lock()
	ada.applyLocked(effects)
	ada.mu.Unlock()
	if !returned() {
		t.Error("it does not say that the message came back")
	}
	view(t, ada.node.store, func(tx *store.Tx) (err error) {
		if ada.view, err = tx.Fold(ada.org, ada.member, ada.countsLocked); err != nil {
			return err
		}
		return ada.readUndelivered(tx)
	})
	if !returned() {
		t.Error("it does not say so after the organization was opened again")
	}
	update(t, ada.node.store, func(tx *store.Tx) error {
		return tx.PutDelivery(ada.org, id, store.Delivery{Device: keys.PublicKey{1}, Member: bo.member, State: store.StateDelivered})
	})
	if returned() {
		t.Error("it says so though the member has the message")
	}
}

// TestGuestsSeeNobodyInThreads lists a guest's threads: only desks are named. [API-24]
func TestGuestsSeeNobodyInThreads(t *testing.T) {
	org := newRoll(t, "Marion")
	desk := org.JoinAs("Help", membership.RoleDesk)
	guest := org.JoinAs("Gus", membership.RoleGuest)
	o := newDevice(t, org, guest)
	m := history.Message{Author: desk.Device().Public(), Member: desk.ID, Text: history.Text{Guest: &guest.ID, Text: "Hello."}}
	m.Conversation = placeOf(m).ID(o.org)
	aside := history.Message{Author: org.Members[1].Device().Public(), Member: org.Members[1].ID, Text: history.Text{To: []keys.MemberID{guest.ID, desk.ID}, Text: "Psst."}}
	aside.Conversation = placeOf(aside).ID(o.org)
	effects := newEffects()
	update(t, o.node.store, func(tx *store.Tx) error {
		for _, message := range []*history.Message{&m, &aside} {
			r, err := tx.AppendRecord(o.org, o.self, time.Now().UnixMilli(), history.Record{Kind: history.RecordMessage, Message: message})
			if err != nil {
				return err
			}
			effects.records = append(effects.records, r)
		}
		return nil
	})
	o.mu.Lock()
	o.applyLocked(effects)
	o.mu.Unlock()
	threads, err := o.node.Threads(t.Context(), api.ThreadsQuery{})
	if err != nil || len(threads.Threads) != 2 {
		t.Fatalf("%+v, %v", threads, err)
	}
	if th := threads.Threads[1]; len(th.People) != 1 || th.People[0].Name != "Help" || th.Guest == nil || th.Guest.Member != guest.ID.String() {
		t.Errorf("the conversation with the desk is %+v", th)
	}
	conversations, err := o.node.Conversations(t.Context(), api.ConversationsQuery{})
	if err != nil || len(conversations) != 2 || !conversations[1].MayWrite {
		t.Fatalf("%+v, %v", conversations, err)
	}
	text, err := json.Marshal([]any{threads, conversations})
	if err != nil || strings.Contains(string(text), "Marion") {
		t.Errorf("a guest is shown %s (%v)", text, err)
	}
}
