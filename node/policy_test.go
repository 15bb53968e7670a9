package node

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster.example/membership"
	"muster.example/node/api"
)

// Every setting is set by what it shows, and names a different key.
func TestSettingsReadWhatTheyShow(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range settings() {
		if seen[s.key] {
			t.Errorf("%s is there twice", s.key)
		}
		seen[s.key] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		p := membership.DefaultPolicy()
		for _, way := range []func(){
			func() {
				if p.Park = rapid.Uint64Range(membership.MinPark, membership.MaxPark).Draw(t, "park"); p.Park == membership.DefaultPark {
					p.Park = 0
				}
				p.QueueTime = rapid.Uint64Range(membership.MinPolicyTime, membership.MaxQueueTime).Draw(t, "queue")
			},
			func() {
				p.MaxEnvelope = rapid.Uint64Range(membership.MinMaxEnvelope, membership.MaxMaxEnvelope).Draw(t, "size")
			},
			func() { p.IntroductionsPerDay = rapid.Uint64Range(0, membership.MaxPerDay).Draw(t, "introductions") },
			func() { p.NameHold = rapid.Uint64Range(0, membership.MaxNameHold).Draw(t, "hold") },
			func() { p.NameRule = membership.NamesApproved },
			func() { p.NameRule, p.NamePattern = membership.NamesByPattern, "* Sales" },
			func() { p.Reserved = nil },
			func() { p.Groups = membership.RolesOf(membership.RoleDesk) },
			func() { p.Groups = 0 },
			func() { p.EditTime = rapid.Uint64Range(0, membership.MaxEditTime).Draw(t, "edit") },
			func() {
				p.GuestBytes = rapid.Uint64Range(membership.MinMaxEnvelope, membership.MaxGuestBytes).Draw(t, "bytes")
			},
			func() { p.Presence, p.ReadReceipts = membership.NotAllowed, membership.NotAllowed },
			func() { p.Vouches = rapid.Uint64Range(0, membership.MaxVouches).Draw(t, "vouches") },
			func() {
				p.Contact.Set(membership.RoleDesk, membership.RoleMember, rapid.SampledFrom([]membership.Contact{1, 2, 3}).Draw(t, "way"))
			},
			func() { p.Invite.Set(membership.RoleMember, membership.RoleGuest, true) },
			func() {
				p.Direct = rapid.SampledFrom([]membership.Reach{membership.ReachLocal, membership.ReachNowhere}).Draw(t, "reach")
			},
			func() {
				carry := membership.DefaultCarrying()
				carry.Copies = rapid.Uint64Range(0, membership.DefaultCarrying().Copies-1).Draw(t, "copies")
				carry.Bytes = rapid.Uint64Range(membership.MinCarryBytes, membership.MaxCarryBytes).Draw(t, "carried bytes")
				p.Carry = &carry
			},
			func() { p.EarlyJoins = membership.Allowed },
		} {
			if rapid.Bool().Draw(t, "change") {
				way()
			}
		}
		var set []string
		for _, s := range settings() {
			set = append(set, s.key+"="+s.get(p))
		}
		again, err := changed(membership.DefaultPolicy(), set)
		if err != nil {
			t.Fatalf("%v: %v", set, err)
		}
		if !again.Equal(p) {
			t.Fatalf("%+v became %+v", p, again)
		}
	})
}

// A policy for which the time to park is what it is unsaid does not say it: programs of before read it.
func TestParkUnsaid(t *testing.T) {
	p := membership.DefaultPolicy()
	for _, test := range []struct {
		set   string
		park  uint64
		shown string
	}{{"", 0, "60d"}, {"park=61d", 61 * 24 * 3600, "61d"}, {"park=60d", 0, "60d"}} {
		if test.set != "" {
			var err error
			if p, err = changed(p, []string{test.set}); err != nil {
				t.Fatal(err)
			}
		}
		if p.Park != test.park || park().get(p) != test.shown || p.ParkTime() == 0 {
			t.Errorf("%q: %d, shown as %s", test.set, p.Park, park().get(p))
		}
	}
}

// A policy says of how devices meet only what is otherwise than unsaid, and its settings leave the policy they came from as it was.
func TestMeetingUnsaid(t *testing.T) {
	start := membership.DefaultPolicy()
	said, err := changed(start, []string{"direct=local", "carry-copies=0", "carry-age=1d", "early-joins=allowed"})
	if err != nil {
		t.Fatal(err)
	}
	want := membership.Carrying{Copies: 0, Hops: 6, Bytes: 256 << 20, Age: 24 * 3600}
	if said.DirectReach() != membership.ReachLocal || said.Carriers() != want || !said.TakesEarly() {
		t.Errorf("%v, %+v, %v", said.DirectReach(), said.Carriers(), said.TakesEarly())
	}
	if _, err := changed(said, []string{"carry-hops=2"}); err != nil || said.Carriers() != want {
		t.Errorf("%v; a change of the policy changed the one it began with: %+v", err, said.Carriers())
	}
	unsaid, err := changed(said, []string{"direct=anywhere", "carry-copies=12", "carry-age=7d", "early-joins=refused"})
	if err != nil || !unsaid.Equal(start) {
		t.Errorf("%v: %+v", err, unsaid)
	}
}

// What is out of its bounds is named with them, before anything is signed.
func TestSettingsKeepWithinBounds(t *testing.T) {
	for set, says := range map[string]string{
		"queue-time=59m":              "not from 1h to 366d",
		"queue-time=367d":             "not from 1h to 366d",
		"queue-time=1":                "not of the form",
		"queue-time=-1d":              "not of the form",
		"park=23h":                    "not from 1d to 3660d",
		"message-size=1KiB":           "not from 256KiB to 16MiB",
		"introductions=10001":         "not from 0 to 10000",
		"freeze-time=73h":             "not from 1h to 3d",
		"readmit-delay=1h":            "not from 1d to 31d",
		"names=maybe":                 "not free, approved, claim or pattern:GLOB",
		"names=pattern:":              "",
		"reserved=a b  c":             "cannot be a name",
		"contact.guest.member=free":   "guests may write to desks only",
		"contact.member.member=maybe": "not free, introduction or refused",
		"invite.desk=admin":           "only admins invite admins",
		"invite.desk=king":            "not admin, member, desk, guest or none",
		"direct=sometimes":            "not anywhere, local or never",
		"carry-copies=65":             "not from 0 to 64",
		"carry-hops=0":                "not from 1 to 16",
		"carry-bytes=1MiB":            "not from 16MiB to 65536MiB",
		"carry-age=30m":               "not from 1h to 366d",
		"early-joins=maybe":           "not allowed or refused",
		"no=1":                        "has no",
		"queue-time":                  "not of the form KEY=VALUE",
	} {
		_, err := changed(membership.DefaultPolicy(), []string{set})
		if err == nil || api.AsError(err).Code != api.CodeUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", set, err, says)
		}
	}
}
