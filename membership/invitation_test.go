package membership_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// linkCase is a link. The same cases are the vectors invitation_*.
type linkCase struct {
	name, comment string
	ok            bool
	link          string
}

func goodInvitation(t testing.TB) membership.Invitation {
	o := membershiptest.New(t, 1)
	return o.Invitation(o.Invite(o.Founder, membership.RoleMember, 1))
}

func linkCases(t testing.TB) []linkCase {
	good := goodInvitation(t).Link()
	changed := func(change func(*membership.Invitation)) string {
		invitation := goodInvitation(t)
		change(&invitation)
		return invitation.Link()
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, "muster:join/"))
	if err != nil {
		t.Fatal(err)
	}
	link := func(data []byte) string { return "muster:join/" + base64.RawURLEncoding.EncodeToString(data) }
	node := goodInvitation(t).Nodes[0]
	full := membership.NodeAddress{Key: node.Key, Addresses: strings.Split(strings.Repeat(
		" /"+strings.Repeat("a", membership.MaxAddress-1), membership.MaxAddresses)[1:], " ")}
	nodes := func(n int) []membership.NodeAddress {
		list := make([]membership.NodeAddress, n)
		for i := range list {
			list[i] = full
		}
		return list
	}
	return []linkCase{
		{"ok", "an invitation", true, good},
		{"ok_full", "every node with every address", true,
			changed(func(i *membership.Invitation) { i.Nodes = nodes(membership.MaxNodes) })},
		{"empty", "no link", false, ""},
		{"prefix", "another kind of link", false, strings.Replace(good, "join", "pair", 1)},
		{"capitals", "the prefix in capitals", false, strings.Replace(good, "muster", "MUSTER", 1)},
		{"cut", "the last character left out", false, good[:len(good)-1]},
		{"newline", "a line break within", false, good[:40] + "\n" + good[40:]},
		{"space", "a space after", false, good + " "},
		{"padding", "padding after", false, good + "="},
		{"standard_alphabet", "a character of the other base64 alphabet", false, good[:40] + "+" + good[41:]},
		{"trailing", "a byte after the invitation", false, link(append(append([]byte{}, raw...), 0))},
		{"unknown_key", "a key 7 that this version does not know", false,
			link(append(append([]byte{raw[0] + 1}, raw[1:]...), 0x07, 0x00))},
		{"size", "a link above the cap", false, "muster:join/" + strings.Repeat("A", membership.MaxInvitation)},
		{"nodes_none", "no node", false, changed(func(i *membership.Invitation) { i.Nodes = []membership.NodeAddress{} })},
		{"nodes_many", "one node above the cap", false,
			changed(func(i *membership.Invitation) {
				i.Nodes = make([]membership.NodeAddress, membership.MaxNodes+1)
				for n := range i.Nodes {
					i.Nodes[n] = node
				}
			})},
		{"node_no_address", "a node without an address", false,
			changed(func(i *membership.Invitation) { i.Nodes[0].Addresses = []string{} })},
		{"node_address", "an address that is no multiaddr", false,
			changed(func(i *membership.Invitation) { i.Nodes[0].Addresses = []string{"example.com:1"} })},
		{"node_key", "a node whose key anybody can sign with", false,
			changed(func(i *membership.Invitation) { i.Nodes[0].Key = keys.PublicKey{1} })},
		{"name", "an organization's name with a line break", false,
			changed(func(i *membership.Invitation) { i.OrgName = "Exam\nple" })},
		{"no_org", "no organization", false, changed(func(i *membership.Invitation) { i.Org = keys.OrgID{} })},
		{"no_roll", "a roll of size 0", false, changed(func(i *membership.Invitation) { i.Size = 0 })},
	}
}

// [ROLL-62]
func TestInvitation(t *testing.T) {
	for _, c := range linkCases(t) {
		t.Run(c.name, func(t *testing.T) {
			invitation, err := membership.ParseInvitation(c.link)
			if c.ok != (err == nil) || err != nil && !errors.Is(err, membership.ErrInvitation) {
				t.Fatalf("%s: %v", c.comment, err)
			}
			if err == nil && invitation.Link() != c.link {
				t.Error("another link after reading")
			}
			if err != nil && len(c.link) > 20 && strings.Contains(err.Error(), c.link[20:]) {
				t.Error("the error shows the link")
			}
		})
	}
}

func TestInvitationRoundTrip(t *testing.T) {
	o := membershiptest.New(t, 1)
	key := o.Invite(o.Founder, membership.RoleMember, 1)
	want := o.Invitation(key)
	got, err := membership.ParseInvitation(want.Link())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Key().Public() != key.Public() {
		t.Error("another key")
	}
	if err := o.Roll.Compare(got.Size, got.Root); err != nil {
		t.Errorf("its head: %v", err)
	}
}

// An invitation is a secret, and does not print as one.
func TestInvitationDoesNotShow(t *testing.T) {
	invitation := goodInvitation(t)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("invited", "invitation", invitation)
	for _, text := range []string{
		fmt.Sprint(invitation), fmt.Sprintf("%v", invitation), fmt.Sprintf("%+v", invitation),
		fmt.Sprintf("%#v", invitation), logged.String(),
	} {
		if !strings.Contains(text, `[invitation to "Example"`) && !strings.Contains(text, `[invitation to \"Example\"`) {
			t.Errorf("prints as %s", text)
		}
	}
}

// An entry travels as it is, and only so. [ROLL-16] [ROLL-17]
func TestEntryRoundTrip(t *testing.T) {
	o := membershiptest.New(t, 1)
	for _, want := range o.Entries {
		got, err := membership.ParseEntry(want.Marshal())
		if diff := cmp.Diff(want, got, everything); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if got.Leaf() != want.Leaf() {
			t.Error("another leaf")
		}
	}
	largest := membership.Entry{
		Audience: membership.Audience{Kind: 255, ID: [32]byte{1}}, Time: 1 << 62, Event: make([]byte, membership.MaxEvent),
	}
	if _, err := membership.ParseEntry(largest.Marshal()); err != nil {
		t.Errorf("the largest entry: %v", err)
	}
	for name, data := range entryFaults(o) {
		if _, err := membership.ParseEntry(data); !errors.Is(err, membership.ReasonMalformed) {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
}

// entryFaults are the bytes of entries with one fault each. They are also the vectors entry_*.
func entryFaults(o *membershiptest.Org) map[string][]byte {
	good := o.Entries[1]
	long, audience := good, good
	empty := append(bytes.Clone(good.Marshal()[:bytes.Index(good.Marshal(), good.Event)-3]), 0x40)
	long.Event = make([]byte, membership.MaxEvent+1)
	audience.Audience.Kind = 1
	null := append(bytes.TrimSuffix(empty, []byte{0x40}), 0xf6)
	hidden := good.Hide().Marshal()
	zeroID := strings.Replace(string(good.Marshal()), "\xa1\x01\x00", "\xa2\x01\x00\x02\x58\x20"+strings.Repeat("\x00", 32), 1)
	shortNonce := strings.Replace(string(good.Marshal()), "\x50"+string(good.Nonce[:]), "\x4f"+string(good.Nonce[:15]), 1)
	return map[string][]byte{
		"empty_event":     empty,
		"null_event":      null,
		"long_event":      long.Marshal(),
		"trailing":        append(good.Marshal(), 0),
		"cut":             good.Marshal()[:40],
		"audience_zeroes": []byte(zeroID),
		"nonce_short":     []byte(shortNonce),
		"opening_short":   append(bytes.Clone(hidden[:len(hidden)-34]), append([]byte{0x58, 31}, hidden[len(hidden)-31:]...)...),
		"hidden_trailing": append(bytes.Clone(hidden), 0),
		"map":             wire.Encode(map[uint64]uint64{1: 2}),
	}
}
