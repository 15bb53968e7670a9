package web_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"muster.example/node/api"
	"muster.example/node/web"
)

// office is a crowd with a roll, and what admins look at.
type office struct {
	*crowd
	members     []api.AdminMember
	invitations []api.AdminInvitation
	roll        []api.RollEntry
	terms       []api.RendezvousTerm
	health      api.NodeHealth
	reports     []api.Thread
	planned     api.DismissResult
	sso         api.AdminSSO
	found       api.SearchPage
	archive     api.Archive
}

func (o *office) AdminMembers(context.Context, api.AdminQuery) ([]api.AdminMember, error) {
	return slices.Clone(o.members), nil
}

func (o *office) AdminInvitations(context.Context, api.AdminQuery) ([]api.AdminInvitation, error) {
	return slices.Clone(o.invitations), nil
}

func (o *office) Roll(_ context.Context, q api.RollQuery) (api.RollPage, error) {
	size := uint64(len(o.roll))
	from := min(q.From, size)
	return api.RollPage{Size: size, Entries: o.roll[from:min(from+uint64(q.Limit), size)]}, nil
}

func (o *office) Archive(context.Context, api.AdminQuery) (api.Archive, error) { return o.archive, nil }

func (o *office) Rendezvous(context.Context, api.AdminQuery) (api.RendezvousResult, error) {
	return api.RendezvousResult{Terms: o.terms, Nodes: api.List[api.RendezvousNode]{
		{Node: "sequencer-key", Addresses: api.List[string]{hostile}, Role: api.NodeOrders, Connected: true, LatencyMS: 7, Posting: true},
		{Node: "further-key", Role: api.NodeServes},
	}}, nil
}

func (o *office) RendezvousHealth(context.Context, api.AdminQuery) (api.NodeHealth, error) {
	return o.health, o.refuse
}

func (o *office) Threads(ctx context.Context, q api.ThreadsQuery) (api.ThreadsPage, error) {
	_, err := o.crowd.Threads(ctx, q)
	return api.ThreadsPage{Threads: o.reports}, err
}

func (o *office) SSO(context.Context, api.AdminQuery) (api.AdminSSO, error) { return o.sso, nil }

func (o *office) Dismiss(ctx context.Context, r api.DismissRequest) (api.DismissResult, error) {
	_, err := o.crowd.Dismiss(ctx, r)
	if o.refuse != nil {
		err = o.refuse
	}
	return o.planned, err
}

func (o *office) Decide(ctx context.Context, r api.DecideRequest) (api.DecideResult, error) {
	_, err := o.crowd.Decide(ctx, r)
	if o.refuse != nil {
		err = o.refuse
	}
	return api.DecideResult{Member: api.Person{Member: r.Member, Name: "Bo"}, Code: "abcd efgh", Device: "newdevice"}, err
}

func (o *office) SetPolicy(ctx context.Context, r api.PolicyRequest) (api.PolicyResult, error) {
	_, err := o.crowd.SetPolicy(ctx, r)
	if o.refuse != nil && !r.Check {
		err = o.refuse
	}
	return api.PolicyResult{Changes: api.List[api.PolicyChange]{{Key: "reserved", From: "", To: hostile}}}, err
}

func (o *office) Search(ctx context.Context, q api.SearchQuery) (api.SearchPage, error) {
	_, err := o.crowd.Search(ctx, q)
	if o.refuse != nil {
		err = o.refuse
	}
	return o.found, err
}

func newOffice(t *testing.T, role string) (*office, http.Handler) {
	t.Helper()
	c, _ := newCrowd(t)
	c.org.Role = role
	o := &office{crowd: c}
	s, err := web.New(web.Config{Backend: o})
	if err != nil {
		t.Fatal(err)
	}
	return o, s
}

// fill puts everything into an office that its pages can show. All that others chose is hostile.
func (o *office) fill() {
	bo := api.Person{Member: "bo-id", Name: hostile}
	o.members = []api.AdminMember{
		{Member: "meidmeid", Name: "Me", Role: "admin", Joined: day, Devices: api.List[api.AdminDevice]{{Device: "mydevice", Standing: "active", Added: day}}},
		{Member: "bo-id", Name: hostile, Formerly: api.List[string]{hostile}, Role: "member", Joined: day, InvitedBy: bo, Suspended: true, FrozenUntil: day,
			Devices: api.List[api.AdminDevice]{
				{Device: "device-a", Standing: "suspended", Added: day}, {Device: "device-b", Standing: "barred", Added: day, Barred: day},
				{Device: "device-c", Standing: "of a later version", Added: day},
			},
			Readmissions: api.List[api.WaitingReadmission]{{ID: "r", Device: "device-d", Due: day}}},
		{Member: "guest-id", Name: "Guest", Role: "guest", Joined: day},
		{Member: "gone-id", Name: "Gone", Role: "desk", Joined: day, Removed: true},
	}
	o.invitations = []api.AdminInvitation{
		{Key: "key-open", Role: "member", Name: hostile, Uses: 3, Used: 1, Made: day, Expires: day, By: bo, Open: true, Apply: true},
		{Key: "key-over", Role: "guest", Uses: 1, Used: 1, Made: day, Expires: day, By: bo, Why: hostile},
	}
	for i := range 250 {
		o.roll = append(o.roll, api.RollEntry{
			Index: uint64(i), Time: day, Kind: "role", What: hostile, By: bo, Key: "the-key", As: "admin", Detail: hostile,
		})
	}
	o.roll[249].As, o.roll[248].As, o.roll[247].As = "root key", "something new", "recovery key"
	o.roll[246].Void, o.roll[246].Since = true, 248
	o.roll[245] = api.RollEntry{Index: 245, Kind: "hidden"}
	o.org.RollSize = 250
	o.terms = []api.RendezvousTerm{
		{Number: 1, Node: "node-a", Addresses: api.List[string]{"/ip4/192.0.2.1/tcp/1"}, Since: day},
		{Number: 2, Node: "node-b", From: 7, Since: day, Current: true, Connected: true},
	}
	o.health = api.NodeHealth{
		Reachable: true, Version: hostile, Since: day, Signed: day, Oldest: day, DevicesOnline: 3, Entries: 7, Bodies: 5, Bytes: 9 << 20,
		Free: 1 << 29, Damaged: 1, Damage: api.List[string]{hostile}, Day: api.Undone{Full: 4}, Week: api.Undone{Expired: 11, Parked: 12, Shut: 13},
		ShareUsed: 87, RoomUsed: 64,
	}
	for _, kind := range []api.HealthWarningKind{
		api.HealthUnreachable, api.HealthOld, api.HealthDisk, api.HealthDamage, api.HealthUnsigned, api.HealthClock, api.HealthFull, api.HealthReturned,
		api.HealthShare, api.HealthRoom, api.HealthDiskFull, api.HealthQueue, api.HealthArchive, api.HealthArchiveMissed,
	} {
		o.health.Warnings = append(o.health.Warnings, api.HealthWarning{Kind: kind, Count: 9})
	}
	o.sso = api.AdminSSO{Org: "org", Card: "muster:card/x", Keys: api.List[api.AdminEnrolment]{
		{Key: "key-a", Link: "muster:sso/x", Issuer: hostile, Client: hostile, URL: hostile, Claim: hostile, Role: "desk", Daily: 9, Speaks: true, Admitted: api.List[api.Person]{bo}},
		{Key: "key-b", Link: "muster:sso/y", Role: "member", Why: hostile},
	}}
	o.health.Archive = &api.ArchiveHealth{Behind: true, Waiting: 9, Bytes: 1 << 20, Since: day, Missed: 2}
	o.archive = api.Archive{
		Org: "org", Named: true, Service: "12D3service", Key: "age1pq1key", Label: hostile, Mode: api.ArchiveClosed, Bytes: 1 << 20, Age: 7200, Since: day,
		Accounts: api.List[api.ArchivedAccount]{{Person: bo, Since: day}, {Person: api.Person{Member: "gone-id", Name: hostile}, Since: day}}, Own: true,
	}
	o.reports = []api.Thread{{Thread: "report-id", From: hostile, FromMember: "bo-id", Snippet: hostile, Time: day, Unread: 1}}
	o.planned = api.DismissResult{From: 3, To: 9, Count: 120, Guests: api.List[api.Person]{bo}}
	o.applicants = []api.Applicant{{ID: "applicant-id", Name: hostile, Text: hostile, Role: "member", Since: day, Needed: 2, Why: hostile}}
	o.policy = []api.PolicySetting{
		{Key: "contact.member.member", Value: "introduction"}, {Key: "contact.guest.admin", Value: "refused"},
		{Key: "invite.admin", Value: "admin,member,desk,guest"}, {Key: "invite.member", Value: "none"}, {Key: "invite.desk", Value: "guest"},
		{Key: "names", Value: "pattern:* Sales"}, {Key: "reserved", Value: hostile}, {Key: "groups", Value: "admin,member"},
		{Key: "queue-time", Value: "30d", About: "how long: 1h to 90d"}, {Key: "presence", Value: "allowed", About: "whether: allowed, refused"},
		{Key: "direct", Value: "local", About: "from where: anywhere, local, never"}, {Key: "early-joins", Value: "refused", About: "whether: allowed, refused"},
		{Key: "of-a-later-version", Value: "x", About: "what the node says"},
	}
	o.found = api.SearchPage{
		Indexing: 12, Next: "cursor",
		Found: api.List[api.Found]{{
			Message: api.Message{ID: "0123456789", Thread: "thread-id", From: hostile, FromMember: "bo-id", Subject: hostile, Time: day,
				Attachments: api.List[api.Attachment]{{Name: "a"}}, Tags: api.List[string]{hostile}},
			Snippet: api.List[api.Part]{{Text: "the "}, {Text: "<b>word</b>", Hit: true}, {Text: " " + hostile}},
		}},
	}
}

var officePages = []string{
	"admin/members", "admin/members?show=all&q=x", "admin/invitations", "admin/invitations?show=all", "admin/applications", "admin/guests", "admin/reports",
	"admin/policy", "admin/roll", "admin/roll?order=oldest", "admin/nodes", "admin/archive", "admin/sso", "search", "search?q=word&from=Bo&tag=x&since=2026-01-01&until=2026-12-31&files=1",
}

var filledPages = []string{
	"admin/members/meidmeid", "admin/members/bo-id", "admin/members/guest-id", "admin/members/gone-id", "admin/members/meidmeid/role",
	"admin/members/meidmeid/suspend", "admin/members/bo-id/rename", "admin/members/bo-id/reinstate", "admin/members/bo-id/remove",
	"admin/members/bo-id/readmit", "admin/members/bo-id/bar?device=device-a", "admin/invitations/key-open/revoke",
	"admin/applications/applicant-id/vouch", "admin/applications/applicant-id/decline",
}

// Every page for admins and every search shows in every language, with nothing and with everything there, and what others
// chose stays text.
func TestPagesOfTheOffice(t *testing.T) {
	for _, language := range []string{"en", "de", "ar"} {
		for name, addresses := range map[string][]string{"empty": officePages, "filled": slices.Concat(officePages, filledPages)} {
			t.Run(name+" "+language, func(t *testing.T) {
				o, app := newOffice(t, "admin")
				if name == "filled" {
					o.fill()
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
					if got := p.Header().Get("Cache-Control"); got != "no-store" {
						t.Errorf("%s is kept: %q", a, got)
					}
				}
			})
		}
	}
}

// Members read the policy and the roll, invite if the policy lets them, and see nothing else; guests nothing at all.
func TestWhoSeesTheOffice(t *testing.T) {
	for role, want := range map[string][]string{"member": {"policy", "archive", "roll"}, "desk": {"invitations", "policy", "archive", "roll"}, "guest": nil} {
		o, app := newOffice(t, role)
		o.fill()
		o.org.Role = role
		var seen []string
		for _, a := range []string{"members", "invitations", "applications", "guests", "reports", "policy", "archive", "roll", "nodes", "sso"} {
			p := get(t, app, "/o/org/admin/"+a)
			if p.Code == http.StatusOK {
				seen = append(seen, a)
				checkPage(t, p)
			} else if p.Code != http.StatusForbidden {
				t.Errorf("%s of a %s: %d", a, role, p.Code)
			}
		}
		if diff := gocmp.Diff(want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", role, diff)
		}
		if p := get(t, app, "/o/org/admin/policy"); strings.Contains(p.text(), "Look at the changes") {
			t.Errorf("a %s is offered to change the policy", role)
		}
		for _, a := range []string{"members/bo-id/remove", "policy", "archive", "guests", "nodes", "invitations/key-open/revoke", "applications/applicant-id/vouch"} {
			if p := post(t, app, "/o/org/admin/"+a, "sure=1"); p.Code != http.StatusForbidden {
				t.Errorf("a %s posts %s: %d", role, a, p.Code)
			}
		}
		if got := len(o.Requests()); got != 0 {
			t.Errorf("a %s had the backend asked %d times", role, got)
		}
	}
}

// What can be decided is what the account's standing lets be decided.
func TestDecisionsThatAreOffered(t *testing.T) {
	for member, want := range map[string][]string{
		"meidmeid": {"role", "rename", "suspend", "readmit", "remove"}, "bo-id": {"role", "rename", "reinstate", "readmit", "remove"},
		"guest-id": {"suspend", "remove"}, "gone-id": nil,
	} {
		o, app := newOffice(t, "admin")
		o.fill()
		base := "/o/org/admin/members/" + member
		p := get(t, app, base)
		var offered []string
		for n := range p.find("main", "").Descendants() {
			if do, ok := strings.CutPrefix(attribute(n, "href"), base+"/"); ok && !strings.HasPrefix(do, "bar") {
				offered = append(offered, do)
			}
		}
		if diff := gocmp.Diff(want, offered); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
		for _, do := range []string{"role", "rename", "suspend", "reinstate", "remove", "readmit", "revoke", "nonsense"} {
			if got := get(t, app, base+"/"+do).Code == http.StatusOK; got != slices.Contains(want, do) {
				t.Errorf("%s: a question about %s: %v", member, do, got)
			}
		}
	}
}

// Forms ask the backend for what they say, with the root words if they were typed, and lead on with words.
func TestFormsOfTheOffice(t *testing.T) {
	decided := func(r api.DecideRequest) api.DecideRequest { r.Org = "org"; return r }
	bo := func(do api.Decision) api.DecideRequest { return api.DecideRequest{Org: "org", Do: do, Member: "bo-id"} }
	role, rename, again := bo("role"), bo("rename"), bo("readmit")
	role.Role, role.RootWords = "desk", "one two three"
	rename.Name, again.Request = "Bo Larsen", "muster:again/x"
	for _, c := range []struct {
		address, form string
		want          any
		to            string
	}{
		{"members/bo-id/role", "role=desk&root_words=one++two%0D%0Athree", role, "members/bo-id?notice=decide.done.role"},
		{"members/bo-id/rename", "name=+Bo+Larsen", rename, "members/bo-id?notice=decide.done.rename"},
		{"members/bo-id/suspend", "", bo("suspend"), "members/bo-id?notice=decide.done.suspend"},
		{"members/bo-id/remove", "", bo("remove"), "members/bo-id?notice=decide.done.remove"},
		{"members/bo-id/bar", "device=device-a", decided(api.DecideRequest{Do: "bar", Device: "device-a"}), "members/bo-id?notice=decide.done.bar"},
		{"members/bo-id/readmit", "request=muster:again/x&compared=1", again, "members/bo-id?notice=decide.done.readmit"},
		{"invitations/key-open/revoke", "", decided(api.DecideRequest{Do: "revoke", Key: "key-open"}), "invitations?notice=decide.done.revoke"},
		{"applications/applicant-id/vouch", "", api.VouchRequest{Org: "org", Applicant: "applicant-id"}, "applications?notice=requests.done.admitted"},
		{"applications/applicant-id/decline", "root_words=a+b", api.VouchRequest{Org: "org", Applicant: "applicant-id", RootWords: "a b"},
			"applications?notice=requests.done.refuse"},
		{"guests", "sure=1&from=3&to=9&invitation=k", api.DismissRequest{Org: "org", From: 3, To: 9, Invitation: "k"}, "guests?notice=guests.done"},
		{"policy", "sure=1&set=a%3Db&set=c%3D", api.PolicyRequest{Org: "org", Set: api.List[string]{"a=b", "c="}}, "policy?notice=policy.done"},
	} {
		t.Run(c.address, func(t *testing.T) {
			o, app := newOffice(t, "admin")
			o.fill()
			p := post(t, app, "/o/org/admin/"+c.address, c.form)
			if got := p.Header().Get("Location"); p.Code != http.StatusSeeOther || got != "/o/org/admin/"+c.to {
				t.Errorf("%d, leads to %q: %s", p.Code, got, p.text())
			}
			if diff := gocmp.Diff(c.want, o.last(t)); diff != "" {
				t.Errorf("the backend was asked for (-want +got):\n%s", diff)
			}
			if followed := get(t, app, p.Header().Get("Location")); !strings.Contains(followed.Body.String(), `class="notice" role="status"`) {
				t.Error("nothing is said about what was done")
			}
		})
	}
}

// A refused decision is shown where it was made. The root words are not shown again.
func TestRefusedDecisions(t *testing.T) {
	for address, form := range map[string]string{
		"members/bo-id/role": "role=desk", "members/bo-id/rename": "name=Taken", "members/bo-id/bar": "device=device-a",
		"members/bo-id/readmit": "request=muster:again/x", "invitations/key-open/revoke": "", "guests": "sure=1&from=1&to=2",
		"policy": "sure=1&set=presence%3Drefused",
	} {
		o, app := newOffice(t, "admin")
		o.fill()
		o.refuse = api.Errorf(api.CodeRefused, "it may not be").WithHint("ask another")
		p := post(t, app, "/o/org/admin/"+address, form+"&root_words=secretword")
		checkPage(t, p)
		if text := p.text(); p.Code != http.StatusForbidden || !strings.Contains(text, "it may not be") || !strings.Contains(text, "ask another") {
			t.Errorf("%s: %d %s", address, p.Code, text)
		}
		if strings.Contains(p.Body.String(), "secretword") {
			t.Errorf("%s shows the root words again", address)
		}
	}
}

// A re-admission is signed only after the codes were compared.
func TestReadmissionComparesCodes(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	p := post(t, app, "/o/org/admin/members/bo-id/readmit", "request=+muster:again/%0D%0Ax+")
	want := api.DecideRequest{Org: "org", Do: "readmit", Member: "bo-id", Request: "muster:again/x", Check: true}
	if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	checkPage(t, p)
	if text := p.text(); p.Code != http.StatusOK || !strings.Contains(text, "abcd efgh") || !strings.Contains(text, "newdevice") {
		t.Errorf("%d %s", p.Code, text)
	}
	if !strings.Contains(p.Body.String(), `name="request" value="muster:again/x"`) {
		t.Error("the request does not go along")
	}
}

// The policy's form says only what was changed, and shows it before it is signed.
func TestPolicyIsPreviewed(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	same := "contact.member.member=introduction&invite.admin=none&invite.admin=admin&invite.admin=member&invite.admin=desk&invite.admin=guest&" +
		"invite.member=none&names=pattern&names.pattern=*+Sales&groups=none&groups=admin&groups=member&queue-time=30d&presence=allowed"
	if p := post(t, app, "/o/org/admin/policy", same); p.Code != http.StatusBadRequest || !strings.Contains(p.text(), "Nothing was changed") {
		t.Errorf("nothing changed: %d %s", p.Code, p.text())
	}
	changed := "contact.member.member=free&invite.member=none&invite.member=guest&names=free&names.pattern=*+Sales&groups=none&queue-time=7d&presence=allowed"
	p := post(t, app, "/o/org/admin/policy", changed)
	want := api.PolicyRequest{Org: "org", Check: true, Set: api.List[string]{
		"contact.member.member=free", "invite.member=guest", "names=free", "groups=none", "queue-time=7d",
	}}
	if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	checkPage(t, p)
	checkHarmless(t, p)
	if got := strings.Count(p.Body.String(), `name="set"`); got != len(want.Set) {
		t.Errorf("%d settings go along, want %d", got, len(want.Set))
	}
}

// Guests are shown before they are removed, by positions that later ones do not fall into.
func TestDismissalIsPreviewed(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	p := post(t, app, "/o/org/admin/guests", "hours=6&invitation=key-open")
	if diff := gocmp.Diff(any(api.DismissRequest{Org: "org", Since: 6 * 3600, Invitation: "key-open", Check: true}), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	checkPage(t, p)
	checkHarmless(t, p)
	for _, want := range []string{"120 guests would be removed", "and 119 more", "Remove 120 guests"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the page does not say %q: %s", want, p.text())
		}
	}
	for _, want := range []string{`name="from" value="3"`, `name="to" value="9"`} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("%s does not go along", want)
		}
	}
	o.planned = api.DismissResult{Already: true}
	if p := post(t, app, "/o/org/admin/guests", "hours=6"); slices.Contains(p.offers(), "sure") || !strings.Contains(p.text(), "no such guest") {
		t.Errorf("nobody to remove: %s", p.text())
	}
}

// An invitation's link is shown once, and is in no address: its picture has a name of its own, which nobody guesses.
func TestInvitationIsShownOnce(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	p := post(t, app, "/o/org/admin/invitations", "role=desk&uses=3&days=7&name=Bo")
	want := api.InviteRequest{Org: "org", Role: "desk", Uses: 3, ExpiresIn: int64(7 * 24 * time.Hour / time.Second), Name: "Bo"}
	if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	checkPage(t, p)
	if got := content(p.find("pre", "link")); got != "muster:join/x" {
		t.Errorf("the link is %q", got)
	}
	source := attribute(p.find("img", ""), "src")
	if strings.Contains(source, "join") {
		t.Errorf("the picture's address is %s", source)
	}
	picture := get(t, app, source)
	if _, err := png.Decode(bytes.NewReader(picture.Body.Bytes())); err != nil || picture.Header().Get("Content-Type") != "image/png" {
		t.Errorf("no picture: %v", err)
	}
	if p := get(t, app, "/o/org/admin/invitations/x/qr.png"); p.Code != http.StatusNotFound {
		t.Errorf("a picture that there is not: %d", p.Code)
	}
	post(t, app, "/o/org/admin/invitations", "role=guest&uses=1&days=7&open=1&apply=1")
	if diff := gocmp.Diff(any(api.InviteRequest{Org: "org", Role: "guest", Open: true, Apply: true}), o.last(t)); diff != "" {
		t.Errorf("to be published (-want +got):\n%s", diff)
	}
	if p := post(t, app, "/o/org/admin/invitations", "role=member&uses=many"); p.Code != http.StatusBadRequest || !strings.Contains(p.Body.String(), `value="many"`) {
		t.Errorf("no number: %d", p.Code)
	}
}

// A move says what it does before it is made, and then shows the link for others.
func TestMoveIsAskedFirst(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	if p := post(t, app, "/o/org/admin/nodes", "claim=nonsense&sure=1"); p.Code != http.StatusBadRequest {
		t.Errorf("no claim: %d", p.Code)
	}
	p := post(t, app, "/o/org/admin/nodes", "claim=muster:claim/x")
	checkPage(t, p)
	if len(o.Requests()) != 0 || !strings.Contains(p.Body.String(), `name="claim" value="muster:claim/x"`) {
		t.Error("it was not asked first")
	}
	p = post(t, app, "/o/org/admin/nodes", "claim=muster:claim/x&sure=1&root_words=a")
	if diff := gocmp.Diff(any(api.MoveRequest{Org: "org", Claim: "muster:claim/x", RootWords: "a"}), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if checkPage(t, p); !strings.Contains(p.text(), "muster:move/x") {
		t.Errorf("no link: %s", p.text())
	}
}

// The roll is read from either end, a page at a time, and every entry is on just one of them.
func TestRollIsPaged(t *testing.T) {
	for _, order := range []string{"newest", "oldest"} {
		o, app := newOffice(t, "admin")
		o.fill()
		var seen []string
		label := map[string]string{"newest": "Older entries", "oldest": "Newer entries"}[order]
		for address := "/o/org/admin/roll?order=" + order; address != ""; {
			p := get(t, app, address)
			address = ""
			for n := range p.find("main", "").Descendants() {
				if index, ok := strings.CutPrefix(attribute(n, "id"), "e-"); ok {
					seen = append(seen, index)
				}
				if n.Type == html.ElementNode && n.Data == "a" && strings.TrimSpace(content(n)) == label {
					address = attribute(n, "href")
				}
			}
		}
		if order == "newest" {
			slices.Reverse(seen)
		}
		for i := range 250 {
			if len(seen) != 250 || seen[i] != fmt.Sprint(i) {
				t.Fatalf("%s first: %d entries, at %d not itself", order, len(seen), i)
			}
		}
	}
	o, app := newOffice(t, "member")
	o.fill()
	text := get(t, app, "/o/org/admin/roll").text()
	for _, want := range []string{"Void since #248", "For others only", "by the root words", "something new", "by the recovery words"} {
		if !strings.Contains(text, want) {
			t.Errorf("the roll does not say %q", want)
		}
	}
	o.Files = [][]byte{[]byte("the roll")}
	p := get(t, app, "/o/org/admin/roll/export")
	if p.Body.String() != "the roll" || !strings.HasPrefix(p.Header().Get("Content-Disposition"), "attachment;") {
		t.Errorf("the file is %q, %v", p.Body, p.Header())
	}
}

func TestReportsAreListed(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	p := get(t, app, "/o/org/admin/reports")
	if diff := gocmp.Diff(any(api.ThreadsQuery{Org: "org", Reports: true, Limit: 50}), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if !strings.Contains(p.Body.String(), `href="/o/org/t/report-id"`) {
		t.Error("no way to the report")
	}
}

// A search narrows by what the form says, marks what was found, leads to it, and says when it may lack something.
func TestSearch(t *testing.T) {
	o, app := newOffice(t, "member")
	o.fill()
	p := get(t, app, "/o/org/search?q=+word+&from=Bo&tag=x&since=2026-01-02&until=2026-12-31&files=1&after=c")
	want := api.SearchQuery{
		Org: "org", Text: "word", From: "Bo", Tag: "x", After: time.Date(2026, 1, 2, 0, 0, 0, 0, time.Local),
		Before: time.Date(2027, 1, 1, 0, 0, 0, 0, time.Local), Attachment: true, Cursor: "c", Limit: 50,
	}
	if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if got := content(p.find("mark", "")); got != "<b>word</b>" {
		t.Errorf("marked is %q", got)
	}
	for _, want := range []string{`href="/o/org/t/thread-id?at=0123456789#m-01234567"`, "the <mark>", "12 messages are missing", "after=cursor&amp;files=1&amp;from=Bo&amp;q=word"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	before := len(o.Requests())
	get(t, app, "/o/org/search")
	for _, r := range o.Requests()[before:] {
		if _, searched := r.(api.SearchQuery); searched {
			t.Error("nothing was asked for, and the backend searched")
		}
	}
	o.refuse = api.Errorf(api.CodeUsage, "a quote is not closed")
	if p := get(t, app, "/o/org/search?q=%22half"); p.Code != http.StatusOK || !strings.Contains(p.text(), "a quote is not closed") ||
		attribute(p.find("input", "find"), "value") != `"half` {
		t.Errorf("half a query: %d %s", p.Code, p.text())
	}
	if p := get(t, app, "/o/org/search?since=tomorrow"); !strings.Contains(p.text(), "is no day") {
		t.Errorf("no day: %s", p.text())
	}
}

// A decision that somebody has made meanwhile is not asked for again: the page of the member says how it stands.
func TestDecisionMadeMeanwhile(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.members = []api.AdminMember{{Member: "bo-id", Name: "Bo", Role: "member"}}
	p := get(t, app, "/o/org/admin/members/bo-id/reinstate")
	if to := p.Header().Get("Location"); p.Code != http.StatusSeeOther || to != "/o/org/admin/members/bo-id" {
		t.Errorf("%d to %q", p.Code, to)
	}
}

// The page of nodes says how the node is, in words and numbers; and is there when the node does not say.
func TestNodesSayHowTheyAre(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	page := "/o/org/admin/nodes"
	p := get(t, app, page)
	checkPage(t, p)
	for _, want := range []string{"A message has waited for 9 days.", "Its disk is nearly full", "7 deliveries of 5 messages, 9.0 MiB", "512.0 MiB or more", "<td>11</td>"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	o.refuse = api.Errorf(api.CodeFailed, "the node is silent")
	if p = get(t, app, page); p.Code != http.StatusOK || !strings.Contains(p.Body.String(), "The node did not say how it is.") {
		t.Errorf("without an answer the page is %d", p.Code)
	}
}
