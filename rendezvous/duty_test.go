package rendezvous

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// at is the same device as a client of another node.
func (d *device) at(s *site) *device {
	there := *d
	there.site = s
	there.Client = &rvclient.Client{Host: d.host, Node: s.node.Key(), Addresses: s.node.Addresses(), Org: d.Org}
	return &there
}

// moveTo signs the move of the sequencing duty to a node, behind a roll, with d's next counter.
func (d *device) moveTo(s *site, roll *copyRoll) membership.SignedEvent {
	d.t.Helper()
	root, err := roll.Root(roll.Size())
	if err != nil {
		d.t.Fatal(err)
	}
	named, _ := roll.State().Sequencer()
	return membership.SignEvent(membership.Event{
		Org: d.Org, Counter: roll.State().NextCounter(d.key.Public()), At: roll.Size(),
		Rendezvous: &membership.Rendezvous{
			Node: s.node.Key(), Addresses: s.node.Addresses(), Term: named.Term + 1, Size: roll.Size(), Root: root[:],
		},
	}, d.key, nil)
}

// hasTaken returns a checkpoint by which a node shows that it has taken over: the newest that a device gets there.
func (d *device) hasTaken() []byte {
	d.t.Helper()
	page, err := d.Fetch(d.site.ctx(), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return page.Checkpoint
}

// moved returns the event that a node names as the one by which another took over.
func moved(err error) []byte {
	if m, ok := errors.AsType[*rvclient.MovedError](err); ok {
		return m.Event
	}
	return nil
}

func TestMoveOfTheDuty(t *testing.T) { // [RV-70] [RV-71] [RV-72]
	old, next := newSite(t), newSite(t)
	anna := old.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "before", anna.post(anna.sealed(1), ben), wire.StatusOK)
	wantAnswer(t, "before", anna.post(anna.sealed(2), ben), wire.StatusOK)
	roll := anna.keepRoll()
	move := anna.moveTo(next, roll)
	token := next.claimToken()
	there := anna.at(next)
	if err := there.HandOver(next.ctx(), token, anna.Org, roll.entries, move); err != nil {
		t.Fatalf("hand over: %v", err)
	}
	if err := there.HandOver(next.ctx(), token, anna.Org, roll.entries, move); err != nil {
		t.Errorf("the same again: %v", err)
	}
	wantStatus(t, "the token for something else", there.HandOver(next.ctx(), token, keys.OrgID{1}, roll.entries, move), wire.StatusUsed)
	there.counter = anna.counter + 1
	page, err := there.Fetch(next.ctx(), 0)
	if err != nil {
		t.Fatal(err)
	}
	moving := &copyRoll{Roll: membership.NewRoll(anna.Org)}
	moving.take(there, page)
	if common, err := roll.Succeed(moving.Roll); err != nil || common != roll.Size() {
		t.Errorf("the new roll parts at %d of %d: %v", common, roll.Size(), err)
	}

	// The new node serves at once. The old one does not know, and goes on.
	wantAnswer(t, "at the new node", there.post(there.sealed(1), ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusNoLeave}) // grants are put there anew
	if err := ben.at(next).grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "at the new node, with a grant", there.post(there.sealed(1), ben), wire.StatusOK)
	nextDeliver(t, ben.at(next).openDeliver())
	there.join("Dora")
	wantLetIn(t, carl)
	stream, quiet := ben.openDeliver(), carl.openDeliver()
	first := nextDeliver(t, stream)
	nextDeliver(t, stream)

	if err := ben.SubmitMove(old.ctx(), move, there.hasTaken()); err != nil { // by whom it is shown means nothing
		t.Fatalf("the move at the old node: %v", err)
	}
	for _, s := range []*rvclient.DeliverStream{stream, quiet} {
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
	}
	for range 2 {
		for name, err := range map[string]error{
			"roll":    func() error { _, err := anna.Fetch(old.ctx(), 0); return err }(),
			"submit":  anna.Submit(old.ctx(), move),
			"prekey":  func() error { _, err := anna.GetPrekeys(old.ctx(), keysOf([]*device{ben})); return err }(),
			"grant":   ben.grant(anna, 2, true),
			"post":    func() error { _, err := anna.OpenPost(old.ctx()); return err }(),
			"verdict": func() error { _, err := anna.Verdict(old.ctx()); return err }(),
			"recover": func() error { _, err := anna.Recover(old.ctx(), keyOf("Acme root"), 0); return err }(),
			"present": anna.Present(old.ctx(), move),
		} {
			if !errors.Is(err, wire.StatusMoved) || !slices.Equal(moved(err), move) {
				t.Errorf("%s: %v", name, err)
			}
		}
		old.restart()
		old.follow(anna, ben, carl)
	}
	_, err = old.device("zoe").OpenPost(old.ctx())
	wantStatus(t, "a stranger at the old node", err, wire.StatusNotMember)

	if orgs := old.node.Status().Orgs; orgs[0].Untold != 1 { // Carl: it outlives restarts who was told
		t.Errorf("%d devices were not told, want 1", orgs[0].Untold)
	}

	// What waits there is delivered, and then the stream ends.
	stream = ben.openDeliver()
	if !slices.Equal(stream.Moved(), move) || stream.Checkpoint() != nil {
		t.Error("the old node's hello does not name the move")
	}
	again := nextDeliver(t, stream)
	if !slices.Equal(again.Body, first.Body) {
		t.Error("another delivery first")
	}
	ids := old.queue.held(ben.key.Public(), queue.Envelope)
	nextDeliver(t, stream)
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{ben.receipt(anna, ids...)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want EOF", err)
	}
	receipts := anna.openDeliver()
	if got := nextDeliver(t, receipts); got.Kind != rvproto.KindReceipt {
		t.Errorf("kind %d", got.Kind)
	}
	if _, err := carl.openDeliver().Next(); !errors.Is(err, io.EOF) {
		t.Errorf("with nothing queued: %v, want EOF", err)
	}

	// The new node goes on after a restart, and orders the roll.
	next.restart()
	next.follow(there, ben.at(next))
	there.join("Emil")
	wantAnswer(t, "after a restart", there.post(there.sealed(1), ben), wire.StatusOK)
	if orgs := old.node.Status().Orgs; len(orgs) != 1 || !orgs[0].Moved || orgs[0].MovedAt.IsZero() || orgs[0].Untold != 0 {
		t.Errorf("status of the old node: %+v", orgs)
	}
}

func TestMoveThatIsRefused(t *testing.T) { // [RV-70] [RV-71] [RV-72]
	old, next := newSite(t), newSite(t)
	anna := old.found("Acme")
	ben, guest := anna.join("Ben"), anna.joinAs(membership.RoleGuest, "guest")
	name := membership.Event{Org: guest.Org, Counter: 1, At: guest.size(), Name: &membership.NameChange{Name: "Gustav"}}
	if err := guest.Submit(old.ctx(), membership.SignEvent(name, guest.key, nil)); err != nil {
		t.Fatal(err)
	}
	roll, partial := anna.keepRoll(), ben.keepRoll()
	move := anna.moveTo(next, roll)
	token := next.claimToken()
	there := anna.at(next)
	hand := func(token [32]byte, entries [][]byte, move []byte) error {
		return there.HandOver(next.ctx(), token, anna.Org, entries, move)
	}
	elsewhere := anna.moveTo(old, roll)
	wantStatus(t, "without a token", hand([32]byte{1}, roll.entries, move), wire.StatusNotFound)
	wantStatus(t, "with hidden entries", hand(token, partial.entries, move), wire.StatusRefused)
	wantStatus(t, "with a gap", hand(token, append(slices.Clone(roll.entries[:3]), roll.entries[4:]...), move), wire.StatusRefused)
	wantStatus(t, "from the middle", hand(token, roll.entries[1:], move), wire.StatusRefused)
	wantStatus(t, "too few entries", hand(token, roll.entries[:len(roll.entries)-1], move), wire.StatusStale)
	wantStatus(t, "to another node", hand(token, roll.entries, elsewhere), wire.StatusRefused)
	wantStatus(t, "by a member", hand(token, roll.entries, ben.moveTo(next, roll)), wire.StatusRefused)
	wantStatus(t, "no move", hand(token, roll.entries, anna.as(anna.key, anna.counter+1, membership.Event{Cancel: &membership.Cancel{}}, nil)), wire.StatusRefused)
	founder := next.found("Other")
	ours := founder.keepRoll()
	wantStatus(t, "an organization that is here", founder.HandOver(next.ctx(), token, founder.Org, ours.entries, founder.moveTo(next, ours)), wire.StatusUsed)
	wantShutOut(t, there, wire.StatusNotMember)

	wantStatus(t, "at the old node, by a member", ben.Submit(old.ctx(), ben.moveTo(next, roll)), wire.StatusRefused)
	wantLetIn(t, anna)
	// Two entries more at the old node, and then a move from before them: these are lost, and handed in again elsewhere.
	anna.invite(1)
	anna.invite(1)
	wantStatus(t, "at last", hand(token, roll.entries, move), wire.StatusOK)
	wantStatus(t, "at the old node", ben.SubmitMove(old.ctx(), move, there.hasTaken()), wire.StatusOK)
	_, err := ben.Fetch(old.ctx(), 0)
	wantStatus(t, "the old node", err, wire.StatusMoved)

	// And back again, to the node that had it before.
	there.counter = anna.counter - 1
	there.join("Carl")
	roll = there.keepRoll()
	back := there.moveTo(old, roll)
	wantStatus(t, "back", anna.HandOver(old.ctx(), old.claimToken(), anna.Org, roll.entries, back), wire.StatusOK)
	wantStatus(t, "back, at the node in between", there.SubmitMove(next.ctx(), back, anna.hasTaken()), wire.StatusOK)
	for range 2 {
		anna.counter = there.counter + 1
		wantLetIn(t, ben)
		if size := anna.size(); size != roll.Size()+1 {
			t.Errorf("%d entries, want %d", size, roll.Size()+1)
		}
		old.restart()
		old.follow(anna, ben)
	}
	anna.join("Dora")
}

// A roll of several pieces is handed over, and begun anew. [RV-70]
func TestLongRollIsHandedOver(t *testing.T) {
	old, next := newSite(t), newSite(t)
	anna := old.found("Acme")
	for range 40 {
		anna.invite(1)
	}
	roll := anna.keepRoll()
	there := anna.at(next)
	token := next.claimToken()
	piece := func(from int, entries [][]byte) wire.Status {
		return next.node.handOver(&rvproto.HandOverRequest{Token: token, Org: anna.Org, From: uint64(from), Entries: entries}).Status
	}
	for doing, got := range map[string]bool{
		"first":      piece(0, roll.entries[:20]) == wire.StatusOK,
		"with a gap": piece(21, roll.entries[21:]) == wire.StatusStale,
		"second":     piece(20, roll.entries[20:30]) == wire.StatusOK,
		"twice":      piece(20, roll.entries[20:30]) == wire.StatusStale,
	} {
		if !got {
			t.Errorf("piece: %s", doing)
		}
	}
	shorter := anna.moveTo(next, roll)
	wantStatus(t, "anew", there.HandOver(next.ctx(), token, anna.Org, roll.entries, shorter), wire.StatusOK)
	if size := there.size(); size != roll.Size()+1 {
		t.Errorf("%d entries, want %d", size, roll.Size()+1)
	}
}

// A move alone does nothing at the node that has the duty: whom it names may be nobody. [RV-72]
func TestMoveThatNobodyHasTaken(t *testing.T) {
	old, next := newSite(t), newSite(t)
	anna := old.found("Acme")
	evil, ben := anna.joinAs(membership.RoleAdmin, "Mallory"), anna.join("Ben")
	roll := evil.keepRoll()
	move := evil.moveTo(next, roll)
	root, err := roll.Root(roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	size := roll.Size()
	note := func(node keys.PrivateKey, org keys.OrgID, term, size uint64) []byte {
		return membership.SignCheckpoint(node, org, term, size, root, time.Now())
	}
	for doing, check := range map[string]struct {
		note []byte
		want wire.Status
	}{
		"without a checkpoint":         {nil, wire.StatusConflict},
		"with no checkpoint":           {[]byte("note"), wire.StatusRefused},
		"with the old node's":          {roll.note, wire.StatusRefused},
		"by the old node":              {note(old.node.key, anna.Org, 2, size+1), wire.StatusRefused},
		"by the admin's own device":    {note(evil.key, anna.Org, 2, size+1), wire.StatusRefused},
		"of another organization":      {note(next.node.key, keys.OrgID{1}, 2, size+1), wire.StatusRefused},
		"of the term before":           {note(next.node.key, anna.Org, 1, size+1), wire.StatusRefused},
		"of the term after":            {note(next.node.key, anna.Org, 3, size+1), wire.StatusRefused},
		"that does not cover the move": {note(next.node.key, anna.Org, 2, size), wire.StatusRefused},
	} {
		wantStatus(t, doing, evil.SubmitMove(old.ctx(), move, check.note), check.want)
	}
	wantStatus(t, "by a member", ben.SubmitMove(old.ctx(), ben.moveTo(next, roll), note(next.node.key, anna.Org, 2, size+1)), wire.StatusRefused)
	wantStatus(t, "presented", func() error { return evil.Present(old.ctx(), rootMove(evil, next, roll)) }(), wire.StatusConflict)
	if got := ben.size(); got != size {
		t.Errorf("%d entries, want %d", got, size)
	}
	wantLetIn(t, ben)
	anna.bar(evil, 0)
	wantStatus(t, "by an admin who is barred", ben.SubmitMove(old.ctx(), move, note(next.node.key, anna.Org, 2, size+1)), wire.StatusRefused)
	old.restart()
	old.follow(ben)
	wantLetIn(t, ben)
}

// rootMove is moveTo by the organization's root key.
func rootMove(d *device, s *site, roll *copyRoll) membership.SignedEvent {
	d.t.Helper()
	event, err := membership.ReadEvent(d.moveTo(s, roll))
	if err != nil {
		d.t.Fatal(err)
	}
	event.Counter = 1
	return membership.SignEvent(event, keyOf("Acme root"), nil)
}
