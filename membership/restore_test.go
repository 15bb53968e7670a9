package membership_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// lived returns an organization in which much has happened: bars, decisions, a re-admission, a guest, a new root key and a
// move of the sequencing duty.
func lived(t *testing.T) *stage {
	s := newStage(t)
	admin, owner := s.admin("Anna"), s.Join("Berta")
	s.JoinAs("Gerda", membership.RoleGuest)
	stolen := s.add(admin.Device())
	_, theft := s.take(stolen, membership.Suspend{Member: owner.ID})
	s.take(admin.Device(), bar(stolen, theft))
	device, recovery := s.Key(), s.Key()
	readmission, _ := s.take(admin.Device(), membership.Readmit{
		Member: owner.ID, Device: device.Public(), Recovery: recovery.Public(), Root: s.Root.Public(),
	}, s.Root)
	s.wait(4 * day)
	s.take(device, membership.Enter{Readmission: readmission})
	node, root := s.Key(), s.RootAt(s.Roll.Size())
	s.take(admin.Device(), membership.Rendezvous{
		Node: node.Public(), Addresses: []string{"/ip4/192.0.2.2/tcp/1"}, Term: 2, Size: s.Roll.Size(), Root: root[:],
	})
	s.Node = node
	fresh := s.Key()
	s.take(s.Root, membership.RootChange{Key: fresh.Public()}, fresh)
	s.Invite(s.Founder, membership.RoleMember, 3)
	return s
}

// A restored roll is the one that was verified, in all that it is made of, and goes on like it. [ROLL-59]
func TestRestore(t *testing.T) {
	s := lived(t)
	size := s.Roll.Size()
	note := membership.SignCheckpoint(s.Node, s.ID, 2, size, s.RootAt(size), s.Now)
	folded, _, err := membership.Rebuild(s.ID, keys.MemberID{}, note, s.Node.Public(), s.Entries)
	if err != nil {
		t.Fatal(err)
	}
	restored := membership.NewRoll(s.ID)
	if err := restored.Restore(s.Entries, s.RootAt(size)); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := restored.Extend(note, keys.PublicKey{}, nil, nil)
	if err != nil || checkpoint.Size != size {
		t.Fatalf("adopting the checkpoint again: %v", err)
	}
	if !reflect.DeepEqual(folded, restored) {
		sameState(t, folded.State(), restored.State())
		t.Fatal("another roll")
	}
	s.Join("Carla")
	for _, entry := range s.Entries[size:] {
		if err := restored.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	sameState(t, s.Roll.State(), restored.State())
	if err := restored.Compare(s.Roll.Size(), s.RootAt(s.Roll.Size())); err != nil {
		t.Error(err)
	}
	if err := restored.Restore(s.Entries, s.RootAt(size)); !errors.Is(err, membership.ErrNotEmpty) {
		t.Errorf("restoring twice: %v", err)
	}
	if err := membership.NewRoll(s.ID).Restore(nil, membership.Hash{}); !errors.Is(err, membership.ErrEntries) {
		t.Errorf("nothing, with a root that is not its own: %v", err)
	}
}

// No byte that was stored can be changed, no entry left out or added: the root says what was verified. [ROLL-59]
func TestRestoreRefusesWhatWasNotVerified(t *testing.T) {
	s := lived(t)
	size := s.Roll.Size()
	for name, change := range map[string]func([]membership.Entry) []membership.Entry{
		"an event":        func(e []membership.Entry) []membership.Entry { e[5].Event[40] ^= 1; return e },
		"its signature":   func(e []membership.Entry) []membership.Entry { e[5].Event[len(e[5].Event)-80] ^= 1; return e },
		"its stamp":       func(e []membership.Entry) []membership.Entry { e[5].Time++; return e },
		"its nonce":       func(e []membership.Entry) []membership.Entry { e[5].Nonce[0] ^= 1; return e },
		"its audience":    func(e []membership.Entry) []membership.Entry { e[5].Audience.Kind = membership.AudienceDesks; return e },
		"an entry less":   func(e []membership.Entry) []membership.Entry { return e[:size-1] },
		"an entry more":   func(e []membership.Entry) []membership.Entry { return append(e, e[size-1]) },
		"another order":   func(e []membership.Entry) []membership.Entry { e[4], e[5] = e[5], e[4]; return e },
		"one in between":  func(e []membership.Entry) []membership.Entry { return slices.Delete(e, 5, 6) },
		"nothing at all":  func([]membership.Entry) []membership.Entry { return nil },
		"none but others": func(e []membership.Entry) []membership.Entry { return e[:2] },
	} {
		entries := slices.Clone(s.Entries)
		for i := range entries {
			entries[i].Event = slices.Clone(entries[i].Event)
		}
		roll := membership.NewRoll(s.ID)
		if err := roll.Restore(change(entries), s.RootAt(size)); !errors.Is(err, membership.ErrEntries) || roll.Size() != 0 {
			t.Errorf("%s changed: %v, size %d", name, err, roll.Size())
		}
	}
	if err := membership.NewRoll(keys.OrgID{1}).Restore(s.Entries, s.RootAt(size)); !errors.Is(err, membership.ReasonOrg) {
		t.Errorf("another organization's: %v", err)
	}
}

// The rules are asked again: what a later build refuses, or a root over something that was never verified, ends there.
// Signatures alone are not. [ROLL-59]
func TestRestoreAsksTheRules(t *testing.T) {
	s := newStage(t)
	member := s.Join("Anna")
	for name, event := range map[string]membership.SignedEvent{
		"a replayed event":       s.Entries[2].Event,
		"a stranger's event":     s.sign(s.Key(), membership.Cancel{}),
		"a member's role change": s.sign(member.Device(), membership.RoleChange{Member: member.ID, Role: membership.RoleAdmin}),
	} {
		entries := append(slices.Clone(s.Entries), s.Entry(event))
		leaves := make([]membership.Hash, len(entries))
		for i, e := range entries {
			leaves[i] = e.Leaf()
		}
		root, _ := treeOf(t, leaves, 1)
		roll := membership.NewRoll(s.ID)
		var broken *membership.RuleBrokenError
		if err := roll.Restore(entries, root); !errors.As(err, &broken) || broken.Index != uint64(len(entries)-1) {
			t.Errorf("%s: %v", name, err)
		}
		if roll.Compare(s.Roll.Size(), s.RootAt(s.Roll.Size())) != nil {
			t.Errorf("%s: the entries before it are not the roll's", name)
		}
	}
}

// A roll with entries whose events are for others comes back as it was; of one that nobody can judge, what could be. [ROLL-18]
func TestRestoreWithHiddenEntries(t *testing.T) {
	s := newStage(t)
	reader := s.Join("Anna")
	guest := s.JoinAs("Gerda", membership.RoleGuest)
	s.take(guest.Device(), membership.NameChange{Name: "Gisela"})
	hidden := slices.Clone(s.Entries)
	for i, e := range hidden {
		if e.Audience != (membership.Audience{}) {
			hidden[i] = e.Hide()
		}
	}
	root, note := s.RootAt(s.Roll.Size()), s.Checkpoint()
	folded, _, err := membership.Rebuild(s.ID, reader.ID, note, s.Node.Public(), hidden)
	if err != nil {
		t.Fatal(err)
	}
	restored := membership.NewRoll(s.ID)
	restored.ReadAs(reader.ID)
	if err := restored.Restore(hidden, root); err != nil {
		t.Fatal(err)
	}
	if _, err := restored.Extend(note, keys.PublicKey{}, nil, nil); err != nil || !reflect.DeepEqual(folded, restored) {
		t.Errorf("another roll: %v", err)
	}
	mixed := slices.Clone(hidden)
	mixed[len(mixed)-1] = s.Entries[len(mixed)-1]
	restored = membership.NewRoll(s.ID)
	if err := restored.Restore(mixed, root); !errors.Is(err, membership.ErrWithheld) || restored.Size() != s.Roll.Size()-1 {
		t.Errorf("an entry that nobody can judge: %v at size %d", err, restored.Size())
	}
	if _, err := restored.Root(restored.Size()); err != nil {
		t.Error(err)
	}
}
