package node

import (
	"fmt"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/sync/history"
)

// forgeries are records of every kind that nobody but the account says, each under a number of its own from one on.
func forgeries(o *organization, number uint64, wall int64) (all []history.Record) {
	for _, fill := range []func(*history.Record){
		func(r *history.Record) {
			r.Kind, r.Read = history.RecordRead, &history.Read{Message: keys.MessageID{9}}
		},
		func(r *history.Record) {
			r.Kind, r.Unread = history.RecordUnread, &history.Read{Message: keys.MessageID{9}}
		},
		func(r *history.Record) {
			r.Kind, r.Tag = history.RecordTag, &history.Tag{Message: keys.MessageID{9}, Tag: "forged"}
		},
		func(r *history.Record) {
			r.Kind, r.Setting = history.RecordSetting, &history.Setting{Name: "presence", Value: "everybody"}
		},
		func(r *history.Record) {
			r.Kind, r.Contact = history.RecordContact, &history.Contact{Member: keys.MemberID{9}, State: history.ContactAccepted}
		},
		func(r *history.Record) {
			r.Kind, r.Verify = history.RecordVerify, &history.Verify{Member: keys.MemberID{9}, Speakers: [32]byte{1}, Size: 1}
		},
		func(r *history.Record) {
			r.Kind, r.Draft = history.RecordDraft, &history.Draft{ID: [history.NonceSize]byte{9}, Content: &history.DraftContent{Text: "forged"}}
		},
		func(r *history.Record) {
			r.Kind, r.Draft = history.RecordDraft, &history.Draft{ID: [history.NonceSize]byte{8}}
		},
	} {
		r := history.Record{Device: o.device, Sequence: number + uint64(len(all)), Clock: history.Clock{Wall: wall}}
		fill(&r)
		all = append(all, r)
	}
	return all
}

// A stolen device makes records in the name of another device of the account, before its bar and after: none is taken, whatever
// its clock, and the other's own ones under the same numbers are. [HIST-26] [HIST-27]
func TestStolenDeviceSpeaksForNoOther(t *testing.T) {
	p := newParties(t, 3, "bo")
	desk, phone, thief, bo := p.all[0], p.all[1], p.all[2], p.all[3]
	id := p.sends(t, bo, api.SendRequest{Text: "the truth"}, desk)
	carry(t, p.seal(t, bo)...)
	genuine := messageAmong(t, thief.gives(t), id)
	now := time.Now()
	before := len(desk.gives(t))
	next := uint64(before + 1)

	refused := func(t *testing.T, records ...history.Record) {
		t.Helper()
		for _, r := range records {
			desk.takes(t, r)
			if got := len(desk.gives(t)); got != before {
				t.Fatalf("a record of kind %d was taken: %d are shared, where %d were", r.Kind, got, before)
			}
		}
		if got := desk.alarms(t); len(got) != 0 {
			t.Errorf("alarms %q", got)
		}
	}
	forge := func(t *testing.T) {
		for name, wall := range map[string]time.Time{
			"long ago": time.Unix(1, 0), "now": now, "in an hour": now.Add(time.Hour), "in ten years": now.AddDate(10, 0, 0), "in 9990": time.UnixMilli(history.MaxTime),
		} {
			t.Run(name, func(t *testing.T) {
				for _, r := range forgeries(phone, next, wall.UnixMilli()) {
					signed := r.Sign(desk.org, thief.self)
					elsewhere := r.Sign(keys.OrgID{1}, phone.self)
					other := r.Sign(desk.org, phone.self)
					other.Sequence++
					refused(t, r, signed, elsewhere, other)
				}
				// A true message under a number and clock that the phone did not give it would keep the phone's own record out.
				squatting := genuine
				squatting.Device, squatting.Sequence, squatting.Clock = phone.device, next, history.Clock{Wall: wall.UnixMilli()}
				refused(t, squatting, squatting.Sign(desk.org, thief.self))
				moved := genuine
				moved.Clock = history.Clock{Wall: 1}
				refused(t, moved)
			})
		}
	}
	t.Run("before the bar", forge)

	// What it says in its own name counts until its bar, and no longer; one from afar never does.
	ahead := forgeries(thief, next, now.AddDate(1, 0, 0).UnixMilli())
	for _, r := range ahead {
		refused(t, r.Sign(desk.org, thief.self))
	}
	first := forgeries(thief, next, now.UnixMilli())
	for _, r := range first[:4] {
		desk.takes(t, r.Sign(desk.org, thief.self))
	}
	if got := len(desk.gives(t)); got != before+4 {
		t.Fatalf("%d records are shared after its own four, %d were before", got, before)
	}
	if v, _ := desk.view.Setting("presence"); v != "everybody" {
		t.Errorf("the setting is %q", v)
	}
	size := p.org.Roll.Size()
	sign := func(records uint64) membership.SignedEvent {
		return membership.SignEvent(membership.Event{Org: p.org.ID, At: size, Counter: p.org.Roll.State().NextCounter(desk.device), Signer: desk.device,
			Bar: &membership.Bar{Device: thief.device, After: size, Records: records}}, desk.self, nil)
	}
	p.org.Append(sign(next + 2)) // the tag that it made third, and what follows, count no more
	if err := desk.adopt(newPage(p.org, size)); err != nil {
		t.Fatal(err)
	}
	if v, _ := desk.view.Setting("presence"); v == "everybody" {
		t.Error("a setting that was made behind the cut of the bar counts")
	}
	if got := len(desk.gives(t)); got != before+2 {
		t.Fatalf("%d records are shared after the bar, want %d", got, before+2)
	}
	before = len(desk.gives(t))
	for i, r := range forgeries(thief, next+4, now.UnixMilli()) {
		t.Run(fmt.Sprint("in its own name ", i), func(t *testing.T) { refused(t, r.Sign(desk.org, thief.self)) })
	}
	t.Run("after the bar", forge)

	// The phone is heard under the same numbers.
	for i, r := range forgeries(phone, next, now.UnixMilli()) {
		desk.takes(t, r.Sign(desk.org, phone.self))
		if got := len(desk.gives(t)); got < before+i {
			t.Errorf("the phone's own record of kind %d was not taken", r.Kind)
		}
	}
}

// A bar says how many records of the device count: those that were known, or that were made before the time asked for. [HIST-27]
func TestBarNamesTheRecordsThatCount(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, stolen := p.all[0], p.all[1]
	now := time.Now()
	for i := range 5 {
		r := history.Record{Device: stolen.device, Sequence: 100 + uint64(i), Clock: history.Clock{Wall: now.Add(time.Duration(i) * time.Minute).UnixMilli()},
			Kind: history.RecordTag, Tag: &history.Tag{Message: keys.MessageID{byte(i)}, Tag: "a"}}
		desk.takes(t, r.Sign(desk.org, stolen.self))
	}
	for name, c := range map[string]struct {
		since time.Time
		want  uint64
	}{
		"from now on":       {want: 105},
		"from a time on":    {since: now.Add(150 * time.Second), want: 103},
		"from before it on": {since: now.Add(-time.Hour), want: 100},
	} {
		_, events, err := desk.planBar(api.BarRequest{Devices: []string{stolen.device.String()}, Since: c.since}, signing{key: desk.self})
		if err != nil || len(events) != 1 || events[0].Bar.Records != c.want {
			t.Errorf("%s: %+v, %v, want %d", name, events, err, c.want)
		}
	}
	unknown := p.all[2]
	if cut, err := desk.cutFor(unknown.device, 0); cut != 0 || err != nil {
		t.Errorf("of a device without records %d count, %v", cut, err)
	}
}
