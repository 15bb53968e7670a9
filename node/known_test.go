package node

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// knowing returns a device of the founder that has the newest roll, and another one that lacks the last events of it. [NEAR-7]
func knowing(t *testing.T, org *membershiptest.Org) (ahead, behind *organization, newest keys.PublicKey) {
	t.Helper()
	self := *org.Founder
	self.Devices = []keys.PrivateKey{org.AddDevice(org.Founder)}
	behind = newDevice(t, org, &self)
	org.Invite(org.Founder, membership.RoleMember, 1)
	newest = org.AddDevice(org.Founder).Public()
	return newDevice(t, org, org.Founder), behind, newest
}

func (o *organization) told(t *testing.T, from uint64) known {
	t.Helper()
	k, err := o.tellKnown(from, true, keys.MemberID{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// [NEAR-7]
func TestRollIsHandedOver(t *testing.T) {
	org := newRoll(t, "ann")
	ahead, behind, newest := knowing(t, org)
	size := behind.roll.Size()
	bar := org.BarEvent(org.Founder.Device(), newest, org.Roll.Size())
	if err := ahead.hearBar(bar); err != nil {
		t.Fatal(err)
	}
	k := ahead.told(t, size)
	if k.Size != org.Roll.Size() || uint64(len(k.Entries)) != k.Size-size || len(k.Bars) != 1 {
		t.Fatalf("told are %d entries and %d bars, of %d", len(k.Entries), len(k.Bars), k.Size)
	}
	behind.hearKnown(ahead.device, k)
	if active := behind.active(org.Founder); behind.roll.Size() != k.Size || len(active) != 2 || slices.Contains(active, newest) {
		t.Errorf("the roll has %d entries, and the devices are %v", behind.roll.Size(), active)
	}
	behind.mu.Lock()
	err := behind.rereadLocked()
	behind.mu.Unlock()
	if err != nil || behind.roll.Size() != k.Size {
		t.Errorf("what was stored: %d entries, %v", behind.roll.Size(), err)
	}
	if again := ahead.told(t, k.Size); len(again.Entries) > 0 {
		t.Errorf("one that has all gets %d entries", len(again.Entries))
	}
}

// A stolen device of the account can hand over what it likes: nothing of it is believed, nor held against the rendezvous node.
func TestForgedRollIsNotTaken(t *testing.T) {
	org := newRoll(t, "ann")
	ahead, behind, _ := knowing(t, org)
	size := behind.roll.Size()
	for name, change := range map[string]func(*known){
		"an entry is another":  func(k *known) { k.Entries[0] = k.Entries[1] },
		"an entry is no entry": func(k *known) { k.Entries[0] = []byte{0} },
		"one is missing":       func(k *known) { k.Entries = k.Entries[1:] },
		"the proof is another": func(k *known) { k.Proof = nil },
		"the checkpoint is of an earlier roll": func(k *known) {
			behind.mu.Lock()
			defer behind.mu.Unlock()
			k.Checkpoint = behind.roll.Note()
		},
		"the checkpoint is another's": func(k *known) { k.Checkpoint = newRollWith(t, membershiptest.Config{Seed: 9}).Checkpoint() },
		"bars that are none":          func(k *known) { k.Entries, k.Bars = nil, [][]byte{{1}, nil} },
	} {
		k := ahead.told(t, size)
		change(&k)
		behind.hearKnown(ahead.device, k)
		alarms := behind.alarms(t)
		if behind.roll.Size() != size || behind.distrust != nil || len(alarms) > 0 {
			t.Errorf("%s: the roll has %d entries, distrust is %v, alarms are %q", name, behind.roll.Size(), behind.distrust, alarms)
		}
	}
	behind.hearKnown(ahead.device, ahead.told(t, size))
	if behind.roll.Size() != org.Roll.Size() {
		t.Errorf("after all that the roll has %d entries", behind.roll.Size())
	}
}

// Under an old checkpoint nobody becomes a member.
func TestOldRollIsNotTaken(t *testing.T) {
	ahead, behind, _ := knowing(t, membershiptest.NewWith(t, membershiptest.Config{Seed: 1, Start: time.Now().Add(-1000 * 24 * time.Hour)}))
	size := behind.roll.Size()
	k := ahead.told(t, size)
	if behind.hearKnown(ahead.device, k); len(k.Entries) == 0 || behind.roll.Size() != size {
		t.Error("entries under an old checkpoint are taken")
	}
}

func FuzzKnown(f *testing.F) {
	f.Add(wire.Encode(known{Size: 3, Checkpoint: []byte("note"), Entries: [][]byte{{1}}, Proof: [][32]byte{{}}, Bars: [][]byte{{2}}}))
	f.Add(wire.Encode(known{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var k known
		if wire.Decode(data, &k) == nil && !bytes.Equal(wire.Encode(k), data) {
			t.Errorf("%x is written again as %x", data, wire.Encode(k))
		}
	})
}
