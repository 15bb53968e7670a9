package web_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
	"muster.example/node/web"
)

// house is a backend with one account, and what a test has happen to it.
type house struct {
	localapitest.Backend
	orgs    []api.OrgSummary
	account api.Account
	status  api.StatusResult
	setting []api.Setting
	made    api.CreateOrgResult
	joined  api.JoinResult
	lost    api.LostResult
	plan    api.BarResult
	losses  api.Losses
	pairing api.Pairing
	meeting api.Meeting
	restore api.Restore
	refuse  error // of what changes something
}

func (h *house) Orgs(context.Context) ([]api.OrgSummary, error)   { return h.orgs, nil }
func (h *house) Status(context.Context) (api.StatusResult, error) { return h.status, nil }
func (h *house) Card(context.Context, api.DevicesQuery) (api.CardResult, error) {
	return api.CardResult{Org: "org", Card: "muster:card/" + hostile}, nil
}
func (h *house) Losses(context.Context, api.LossesQuery) (api.Losses, error) { return h.losses, nil }
func (h *house) Meeting(context.Context, api.MeetingQuery) (api.Meeting, error) {
	return h.meeting, nil
}
func (h *house) Pairing(context.Context, api.PairingQuery) (api.Pairing, error) {
	return h.pairing, nil
}
func (h *house) Restoring(context.Context, api.RestoreQuery) (api.Restore, error) {
	return h.restore, nil
}
func (h *house) Settings(context.Context, api.SettingsQuery) ([]api.Setting, error) {
	return h.setting, nil
}
func (h *house) Devices(context.Context, api.DevicesQuery) ([]api.Account, error) {
	return []api.Account{h.account}, nil
}
func (h *house) CreateOrg(ctx context.Context, r api.CreateOrgRequest) (api.CreateOrgResult, error) {
	h.Backend.CreateOrg(ctx, r) //nolint:errcheck // it only notes the request
	return h.made, h.refuse
}
func (h *house) Join(ctx context.Context, r api.JoinRequest) (api.JoinResult, error) {
	h.Backend.Join(ctx, r) //nolint:errcheck // as above
	return h.joined, h.refuse
}
func (h *house) Lost(ctx context.Context, r api.LostRequest) (api.LostResult, error) {
	h.Backend.Lost(ctx, r) //nolint:errcheck // as above
	return h.lost, h.refuse
}
func (h *house) Return(ctx context.Context, r api.ReturnRequest) (api.ReturnResult, error) {
	h.Backend.Return(ctx, r) //nolint:errcheck // as above
	return api.ReturnResult{Org: "org"}, h.refuse
}
func (h *house) Bar(ctx context.Context, r api.BarRequest) (api.BarResult, error) {
	h.Backend.Bar(ctx, r) //nolint:errcheck // as above
	plan := h.plan
	plan.Done = !r.Preview
	return plan, h.refuse
}
func (h *house) Freeze(ctx context.Context, r api.FreezeRequest) (api.FreezeResult, error) {
	h.Backend.Freeze(ctx, r) //nolint:errcheck // as above
	return api.FreezeResult{}, h.refuse
}
func (h *house) Recover(ctx context.Context, r api.RecoverRequest) (api.RecoverResult, error) {
	h.Backend.Recover(ctx, r) //nolint:errcheck // as above
	return api.RecoverResult{Org: "org", Replaced: r.NewWords != ""}, h.refuse
}
func (h *house) MakeWords(context.Context, api.WordsRequest) (api.WordsResult, error) {
	seed, err := keys.NewRecoverySeed(rand.Reader)
	return api.WordsResult{RecoveryWords: seed.Words()}, err
}
func (h *house) SetSetting(ctx context.Context, r api.SettingRequest) ([]api.Setting, error) {
	h.Backend.SetSetting(ctx, r) //nolint:errcheck // as above
	return nil, h.refuse
}

// last returns the last request that changed something.
func (h *house) last(t *testing.T) any {
	t.Helper()
	requests := h.Requests()
	if len(requests) == 0 {
		t.Fatal("the backend was asked for nothing")
	}
	return requests[len(requests)-1]
}

var org = api.OrgSummary{Org: "org", Name: "Lighthouse", Member: "meidmeid", MemberName: "Me", Role: "member"}

func newHouse(t *testing.T, h localapi.Backend) http.Handler {
	t.Helper()
	s, err := web.New(web.Config{Backend: h})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// full is an account to which everything happened.
func full() *house {
	h := &house{orgs: []api.OrgSummary{org}}
	at := day
	h.account = api.Account{
		Org: "org", Member: "meidmeid", FrozenUntil: time.Now().Add(time.Hour), Obeys: "recovery-only",
		Devices: api.List[api.Device]{
			{Device: "12D3KooWjunior01", Elder: "12D3KooWmiddle01", IntroducedBy: "12D3KooWmiddle01", Standing: "active", Name: hostile, LastSeen: &at},
			{Device: "12D3KooWended001", Elder: "12D3KooWsenior01", Standing: "barred", Barred: true, BarredBy: "12D3KooWsenior01", BarredAt: day, Wipe: true},
			{Device: "12D3KooWmiddle01", Elder: "12D3KooWsenior01", IntroducedBy: "12D3KooWsenior01", Standing: "active", This: true},
			{Device: "12D3KooWsenior01", Standing: "active"},
		},
		Readmissions: api.List[api.Waiting]{{Readmission: "readmission", By: "12D3KooWadmin001", ByName: hostile, Device: "12D3KooWother001", Due: day}},
		Excluded:     &api.Exclusion{Standing: "barred", By: hostile, WipeAt: day},
	}
	for _, standing := range []string{"suspended", "removed", "ended"} {
		h.account.Devices = append(h.account.Devices, api.Device{Device: "12D3KooW" + standing, Standing: standing, Barred: true})
	}
	status := api.OrgStatus{
		Org: "org", Missing: 2, Outbox: 3, FrozenUntil: h.account.FrozenUntil, Readmissions: h.account.Readmissions, Excluded: h.account.Excluded,
		Roll: api.RollStatus{Distrusted: true, Time: day}, Warnings: api.List[string]{hostile},
		Rendezvous: api.List[api.RendezvousStatus]{{Address: "/ip4/192.0.2.1/tcp/1"}, {Address: hostile, Connected: true}},
		Notices:    api.List[api.Notice]{{Time: day, Member: api.Person{Member: "bo-id", Name: hostile}, Text: hostile}},
		Newcomers: api.List[api.Newcomer]{
			{Member: "newmember", Device: "12D3KooWnewcomer", Name: hostile, Clash: true, By: api.Person{Member: "bo-id", Name: hostile}, Since: day, Until: day.Add(time.Hour)},
		},
	}
	for _, kind := range []string{"roll", "fork", "head", "stale", "clock", "withheld", "prekey", "clone", "verify", "readmission", "sequence", "shrunk", "returns", "of a later version"} {
		status.Raised = append(status.Raised, api.Alarm{Time: day, Kind: kind, Text: hostile, Evidence: "/evidence/" + hostile})
	}
	h.status = api.StatusResult{
		Orgs: api.List[api.OrgStatus]{status},
		Applications: api.List[api.Application]{
			{Org: "org", Name: hostile, Device: "12D3KooWnew", Request: "muster:again/x", Code: "1234", State: "asked"},
			{Org: "org", Name: "b", Device: "12D3KooWnew", State: "waiting", Due: day}, {Org: "org", Name: "c", Device: "12D3KooWnew", State: "refused"},
		},
	}
	for _, state := range []api.JoinState{api.JoinMember, api.JoinApplied, api.JoinDeclined, api.JoinFailed, api.JoinWaiting} {
		h.status.Joining = append(h.status.Joining, api.Candidacy{Org: "other", OrgName: hostile, Name: hostile, Text: hostile, State: state, Why: hostile, Since: day})
	}
	h.setting = []api.Setting{
		{Name: "receipts", Value: "off"}, {Name: "expires", Value: "7d"}, {Name: "away", Value: "<img src=x onerror=alert(1)>"}, {Name: "later", Value: "x", About: hostile},
	}
	bo := api.Person{Member: "bo-id", Name: hostile}
	for _, state := range []string{"offered", "asked", "gone", "over", "ended"} {
		h.losses.Gaps = append(h.losses.Gaps, api.Gap{
			Author: bo, Device: "12D3KooWbo000001", Missing: 3, Since: day, Until: day.Add(time.Hour), State: state, People: api.List[api.Person]{bo},
		})
	}
	h.losses.Gaps = append(h.losses.Gaps, api.Gap{Device: "12D3KooWunknown1", Missing: 1, State: "offered"})
	for id, to := range map[string]api.ReturnedTo{
		"m1m1m1m1": {Person: bo, State: api.StateReturned, Since: day}, "m2m2m2m2": {Person: bo, State: api.StateRefused, Since: day},
		"m3m3m3m3": {Person: bo, State: api.StateReturned, Since: day, Gone: true},
	} {
		h.losses.Returned = append(h.losses.Returned, api.Returned{
			ID: id, Thread: id, Group: &api.GroupName{Group: "crew", Name: hostile}, Subject: hostile, Snippet: hostile, Time: day, To: api.List[api.ReturnedTo]{to},
		})
	}
	h.losses.More = true
	h.plan = api.BarResult{
		Barred: api.List[string]{"12D3KooWmiddle01"}, After: 7, This: true, Along: api.List[string]{"12D3KooWjunior01"},
		Returned: api.List[string]{"12D3KooWended001"}, Voided: api.List[string]{hostile},
	}
	return h
}

// Pages of the own account are whole, say nothing that acts, and have words in every language, full and empty.
func TestOwnPages(t *testing.T) {
	quiet := &house{orgs: []api.OrgSummary{org}, account: api.Account{Org: "org"}, status: api.StatusResult{Orgs: api.List[api.OrgStatus]{{Org: "org"}}}}
	for name, h := range map[string]*house{"full": full(), "empty": quiet} {
		app := newHouse(t, h)
		for _, address := range []string{
			"/welcome", "/welcome/join", "/welcome/create", "/welcome/words", "/welcome/check", "/recover", "/recover/lost", "/preferences",
			"/o/org/devices", "/o/org/devices/bar?device=12D3KooWmiddle01", "/o/org/devices/card", "/o/org/safety",
			"/o/org/devices/words", "/o/org/devices/words/check", "/o/org/devices/order", "/o/org/devices/keep", "/o/org/devices/keep?device=12D3KooWended001", "/o/org/settings", "/o/org/settings/name",
		} {
			for _, language := range []string{"en", "de", "ar"} {
				t.Run(name+address+language, func(t *testing.T) {
					p := ask(t, app, "GET", address, language, nil)
					if p.Code != http.StatusOK {
						t.Fatalf("%d %s", p.Code, p.text())
					}
					checkPage(t, p)
					checkHarmless(t, p)
				})
			}
		}
	}
}

func TestDevicesByRank(t *testing.T) {
	app := newHouse(t, full())
	text := get(t, app, "/o/org/devices").text()
	last := -1
	for _, device := range []string{"senior01", "middle01", "junior01", "ended001"} {
		at := strings.Index(text, "…"+device+" ")
		if at <= last {
			t.Errorf("%s is not behind the one above it: %s", device, text)
		}
		last = at
	}
}

// words are those of a test, and not alike.
func words(kind string) (all []string) {
	for i := range 24 {
		all = append(all, fmt.Sprintf("%s%c", kind, 'a'+i))
	}
	return all
}

// An organization without a server takes no claim link: that is what the page offers first.
func TestOrganizationOnThisComputer(t *testing.T) {
	h := &house{made: api.CreateOrgResult{Org: "org"}}
	app := newHouse(t, h)
	p := get(t, app, "/welcome/create")
	checkPage(t, p)
	if !strings.Contains(p.Body.String(), `id="where-here" value="here" checked`) {
		t.Error("it is not what is offered first")
	}
	ask(t, app, "POST", "/welcome/create", "en", url.Values{"where": {"here"}, "claim": {""}, "name": {"Lighthouse"}, "founder": {"Ada"}})
	if diff := cmp.Diff(api.CreateOrgRequest{Here: true, Name: "Lighthouse", As: "Ada"}, h.last(t)); diff != "" {
		t.Error(diff)
	}
}

// A founder sees recovery words and root words, each until it was checked that they are written down, and never again.
func TestFounderWritesWordsDown(t *testing.T) {
	h := &house{made: api.CreateOrgResult{Org: "org", RecoveryWords: words("own"), RootWords: words("root"), Card: "muster:card/x"}}
	app := newHouse(t, h)
	p := ask(t, app, "POST", "/welcome/create", "en", url.Values{
		"where": {"server"}, "claim": {" muster:claim/x "}, "name": {"Lighthouse"}, "founder": {"Ada"},
	})
	if p.Code != http.StatusSeeOther || !strings.HasPrefix(p.Header().Get("Location"), "/welcome/words") {
		t.Fatalf("%d, to %q: %s", p.Code, p.Header().Get("Location"), p.text())
	}
	if diff := cmp.Diff(api.CreateOrgRequest{Claim: "muster:claim/x", Name: "Lighthouse", As: "Ada"}, h.last(t)); diff != "" {
		t.Error(diff)
	}
	h.orgs = []api.OrgSummary{org}
	h.status.Orgs = api.List[api.OrgStatus]{{Org: "org"}}
	for i, kind := range []string{"own", "root"} {
		p := get(t, app, "/welcome/words")
		checkPage(t, p)
		if got := listed(p); !slices.Equal(got, words(kind)) {
			t.Fatalf("it shows %q", got)
		}
		if strings.Contains(p.text(), "muster:card/x") != (kind == "own") {
			t.Errorf("the card is on the wrong page: %s", p.text())
		}
		if to := get(t, app, "/").Header().Get("Location"); to != "/welcome/words" {
			t.Errorf("home leads to %q", to)
		}
		check := get(t, app, "/welcome/check")
		checkPage(t, check)
		if strings.Contains(check.Body.String(), kind+"a") {
			t.Error("the check shows words")
		}
		wrong := ask(t, app, "POST", "/welcome/check", "en", url.Values{"slip": {slipOf(check)}, "word": {"no", "no", "no"}})
		checkPage(t, wrong)
		if !strings.Contains(wrong.text(), "not what was shown") {
			t.Errorf("wrong words: %d %s", wrong.Code, wrong.text())
		}
		for range 5 { // while they are typed, things happen
			askLive(t, app, "/welcome/check")
		}
		right := ask(t, app, "POST", "/welcome/check", "en", url.Values{"slip": {slipOf(wrong)}, "word": answers(t, wrong, words(kind))})
		want := []string{"/welcome/words?notice=slip.right", "/o/org/?notice=slip.right"}[i]
		if to := right.Header().Get("Location"); to != want {
			t.Fatalf("right words lead to %q, want %q: %s", to, want, right.text())
		}
	}
	for _, address := range []string{"/welcome/words", "/welcome/check"} {
		if p := get(t, app, address); strings.Contains(p.Body.String(), "owna") || strings.Contains(p.Body.String(), "roota") {
			t.Error("the words are shown again")
		}
	}
}

// Words are in no address and no notice.
func TestWordsAreInNoAddress(t *testing.T) {
	h := &house{joined: api.JoinResult{State: api.JoinMember, Org: "org", OrgName: hostile, RecoveryWords: words("own"), Card: hostile}}
	app := newHouse(t, h)
	p := ask(t, app, "POST", "/welcome/join", "en", url.Values{"invitation": {"muster:join/x"}, "as": {"Bo"}, "text": {"from the harbour"}})
	if diff := cmp.Diff(api.JoinRequest{Invitation: "muster:join/x", As: "Bo", Text: "from the harbour"}, h.last(t)); diff != "" {
		t.Error(diff)
	}
	check := get(t, app, "/welcome/check")
	checkHarmless(t, get(t, app, "/welcome/words"))
	done := ask(t, app, "POST", "/welcome/words/done", "en", url.Values{"slip": {slipOf(check)}})
	for _, p := range []page{p, check, done} {
		if strings.Contains(fmt.Sprint(p.Header())+p.Body.String(), "owna") {
			t.Errorf("words in %v", p.Header())
		}
	}
	if to := done.Header().Get("Location"); to != "/o/org/" {
		t.Errorf("without the check one goes on to %q", to)
	}
}

// A second account has no new words, and an application waits on the page where it was made.
func TestJoinLeadsOn(t *testing.T) {
	for state, want := range map[api.JoinState]string{
		api.JoinMember: "/o/org/?notice=welcome.joined", api.JoinApplied: "/welcome?notice=welcome.applied",
		api.JoinDeclined: "/welcome?notice=welcome.declined", api.JoinFailed: "/welcome?notice=welcome.failed",
	} {
		app := newHouse(t, &house{joined: api.JoinResult{State: state, Org: "org"}})
		p := ask(t, app, "POST", "/welcome/join", "en", url.Values{"invitation": {"muster:join/x"}})
		if to := p.Header().Get("Location"); to != want {
			t.Errorf("%s leads to %q, want %q", state, to, want)
		}
	}
}

// What was typed is kept when it is refused, and recovery words are not.
func TestRefusalsKeepWhatWasTyped(t *testing.T) {
	refused := api.Errorf(api.CodeRefused, "the lamp is out").WithHint("light it")
	for address, form := range map[string]url.Values{
		"/welcome/join":         {"invitation": {"typed-a"}, "as": {"typed-b"}, "text": {"typed-c"}},
		"/welcome/create":       {"claim": {"typed-a"}, "name": {"typed-b"}, "founder": {"typed-c"}},
		"/recover":              {"card": {"typed-a"}, "words": {"hush hush"}},
		"/recover/lost":         {"card": {"typed-a"}, "as": {"typed-b"}},
		"/o/org/settings":       {"setting": {"expires"}, "value": {"typed-a"}},
		"/o/org/devices/bar":    {"device": {"12D3KooWmiddle01"}, "since": {"2026-11-01T10:00"}, "owner": {"1"}, "words": {"hush hush"}},
		"/o/org/devices/freeze": {"lift": {"1"}, "words": {"hush hush"}},
		"/o/org/devices/keep":   {"device": {"12D3KooWended001"}, "words": {"hush hush"}},
		"/o/org/devices/order": {
			"confirmed": {"1"}, "words": {"hush hush"}, "device": {"12D3KooWmiddle01", "12D3KooWsenior01", "12D3KooWjunior01"}, "place": {"1", "2", "3"},
		},
	} {
		h := full()
		h.refuse = refused
		p := ask(t, newHouse(t, h), "POST", address, "en", form)
		checkPage(t, p)
		if p.Code != http.StatusForbidden || !strings.Contains(p.text(), "the lamp is out") || !strings.Contains(p.text(), "light it") {
			t.Errorf("%s: %d %s", address, p.Code, p.text())
		}
		for _, values := range form {
			if strings.HasPrefix(values[0], "typed") && !strings.Contains(p.Body.String(), values[0]) {
				t.Errorf("%s lost %q", address, values[0])
			}
		}
		if strings.Contains(p.Body.String(), "hush hush") {
			t.Errorf("%s shows the recovery words again", address)
		}
	}
}

// Barring shows first what it does. The words are asked for twice and in no page.
func TestBarShowsWhatItDoes(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	form := url.Values{"device": {"12D3KooWmiddle01"}, "since": {"2026-11-01T10:00"}, "wipe": {"1"}, "owner": {"1"}, "words": {"secret words"}}
	p := ask(t, app, "POST", "/o/org/devices/bar", "en", form)
	checkPage(t, p)
	checkHarmless(t, p)
	want := api.BarRequest{
		Org: "org", Devices: api.List[string]{"12D3KooWmiddle01"}, Since: time.Date(2026, 11, 1, 10, 0, 0, 0, time.Local), Wipe: true,
		Words: "secret words", Preview: true,
	}
	if diff := cmp.Diff(want, h.last(t)); diff != "" {
		t.Error(diff)
	}
	for _, says := range []string{"…middle01", "…junior01", "…ended001", "position 7", "This device is among them"} {
		if !strings.Contains(p.text(), says) {
			t.Errorf("the plan does not say %q: %s", says, p.text())
		}
	}
	if strings.Contains(p.Body.String(), "secret words") {
		t.Error("the plan holds the recovery words")
	}
	sent := url.Values{"words": {"secret words"}, "keep": {"12D3KooWjunior01"}}
	for n := range p.find("main", "").Descendants() {
		if n.Data == "input" && attribute(n, "type") == "hidden" {
			sent.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	done := ask(t, app, "POST", "/o/org/devices/bar", "en", sent)
	want.Preview, want.Keep = false, api.List[string]{"12D3KooWjunior01"}
	if diff := cmp.Diff(want, h.last(t)); diff != "" || done.Header().Get("Location") != "/o/org/devices?notice=bar.done" {
		t.Error(done.Header().Get("Location"), diff)
	}
}

// The other forms of the devices, the settings and the recovery say what the backend must get.
func TestOwnForms(t *testing.T) {
	for _, c := range []struct {
		address string
		form    url.Values
		want    any
		to      string
	}{
		{"/o/org/devices/freeze", url.Values{"words": {"ignored"}}, api.FreezeRequest{Org: "org"}, "/o/org/devices?notice=freeze.done"},
		{"/o/org/devices/freeze", url.Values{"lift": {"1"}, "words": {"w"}}, api.FreezeRequest{Org: "org", Lift: true, Words: "w"}, "/o/org/devices?notice=freeze.lifted"},
		{"/o/org/devices/refuse", url.Values{"readmission": {"r"}}, api.RefuseRequest{Org: "org", Readmission: "r"}, "/o/org/devices?notice=readmission.refused"},
		{"/o/org/devices/wiper", url.Values{"obey": {"nobody"}}, api.WiperRequest{Org: "org", Obey: "nobody"}, "/o/org/devices?notice=wiper.done"},
		{
			"/o/org/devices/keep", url.Values{"device": {"12D3KooWended001"}, "words": {"w"}},
			api.RecoverRequest{Org: "org", Words: "w", CancelWipe: api.List[string]{"12D3KooWended001"}}, "/o/org/devices?notice=keep.done",
		},
		{"/o/org/settings", url.Values{"setting": {"away"}, "value": {"I am away"}}, api.SettingRequest{Org: "org", Name: "away", Value: "I am away"}, "/o/org/settings?notice=settings.kept"},
		{"/o/org/settings/name", url.Values{"name": {"Ada"}}, api.NameRequest{Org: "org", Name: "Ada"}, "/o/org/settings?notice=settings.renamed"},
		{
			"/recover", url.Values{"card": {"muster:card/x"}, "words": {"w"}, "bar": {"1"}, "first": {"1"}},
			api.ReturnRequest{Card: "muster:card/x", Words: "w", Bar: api.List[string]{"all"}, First: true}, "/o/org/devices?notice=recover.done",
		},
		{"/recover/lost", url.Values{"card": {"muster:card/x"}, "as": {"Bo"}}, api.LostRequest{Card: "muster:card/x", As: "Bo"}, "/recover?notice=lost.made"},
	} {
		h := full()
		p := ask(t, newHouse(t, h), "POST", c.address, "en", c.form)
		if diff := cmp.Diff(c.want, h.last(t)); diff != "" || p.Header().Get("Location") != c.to {
			t.Errorf("%s: %q %s", c.address, p.Header().Get("Location"), diff)
		}
	}
}

// Every page says what a person must know, until an alarm was read.
func TestBanners(t *testing.T) {
	app := newHouse(t, full())
	for _, says := range []string{"may not act", "caught lying", "asks for your account", "frozen", "There is an alarm"} {
		if text := get(t, app, "/o/org/settings").text(); !strings.Contains(text, says) {
			t.Errorf("no banner says %q: %s", says, text)
		}
	}
	p := ask(t, app, "POST", "/o/org/safety", "en", nil)
	if p.Header().Get("Location") != "/o/org/safety?notice=alarms.seen" {
		t.Fatal(p.Header())
	}
	r := http.Request{Header: http.Header{"Cookie": {strings.Split(p.Header().Get("Set-Cookie"), ";")[0]}}}
	cookies := r.Cookies()
	after := askWith(t, app, "/o/org/settings", cookies).text()
	if strings.Contains(after, "There is an alarm") || !strings.Contains(after, "caught lying") {
		t.Errorf("after it was read: %s", after)
	}
}

// listed returns the words on a slip.
func listed(p page) (all []string) {
	for n := range p.find("ol", "").Descendants() {
		if n.Type == html.TextNode {
			all = append(all, n.Data)
		}
	}
	return all
}

func slipOf(p page) string {
	for n := range p.root.Descendants() {
		if n.Data == "input" && attribute(n, "name") == "slip" {
			return attribute(n, "value")
		}
	}
	return ""
}

// answers returns what a check asks for.
func answers(t *testing.T, p page, from []string) (all []string) {
	t.Helper()
	for n := range p.root.Descendants() {
		number := 0
		if n.Data == "input" && attribute(n, "name") == "word" {
			if _, err := fmt.Sscanf(attribute(n, "id"), "word-%d", &number); err != nil {
				t.Fatal(err)
			}
			all = append(all, " "+strings.ToUpper(from[number-1]))
		}
	}
	if len(all) != 3 {
		t.Fatalf("it asks for %d words", len(all))
	}
	return all
}

func askWith(t *testing.T, app http.Handler, address string, cookies []*http.Cookie) page {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", address, nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	p := page{ResponseRecorder: httptest.NewRecorder()}
	app.ServeHTTP(p.ResponseRecorder, r)
	root, err := html.Parse(strings.NewReader(p.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	p.root = root
	return p
}
