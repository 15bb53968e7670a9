package rendezvous

import (
	"crypto/rand"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
)

// elsewhere is a roll as another process of the node has it, which appends to the same store.
func (s *site) elsewhere(o *org) *roll {
	s.t.Helper()
	there, err := openRoll(s.node.store, s.node.key, o.id, o.roll.table)
	if err != nil {
		s.t.Fatal(err)
	}
	return there
}

// put appends an event of a device by another process, and returns the key of its entry.
func (r *roll) put(t *testing.T, by *device, e membership.Event) []byte {
	t.Helper()
	e.Org, e.Counter, e.At = by.Org, by.counter+1, r.roll.Size()
	key := kv.Key(r.table, r.org[:], kv.Number(r.roll.Size()))
	if _, err := r.append(rand.Reader, time.Now(), membership.SignEvent(e, by.key, nil), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	by.counter++
	return key
}

// replace puts another value in the place of one of the store, and returns that.
func (s *site) replace(key, value []byte) (before []byte) {
	s.t.Helper()
	err := s.node.store.Update(func(tx *kv.Tx) (err error) {
		if before, err = tx.Get(key); err != nil {
			return err
		}
		return tx.Put(key, value)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return before
}

// What could be folded of what another process has put on a roll holds at once, though what follows it cannot be read; and that holds
// once it can. [STO-92]
func TestABarHoldsThoughTheNextEntryCannotBeRead(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone, tablet := anna.add("phone"), anna.add("tablet")
	o := s.node.directory.org(anna.Org)
	there := s.elsewhere(o)
	there.put(t, anna, membership.Event{Bar: &membership.Bar{Device: phone.key.Public()}})
	key := there.put(t, anna, membership.Event{Bar: &membership.Bar{Device: tablet.key.Public()}})
	second := s.replace(key, []byte("damage"))
	overtake := func() error { return s.node.sequenced(func() error { return s.node.overtake(o) }) }
	if err := overtake(); err == nil {
		t.Error("the damage is not told")
	}
	if s.node.directory.active(phone.key.Public()) != nil {
		t.Error("who is barred is served")
	}
	if s.node.directory.active(tablet.key.Public()) == nil {
		t.Error("one is shut out whose bar is not known")
	}
	s.replace(key, second)
	if err := overtake(); err != nil {
		t.Fatal(err)
	}
	if s.node.directory.active(tablet.key.Public()) != nil {
		t.Error("who is barred is served")
	}
}

// What another process changed and could not be taken in is tried again by itself: nobody has to change it once more. [STO-92]
func TestWhatCouldNotBeTakenInIsTriedAgain(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	there := s.elsewhere(s.node.directory.org(anna.Org))
	key := there.put(t, anna, membership.Event{Bar: &membership.Bar{Device: phone.key.Public()}})
	bar := s.replace(key, []byte("damage"))
	faults := s.node.counters.faults.Load()
	s.node.foreign.add([][]byte{key})
	if !await(func() bool { return s.node.counters.faults.Load() > faults }) {
		t.Fatal("the damage is not told")
	}
	s.replace(key, bar)
	if !await(func() bool { return s.node.directory.active(phone.key.Public()) == nil }) {
		t.Error("who is barred is served")
	}
}

// More entries than one looks at one by one hold as well, however many they are.
func TestManyEntriesOfAnotherProcessHold(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	o := s.node.directory.org(anna.Org)
	var devices []keys.PublicKey
	for _, name := range []string{"phone", "tablet"} {
		devices = append(devices, anna.add(name).key.Public())
	}
	there := s.elsewhere(o)
	there.put(t, anna, membership.Event{Bar: &membership.Bar{Device: devices[0]}})
	for n := range followSingly + 1 {
		there.put(t, anna, membership.Event{Name: &membership.NameChange{Name: "Anna " + string(rune('A'+n))}})
	}
	there.put(t, anna, membership.Event{Bar: &membership.Bar{Device: devices[1]}})
	if err := s.node.sequenced(func() error { return s.node.overtake(o) }); err != nil {
		t.Fatal(err)
	}
	for i, device := range devices {
		if s.node.directory.active(device) != nil {
			t.Errorf("device %d, which is barred, is served", i)
		}
	}
	if o.roll.roll.Size() != there.roll.Size() {
		t.Errorf("%d of %d entries", o.roll.roll.Size(), there.roll.Size())
	}
}
