package envelope

import (
	"errors"
	"testing"

	"muster.example/internal/keys"
)

// Members, group and guest with the same bytes are three conversations. [ENV-15]
func TestPlacesAreApart(t *testing.T) {
	org, same := keys.OrgID{1}, [32]byte{7}
	places := []Place{Among(same), InGroup(same), AtDesk(same)}
	seen := make(map[keys.ConversationID]bool)
	for i, place := range places {
		if !place.Valid() || place.IsZero() || seen[place.ID(org)] {
			t.Errorf("%v is no place of its own", place)
		}
		seen[place.ID(org)] = true
		for j, other := range places {
			if place.Equal(other) != (i == j) {
				t.Errorf("%v and %v are told apart wrongly", place, other)
			}
		}
	}
	if (Place{}).Valid() || (Place{Group: same, Guest: same}).Valid() || (Place{Members: Among(same).Members, Guest: same}).Valid() {
		t.Error("no place, or two, are valid")
	}
}

// A sender claims no leave but that of the place. [ENV-9]
func TestSealingRefusesLeaveForAnotherPlace(t *testing.T) {
	w := newWorld(t, "leave")
	pair, several := Among(w.alice.member, w.bob.member), Among(w.alice.member, w.bob.member, w.carol.member)
	group, desk := InGroup(w.group), AtDesk(w.alice.member)
	for name, test := range map[string]struct {
		place Place
		leave Leave
		ok    bool
	}{
		"two by grant":              {pair, Leave{}, true},
		"two by their conversation": {pair, Leave{LeaveConversation, pair.ID(w.org)}, false},
		"two by a group":            {pair, Leave{LeaveGroup, w.group}, false},
		"several by grant":          {several, Leave{}, true},
		"several by their own":      {several, LeaveOf(several, w.org, true), true},
		"several by others'":        {several, Leave{LeaveConversation, pair.ID(w.org)}, false},
		"a group by itself":         {group, LeaveOf(group, w.org, false), true},
		"a group by another":        {group, Leave{LeaveGroup, [32]byte{5}}, false},
		"a group by grant":          {group, Leave{}, false},
		"a desk by itself":          {desk, LeaveOf(desk, w.org, false), true},
		"a desk by another guest's": {desk, Leave{LeaveDesk, w.bob.member}, false},
		"a desk by a group's leave": {desk, Leave{LeaveGroup, w.alice.member}, false},
	} {
		meta := testMeta
		meta.Leave = test.leave
		c := w.chainAt(t, test.place)
		_, announceErr := c.Announce(w.random, w.alice.device, w.bob.prekey, meta)
		_, _, sealErr := c.Seal(w.random, w.alice.device, &Line{}, Content{Kind: 1, Body: []byte{}}, meta)
		for _, err := range []error{announceErr, sealErr} {
			if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrPlace) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A group's chain is announced and opened like any other, by whom the roll has in the group. [ENV-17] [ENV-19]
func TestGroupAndDeskChains(t *testing.T) {
	w := newWorld(t, "group")
	for _, place := range []Place{InGroup(w.group), AtDesk(w.alice.member)} {
		c := w.chainAt(t, place)
		in, err := w.openAnnounce(w.announce(t, c, w.bob), w.bob)
		if err != nil {
			t.Fatal(err)
		}
		if !in.Place().Equal(place) || in.Conversation() != place.ID(w.org) {
			t.Errorf("announced for %v, read as %v", place, in.Place())
		}
		opened, err := in.Open(w.seal(t, c, &Line{}, "hello"))
		if err != nil || string(opened.Content.Body) != "hello" || opened.Content.Conversation != place.ID(w.org) {
			t.Errorf("%q, %v", opened.Content.Body, err)
		}
		for _, again := range [][]byte{c.Marshal(), in.Marshal()} {
			chain, chainErr := UnmarshalChain(again)
			inbound, inboundErr := UnmarshalInbound(again)
			if chainErr == nil && !chain.Place().Equal(place) || inboundErr == nil && !inbound.Place().Equal(place) ||
				chainErr != nil && inboundErr != nil {
				t.Errorf("%v does not come back: %v, %v", place, chainErr, inboundErr)
			}
		}
		if _, err := w.openAnnounce(w.announce(t, c, w.carol), w.carol); !errors.Is(err, ErrMember) {
			t.Errorf("who is not there: %v, want ErrMember", err)
		}
	}
}
