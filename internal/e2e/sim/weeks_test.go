package sim

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/node/api"
	"muster.example/node/store"
)

// silentDays are those on which they are there while the rendezvous node is gone: beyond the life of every prekey that it gave (14 days) and
// of two chains.
var silentDays = []int{0, 4, 9, 15}

// TestSimWeeksWithoutAServer is three people and their group on a local network for 16 days without a rendezvous node. On some of them they are
// there: they see each other, write to each other and to the group, edit, take back, mark as read; one is away on one day, one
// crashes. Prekeys and chains become others meanwhile. Then the node is back: nothing is lost, nothing came twice, and all show the
// same. [MSH-10] [MSH-13] [MSH-19] [MSH-20]
func TestSimWeeksWithoutAServer(t *testing.T) {
	simulate(t, 99, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(3, 1, func(int, *person) {})
		w.assemble(func(*person) {})
		l := &letters{world: w, group: w.inOneGroup(accounts)}
		for _, p := range w.all {
			if _, err := p.node.SharePresence(t.Context(), api.SharePresenceRequest{Share: api.ShareEverybody}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.node.SetSetting(t.Context(), api.SettingRequest{Name: "receipts", Value: "on"}); err != nil {
				t.Fatal(err)
			}
		}
		l.day("with the node")
		before := l.keysOf(w.all[0])
		w.alone()
		w.node.stop() // which nobody hears
		away, crashes := w.all[2], w.all[1]
		began := time.Now()
		for i, day := range silentDays {
			time.Sleep(time.Until(began.Add(time.Duration(day) * 24 * time.Hour)))
			if i != 1 {
				away.start()
			}
			w.all[0].start()
			crashes.start()
			l.day(fmt.Sprint("day ", day))
			if i == 2 {
				w.again(crashes)
				l.day("after the crash")
			}
			time.Sleep(5 * time.Minute)
			for _, p := range w.all {
				p.stop()
			}
		}
		after := l.keysOf(w.all[0])
		for device, was := range before.prekeys {
			if now := after.prekeys[device]; !now.After(was.Add(prekeyLife)) {
				t.Errorf("the prekey of %s that is known is good until %v, before the node went until %v", device.Short(), now, was)
			}
		}
		if len(before.prekeys) != 2 || before.chain == after.chain || before.own == after.own {
			t.Errorf("keys before: %+v, after: %+v", before, after)
		}

		for _, p := range w.all {
			p.start()
		}
		waiting := l.write(w.all[0], "written just before the node is back")
		w.node.start()
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)
		l.complete(10*time.Minute, "with the node again")
		l.receipted(10*time.Minute, "with the node again", waiting)
		l.day("the node is back")
		w.await(time.Hour, "nothing waits anywhere", func() bool {
			return w.node.queued() == 0 && !slices.ContainsFunc(w.all, func(p *person) bool { return p.status().Outbox > 0 })
		})
		l.read = 0
		time.Sleep(2 * time.Hour) // as long as anything is offered again
		if lack := l.lack(); lack != "" {
			t.Error("in the end", lack)
		}
		for _, p := range w.all {
			if s := p.status(); len(s.Alarms) > 0 || s.Excluded != nil {
				t.Errorf("%s: alarms %q, excluded %v", p.name, s.Alarms, s.Excluded)
			}
			losses, err := p.node.Losses(t.Context(), api.LossesQuery{})
			if err != nil || slices.ContainsFunc(losses.Gaps, func(g api.Gap) bool { return g.State != "gone" }) { // taken back before it came
				t.Errorf("%s misses %+v, %v", p.name, losses.Gaps, err)
			}
		}
	})
}

// prekeyLife is what a device gives others to seal to a prekey.
const prekeyLife = 14 * 24 * time.Hour

// day has everybody who is there see each other, write, edit, take back and mark as read.
func (l *letters) day(when string) {
	t := l.t
	t.Helper()
	began := len(l.all)
	there := slices.DeleteFunc(slices.Clone(l.world.all), func(p *person) bool { return p.running == nil })
	for _, p := range there {
		p.node.Used()
	}
	for _, p := range there {
		for _, other := range there {
			if p != other {
				l.await(5*time.Minute, fmt.Sprintf("%s: %s sees that %s is there", when, p.name, other.name), func() bool {
					other.node.Used()
					return p.sees(other).State == api.PresenceOnline
				})
			}
		}
	}
	var direct, said []*letter
	for _, p := range there {
		said = append(said, l.write(p, fmt.Sprintf("%s: %s to all", when, p.name)), l.write(p, fmt.Sprintf("%s: %s to all, a second time", when, p.name)))
		for _, other := range l.world.all {
			if p != other {
				direct = append(direct, l.write(p, fmt.Sprintf("%s: %s to %s", when, p.name, other.name), other))
			}
		}
	}
	l.complete(10*time.Minute, when)
	for i := 0; i < len(said); i += 2 {
		l.edit(said[i], said[i].text+", edited")
		l.takeBack(said[i+1])
	}
	l.complete(10*time.Minute, when+", edited,")
	for _, one := range direct {
		if to := one.to[0]; to.running != nil {
			if _, err := to.node.Mark(t.Context(), api.MarkRequest{IDs: []string{one.id}}); err != nil {
				t.Fatal(err)
			}
			l.await(10*time.Minute, when+": its author knows that it was read", func() bool {
				m, err := one.from.node.Read(t.Context(), api.ReadRequest{ID: one.id})
				return err == nil && len(m.Seen) == 1
			})
		}
	}
	if len(there) == len(l.world.all) {
		l.receipted(10*time.Minute, when, l.all[l.read:]...)
		l.read = began
	}
}

// keysAt is which keys a device uses.
type keysAt struct {
	own     time.Time // until when its newest prekey is sealed to
	prekeys map[keys.PublicKey]time.Time
	chain   keys.ChainID // on which it writes to the group
}

// keysOf stops everybody and reads which keys a device uses, of the others' prekeys too.
func (l *letters) keysOf(p *person) (k keysAt) {
	t := l.t
	t.Helper()
	for _, other := range l.world.all {
		other.stop()
	}
	group, err := keys.ParseID[keys.Group](l.group)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenWith(filepath.Join(l.dir, p.name), p.key(), kv.Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	k.prekeys = make(map[keys.PublicKey]time.Time)
	err = db.View(func(tx *store.Tx) error {
		orgs, err := tx.Organizations()
		if err != nil || len(orgs) != 1 {
			return fmt.Errorf("%d organizations, %w", len(orgs), err)
		}
		org := orgs[0].Org
		own, err := tx.Prekeys(org)
		if err != nil {
			return err
		}
		for _, one := range own {
			if until := time.Unix(one.LastSealing, 0); until.After(k.own) {
				k.own = until
			}
		}
		for _, other := range l.world.all {
			if other == p {
				continue
			}
			device := other.identity().Public()
			signed, err := tx.KnownPrekey(org, device)
			if err != nil {
				return err
			}
			prekey, err := envelope.OpenPrekey(signed, org, device, time.Now().Add(-prekeyLife))
			if err != nil {
				return err
			}
			k.prekeys[device] = time.Unix(prekey.LastSealing, 0)
		}
		out, err := tx.Outgoing(org, envelope.InGroup(group).ID(org))
		if err != nil {
			return err
		}
		chain, err := envelope.UnmarshalChain(out.Chain)
		if err == nil {
			k.chain = chain.ID()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
