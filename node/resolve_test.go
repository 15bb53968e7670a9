package node

import (
	"errors"
	"testing"

	"muster.example/membership/membershiptest"
	"muster.example/node/api"
)

// TestResolve finds members by name, name@organization and id, in two organizations of which both have a Bob.
func TestResolve(t *testing.T) {
	work := newRollWith(t, membershiptest.Config{Seed: 1, OrgName: "Work", Founder: "alice"}, "bob", "wendy")
	club := newRollWith(t, membershiptest.Config{Seed: 2, OrgName: "Club", Founder: "alice"}, "bob", "carl")
	o := newDevice(t, work, work.Founder)
	addOrganization(t, o.node, club, club.Founder)
	id := func(org *membershiptest.Org, n int) string { return org.Members[n].ID.String() }
	for _, c := range []struct {
		org   string
		names []string
		want  []string // ids
		code  api.Code
	}{
		{"", []string{"wendy"}, []string{id(work, 2)}, ""},
		{"", []string{"Wendy"}, []string{id(work, 2)}, ""},
		{"", []string{"bob", "wendy"}, []string{id(work, 1), id(work, 2)}, ""},
		{"", []string{"bob@Club"}, []string{id(club, 1)}, ""},
		{"", []string{"bob@" + club.ID.String()}, []string{id(club, 1)}, ""},
		{"Club", []string{"bob"}, []string{id(club, 1)}, ""},
		{club.ID.String(), []string{"bob", "bob", id(club, 1)}, []string{id(club, 1)}, ""},
		{"", []string{id(club, 2)}, []string{id(club, 2)}, ""},
		{"", []string{"bob"}, nil, api.CodeUsage},
		{"", []string{"wendy", "carl"}, nil, api.CodeNotFound},
		{"", []string{"bob@Nowhere"}, nil, api.CodeNotFound},
		{"Nowhere", []string{"bob"}, nil, api.CodeNotFound},
		{"Work", []string{"alice"}, nil, api.CodeUsage},
		{"Work", []string{"@Work"}, nil, api.CodeNotFound},
		{"Work", []string{""}, nil, api.CodeNotFound},
		{"", nil, nil, api.CodeUsage},
	} {
		_, members, err := o.node.resolve(c.org, c.names)
		var code api.Code
		if known, ok := errors.AsType[*api.Error](err); ok {
			code = known.Code
		} else if err != nil {
			t.Errorf("%q in %q: %v", c.names, c.org, err)
		}
		var got []string
		for _, m := range members {
			got = append(got, m.String())
		}
		if code != c.code || len(got) != len(c.want) {
			t.Errorf("%q in %q: %q, %v", c.names, c.org, got, err)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%q in %q: %v, want %v", c.names, c.org, got, c.want)
			}
		}
	}
}

// TestParseCursor reads what the inbox gave and refuses what it cannot have given.
func TestParseCursor(t *testing.T) {
	given := cursor{org: [32]byte{1, 2}, position: []byte{introductionMark, 0, 0, 0, 0, 0, 0, 0, 7}}
	got, err := parseCursor(given.String())
	if err != nil || got.org != given.org || string(got.position) != string(given.position) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parseCursor(""); err != nil || got.position != nil {
		t.Errorf("the empty cursor: %+v, %v", got, err)
	}
	for _, text := range []string{"!", "AAAA", given.String() + "="} {
		if _, err := parseCursor(text); err == nil {
			t.Errorf("%q is taken for a cursor", text)
		}
	}
	o := newDevice(t, newRoll(t), newRoll(t).Founder)
	for _, position := range []string{"i", "i1234567", "\x00", "\xff\xff"} {
		if _, err := o.node.Inbox(t.Context(), api.InboxQuery{Cursor: cursor{o.org, []byte(position)}.String()}); err != nil {
			t.Errorf("position %q: %v", position, err)
		}
	}
}
