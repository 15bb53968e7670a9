package web_test

import (
	"bytes"
	"cmp"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster.example/node/api"
)

var day = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

// fill puts somebody in every state, groups of every kind and applicants into a crowd.
func (c *crowd) fill() {
	for _, state := range []api.ContactState{
		api.ContactAcquainted, api.ContactIntroduced, api.ContactAsks, api.ContactReadmitted, api.ContactAllowed,
		api.ContactBlocked, api.ContactDeclined, api.ContactMember,
	} {
		c.contacts = append(c.contacts, api.Contact{
			Org: "org", Member: string(state) + "-id", Name: "Is " + string(state), Role: "member", State: state, Since: day,
			Contact: "introduction", Formerly: api.List[string]{"Was " + string(state)},
		})
	}
	c.contacts[0].Verified = true
	c.contacts[2].Introduction = hostile
	c.contacts[4].Warning = "Is allowed is no longer verified: all devices were replaced"
	me := api.GroupMember{Member: "meidmeid", Name: "Me", Moderator: true}
	other := api.GroupMember{Member: "acquainted-id", Name: "Is acquainted"}
	for _, standing := range []string{"moderator", "member", "invited", "applied", "none"} {
		c.groups = append(c.groups, api.Group{
			Org: "org", Group: "g-" + standing, Name: "Group " + standing, Admission: "open", Writers: "everybody",
			Standing: standing, MayWrite: standing == "moderator", Members: api.List[api.GroupMember]{me, other},
			Invited: api.List[api.Person]{{Member: "asks-id", Name: "Is asks"}}, Applied: api.List[api.Person]{{Member: "zoe-id", Name: "Zoe"}},
		})
	}
	c.groups = append(c.groups, api.Group{
		Group: "g-closed", Name: "Group closed", Admission: "invited", Writers: "moderators", Standing: "member", Closed: true,
	})
	c.applicants = []api.Applicant{{ID: "applicant-id", Name: "Zoe", Text: hostile, Role: "member", Since: day, Needed: 2}}
	c.presence = api.PresenceResult{
		Own: api.List[api.OwnPresence]{{
			State: api.PresenceOnline, Share: api.ShareMembers, LastSeen: api.SeenDay, Typing: true, Allowed: true,
			Members: api.List[string]{"Is acquainted", "Far away"},
		}},
		Members: api.List[api.Presence]{{Member: "acquainted-id", State: api.PresenceAway, LastSeen: day}},
	}
	c.number = api.VerifyResult{Number: strings.TrimSpace(strings.Repeat("12345 ", 12)), Payload: "muster:verify/abc"}
}

func peoplePages() (all []string) {
	all = []string{"people", "people?show=all", "people?q=nobody", "requests", "groups", "groups/new", "presence"}
	for _, state := range []string{"acquainted", "introduced", "asks", "readmitted", "allowed", "blocked", "declined", "member"} {
		all = append(all, "people/"+state+"-id")
	}
	for _, standing := range []string{"moderator", "member", "invited", "applied", "none", "closed"} {
		all = append(all, "groups/g-"+standing)
	}
	return all
}

// Every page of people shows in every language, with nobody and with everybody there, to members and to admins.
func TestPagesOfPeople(t *testing.T) {
	empty := []string{"people", "people?show=all", "requests", "groups", "groups/new", "presence"}
	for name, addresses := range map[string][]string{"empty": empty, "filled": peoplePages()} {
		for _, language := range []string{"en", "de", "ar"} {
			for _, role := range []string{"member", "admin"} {
				t.Run(name+" "+language+" "+role, func(t *testing.T) {
					c, app := newCrowd(t)
					c.org.Role = role
					if name == "filled" {
						c.fill()
					}
					for _, a := range addresses {
						p := ask(t, app, "GET", "/o/org/"+a, language, nil)
						if p.Code != http.StatusOK {
							t.Errorf("%s: %d %s", a, p.Code, p.Body)
							continue
						}
						checkPage(t, p)
						checkHarmless(t, p)
						if strings.Contains(p.Body.String(), "<no value>") {
							t.Errorf("%s shows a value that is not there", a)
						}
					}
				})
			}
		}
	}
}

// Names and texts of others are shown as what they are.
func TestHostileNamesOfPeople(t *testing.T) {
	c, app := newCrowd(t)
	c.org.Role = "admin"
	c.fill()
	for i := range c.contacts {
		c.contacts[i].Name, c.contacts[i].Introduction, c.contacts[i].Warning = hostile, hostile, hostile
		c.contacts[i].Formerly = api.List[string]{hostile}
	}
	for i := range c.groups {
		c.groups[i].Name = hostile
		for j := range c.groups[i].Members {
			c.groups[i].Members[j].Name = hostile
		}
	}
	c.applicants[0].Name, c.applicants[0].Why = hostile, hostile
	c.presence.Own[0].Members = api.List[string]{hostile}
	for _, a := range peoplePages() {
		p := get(t, app, "/o/org/"+a)
		checkPage(t, p)
		checkHarmless(t, p)
	}
}

// The contacts are those with whom one has to do; the directory has everybody; both are searched by name, old names and id.
func TestPeopleAreFound(t *testing.T) {
	c, app := newCrowd(t)
	c.fill()
	c.contacts[0].Role = "desk"
	for query, want := range map[string]int{
		"": 7, "?show=all": 8, "?q=ASKS": 1, "?show=all&q=was+member": 1, "?q=was+member": 0, "?show=all&q=member-id": 1,
		"?show=all&role=desk": 1, "?show=all&role=guest": 0,
	} {
		p := get(t, app, "/o/org/people"+query)
		if got := strings.Count(p.Body.String(), "data-item"); got != want {
			t.Errorf("people%s lists %d, want %d", query, got, want)
		}
	}
	if text := get(t, app, "/o/org/people").text(); !strings.Contains(text, "Away last seen 2026-11-28") {
		t.Errorf("no presence in %q", text)
	}
}

func TestLongDirectoryHasPages(t *testing.T) {
	c, app := newCrowd(t)
	for range 250 {
		c.contacts = append(c.contacts, api.Contact{Member: "many", Name: "Many", State: api.ContactMember, Role: "member"})
	}
	for from, want := range map[string]int{"": 100, "200": 50, "x": 100, "-5": 100, "9999": 0} {
		p := get(t, app, "/o/org/people?show=all&from="+from)
		if got := strings.Count(p.Body.String(), "data-item"); got != want {
			t.Errorf("from %q: %d people, want %d", from, got, want)
		}
	}
	middle := get(t, app, "/o/org/people?show=all&from=100").Body.String()
	for _, want := range []string{"from=0&amp;show=all", "from=200&amp;show=all"} {
		if !strings.Contains(middle, want) {
			t.Errorf("no way to %s", want)
		}
	}
}

// What is offered about a member is what the backend would do, by their state and the policy.
func TestOffersAboutAMember(t *testing.T) {
	for state, want := range map[api.ContactState][]string{
		api.ContactAcquainted: {"block", "verify", "compare"},
		api.ContactAsks:       {"accept", "decline", "block", "verify", "compare"},
		api.ContactDeclined:   {"accept", "block", "verify", "compare"},
		api.ContactReadmitted: {"accept", "block", "verify", "compare"},
		api.ContactBlocked:    {"unblock", "verify", "compare"},
		api.ContactAllowed:    {"block", "introduce", "verify", "compare"},
		api.ContactMember:     {"block", "introduce", "verify", "compare"},
	} {
		c, app := newCrowd(t)
		c.fill()
		p := get(t, app, "/o/org/people/"+string(state)+"-id")
		if diff := gocmp.Diff(want, p.offers()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
		mayWrite := strings.Contains(p.Body.String(), "compose?to=")
		if mayWrite != (state == api.ContactAcquainted) {
			t.Errorf("%s: may write %v", state, mayWrite)
		}
	}
}

func TestIntroducedAgainAfterAWeek(t *testing.T) {
	for age, want := range map[time.Duration]bool{time.Hour: false, 8 * 24 * time.Hour: true} {
		c, app := newCrowd(t)
		c.fill()
		c.contacts[1].Since = time.Now().Add(-age)
		if got := slices.Contains(get(t, app, "/o/org/people/introduced-id").offers(), "introduce"); got != want {
			t.Errorf("after %v an introduction is offered: %v", age, got)
		}
	}
}

func TestPolicySaysWhoMayBeWrittenTo(t *testing.T) {
	for policy, want := range map[string]bool{"free": true, "introduction": false, "refused": false} {
		c, app := newCrowd(t)
		c.fill()
		c.contacts[7].Contact = policy
		p := get(t, app, "/o/org/people/member-id")
		if got := strings.Contains(p.Body.String(), "compose?to=member-id"); got != want {
			t.Errorf("%s: may write %v", policy, got)
		}
		if got := slices.Contains(p.offers(), "introduce"); got != (policy == "introduction") {
			t.Errorf("%s: may introduce %v", policy, got)
		}
	}
}

// Forms ask the backend for what they say, and lead back with words about what was done.
func TestFormsAboutPeople(t *testing.T) {
	stand := api.ContactRequest{Org: "org", Member: "asks-id"}
	about := func(do api.GroupDo, group string, members ...string) api.GroupRequest {
		return api.GroupRequest{Org: "org", Do: do, Group: group, Members: members}
	}
	verified := func(line string) api.VerifyRequest {
		return api.VerifyRequest{Org: "org", Member: "asks-id", Payload: line}
	}
	shared := func(with, seen string, members ...string) api.SharePresenceRequest {
		return api.SharePresenceRequest{Org: "org", Share: with, LastSeen: seen, Members: members, Typing: new(bool)}
	}
	accepted, applicant := api.AcceptRequest{Org: "org", Member: "asks-id"}, api.VouchRequest{Org: "org", Applicant: "applicant-id"}
	created := about("create", "", "a-id", "Bo", "Cy")
	created.Name, created.Admission, created.Writers = "Crew", "open", "moderators"
	edited := about("edit", "g-moderator")
	edited.Name, edited.Writers = "Crew", "moderators"
	for _, c := range []struct {
		address, form string
		want          any
		to, notice    string // to is empty where the form leads back to its own address
	}{
		{"people/asks-id", "do=accept", accepted, "", "member.done.accept"},
		{"people/asks-id", "do=decline", stand, "", "member.done.decline"},
		{"people/asks-id", "do=block", stand, "", "member.done.block"},
		{"people/asks-id", "do=unblock", stand, "", "member.done.unblock"},
		{"people/asks-id", "do=introduce&text=+two%0D%0Alines+", api.IntroduceRequest{Org: "org", Member: "asks-id", Text: "two lines"},
			"", "member.done.introduce"},
		{"people/asks-id", "do=verify", verified(""), "", "member.done.verify"},
		{"people/asks-id", "do=compare&payload=+muster:verify/%0D%0Ax+", verified("muster:verify/x"), "", "member.done.compare"},
		{"requests", "do=accept&member=asks-id", accepted, "", "member.done.accept"},
		{"requests", "do=join&group=g-invited", about("join", "g-invited"), "", "requests.done.join"},
		{"requests", "do=leave&group=g-invited", about("leave", "g-invited"), "", "requests.done.leave"},
		{"requests", "do=vouch&applicant=applicant-id", applicant, "", "requests.done.admitted"},
		{"requests", "do=refuse&applicant=applicant-id", applicant, "", "requests.done.refuse"},
		{"groups/new", "name=Crew&admission=open&writers=moderators&member=a-id&names=Bo,+Cy+", created, "groups/newgroup", "groups.done.create"},
		{"groups/g-moderator", "do=invite&names=Bo", about("invite", "g-moderator", "Bo"), "", "groups.done.invite"},
		{"groups/g-moderator", "do=remove&member=b-id", about("remove", "g-moderator", "b-id"), "", "groups.done.remove"},
		{"groups/g-moderator", "do=edit&name=Crew&admission=open&writers=moderators", edited, "", "groups.done.edit"},
		{"groups/g-member", "do=leave", about("leave", "g-member"), "groups", "groups.done.leave"},
		{"groups/g-moderator", "do=close&sure=1", about("close", "g-moderator"), "groups", "groups.done.close"},
		{"presence", "do=state&state=away", api.SetPresenceRequest{Org: "org", State: "away"}, "", "presence.done"},
		{"presence", "do=share&share=contacts&seen=hour&member=a-id", shared("contacts", "hour"), "", "presence.done"},
		{"presence", "do=share&share=members&seen=none&member=a-id", shared("members", "none", "a-id"), "", "presence.done"},
	} {
		t.Run(c.address+" "+c.form, func(t *testing.T) {
			backend, app := newCrowd(t)
			backend.fill()
			p := post(t, app, "/o/org/"+c.address, c.form)
			want := "/o/org/" + cmp.Or(c.to, c.address) + "?notice=" + c.notice
			if p.Code != http.StatusSeeOther || p.Header().Get("Location") != want {
				t.Errorf("%d to %q, want %q", p.Code, p.Header().Get("Location"), want)
			}
			if diff := gocmp.Diff(c.want, backend.last(t), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the backend was asked (-want +got):\n%s", diff)
			}
			if p := get(t, app, "/o/org/people?notice="+c.notice); !strings.Contains(p.Body.String(), `class="notice"`) {
				t.Errorf("nobody knows the words of %s", c.notice)
			}
		})
	}
}

// What is refused is shown with the reason where it was typed, and what was typed is not lost.
func TestRefusalsAboutPeople(t *testing.T) {
	tooLong := api.Errorf(api.CodeUsage, "too <long>").WithHint("be brief")
	for name, c := range map[string]struct {
		address, form string
		refuse        error
		status        int
		shows         []string
	}{
		"introduction": {"people/member-id", "do=introduce&text=my+<text>", tooLong, 400,
			[]string{"too &lt;long&gt;", "be brief", "my &lt;text&gt;</textarea>"}},
		"number": {"people/asks-id", "do=compare&payload=muster:verify/other", api.Errorf(api.CodeRefused, "the numbers differ"), 403,
			[]string{"the numbers differ", `value="muster:verify/other"`}},
		"no number": {"people/asks-id", "do=compare", nil, 400, []string{"no line to compare"}},
		"group": {"groups/new", "name=Crew&admission=open&member=acquainted-id&names=Bo", api.Errorf(api.CodeRefused, "taken"), 403,
			[]string{"taken", `value="Crew"`, `value="open" checked`, `value="acquainted-id" checked`, `value="Bo"`}},
		"close": {"groups/g-moderator", "do=close", nil, 400, []string{"closed for good", "<details open>"}},
		"no change": {"groups/g-moderator", "do=edit&name=Group+moderator&admission=open&writers=everybody", nil, 400,
			[]string{"Nothing was changed"}},
		"unknown": {"requests", "do=dance", nil, 400, []string{"not understood"}},
	} {
		t.Run(name, func(t *testing.T) {
			backend, app := newCrowd(t)
			backend.fill()
			backend.refuse = c.refuse
			p := post(t, app, "/o/org/"+c.address, c.form)
			if p.Code != c.status {
				t.Errorf("status %d, want %d", p.Code, c.status)
			}
			checkPage(t, p)
			for _, want := range c.shows {
				if !strings.Contains(p.Body.String(), want) {
					t.Errorf("%q is not in %s", want, p.Body)
				}
			}
			if c.refuse == nil && len(backend.Requests()) > 0 {
				t.Errorf("the backend was asked: %v", backend.Requests())
			}
		})
	}
}

// Who applies is shown to those who may vouch alone.
func TestWhoSeesApplicants(t *testing.T) {
	for name, c := range map[string]struct {
		role, vouches string
		own           bool
		want          []string
	}{
		"an admin":                   {"admin", "0", false, []string{"vouch", "refuse"}},
		"a member":                   {"member", "0", false, nil},
		"a member who may vouch":     {"member", "2", false, []string{"vouch"}},
		"a member who vouched":       {"member", "2", true, nil},
		"a guest, whatever is asked": {"guest", "2", false, nil},
	} {
		backend, app := newCrowd(t)
		backend.fill()
		backend.contacts, backend.groups = nil, nil
		backend.org.Role = c.role
		backend.policy = []api.PolicySetting{{Key: "vouches", Value: c.vouches}}
		if c.own {
			backend.applicants[0].Vouchers = api.List[api.Person]{{Member: "meidmeid", Name: "Me"}}
		}
		if diff := gocmp.Diff(c.want, get(t, app, "/o/org/requests").offers()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Only who manages a group is offered to change it, and the only moderator is not offered to leave the others.
func TestWhoManagesAGroup(t *testing.T) {
	for _, c := range []struct {
		group, role string
		want        []string
	}{
		{"g-moderator", "member", []string{"moderator", "remove", "admit", "remove", "remove", "invite", "edit", "close"}},
		{"g-member", "member", []string{"leave"}},
		{"g-none", "member", []string{"join"}},
		{"g-invited", "member", []string{"join", "leave"}},
		{"g-applied", "member", []string{"leave"}},
		{"g-closed", "admin", nil},
		{"g-alone", "member", []string{"invite", "edit", "leave", "close"}},
		{"g-none", "admin", []string{"join", "nomoderator", "moderator", "remove", "admit", "remove", "remove", "invite", "edit", "close"}},
	} {
		backend, app := newCrowd(t)
		backend.fill()
		backend.org.Role = c.role
		backend.groups = append(backend.groups, api.Group{
			Group: "g-alone", Name: "Alone", Admission: "open", Writers: "everybody", Standing: "moderator",
			Members: api.List[api.GroupMember]{{Member: "meidmeid", Name: "Me", Moderator: true}},
		})
		if diff := gocmp.Diff(c.want, get(t, app, "/o/org/groups/"+c.group).offers()); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", c.group, c.role, diff)
		}
	}
}

// The safety number's line is a picture that a camera reads, kept by no cache.
func TestSafetyPicture(t *testing.T) {
	c, app := newCrowd(t)
	c.fill()
	p := get(t, app, "/o/org/people/asks-id/qr.png")
	if p.Header().Get("Content-Type") != "image/png" || p.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", p.Header())
	}
	if _, err := png.Decode(bytes.NewReader(p.Body.Bytes())); err != nil {
		t.Errorf("no picture: %v", err)
	}
}

// A verification that fell is told on the member's page and in the list.
func TestFallenVerificationIsShown(t *testing.T) {
	c, app := newCrowd(t)
	c.fill()
	for _, address := range []string{"/o/org/people/allowed-id", "/o/org/people"} {
		if text := get(t, app, address).text(); !strings.Contains(text, "Not verified any more") {
			t.Errorf("%s does not say so: %s", address, text)
		}
	}
}

// Who may not create groups, by the policy, is offered no way to, and guests see nothing of groups and presence.
func TestWhoCreatesGroups(t *testing.T) {
	for _, c := range []struct {
		role, policy string
		want         bool
	}{{"member", "admin,member", true}, {"member", "admin", false}, {"member", "none", false}, {"admin", "admin", true}} {
		backend, app := newCrowd(t)
		backend.org.Role, backend.policy = c.role, []api.PolicySetting{{Key: "groups", Value: c.policy}}
		if got := strings.Contains(get(t, app, "/o/org/groups").Body.String(), "groups/new"); got != c.want {
			t.Errorf("%s under %q is offered to create groups: %v", c.role, c.policy, got)
		}
	}
	backend, app := newCrowd(t)
	backend.org.Role = "guest"
	for n := range get(t, app, "/o/org/people").root.Descendants() {
		if to := attribute(n, "href"); to == "/o/org/groups" || to == "/o/org/presence" {
			t.Errorf("a guest is led to %s", to)
		}
	}
}
