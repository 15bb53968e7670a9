package enrolment

import (
	"net/url"
	"testing"
	"time"

	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/enrolment/enrolmenttest"
	"muster.example/rendezvous/enrolproto"
)

// An account that is disabled at the provider is suspended after two refusals, and so within the interval and a minute more;
// a provider that is silent suspends nobody; and who is let in again is reinstated. [ENR-30] [ENR-31] [ENR-32]
func TestDisabledAccountIsSuspended(t *testing.T) {
	w := newWorld(t, asIs)
	d, _ := w.joinByCode(zoe)
	w.pass(w.cfg.Check)
	if w.member(d).Suspended {
		t.Fatal("suspended while the account is good")
	}
	w.provider.Silence(true)
	w.pass(w.cfg.Check)
	w.pass(w.cfg.Check)
	if w.provider.Silence(false); w.member(d).Suspended {
		t.Fatal("suspended by a provider that does not answer")
	}
	w.pass(0)
	w.provider.Disable(zoe.ID, true)
	w.pass(w.cfg.Check)
	if w.member(d).Suspended {
		t.Fatal("suspended at the first refusal")
	}
	w.pass(askAgain)
	if !w.member(d).Suspended {
		t.Fatal("not suspended after two")
	}
	w.provider.Disable(zoe.ID, false)
	w.pass(w.cfg.Check)
	if w.member(d).Suspended {
		t.Error("still suspended though the provider lets the account in")
	}
}

// What an admin decides about a suspension stands. [ENR-32]
func TestAdminsHaveTheLastWord(t *testing.T) {
	w := newWorld(t, asIs)
	d, _ := w.joinByCode(zoe)
	id := w.member(d).ID
	w.provider.Disable(zoe.ID, true)
	w.pass(w.cfg.Check)
	w.pass(askAgain)
	w.decide(membership.Event{Reinstate: &membership.Reinstate{Member: id}})
	w.pass(w.cfg.Check)
	if w.member(d).Suspended {
		t.Error("suspended again, whom an admin has reinstated")
	}
	w.decide(membership.Event{Suspend: &membership.Suspend{Member: id}})
	w.provider.Disable(zoe.ID, false)
	w.pass(w.cfg.Check)
	if !w.member(d).Suspended {
		t.Error("reinstated, whom an admin has suspended")
	}
}

// A service that was stopped goes on where it was: it still knows whom it watches. [ENR-33]
func TestAccountsOutliveARestart(t *testing.T) {
	w := newWorld(t, asIs)
	d, _ := w.joinByCode(zoe)
	w.stop()
	w.provider.Disable(zoe.ID, true)
	w.start()
	w.pass(w.cfg.Check)
	w.pass(askAgain)
	if !w.member(d).Suspended {
		t.Error("not suspended")
	}
	status, err := ReadStatus(w.cfg.Dir)
	if err != nil || !status.Speaks || status.Accounts != 1 || status.Suspended != 1 {
		t.Errorf("the status is %+v, %v", status, err)
	}
}

// A member whose refresh token is worth nothing any more logs in again, and is reinstated. [ENR-32]
func TestLoggingInAgain(t *testing.T) {
	w := newWorld(t, asIs)
	d, _ := w.joinByCode(zoe)
	w.provider.Disable(zoe.ID, true)
	w.pass(w.cfg.Check)
	w.pass(askAgain)
	a, _, err := w.service.accounts.get(zoe.ID)
	if err != nil {
		t.Fatal(err)
	}
	a.Refresh = "worth nothing"
	if err := w.service.accounts.put(a); err != nil {
		t.Fatal(err)
	}
	w.provider.Disable(zoe.ID, false)
	w.pass(w.cfg.Check)
	if !w.member(d).Suspended {
		t.Fatal("reinstated without a login")
	}
	stranger := enrolmenttest.NewBrowser(t, w.web, eve.Login)
	stranger.Open(w.cfg.URL + againPath)
	stranger.Post(againPath, url.Values{})
	stranger.Go()
	if stranger.Status != 404 || !w.member(d).Suspended {
		t.Errorf("somebody who never joined: %s", stranger)
	}
	b := enrolmenttest.NewBrowser(t, w.web, zoe.Login)
	b.Open(w.cfg.URL + againPath)
	b.Post(againPath, url.Values{})
	b.Go()
	if b.Status != 200 || w.member(d).Suspended {
		t.Errorf("after the login: %s", b)
	}
	w.pass(w.cfg.Check)
	if w.member(d).Suspended {
		t.Error("the new refresh token does not serve")
	}
}

// The claims of somebody decide on groups, in and out of them, and on nobody else's. [ENR-34]
func TestGroupsFromClaims(t *testing.T) {
	w := newWorld(t, asIs, func(c *Config) {
		c.Rules.Groups = []GroupRule{{Match{"groups", "crew"}, "Crew"}}
		c.Rules.Desk = []Match{{"groups", "front"}}
	})
	created := w.decide(membership.Event{Group: &membership.NewGroup{Name: "Crew", Admission: group.Moderated, Writers: group.Everybody, Listed: true}})
	crew := membership.GroupOf(w.org, created)
	issued, _ := w.roll().State().Enrolment(w.service.key.Public())
	terms := issued.Terms
	terms.Role, terms.Groups = membership.RoleDesk, append(terms.Groups, crew)
	w.decide(membership.Event{Enrolment: &membership.Enrolment{Key: issued.Key, Terms: &terms}})
	w.provider.Group(zoe.ID, "crew")
	d, _ := w.joinByCode(zoe)
	people := func() int {
		g, _ := w.roll().State().Group(crew)
		return len(g.Members)
	}
	if w.pass(w.cfg.Check); people() != 2 {
		t.Errorf("%d in the group, want the founder and Zoe", people())
	}
	w.provider.Group(zoe.ID, "front")
	if w.pass(w.cfg.Check); people() != 1 || w.member(d).Role != membership.RoleDesk {
		t.Errorf("%d in the group, and Zoe is a %s", people(), w.member(d).Role)
	}
}

// An account that loses what the rules require is refused like one that is disabled. [ENR-31]
func TestRequirementsAreAskedAgain(t *testing.T) {
	w := newWorld(t, asIs, func(c *Config) { c.Rules.Require = []Match{{"groups", "staff"}} })
	w.provider.Group(zoe.ID, "staff")
	d, _ := w.joinByCode(zoe)
	w.pass(w.cfg.Check)
	w.provider.Group(zoe.ID, "alumni")
	w.pass(w.cfg.Check)
	w.pass(askAgain)
	if !w.member(d).Suspended {
		t.Error("not suspended")
	}
}

// A login whose join never comes onto the roll is forgotten, so that it can join another day. [ENR-16]
func TestAJoinThatNeverCameIsForgotten(t *testing.T) {
	w := newWorld(t, asIs)
	if err := w.service.accounts.put(account{Subject: zoe.ID, Device: w.newDevice().key.Public(), Refresh: "r", Joined: w.clock.now().Unix()}); err != nil {
		t.Fatal(err)
	}
	w.pass(pendingTime + time.Minute)
	if _, found, err := w.service.accounts.get(zoe.ID); found || err != nil {
		t.Errorf("still there, %v", err)
	}
	if d, _ := w.joinByCode(zoe); w.member(d).Name != "Zoe" {
		t.Error("not joined")
	}
}

// Requests are read in their one form alone. [ENR-2]
func TestMalformedRequests(t *testing.T) {
	w := newWorld(t, asIs)
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "an empty map": {0xa0}, "too long": make([]byte, enrolproto.MaxRequest+1),
	} {
		if answer := w.askRaw(data); answer.Status != enrolproto.Malformed {
			t.Errorf("%s: %v", name, answer.Status)
		}
	}
	if answer := w.ask(enrolproto.Request{Poll: &enrolproto.Poll{}}); answer.Status != enrolproto.Unknown {
		t.Errorf("a ticket that nobody has: %v", answer.Status)
	}
	d := w.newDevice()
	if status := d.begin("", "https://elsewhere.example/back"); status != enrolproto.Malformed {
		t.Errorf("a browser that would come back elsewhere: %v", status)
	}
}
