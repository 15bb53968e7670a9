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

// What is out of its bounds is named with them, before anything is signed.
func TestSettingsKeepWithinBounds(t *testing.T) {
	for set, says := range map[string]string{
		"queue-time=59m":              "not from 1h to 366d",
		"queue-time=367d":             "not from 1h to 366d",
		"queue-time=1":                "not of the form",
		"queue-time=-1d":              "not of the form",
		"message-size=1KiB":           "not from 256KiB to 16MiB",
		"introductions=10001":         "not from 0 to 10000",
		"freeze-time=73h":             "not from 1h to 3d",
		"readmit-delay=1h":            "not from 1d to 31d",
		"names=maybe":                 "not free, approved or pattern:GLOB",
		"names=pattern:":              "",
		"reserved=a b  c":             "cannot be a name",
		"contact.guest.member=free":   "guests may write to desks only",
		"contact.member.member=maybe": "not free, introduction or refused",
		"invite.desk=admin":           "only admins invite admins",
		"invite.desk=king":            "not admin, member, desk, guest or none",
		"no=1":                        "has no",
		"queue-time":                  "not of the form KEY=VALUE",
	} {
		_, err := changed(membership.DefaultPolicy(), []string{set})
		if err == nil || api.AsError(err).Code != api.CodeUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", set, err, says)
		}
	}
}
