package membership_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// seeds adds the bytes of a group of vectors to a fuzz target.
func seeds(f *testing.F, group string) {
	f.Helper()
	for _, v := range readVectors(f) {
		if strings.HasPrefix(v.name, group+"_") {
			f.Add(v.data)
		}
	}
}

// What OpenEvent reads encodes to the bytes it was read from, and says who spoke.
func FuzzOpenEvent(f *testing.F) {
	for _, v := range readVectors(f) {
		if entry, err := membership.ParseEntry(v.data); err == nil {
			f.Add(entry.Event)
		}
	}
	f.Fuzz(checkEvent)
}

func checkEvent(t *testing.T, data []byte) {
	event, principal, err := membership.OpenEvent(data)
	if err != nil {
		if _, ok := membership.ReasonOf(err); !ok {
			t.Fatalf("refused without a reason: %v", err)
		}
		return
	}
	s := parts(data)
	if !bytes.Equal(wire.Encode(event), s.Body) || !bytes.Equal(wire.Encode(s), data) {
		t.Fatal("the event does not encode to the bytes it was read from")
	}
	if principal.Signer != event.Signer || principal.Org.IsZero() {
		t.Fatalf("%+v for %+v", principal, event)
	}
}

// What ParseEntry reads encodes to the bytes it was read from, and a roll takes it or refuses it for a reason.
func FuzzEntry(f *testing.F) {
	seeds(f, "entry")
	seeds(f, "fold")
	f.Fuzz(checkEntry)
}

func checkEntry(t *testing.T, data []byte) {
	entry, err := membership.ParseEntry(data)
	if err != nil {
		return
	}
	if !bytes.Equal(entry.Marshal(), data) {
		t.Fatal("the entry does not encode to the bytes it was read from")
	}
	if err := commonRoll(t).Check(entry.Event, entry.Time); err != nil {
		if _, ok := membership.ReasonOf(err); !ok {
			t.Fatalf("refused without a reason: %v", err)
		}
	}
}

var common struct {
	once sync.Once
	roll *membership.Roll
}

// commonRoll returns a small roll that no test changes.
func commonRoll(t *testing.T) *membership.Roll {
	common.once.Do(func() { common.roll = membershiptest.New(t, 1).Roll })
	return common.roll
}

// What OpenGrant reads is what a device of the giver signed, byte for byte.
func FuzzGrant(f *testing.F) {
	seeds(f, "grant")
	o, ann, _ := grantOrg(f)
	phone := o.AddDevice(ann)
	f.Fuzz(func(t *testing.T, data []byte) {
		grant, err := membership.OpenGrant(data, o.Roll.State(), o.Roll.Size())
		if err != nil {
			return
		}
		device := ann.Device()
		if grantParts(data).Signer == phone.Public() {
			device = phone
		}
		if !bytes.Equal(membership.SignGrant(grant, device), data) {
			t.Fatal("the grant does not encode to the bytes it was read from")
		}
	})
}

// What ParseInvitation reads is written as the same link.
func FuzzInvitation(f *testing.F) {
	for _, v := range readVectors(f) {
		if strings.HasPrefix(v.name, "invitation_") {
			f.Add(string(v.data))
		}
	}
	f.Fuzz(checkInvitation)
}

func checkInvitation(t *testing.T, link string) {
	invitation, err := membership.ParseInvitation(link)
	if err == nil && invitation.Link() != link {
		t.Fatal("the invitation is written as another link")
	}
}

// What OpenCheckpoint reads is what SignCheckpoint writes.
func FuzzCheckpoint(f *testing.F) {
	seeds(f, "checkpoint")
	f.Fuzz(checkCheckpoint)
}

func checkCheckpoint(t *testing.T, data []byte) {
	node, org := keys.FromSeed([32]byte{1}), keys.OrgID{2}
	c, err := membership.OpenCheckpoint(data, org, node.Public())
	if err == nil && !bytes.Equal(membership.SignCheckpoint(node, c.Org, c.Term, c.Size, c.Root, c.Time), data) {
		t.Fatal("the checkpoint is written as other bytes")
	}
}

// Names: what the rule allows folds to one key, stays in one line and within the caps.
func FuzzName(f *testing.F) {
	for _, bad := range badNames {
		f.Add(bad.text)
	}
	f.Add("J. R. O'Hara Jr.")
	f.Fuzz(func(t *testing.T, name string) {
		if membership.CheckName(name) != nil {
			return
		}
		if len(name) > membership.MaxNameBytes || strings.ContainsAny(name, "\n\r\t<>&@/:\"\\") {
			t.Fatalf("%q is allowed", name)
		}
	})
}

// No bytes make a decoder panic: vectors with bytes changed, put in, cut out and repeated.
func TestNoPanic(t *testing.T) {
	all := readVectors(t)
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.SampledFrom(all).Draw(rt, "vector")
		data := bytes.Clone(v.data)
		if entry, err := membership.ParseEntry(data); err == nil && rapid.Bool().Draw(rt, "inner") {
			data = bytes.Clone(entry.Event)
		}
		for range rapid.IntRange(0, 4).Draw(rt, "changes") {
			at := rapid.IntRange(0, len(data)).Draw(rt, "at")
			patch := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(rt, "patch")
			cut := rapid.IntRange(0, min(4, len(data)-at)).Draw(rt, "cut")
			data = append(append(bytes.Clone(data[:at]), patch...), data[at+cut:]...)
		}
		checkEvent(t, data)
		checkEntry(t, data)
		checkInvitation(t, string(data))
		checkCheckpoint(t, data)
		if _, err := membership.OpenGrant(data, commonRoll(t).State(), 0); err != nil {
			if _, ok := membership.ReasonOf(err); !ok {
				rt.Fatalf("refused without a reason: %v", err)
			}
		}
		_, _ = membership.NewRoll(keys.OrgID{2}).Extend(
			data, keys.FromSeed([32]byte{1}).Public(), []membership.Entry{{Time: -1, Event: data}}, nil)
	})
}

// The cosignature's time survives whatever clock a node has.
func TestCheckpointTimes(t *testing.T) {
	node, org := keys.FromSeed([32]byte{1}), keys.OrgID{2}
	for _, want := range []int64{0, 1, checkpointTime, membership.MaxTime / 1000} {
		data := membership.SignCheckpoint(node, org, 1, 7, membership.Hash{}, time.Unix(want, 0))
		if c, err := membership.OpenCheckpoint(data, org, node.Public()); err != nil || c.Time.Unix() != want {
			t.Errorf("%d: %v, %v", want, c.Time, err)
		}
	}
}

func FuzzEnrolmentLink(f *testing.F) { // [ROLL-187]
	f.Add(membership.EnrolmentLink{Org: keys.OrgID{1}, URL: "https://sso.example", Key: keys.PublicKey{1}, Pin: make([]byte, 32)}.Link())
	f.Add("muster:sso/")
	f.Fuzz(func(t *testing.T, text string) {
		link, err := membership.ParseEnrolmentLink(text)
		if err != nil {
			if !errors.Is(err, membership.ErrEnrolmentLink) {
				t.Fatalf("%v does not wrap ErrEnrolmentLink", err)
			}
			return
		}
		if link.Link() != text {
			t.Error("it has a second form")
		}
	})
}
