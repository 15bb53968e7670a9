package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// passes has the clocks of devices go on.
func passes(passed time.Duration, devices ...*organization) {
	for _, o := range devices {
		before := o.node.config.Clock
		o.node.config.Clock = func() time.Time { return before().Add(passed) }
		o.checkpoint.Time = o.checkpoint.Time.Add(passed)
		o.reckoning.Answered(o.checkpoint.Time.UnixMilli())
	}
}

// keeps chooses for how long history is kept.
func (o *organization) keeps(t *testing.T, keep string, erase bool) api.Retention {
	t.Helper()
	all, err := o.node.SetRetention(t.Context(), api.RetentionRequest{Keep: keep, Erase: erase})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// lets has a device remove what is due.
func (o *organization) lets(t *testing.T) {
	t.Helper()
	if _, err := o.letGo(t.Context(), o.now()); err != nil {
		t.Fatal(err)
	}
	if err := o.node.store.EraseRemains(o.org); err != nil {
		t.Fatal(err)
	}
}

// keptRecords returns all that a device keeps.
func (o *organization) keptRecords(t *testing.T) (all []history.Record) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Records(o.org, func(data []byte) error {
			r, err := history.DecodeRecord(data)
			all = append(all, r)
			return err
		})
	})
	return all
}

const month = 31 * 24 * time.Hour

// What is older than the account keeps history goes with files, acts, marks and tags, from the list, the index and the shared set; what
// came since stays, and so do contacts and settings. [HIST-60]
func TestRetention(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone, bo := p.all[0], p.all[1], p.all[2]
	file := upload(t, desk.node, "plan.txt", strings.Repeat("secret plan ", 40_000))
	d, err := desk.draft(api.SendRequest{Subject: "old", Text: "with a plan"}, target{members: []keys.MemberID{bo.member}}, []store.Upload{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.save(d, []store.Upload{file}); err != nil {
		t.Fatal(err)
	}
	mine, pieces := d.message.ID(), store.FileID{Nonce: file.Nonce}
	for i := range 3 { // a large group: more than goes in one transaction
		update(t, desk.node.store, func(tx *store.Tx) error {
			for j := range 250 {
				err := tx.PutDelivery(desk.org, mine, store.Delivery{Device: keys.PublicKey{1, byte(i), byte(j)}, Member: bo.member, State: store.StateReturned})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	carry(t, p.seal(t, desk)...)
	theirs := p.sends(t, bo, api.SendRequest{Text: "old too"}, desk)
	carry(t, p.seal(t, bo)...)
	if _, err := desk.node.React(t.Context(), api.ReactRequest{ID: theirs.String(), Emoji: "👍"}); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.node.React(t.Context(), api.ReactRequest{ID: theirs.String(), Emoji: "👍", Off: true}); err != nil { // takes the place of the first
		t.Fatal(err)
	}
	p.sends(t, bo, api.SendRequest{Text: "for a minute", Expires: 60}, desk) // of which what says that it was there stays
	carry(t, p.seal(t, bo)...)
	if _, err := desk.node.Tag(t.Context(), api.TagRequest{IDs: []string{theirs.String()}, Tag: "keep"}); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.node.Edit(t.Context(), api.EditRequest{ID: mine.String(), Text: "with the plan"}); err != nil {
		t.Fatal(err)
	}
	carry(t, p.seal(t, desk)...)
	passes(3*month, p.all...)
	if _, err := desk.expireMessages(desk.now()); err != nil {
		t.Fatal(err)
	}
	young := p.sends(t, bo, api.SendRequest{Text: "new", Reply: mine.String()}, desk)
	carry(t, p.seal(t, bo)...)
	phone.takes(t, desk.gives(t)...)
	desk.takes(t, phone.gives(t)...)

	if asked := desk.keeps(t, "2m", false); asked.Chosen || asked.Older != 2 || asked.From.IsZero() {
		t.Fatalf("%+v", asked)
	}
	desk.lets(t)
	if !desk.has(mine) || !desk.has(theirs) {
		t.Fatal("it went without a yes")
	}
	if chosen := desk.keeps(t, "2m", true); !chosen.Chosen {
		t.Fatalf("%+v", chosen)
	}
	desk.lets(t)
	if desk.has(mine) || desk.has(theirs) || !desk.has(young) {
		t.Errorf("mine %v, theirs %v, young %v", desk.has(mine), desk.has(theirs), desk.has(young))
	}
	for _, r := range desk.keptRecords(t) {
		if r.Kind.Fades() && r.Message == nil || r.Message != nil && r.Message.ID() != young {
			t.Errorf("left is a record of kind %d: %+v", r.Kind, r)
		}
	}
	if len(desk.view.Contacts()) == 0 || desk.retentionLocked() != 2 {
		t.Error("contacts or settings went too")
	}
	view(t, desk.node.store, func(tx *store.Tx) error {
		acts, err := tx.Acts(desk.org, theirs)
		states, errStates := tx.Deliveries(desk.org, mine)
		if len(acts)+len(states) > 0 || err != nil || errStates != nil {
			t.Errorf("%d acts and %d states are left, %v, %v", len(acts), len(states), err, errStates)
		}
		return nil
	})
	page, err := desk.node.Threads(t.Context(), api.ThreadsQuery{})
	if err != nil || len(page.Threads) != 1 {
		t.Errorf("%d threads, %v", len(page.Threads), err)
	}
	view(t, desk.node.store, func(tx *store.Tx) error {
		if progress, err := tx.FileProgress(pieces); progress.Count() > 0 || err != nil {
			t.Errorf("%d pieces of the file are left, %v", progress.Count(), err)
		}
		if _, err := tx.Chunk(pieces, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a piece of the file: %v", err)
		}
		for _, found := range tx.Survey() {
			if found.Err != nil {
				t.Errorf("%s: %v", found.Name, found.Err)
			}
		}
		return nil
	})
}

// What one device has let go none of the others brings back, whether it has heard of the choice or not; and once all have let it go they
// share the same. [HIST-62]
func TestRetentionIsNotUndoneBySiblings(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone, bo := p.all[0], p.all[1], p.all[2]
	old := p.sends(t, bo, api.SendRequest{Text: "old"}, desk)
	carry(t, p.seal(t, bo)...)
	phone.takes(t, desk.gives(t)...)
	desk.takes(t, phone.gives(t)...)
	given := phone.gives(t)
	passes(3*month, p.all...)
	desk.keeps(t, "1m", true)
	desk.lets(t)
	desk.takes(t, given...)
	if desk.has(old) {
		t.Error("a sibling brought it back")
	}
	phone.takes(t, desk.gives(t)...)
	if messages := slices.DeleteFunc(phone.gives(t), func(r history.Record) bool { return !r.Kind.Fades() }); len(messages) != 0 {
		t.Errorf("%d records that are past are given", len(messages))
	}
	items, err := siblingHistory{o: phone}.Items(0)
	own, errOwn := siblingHistory{o: desk}.Items(0)
	if !slices.Equal(items, own) || err != nil || errOwn != nil {
		t.Errorf("the phone compares %d records, the desk %d, %v, %v", len(items), len(own), err, errOwn)
	}

	phone.lets(t)
	if !phone.has(old) || !slices.ContainsFunc(phone.alarms(t), func(text string) bool { return strings.Contains(text, "keep history for a month") }) {
		t.Errorf("it went at once, or nobody was told: %q", phone.alarms(t))
	}
	passes(heedTime-time.Minute, phone, desk)
	phone.lets(t)
	if !phone.has(old) {
		t.Error("it went early")
	}
	passes(time.Minute, phone, desk)
	phone.lets(t)
	if phone.has(old) {
		t.Error("it is still there")
	}
	a, errA := siblingHistory{o: desk}.Digest()
	b, errB := siblingHistory{o: phone}.Digest()
	if a != b || errA != nil || errB != nil {
		t.Errorf("the desk shares %d, the phone %d, or others", a.Count, b.Count)
	}
	if got := phone.alarms(t); len(got) != 1 {
		t.Errorf("alarms %q", got)
	}
}

// A stolen device that chooses to keep little takes nothing away from the others if it is barred, or overruled, in time. [HIST-61]
func TestAThiefsChoiceWaits(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, thief, bo := p.all[0], p.all[1], p.all[2]
	old := p.sends(t, bo, api.SendRequest{Text: "old"}, desk)
	carry(t, p.seal(t, bo)...)
	passes(3*month, p.all...)
	thief.keeps(t, "1m", true)
	desk.takes(t, thief.gives(t)...)
	desk.lets(t)
	if state, err := desk.node.Retention(t.Context(), api.RetentionQuery{}); err != nil || state[0].Keep != "1m" || state[0].Due.IsZero() || state[0].Older != 1 {
		t.Errorf("%+v, %v", state, err)
	}
	passes(heedTime-time.Hour, desk, thief)
	if chosen := desk.keeps(t, "forever", false); !chosen.Chosen {
		t.Errorf("to keep more asks a question: %+v", chosen)
	}
	passes(2*time.Hour, desk)
	desk.lets(t)
	if !desk.has(old) {
		t.Error("it is gone")
	}
	passes(month, desk)
	desk.lets(t)
	if !desk.has(old) {
		t.Error("it is gone later")
	}
}

// Devices whose clocks differ by minutes let a day go one after the other; in between neither gives the other what that one lacks.
// [HIST-62]
func TestRetentionWithClocksApart(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone, bo := p.all[0], p.all[1], p.all[2]
	old := p.sends(t, bo, api.SendRequest{Text: "old"}, desk)
	carry(t, p.seal(t, bo)...)
	phone.takes(t, desk.gives(t)...)
	desk.takes(t, phone.gives(t)...)
	at := time.UnixMilli(desk.record(t, old).Clock.Wall).UTC()
	desk.keeps(t, "1m", true)
	phone.takes(t, desk.gives(t)...)
	phone.keeps(t, "1m", true)
	desk.takes(t, phone.gives(t)...)
	goes := at.Truncate(24 * time.Hour) // the beginning of the day on which it goes
	for history.Retention(1).Horizon(goes.UnixMilli()) <= at.UnixMilli() {
		goes = goes.Add(24 * time.Hour)
	}
	passes(goes.Sub(desk.now())+5*time.Minute, desk)
	passes(goes.Sub(phone.now())-5*time.Minute, phone)
	desk.lets(t)
	phone.lets(t)
	if desk.has(old) || !phone.has(old) {
		t.Fatalf("desk %v, phone %v", desk.has(old), phone.has(old))
	}
	for _, o := range []*organization{desk, phone} {
		for _, r := range o.gives(t) {
			if r.Kind.Fades() {
				t.Errorf("%s gives a record that goes: %+v", o.device.Short(), r.Kind)
			}
		}
		if data, err := (siblingHistory{o: o}).Record(reconcile.Item{Time: uint64(at.UnixMilli()), ID: phone.record(t, old).ID()}); len(data) > 0 || err != nil {
			t.Errorf("%s gives the message, %v", o.device.Short(), err)
		}
	}
	passes(10*time.Minute, phone)
	phone.lets(t)
	a, errA := siblingHistory{o: desk}.Items(0)
	b, errB := siblingHistory{o: phone}.Items(0)
	if phone.has(old) || !slices.Equal(a, b) || errA != nil || errB != nil {
		t.Errorf("the desk compares %d records, the phone %d", len(a), len(b))
	}
}

// A clock that is ahead by years takes nothing away: the roll was heard of lately. [HIST-60]
func TestAClockAheadTakesNothingAway(t *testing.T) {
	p := newParties(t, 1, "bo")
	desk, bo := p.all[0], p.all[1]
	old := p.sends(t, bo, api.SendRequest{Text: "old"}, desk)
	carry(t, p.seal(t, bo)...)
	desk.keeps(t, "12m", true)
	right := desk.node.config.Clock
	desk.node.config.Clock = func() time.Time { return right().AddDate(5, 0, 0) }
	desk.lets(t)
	if !desk.has(old) {
		t.Error("it is gone")
	}
}
