package membership_test

import (
	"bytes"
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// moved returns the roll of a branch that ends with a move, as its node shows it.
func moved(t testing.TB, o *testOrg) *membership.Roll {
	t.Helper()
	roll, checkpoint, err := membership.Rebuild(o.ID, keys.MemberID{}, o.Checkpoint(), o.Node.Public(), o.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if checkpoint.Term != o.Term() || roll.Size() != o.Roll.Size() {
		t.Fatalf("%+v", checkpoint)
	}
	return roll
}

// A device learns of a move, fetches all of the new node's roll, and finds where it parts from its own. [ROLL-58]
func TestSucceed(t *testing.T) {
	o := grown(t, 1, 8)
	own := o.Replica()
	next := o.Branch(6)
	next.Move(o.Founder.Device(), o.Key())
	next.Join("Ann")

	proof, err := next.Roll.ProveConsistency(6, next.Roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	behind := prefix(t, o, 6)
	for name, node := range map[string]keys.PublicKey{"new": next.Node.Public(), "old": o.Node.Public()} {
		note := membership.SignCheckpoint(o.Node, o.ID, 1, next.Roll.Size(), root(t, next.Roll), o.Now)
		if _, err := behind.Extend(note, node, next.Entries[6:], proof); !errors.Is(err, membership.ErrMoved) {
			t.Errorf("entries with a move, the %s node named: %v, want ErrMoved", name, err)
		}
	}
	if _, err := behind.Extend(next.Checkpoint(), next.Node.Public(), next.Entries[6:], proof); !errors.Is(err, membership.ErrCheckpointSignature) {
		t.Errorf("a checkpoint of the new node: %v, want ErrCheckpointSignature", err)
	}
	for _, c := range []struct {
		own    *membership.Roll
		common uint64
	}{{own, 6}, {behind, 6}, {prefix(t, o, 4), 4}} {
		if common, err := c.own.Succeed(moved(t, next)); err != nil || common != c.common {
			t.Errorf("from size %d: %d, %v; want %d", c.own.Size(), common, err, c.common)
		}
	}
	if _, err := moved(t, next).Succeed(own); !errors.Is(err, membership.ErrSequencer) {
		t.Errorf("back again: %v, want ErrSequencer", err)
	}
	later := next.Branch(next.Roll.Size())
	later.Move(o.Root, o.Key())
	if common, err := own.Succeed(moved(t, later)); err != nil || common != 6 {
		t.Errorf("two moves at once: %d, %v", common, err)
	}
	if common, err := moved(t, next).Succeed(moved(t, later)); err != nil || common != next.Roll.Size() {
		t.Errorf("the second move: %d, %v", common, err)
	}
}

// What came before the move must be what we have. [ROLL-58]
func TestSucceedForked(t *testing.T) {
	o, next := grown(t, 1, 8), fork(t, 1, 4, 7)
	own := o.Replica()
	next.Move(next.Founder.Device(), next.Key())
	forked, ok := errors.AsType[*membership.ForkError](third(own.Succeed(moved(t, next))))
	if !ok || !forked.Proved || forked.Size != 7 || !bytes.Equal(forked.Own, o.Checkpoint()) || forked.OwnRoot == forked.OtherRoot {
		t.Errorf("%+v, want *ForkError", forked)
	}
}

func third(_ uint64, err error) error { return err }

// Who may not act for the organization any more, by the entries that a move leaves behind, cannot undo that by the move.
// [ROLL-58]
func TestSucceedByWhoLostTheRight(t *testing.T) {
	for name, c := range map[string]struct {
		lost func(o *testOrg, bob *membershiptest.Member)
		want error
	}{
		"nothing happened": {func(o *testOrg, _ *membershiptest.Member) { o.Join("Ann") }, nil},
		"barred by recovery": {func(o *testOrg, bob *membershiptest.Member) {
			o.Bar(bob.Recovery, bob.Device().Public(), o.Roll.Size())
		}, membership.ReasonRole},
		"barred by an admin": {func(o *testOrg, bob *membershiptest.Member) {
			o.Bar(o.Founder.Device(), bob.Device().Public(), 0)
		}, membership.ReasonRole},
		"suspended": {func(o *testOrg, bob *membershiptest.Member) { o.Suspend(o.Founder.Device(), bob) }, membership.ReasonRole},
		"removed":   {func(o *testOrg, bob *membershiptest.Member) { o.Remove(bob.Recovery, bob) }, membership.ReasonRole},
		"no admin any more": {func(o *testOrg, bob *membershiptest.Member) {
			o.SetRole(o.Founder.Device(), bob, membership.RoleMember)
		}, membership.ReasonRole},
	} {
		t.Run(name, func(t *testing.T) {
			o := membershiptest.New(t, 1)
			bob := o.JoinAs("Bob", membership.RoleAdmin)
			next := o.Branch(o.Roll.Size())
			next.Move(bob.Device(), o.Key())
			c.lost(o, bob)
			if _, err := o.Replica().Succeed(moved(t, next)); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%v, want %v", err, c.want)
			}
			rooted := o.Branch(next.Roll.Size() - 1)
			rooted.Move(o.Root, o.Key())
			if _, err := o.Replica().Succeed(moved(t, rooted)); err != nil {
				t.Errorf("the root key moves: %v", err)
			}
		})
	}
}

// Of two moves of one term neither leads to the other; the root key settles which counts, from before both or by going
// on with one. [ROLL-58]
func TestSucceedTwoMovesOfOneTerm(t *testing.T) {
	o := grown(t, 1, 6)
	one, two := o.Branch(6), o.Branch(5)
	one.Move(o.Founder.Device(), o.Key())
	one.Join("Ann")
	two.Move(o.Founder.Device(), o.Key())
	two.Join("Bob")
	if _, err := moved(t, one).Succeed(moved(t, two)); !errors.Is(err, membership.ErrSequencer) {
		t.Errorf("the other of the same term: %v, want ErrSequencer", err)
	}
	longer := two.Branch(two.Roll.Size())
	longer.Move(o.Founder.Device(), o.Key())
	if _, err := moved(t, one).Succeed(moved(t, longer)); !errors.Is(err, membership.ErrSequencer) {
		t.Errorf("an admin goes on with the other: %v, want ErrSequencer", err)
	}
	for name, c := range map[string]struct {
		settled          *testOrg
		fromOne, fromTwo uint64
	}{
		"from before both":     {o.Branch(4), 4, 4},
		"by going on with one": {two.Branch(two.Roll.Size()), 5, two.Roll.Size()},
	} {
		node := o.Key()
		c.settled.Append(c.settled.MoveEvent(o.Root, node.Public(), 3))
		c.settled.Node = node
		for own, want := range map[*testOrg]uint64{one: c.fromOne, two: c.fromTwo} {
			if common, err := moved(t, own).Succeed(moved(t, c.settled)); err != nil || common != want {
				t.Errorf("%s: %d, %v; want %d", name, common, err, want)
			}
		}
	}
}

// A root key that was replaced settles nothing. [ROLL-58] [ROLL-96]
func TestSucceedByReplacedRoot(t *testing.T) {
	o := grown(t, 1, 6)
	next := o.Branch(6)
	next.Move(o.Root, o.Key())
	o.ReplaceRoot()
	if _, err := o.Replica().Succeed(moved(t, next)); !errors.Is(err, membership.ReasonKeyRole) {
		t.Errorf("%v, want ReasonKeyRole", err)
	}
}

// An admin's move leaves only so many entries behind, the root key's any number. [ROLL-58]
func TestSucceedLeavesBehind(t *testing.T) {
	o := membershiptest.New(t, 1)
	from := o.Roll.Size()
	byAdmin, byRoot := o.Branch(from), o.Branch(from)
	byAdmin.Move(o.Founder.Device(), o.Key())
	byRoot.Move(o.Root, o.Key())
	for range membership.MaxLost {
		o.Cancel(o.Founder.Device())
	}
	own := o.Replica()
	if common, err := own.Succeed(moved(t, byAdmin)); err != nil || common != from {
		t.Errorf("%d entries: %d, %v", membership.MaxLost, common, err)
	}
	o.Cancel(o.Founder.Device())
	own = o.Replica()
	if _, err := own.Succeed(moved(t, byAdmin)); !errors.Is(err, membership.ReasonMove) {
		t.Errorf("one entry more: %v, want ReasonMove", err)
	}
	if common, err := own.Succeed(moved(t, byRoot)); err != nil || common != from {
		t.Errorf("one entry more, by the root key: %d, %v", common, err)
	}
}

// What a node signs beyond the end of its term means nothing, and is no fork. [ROLL-58]
func TestVoidHead(t *testing.T) {
	o := grown(t, 1, 6)
	o.Move(o.Founder.Device(), o.Key()) // entry 6
	o.Join("Ann")
	s := moved(t, o).State()
	for _, c := range []struct {
		term, size uint64
		want       bool
	}{{1, 5, false}, {1, 6, false}, {1, 7, true}, {1, 100, true}, {2, 6, false}, {2, 100, false}, {3, 100, false}} {
		if got := s.VoidHead(c.term, c.size); got != c.want {
			t.Errorf("term %d, size %d: %v", c.term, c.size, got)
		}
	}
	if terms := s.Terms(); len(terms) != 2 || terms[1].From != 6 || terms[1].Node != o.Node.Public() || terms[1].ByRoot {
		t.Errorf("terms: %+v", terms)
	}
}

// A bar of a lost tail is handed in again and counts. [ROLL-58]
func TestLostTailIsHandedInAgain(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann := o.Join("Ann")
	second := o.AddDevice(ann)
	next := o.Branch(o.Roll.Size())
	next.Move(o.Founder.Device(), o.Key())
	bar := o.Bar(ann.Device(), second.Public(), o.Roll.Size())
	next.Append(bar.Event)
	if standing := next.Roll.State().Standing(second.Public()); standing != membership.StandingBarred {
		t.Errorf("the device is %v", standing)
	}
}

// A device whose bar a move leaves behind does not move the duty on before the bar is handed in again, unless the root
// key settles that. [ROLL-58]
func TestSucceedByWhoIsGone(t *testing.T) {
	o := membershiptest.New(t, 1)
	bob := o.JoinAs("Bob", membership.RoleAdmin)
	next := o.Branch(o.Roll.Size())
	next.Move(o.Founder.Device(), o.Key())
	o.Bar(bob.Recovery, bob.Device().Public(), o.Roll.Size())
	own := o.Replica()
	if _, err := own.Succeed(moved(t, next)); err != nil {
		t.Errorf("the founder's move: %v", err)
	}
	next.Move(bob.Device(), o.Key())
	if _, err := own.Succeed(moved(t, next)); !errors.Is(err, membership.ReasonBarred) {
		t.Errorf("a move by the barred device after it: %v, want ReasonBarred", err)
	}
	next.Move(o.Root, o.Key())
	if _, err := own.Succeed(moved(t, next)); err != nil {
		t.Errorf("the root key moves after both: %v", err)
	}

	first := o.Branch(own.Size() - 1)
	first.Move(bob.Device(), o.Key())
	first.Move(o.Root, o.Key())
	if _, err := own.Succeed(moved(t, first)); err != nil {
		t.Errorf("the root key goes on with the barred device's move: %v", err)
	}
}

// What a move would do to devices is nothing, and asks for no roll.
func TestOutcomeOfMove(t *testing.T) {
	o := grown(t, 1, 4)
	var move membership.Event
	decode(parts(o.MoveEvent(o.Founder.Device(), o.Key().Public(), 2)).Body, &move)
	if ended, returned := o.Roll.State().Outcome(move, o.Now.UnixMilli()); ended != nil || returned != nil {
		t.Errorf("ended %v, returned %v", ended, returned)
	}
}
