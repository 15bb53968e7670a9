package sim

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
)

// apart is one person with devices whose clocks are wrong, and a correspondent, for as long as a month.
type apart struct {
	*world
	choices
	devices []*person // of the person
	away    *person   // of them, the one that is away
	other   *person
	trace   []string
}

// TestLongSimClocksApart is four devices of one person through a month: their clocks are hours apart and jump back, connections break,
// devices crash and start again, one is away for longer than the node keeps anything, and all the time something is sent, edited,
// deleted, marked, tagged, drafted, chosen, blocked at random ones. In the end all show the same, and have the same records.
func TestLongSimClocksApart(t *testing.T) {
	long(t)
	simulate(t, 71, func(w *world) {
		accounts := w.crowd(2, 1, func(int, *person) {})
		ann, ben := accounts[0], accounts[1]
		for range 3 {
			w.another(ann).stop()
		}
		a := &apart{world: w, choices: newChoices(w.net.Seed()), devices: ann.devices, other: ben.devices[0]}
		defer func() {
			if w.t.Failed() {
				w.t.Log(strings.Join(a.trace, "\n"))
			}
		}()
		w.assemble(func(*person) {})
		for i, hours := range []int{-7, 5, 11, -1} {
			a.devices[i].skew.Store(int64(time.Duration(hours)*time.Hour) + a.Int64N(int64(time.Hour)))
		}
		a.other.send("the first", a.devices[0])
		w.alike(10*time.Minute, a.devices...)
		a.away = a.devices[1+a.below(3)]
		for range 7 {
			a.burst()
			a.night(5 * 24 * time.Hour)
		}
		back := a.away
		a.away = nil
		a.note("%s is back", back.name)
		a.burst()
		for _, d := range a.devices {
			if d.running == nil {
				d.start()
			}
		}
		w.alike(20*time.Hour, a.devices...) // what expires does so by each device's clock
		w.await(2*time.Hour, "all say the same", func() bool {
			want := a.devices[0].says()
			return !slices.ContainsFunc(a.devices[1:], func(d *person) bool { return d.says() != want })
		})
		time.Sleep(13 * time.Hour) // what is compared from time to time
		for _, d := range a.devices {
			d.stop()
		}
		want := a.devices[0].kept()
		if len(want) < 50 {
			w.t.Errorf("%d records prove nothing", len(want))
		}
		for _, d := range a.devices[1:] {
			got := d.kept()
			if slices.Equal(got, want) {
				continue
			}
			w.t.Errorf("%s shares %d records, %s %d, or others", a.devices[0].name, len(want), d.name, len(got))
			for _, line := range got {
				if !slices.Contains(want, line) {
					w.t.Logf("only on %s: %.200s", d.name, line)
				}
			}
			for _, line := range want {
				if !slices.Contains(got, line) {
					w.t.Logf("not on %s: %.200s", d.name, line)
				}
			}
		}
	})
}

func (a *apart) note(format string, values ...any) {
	a.trace = append(a.trace, time.Now().Format("02 15:04:05 ")+fmt.Sprintf(format, values...))
}

// night has everything stand still for a while, which is a restart of all, and some clocks set back.
func (a *apart) night(long time.Duration) {
	for _, p := range a.all {
		p.stop()
	}
	a.node.stop()
	time.Sleep(long)
	a.node.start()
	for _, d := range a.devices {
		if a.below(3) == 0 {
			back := time.Duration(a.Int64N(int64(6 * time.Hour)))
			if d.skew.Load() < int64(-8*time.Hour) {
				back = -back
			}
			d.skew.Add(-int64(back))
			a.note("the clock of %s goes back %v", d.name, back)
		}
	}
	for _, p := range a.all {
		if p != a.away {
			p.start()
		}
	}
}

// burst is some things that happen.
func (a *apart) burst() {
	if a.away != nil {
		a.away.stop()
	}
	for range 24 {
		d := a.devices[a.below(len(a.devices))]
		switch {
		case d == a.away:
		case d.running == nil:
			d.start()
		case a.below(10) == 0:
			a.note("%s crashes", d.name)
			d.crash()
		case a.below(8) == 0:
			a.note("%s is cut off for a while", d.name)
			a.net.Cut(d.address(), serverAddress)
			a.net.Cut(serverAddress, d.address())
		default:
			a.happen(d)
		}
		a.pause(a.choices, 40*time.Second)
		if a.below(3) == 0 {
			a.net.Heal()
		}
	}
	a.net.Heal()
	for _, d := range a.devices {
		if d.running == nil && d != a.away {
			d.start()
		}
	}
	time.Sleep(time.Minute) // some come in step, and some do not
}

// happen has a device do something. That it may not, or not now, is no fault.
func (a *apart) happen(d *person) {
	ctx := a.t.Context()
	id := d.anyMessage(a.choices)
	tag := []string{"harbour", "Harbour", "later"}[a.below(3)]
	var err error
	var did string
	switch n := a.below(100); {
	case n < 20:
		did = "writes"
		request := api.SendRequest{To: []string{a.other.id}, Text: fmt.Sprint("message ", len(a.trace))}
		if a.below(5) == 0 {
			request.Expires = 3600
		}
		_, err = d.node.Send(ctx, request)
	case n < 35:
		did = "is written to"
		_, err = a.other.node.Send(ctx, api.SendRequest{To: []string{d.id}, Text: fmt.Sprint("message ", len(a.trace))})
	case n < 43:
		did = "edits"
		_, err = d.node.Edit(ctx, api.EditRequest{ID: id, Text: fmt.Sprint("edited ", len(a.trace))})
	case n < 48:
		did = "deletes"
		_, err = d.node.Delete(ctx, api.DeleteRequest{IDs: []string{id}})
	case n < 60:
		did = "marks"
		_, err = d.node.Mark(ctx, api.MarkRequest{IDs: []string{id}, Unread: a.below(3) == 0})
	case n < 72:
		did = "tags"
		_, err = d.node.Tag(ctx, api.TagRequest{IDs: []string{id}, Tag: tag, Off: a.below(3) == 0})
	case n < 86:
		did = "drafts"
		err = a.draft(d)
	case n < 95:
		did = "chooses"
		_, err = d.node.SetSetting(ctx, api.SettingRequest{Name: "receipts", Value: []string{"on", "off"}[a.below(2)]})
	case n < 98:
		did = "blocks"
		_, err = d.node.Block(ctx, api.ContactRequest{Member: a.other.id})
	default:
		did = "unblocks"
		_, err = d.node.Unblock(ctx, api.ContactRequest{Member: a.other.id})
	}
	a.note("%s %s: %.8s %v", d.name, did, id, err)
}

// draft saves a new draft, or one that is there, or drops it.
func (a *apart) draft(d *person) error {
	ctx := a.t.Context()
	all, err := d.node.Drafts(ctx, api.DraftsQuery{})
	if err != nil {
		return err
	}
	draft := api.Draft{To: []string{a.other.id}}
	if len(all) > 0 && a.below(4) > 0 {
		slices.SortFunc(all, func(x, y api.Draft) int { return strings.Compare(x.ID, y.ID) })
		draft = all[a.below(len(all))]
		if a.below(3) == 0 {
			_, err := d.node.DropDraft(ctx, api.DropDraftRequest{ID: draft.ID})
			return err
		}
	}
	draft.Text = fmt.Sprint("draft ", len(a.trace))
	_, err = d.node.SaveDraft(ctx, draft)
	return err
}

// anyMessage returns the id of a message that a device shows.
func (p *person) anyMessage(c choices) string {
	var ids []string
	threads, err := p.node.Threads(p.world.t.Context(), api.ThreadsQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, thread := range threads.Threads {
		page, err := p.node.Thread(p.world.t.Context(), api.ThreadQuery{Thread: thread.Thread})
		if err != nil {
			p.world.t.Fatal(err)
		}
		for _, m := range page.Messages {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	return ids[c.below(len(ids))]
}

// says is what a device answers beside what seen has: settings, contacts, tags.
func (p *person) says() string {
	ctx := p.world.t.Context()
	settings, err := p.node.Settings(ctx, api.SettingsQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	contacts, err := p.node.Contacts(ctx, api.ContactsQuery{All: true})
	if err != nil {
		p.world.t.Fatal(err)
	}
	tags, err := p.node.Tags(ctx, api.TagsQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	var text strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&text, "%s=%s\n", s.Name, s.Value)
	}
	for _, c := range contacts {
		fmt.Fprintf(&text, "%s %s\n", c.Name, c.State)
	}
	fmt.Fprintln(&text, tags)
	return text.String()
}

// kept reads what a stopped device shares: each record with its item. What authors signed is left out: a message that was sealed
// twice bears one of two good signatures.
func (p *person) kept() (lines []string) {
	t := p.world.t
	t.Helper()
	db, err := store.OpenWith(filepath.Join(p.world.dir, p.name), p.key(), kv.Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *store.Tx) error {
		orgs, err := tx.Organizations()
		if err != nil || len(orgs) != 1 {
			return fmt.Errorf("%d organizations, %w", len(orgs), err)
		}
		items, err := tx.Items(orgs[0].Org, 0)
		if err != nil {
			return err
		}
		digest, err := tx.Digest(orgs[0].Org)
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("digest %+v", digest))
		for _, item := range items {
			r, err := tx.Shared(orgs[0].Org, item)
			if err != nil {
				return err
			}
			switch {
			case r.Message != nil:
				r.Message.Signed = nil
			case r.Act != nil:
				r.Act.Signed = nil
			}
			lines = append(lines, fmt.Sprintf("%d %x kind %d of %s number %d: %x", item.Time, item.ID, r.Kind, r.Device.Short(), r.Sequence, wire.Encode(r)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
