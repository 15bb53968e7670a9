package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

func (n *Node) losses(t *testing.T) api.Losses {
	t.Helper()
	losses, err := n.Losses(t.Context(), api.LossesQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return losses
}

// TestGapSaysWhose has pieces come out of their order: while one is missing it is said whose it is, where, and since when, and
// nothing once it has come.
func TestGapSaysWhose(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	one, two, three, four := p.text(t, c, "1"), p.text(t, c, "2"), p.text(t, c, "3"), p.text(t, c, "4")
	p.to.deliver(t, announced, one)
	before := time.Now().UTC().Truncate(time.Millisecond)
	if gaps := p.to.node.losses(t).Gaps; len(gaps) != 0 {
		t.Fatalf("gaps without one: %+v", gaps)
	}
	p.to.deliver(t, four)
	gaps := p.to.node.losses(t).Gaps
	if len(gaps) != 1 {
		t.Fatalf("gaps: %+v", gaps)
	}
	gap := gaps[0]
	if gap.Missing != 2 || gap.Author.Member != p.from.ID.String() || gap.Author.Name != "mallory" || gap.State != "offered" ||
		gap.Device != p.from.Device().Public().String() || gap.Conversation != c.Conversation().String() ||
		len(gap.People) != 1 || gap.People[0] != gap.Author {
		t.Errorf("the gap is %+v", gap)
	}
	queueTime := time.Duration(p.org.Roll.State().Policy().QueueTime) * time.Second
	if gap.Since.Before(before) || gap.Since.After(time.Now()) || !gap.Until.Equal(gap.Since.Add(queueTime)) {
		t.Errorf("since %v, until %v", gap.Since, gap.Until)
	}
	p.to.deliver(t, two)
	if gaps := p.to.node.losses(t).Gaps; len(gaps) != 1 || gaps[0].Missing != 1 || !gaps[0].Since.Equal(gap.Since) {
		t.Errorf("half of it is filled: %+v", gaps)
	}
	p.to.deliver(t, three)
	if gaps := p.to.node.losses(t).Gaps; len(gaps) != 0 {
		t.Errorf("all has come: %+v", gaps)
	}
	p.text(t, c, "5")
	p.to.deliver(t, p.text(t, c, "6"))
	if gaps := p.to.node.losses(t).Gaps; len(gaps) != 1 || gaps[0].Since.Before(gap.Since) {
		t.Errorf("another gap: %+v", gaps)
	}
}

// TestGapStates says of each gap whether anybody still offers what is missing.
func TestGapStates(t *testing.T) {
	org := newRoll(t, "Bob")
	bob := org.Members[1]
	second := org.AddDevice(bob)
	org.Bar(bob.Device(), second.Public(), 0)
	o := newDevice(t, org, org.Founder)
	queueTime := time.Duration(org.Roll.State().Policy().QueueTime) * time.Second
	now := time.Now()
	heard := func(n byte, device keys.PublicKey, since int64) {
		update(t, o.node.store, func(tx *store.Tx) error {
			return tx.PutHeard(o.org, keys.ConversationID{n}, device, store.Heard{Sequence: 9, Gaps: []store.Span{{First: 1, Last: uint64(n)}}, Since: since})
		})
	}
	heard(1, bob.Device().Public(), 0)
	heard(2, bob.Device().Public(), now.Add(-queueTime-time.Hour).UnixMilli())
	heard(3, bob.Device().Public(), now.Add(-queueTime+time.Hour).UnixMilli())
	heard(4, second.Public(), now.UnixMilli())
	heard(5, keys.PublicKey{7}, now.Add(time.Millisecond).UnixMilli())
	update(t, o.node.store, func(tx *store.Tx) error {
		return tx.PutHeard(o.org, keys.ConversationID{6}, bob.Device().Public(), store.Heard{Sequence: 9})
	})
	var got []string
	for _, gap := range o.node.losses(t).Gaps {
		got = append(got, string(rune('0'+gap.Missing))+" "+gap.State+" "+gap.Author.Name)
	}
	want := []string{"1 offered Bob", "2 over Bob", "3 offered Bob", "4 ended Bob", "5 ended "}
	if len(got) != len(want) {
		t.Fatalf("gaps %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("gap %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// TestReturnedSaysToWhom has messages come back from one of two members, from one of two devices, and be taken back since.
func TestReturnedSaysToWhom(t *testing.T) {
	p := newParties(t, 2, "Bo", "Cy")
	ada, bo, cy := p.all[0], p.all[2], p.all[4]
	comeBack := func(id keys.MessageID, devices ...keys.PublicKey) {
		t.Helper()
		effects := newEffects()
		update(t, ada.node.store, func(tx *store.Tx) error {
			for _, device := range devices {
				d, err := tx.Delivery(ada.org, id, device)
				if err != nil {
					return err
				}
				c, err := ada.setState(tx, id, d, store.StateReturned, store.ReasonTime)
				if err != nil {
					return err
				}
				effects.changes = append(effects.changes, c)
			}
			return nil
		})
		ada.mu.Lock()
		defer ada.mu.Unlock()
		ada.applyLocked(effects)
	}
	none := p.sends(t, ada, api.SendRequest{Subject: "Watch", Text: "none of two devices"}, bo)
	half := p.sends(t, ada, api.SendRequest{Text: "one of two devices"}, bo)
	both := p.sends(t, ada, api.SendRequest{Text: "one of two members"}, bo, cy)
	gone := p.sends(t, ada, api.SendRequest{Text: "taken back"}, bo)
	if got := ada.node.losses(t).Returned; len(got) != 0 {
		t.Fatalf("nothing came back: %+v", got)
	}
	bos := ada.roll.State().Devices(bo.member)
	for _, id := range []keys.MessageID{none, both, gone} {
		comeBack(id, bos...)
	}
	comeBack(half, bos[0])
	if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: api.List[string]{gone.String()}}); err != nil {
		t.Fatal(err)
	}
	losses := ada.node.losses(t)
	if len(losses.Returned) != 2 || losses.More {
		t.Fatalf("came back: %+v", losses.Returned)
	}
	newer, older := losses.Returned[0], losses.Returned[1]
	if newer.ID != both.String() || len(newer.To) != 1 || newer.To[0].Name != "Bo" || newer.To[0].State != api.StateReturned ||
		newer.To[0].Since.IsZero() || newer.To[0].Gone || len(newer.People) != 2 || newer.Snippet != "one of two members" {
		t.Errorf("the newer one: %+v", newer)
	}
	if older.ID != none.String() || older.Subject != "Watch" || older.Thread == "" || len(older.To) != 1 {
		t.Errorf("the older one: %+v", older)
	}
}

// TestReturnedIsBounded lists no more than the bound, and says that there are more.
func TestReturnedIsBounded(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	var last keys.MessageID
	for range api.MaxReturned + 1 {
		last = p.sends(t, ada, api.SendRequest{Text: "x"}, bo)
		effects := newEffects()
		update(t, ada.node.store, func(tx *store.Tx) error {
			d, err := tx.Delivery(ada.org, last, bo.device)
			if err != nil {
				return err
			}
			c, err := ada.setState(tx, last, d, store.StateRefused, store.ReasonLeave)
			effects.changes = append(effects.changes, c)
			return err
		})
		ada.mu.Lock()
		ada.applyLocked(effects)
		ada.mu.Unlock()
	}
	losses := ada.node.losses(t)
	if len(losses.Returned) != api.MaxReturned || !losses.More || losses.Returned[0].ID != last.String() || losses.Returned[0].To[0].State != api.StateRefused {
		t.Errorf("%d came back, more: %v", len(losses.Returned), losses.More)
	}
}
