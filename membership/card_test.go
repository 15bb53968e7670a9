package membership_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
)

func goodCard(t testing.TB) membership.Card {
	invitation := goodInvitation(t)
	return membership.Card{Org: invitation.Org, Nodes: invitation.Nodes, Number: 7}
}

func goodRequest(t testing.TB) membership.Request {
	return membership.Request{
		Org: goodInvitation(t).Org, Device: keys.FromSeed([32]byte{1}).Public(), Recovery: keys.FromSeed([32]byte{2}).Public(), Name: "Bo",
	}
}

// [ROLL-110]
func TestCard(t *testing.T) {
	good := goodCard(t)
	got, err := membership.ParseCard(good.Text())
	if diff := cmp.Diff(good, got); err != nil || diff != "" {
		t.Errorf("ParseCard(Text()): %v %s", err, diff)
	}
	nobody, nowhere, address := good, good, good
	nobody.Org = keys.OrgID{}
	nowhere.Nodes = []membership.NodeAddress{}
	address.Nodes = []membership.NodeAddress{{Key: good.Nodes[0].Key, Addresses: []string{"localhost"}}}
	for name, text := range map[string]string{
		"empty": "", "prefix": strings.Replace(good.Text(), "card", "join", 1), "cut": good.Text()[:len(good.Text())-1],
		"space": good.Text() + " ", "no organization": nobody.Text(), "no node": nowhere.Text(), "address": address.Text(),
		"an invitation": strings.Replace(goodInvitation(t).Link(), "join", "card", 1),
	} {
		if _, err := membership.ParseCard(text); !errors.Is(err, membership.ErrCard) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// [ROLL-111]
func TestRequest(t *testing.T) {
	good := goodRequest(t)
	got, err := membership.ParseRequest(good.Link())
	if diff := cmp.Diff(good, got); err != nil || diff != "" {
		t.Errorf("ParseRequest(Link()): %v %s", err, diff)
	}
	other := good
	other.Recovery = keys.FromSeed([32]byte{3}).Public()
	if other.Code() == good.Code() || len(good.Code()) != 19 {
		t.Errorf("codes %q and %q", good.Code(), other.Code())
	}
	nobody, nowhere, same, weak := good, good, good, good
	nobody.Name, nowhere.Org, same.Recovery, weak.Device = "", keys.OrgID{}, good.Device, keys.PublicKey{1}
	long := good
	long.Name = strings.Repeat("a", membership.MaxNameBytes+1)
	for name, text := range map[string]string{
		"empty": "", "prefix": strings.Replace(good.Link(), "again", "join", 1), "cut": good.Link()[:len(good.Link())-1],
		"space": good.Link() + " ", "no name": nobody.Link(), "a long name": long.Link(), "no organization": nowhere.Link(),
		"one key": same.Link(), "a weak key": weak.Link(),
	} {
		if _, err := membership.ParseRequest(text); !errors.Is(err, membership.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is read is written as the same text.
func FuzzCard(f *testing.F) {
	f.Add(goodCard(f).Text())
	f.Add(goodRequest(f).Link())
	f.Fuzz(func(t *testing.T, text string) {
		if card, err := membership.ParseCard(text); err == nil && card.Text() != text {
			t.Errorf("%q becomes %q", text, card.Text())
		}
		if request, err := membership.ParseRequest(text); err == nil && request.Link() != text {
			t.Errorf("%q becomes %q", text, request.Link())
		}
	})
}
