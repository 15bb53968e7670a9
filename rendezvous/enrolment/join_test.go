package enrolment

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster.example/membership"
	"muster.example/rendezvous/enrolment/enrolmenttest"
	"muster.example/rendezvous/enrolproto"
)

// Somebody logs in at a real provider with a code that their device shows, confirms the words, and is a member, under the name
// of the claim. The words on both screens are the same. [ENR-10] [ENR-13] [ENR-15]
func TestJoinByCode(t *testing.T) {
	w := newWorld(t, asIs)
	d := w.newDevice()
	if status := d.begin("", ""); status != enrolproto.OK {
		t.Fatal(status)
	}
	if d.offer.Org != w.org || d.offer.OrgName != "Lighthouse" || strings.Contains(d.login, d.code) {
		t.Errorf("offered %+v at %s", d.offer, d.login)
	}
	if status := d.poll(); status != enrolproto.Waiting {
		t.Errorf("before the login: %v", status)
	}
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.Open(d.login)
	b.Post(devicePath, map[string][]string{"code": {strings.ToLower(enrolproto.ShowCode(d.code))}})
	b.Go()
	if !strings.Contains(b.Page, d.offer.Words()) || !strings.Contains(b.Page, "Zoe") {
		t.Errorf("the page shows %s, the device %q", b, d.offer.Words())
	}
	if status := d.poll(); status != enrolproto.Waiting {
		t.Errorf("before the words are confirmed: %v", status)
	}
	b.Post(confirmPath, map[string][]string{"page": {b.Field()}, "same": {"yes"}})
	if status := d.poll(); status != enrolproto.OK || d.name != "Zoe" || d.role != membership.RoleMember {
		t.Fatalf("%v: %q as %v", status, d.name, d.role)
	}
	if status, err := d.join(nil, same); status != enrolproto.OK || err != nil {
		t.Fatalf("%v, %v", status, err)
	}
	if m := w.member(d); m.Name != "Zoe" || m.Role != membership.RoleMember || m.Suspended {
		t.Errorf("%+v", m)
	}
}

// The browser of the same computer brings a login back to the app there, and without what it brings nothing is signed. [ENR-13]
func TestJoinByTheOwnBrowser(t *testing.T) {
	w := newWorld(t, asIs)
	brought := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { brought <- r.URL.Query().Get("code") }))
	defer app.Close()
	d := w.newDevice()
	if status := d.begin("", app.URL+"/back"); status != enrolproto.OK || d.code != "" {
		t.Fatal(status, d.code)
	}
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.Open(d.login)
	if status := d.poll(); status != enrolproto.OK {
		t.Fatalf("%v: %s", status, b)
	}
	if status, _ := d.join(nil, same); status != enrolproto.Declined {
		t.Errorf("without what the browser brought: %v", status)
	}
	if status, _ := d.join(make([]byte, 32), same); status != enrolproto.Declined {
		t.Errorf("with something else: %v", status)
	}
	code, err := base64.RawURLEncoding.DecodeString(<-brought)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := d.join(code, same); status != enrolproto.OK || err != nil {
		t.Errorf("%v, %v", status, err)
	}
}

// What the service does not sign, each for its reason, though the login is good. [ENR-15] [ENR-16]
func TestSignsOnlyWhatWasLoggedInFor(t *testing.T) {
	w := newWorld(t, asIs)
	other := w.newDevice()
	for name, change := range map[string]func(*membership.Event){
		"another name":         func(e *membership.Event) { e.Join.Name = "Ada Quay" },
		"another role":         func(e *membership.Event) { e.Join.Role = membership.RoleDesk },
		"another recovery key": func(e *membership.Event) { e.Join.Recovery = other.recovery.Public() },
		"another organization": func(e *membership.Event) { e.Org[0] ^= 1 },
		"a policy": func(e *membership.Event) {
			e.Join, e.Policy = nil, &membership.PolicyChange{Policy: membership.DefaultPolicy()}
		},
		"a counter that is used": func(e *membership.Event) { e.Counter = 2 },
	} {
		d := w.newDevice()
		d.begin("", "")
		b := enrolmenttest.NewBrowser(t, w.web, eve.Login)
		b.TypeCode(w.cfg.URL, d.code, true)
		if status := d.poll(); status != enrolproto.OK {
			t.Fatalf("%v: %s", status, b)
		}
		if status, err := d.join(nil, change); status != enrolproto.WrongJoin || err != nil {
			t.Errorf("%s: %v, %v", name, status, err)
		}
		other = d
	}
	d := other // whose login is still good: a join for another device's key
	stranger := w.newDevice()
	stranger.ticket, stranger.offer, stranger.leave, stranger.name, stranger.role = d.ticket, d.offer, d.leave, d.name, d.role
	body := membership.Body(membership.Event{Org: w.org, Counter: 1, Join: &membership.Join{
		Invitation: d.offer.Key, Name: d.name, Recovery: d.recovery.Public(), Role: d.role,
	}}, stranger.key.Public())
	if answer := w.ask(enrolproto.Request{Sign: &enrolproto.Sign{Ticket: d.ticket, Body: body}}); answer.Status != enrolproto.WrongJoin {
		t.Errorf("for another device: %v", answer.Status)
	}
}

// A login joins once; a second join of it, or another body under one ticket, is refused. [ENR-16]
func TestALoginJoinsOnce(t *testing.T) {
	w := newWorld(t, asIs)
	d, _ := w.joinByCode(zoe)
	if status, err := d.join(nil, same); status != enrolproto.WrongJoin || err != nil {
		t.Errorf("again with the ticket: %v, %v", status, err)
	}
	again := w.newDevice()
	again.begin("", "")
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.TypeCode(w.cfg.URL, again.code, true)
	if status := again.poll(); status != enrolproto.Member {
		t.Errorf("another device of who has joined: %v, %s", status, b)
	}
}

// What the rules refuse to a login at a real provider. [ENR-26] [ENR-27]
func TestRefusedLogins(t *testing.T) {
	for name, c := range map[string]struct {
		terms  func(*membership.EnrolmentTerms)
		config func(*Config)
		who    enrolmenttest.Person
		before func(*world)
		same   bool
		want   enrolproto.Status
	}{
		"an address that was not verified gives no name": {
			terms: func(t *membership.EnrolmentTerms) { t.Claim = "email" }, who: moe, want: enrolproto.NotAllowed},
		"nor fulfils a rule": {
			config: func(c *Config) { c.Rules.Require = []Match{{"email", moe.Email}} }, who: moe, want: enrolproto.NotAllowed},
		"a rule is not fulfilled": {
			config: func(c *Config) { c.Rules.Require = []Match{{"family_name", "Pier"}} }, who: zoe, want: enrolproto.NotAllowed},
		"the words were others": {who: zoe, same: true, want: enrolproto.Declined},
		"the name is taken":     {who: zoe, before: func(w *world) { w.rename("Zoe") }, want: enrolproto.NoName},
		"the name is reserved": {
			terms: func(t *membership.EnrolmentTerms) { t.Claim = "family_name" }, who: enrolmenttest.Person{Login: "eve"},
			before: func(w *world) { w.reserve("Dune") }, want: enrolproto.NoName},
		"there is no such claim": {terms: func(t *membership.EnrolmentTerms) { t.Claim = "nickname" }, who: zoe, want: enrolproto.NoName},
		"nobody chose a name":    {terms: func(t *membership.EnrolmentTerms) { t.Claim = "" }, who: zoe, want: enrolproto.NameMissing},
		"as many as may a day have joined": {
			terms: func(t *membership.EnrolmentTerms) { t.Daily = 1 }, who: zoe, before: func(w *world) { w.joinByCode(eve) },
			want: enrolproto.DailyLimit},
		"the account is disabled": {who: zoe, before: func(w *world) { w.provider.Disable(zoe.ID, true) }, want: enrolproto.Waiting},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			if c.terms == nil {
				c.terms = asIs
			}
			if c.config == nil {
				c.config = func(*Config) {}
			}
			w := newWorld(t, c.terms, c.config)
			if c.before != nil {
				c.before(w)
			}
			d := w.newDevice()
			if status := d.begin("", ""); status != enrolproto.OK {
				t.Fatal(status)
			}
			b := enrolmenttest.NewBrowser(t, w.web, c.who.Login)
			if c.want == enrolproto.Waiting { // the provider lets nobody come back
				b.Open(w.cfg.URL + devicePath)
				b.Post(devicePath, map[string][]string{"code": {d.code}})
				b.Go()
			} else {
				b.TypeCode(w.cfg.URL, d.code, !c.same)
			}
			if status := d.poll(); status != c.want {
				t.Errorf("%v, want %v: %s", status, c.want, b)
			}
			if b.Status == http.StatusOK {
				t.Errorf("the page says %s", b)
			}
		})
	}
}

// A key that has ended, or that the roll names with another provider, offers nothing. [ENR-27]
func TestAnEndedKeyOffersNothing(t *testing.T) {
	w := newWorld(t, func(t *membership.EnrolmentTerms) { t.Client = "another" })
	if status := w.newDevice().begin("", ""); status != enrolproto.Ended {
		t.Errorf("set up for another client: %v", status)
	}
	w = newWorld(t, asIs)
	d := w.newDevice()
	d.begin("", "")
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.TypeCode(w.cfg.URL, d.code, true)
	d.poll()
	w.decide(membership.Event{Enrolment: &membership.Enrolment{Key: w.service.key.Public()}})
	if status, err := d.join(nil, same); err == nil && status == enrolproto.OK {
		t.Errorf("joined by a key that has ended: %v", status)
	}
	if status := w.newDevice().begin("", ""); status != enrolproto.Ended {
		t.Errorf("after the end: %v", status)
	}
}

// Codes and tickets are good for their time, and codes for one browser. [ENR-13] [ENR-20]
func TestOffersEnd(t *testing.T) {
	w := newWorld(t, asIs)
	d := w.newDevice()
	d.begin("", "")
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.Open(w.cfg.URL + devicePath)
	b.Post(devicePath, map[string][]string{"code": {d.code}})
	second := enrolmenttest.NewBrowser(t, w.web, eve.Login)
	second.Open(w.cfg.URL + devicePath)
	second.Post(devicePath, map[string][]string{"code": {d.code}})
	if second.Status != http.StatusNotFound {
		t.Errorf("a code that was typed before: %s", second)
	}
	w.clock.move(enrolproto.OfferTime + time.Second)
	b.Go()
	if b.Status != http.StatusNotFound {
		t.Errorf("after its time: %s", b)
	}
	if status := d.poll(); status != enrolproto.Unknown {
		t.Errorf("after its time: %v", status)
	}
	for range siteLogins {
		w.newDevice().begin("", "")
	}
	if status := w.newDevice().begin("", ""); status != enrolproto.Full {
		t.Errorf("one more from the same address: %v", status)
	}
}

// A browser other than the one that left cannot come back in its place. [ENR-22]
func TestAnotherBrowserCannotComeBack(t *testing.T) {
	w := newWorld(t, asIs)
	d := w.newDevice()
	d.begin("", "http://127.0.0.1:1/back")
	thief := enrolmenttest.NewBrowser(t, w.web, eve.Login)
	thief.Open(w.cfg.URL + againPath) // has a cookie of its own
	first, err := w.provider.Trust(w.cert).Transport.RoundTrip(httptest.NewRequest(http.MethodGet, d.login, nil))
	if err != nil {
		t.Fatal(err)
	}
	thief.Open(first.Header.Get("Location")) // the login of somebody else's browser, finished in this one
	if thief.Status != http.StatusNotFound || d.poll() != enrolproto.Waiting {
		t.Errorf("another browser came back: %s", thief)
	}
}

func (w *world) rename(name string) {
	w.decide(membership.Event{Name: &membership.NameChange{Name: name}})
}

func (w *world) reserve(name string) {
	policy := membership.DefaultPolicy()
	policy.Reserved = []string{name}
	w.decide(membership.Event{Policy: &membership.PolicyChange{Policy: policy}})
}
