package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// foundWith founds an organization and returns the founder's words, the card and the root words.
func (p *person) foundWith(name string) (words, card, root string) {
	p.world.t.Helper()
	result, err := p.node.CreateOrg(p.world.t.Context(), api.CreateOrgRequest{Claim: p.world.node.claim(), Name: name, As: p.name})
	if err != nil {
		p.world.t.Fatal(err)
	}
	p.id = result.Member
	return strings.Join(result.RecoveryWords, " "), result.Card, strings.Join(result.RootWords, " ")
}

// comeBack makes a device of somebody's account, by the words and the card.
func (p *person) comeBack(of *person, request api.ReturnRequest) api.ReturnResult {
	p.world.t.Helper()
	result, err := p.node.Return(p.world.t.Context(), request)
	if err != nil {
		p.world.t.Fatalf("%s comes back: %v", p.name, err)
	}
	p.id = of.id
	return result
}

func (p *person) ownDevice() string {
	p.world.t.Helper()
	accounts, err := p.node.Devices(p.world.t.Context(), api.DevicesQuery{})
	if err != nil || len(accounts) != 1 {
		p.world.t.Fatalf("devices: %v, %v", accounts, err)
	}
	for _, d := range accounts[0].Devices {
		if d.This {
			return d.Device
		}
	}
	p.world.t.Fatal("this device is not on the roll")
	return ""
}

func (p *person) standing(device string) string {
	p.world.t.Helper()
	accounts, err := p.node.Devices(p.world.t.Context(), api.DevicesQuery{})
	if err != nil || len(accounts) != 1 {
		p.world.t.Fatalf("devices: %v, %v", accounts, err)
	}
	for _, d := range accounts[0].Devices {
		if d.Device == device {
			return d.Standing
		}
	}
	return ""
}

func (p *person) sendError(to *person) error {
	_, err := p.node.Send(p.world.t.Context(), api.SendRequest{To: []string{to.id}, Text: "still me?"})
	return err
}

// TestSimWordsTakeAnAccountBack is the theft of a device: the words make a new one, bar the stolen one from before what it
// did, and the stolen one can neither send nor read what is sent from then on.
func TestSimWordsTakeAnAccountBack(t *testing.T) {
	simulate(t, 21, func(w *world) {
		t := w.t
		alice, bob, back := w.person("alice"), w.person("bob"), w.person("alice-new")
		words, card, _ := alice.foundWith("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		stolen := alice.ownDevice()
		time.Sleep(time.Hour)
		theft := time.Now()
		loose := alice.invite(api.InviteRequest{Role: "admin"}) // the thief's

		back.comeBack(alice, api.ReturnRequest{Card: card, Words: words, First: true})
		plan, err := back.node.Bar(t.Context(), api.BarRequest{Devices: []string{stolen}, Since: theft, Preview: true})
		if err != nil || plan.Done || len(plan.Barred) != 1 || len(plan.Voided) != 1 || !strings.Contains(plan.Voided[0], "invitation as admin") {
			t.Fatalf("the preview: %+v, %v", plan, err)
		}
		if back.standing(stolen) != "active" {
			t.Fatal("a preview changed something")
		}
		if plan, err = back.node.Bar(t.Context(), api.BarRequest{Devices: []string{stolen}, Since: theft}); err != nil || !plan.Done {
			t.Fatalf("the bar: %+v, %v", plan, err)
		}
		if again, err := back.node.Bar(t.Context(), api.BarRequest{Devices: []string{stolen}, Since: theft}); err != nil || len(again.Barred) > 0 {
			t.Errorf("the bar again: %+v, %v", again, err)
		}
		if back.standing(stolen) != "barred" {
			t.Error("the stolen device is not barred")
		}
		w.await(time.Minute, "the stolen device learns it", func() bool { return alice.status().Excluded != nil })
		if e := alice.status().Excluded; e.Standing != "barred" || !e.Proved || !strings.Contains(e.By, "device …") || e.Since.Before(theft) {
			t.Errorf("it says %+v", e)
		}
		if err := alice.sendError(bob); code(err) != api.CodeRefused {
			t.Errorf("the stolen device sends: %v", err)
		}
		if _, err := w.person("mallory").node.Join(t.Context(), api.JoinRequest{Invitation: loose, As: "mallory"}); code(err) != api.CodeRefused {
			t.Errorf("the thief's invitation is good: %v", err)
		}
		// Bob's leave is the account's: the new device says hello, and both write again.
		back.follow(bob)
		if _, err := back.node.Introduce(t.Context(), api.IntroduceRequest{Member: bob.id, Text: "a new computer"}); err != nil {
			t.Fatal(err)
		}
		w.await(2*time.Minute, "the new device may write", func() bool { return back.contact(bob) == api.ContactAcquainted })
		back.send("from the new one", bob)
		w.await(2*time.Minute, "bob reads it", func() bool { return slices.Contains(bob.inbox(), "from the new one") })
		answer := bob.send("to the new one", back)
		w.await(2*time.Minute, "the new device reads it", func() bool { return slices.Contains(back.inbox(), "to the new one") })
		if len(alice.inbox()) > 0 {
			t.Errorf("the stolen device reads %q", alice.inbox())
		}
		w.await(2*time.Minute, "bob's answer went to the new device alone", func() bool {
			return slices.Equal(bob.states(answer), []api.State{api.StateDelivered})
		})
	})
}

// TestSimReadmission is the loss of everything: an admin signs, the delay passes, the new device enters by itself, and the
// contact confirms.
func TestSimReadmission(t *testing.T) {
	simulate(t, 22, func(w *world) {
		t := w.t
		alice, bob, back := w.person("alice"), w.person("bob"), w.person("bob-new")
		_, card, _ := alice.foundWith("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		bob.send("before", alice)
		w.await(time.Minute, "the message came", func() bool { return slices.Contains(alice.inbox(), "before") })
		bob.stop() // lost

		asked, err := back.node.Lost(t.Context(), api.LostRequest{Card: card, As: "bob"})
		if err != nil || len(asked.RecoveryWords) != 24 {
			t.Fatalf("%+v, %v", asked, err)
		}
		application := func() api.Application {
			status, err := back.node.Status(t.Context())
			if err != nil || len(status.Applications) != 1 {
				t.Fatalf("applications: %+v, %v", status.Applications, err)
			}
			return status.Applications[0]
		}
		if a := application(); a.State != "asked" || a.Code != asked.Code {
			t.Errorf("it says %+v", a)
		}
		request := api.DecideRequest{Do: api.DecideReadmit, Member: "bob", Request: asked.Request, Check: true}
		checked, err := alice.node.Decide(t.Context(), request)
		if err != nil || checked.Code != asked.Code || !checked.Due.IsZero() {
			t.Fatalf("the admin compares %q with the member's %q: %+v, %v", checked.Code, asked.Code, checked, err)
		}
		request.Check = false
		decided, err := alice.node.Decide(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		w.await(20*time.Minute, "the new device knows", func() bool { return application().State == "waiting" })
		if a := application(); !a.Due.Equal(decided.Due) {
			t.Errorf("due %v, the admin says %v", a.Due, decided.Due)
		}
		again, err := back.node.Lost(t.Context(), api.LostRequest{Card: card, As: "bob"})
		if err != nil || again.Request != asked.Request || len(again.RecoveryWords) > 0 {
			t.Errorf("asking again: %+v, %v", again, err)
		}
		back.stop() // it goes on after a restart
		alice.stop()
		w.node.stop()
		time.Sleep(time.Until(decided.Due) - time.Hour)
		w.node.start()
		back.start()
		back.id = bob.id
		time.Sleep(30 * time.Minute)
		alice.start()
		if status, err := back.node.Status(t.Context()); err != nil || len(status.Orgs) > 0 {
			t.Fatalf("in before the delay was over: %+v, %v", status, err)
		}
		w.await(3*time.Hour, "the new device is in", func() bool {
			status, err := back.node.Status(t.Context())
			return err == nil && len(status.Orgs) == 1 && len(status.Applications) == 0
		})
		w.await(time.Hour, "alice sees it", func() bool { return alice.contact(back) == api.ContactReadmitted })
		if err := alice.sendError(back); code(err) != api.CodeRefused {
			t.Errorf("grants do not sleep: %v", err)
		}
		back.follow(alice)
		if _, err := back.node.Introduce(t.Context(), api.IntroduceRequest{Member: alice.id, Text: "it is bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if alice.contact(back) != api.ContactReadmitted {
			t.Error("an introduction woke the grants")
		}
		if _, err := alice.node.Accept(t.Context(), api.AcceptRequest{Member: bob.id}); err != nil {
			t.Fatal(err)
		}
		w.await(5*time.Minute, "both may write", func() bool {
			return alice.contact(back) == api.ContactAcquainted && back.contact(alice) == api.ContactAcquainted
		})
		back.send("after", alice)
		w.await(2*time.Minute, "alice reads it", func() bool { return slices.Contains(alice.inbox(), "after") })

		bob.start() // the old device turns up again
		w.await(time.Hour, "the old device learns that it ended", func() bool {
			e := bob.status().Excluded
			return e != nil && e.Standing == "ended"
		})
	})
}

// TestSimRefuseReadmission: a member whose devices an admin barred and suspended refuses what the admin made of their
// account, and goes on when they are reinstated.
func TestSimRefuseReadmission(t *testing.T) {
	simulate(t, 23, func(w *world) {
		t := w.t
		alice, bob, thief := w.person("alice"), w.person("bob"), w.person("thief")
		_, card, _ := alice.foundWith("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		alice.follow(bob)
		decide := func(request api.DecideRequest) {
			t.Helper()
			request.Member = bob.id
			if _, err := alice.node.Decide(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		decide(api.DecideRequest{Do: api.DecideSuspend})
		w.await(time.Hour, "bob learns it", func() bool { return bob.status().Excluded != nil })
		if e := bob.status().Excluded; e.Standing != "suspended" || !e.Proved || e.By != "alice" {
			t.Errorf("it says %+v", e)
		}
		if err := bob.sendError(alice); code(err) != api.CodeRefused || !strings.Contains(err.Error(), "suspended") {
			t.Errorf("bob sends: %v", err)
		}
		asked, err := thief.node.Lost(t.Context(), api.LostRequest{Card: card, As: "bob"})
		if err != nil {
			t.Fatal(err)
		}
		decide(api.DecideRequest{Do: api.DecideReadmit, Request: asked.Request})
		w.await(time.Hour, "bob can refuse it", func() bool {
			_, err := bob.node.Refuse(t.Context(), api.RefuseRequest{})
			return err == nil
		})
		w.await(2*time.Hour, "the thief is refused", func() bool {
			status, err := thief.node.Status(t.Context())
			return err == nil && len(status.Applications) == 1 && status.Applications[0].State == "refused"
		})
		decide(api.DecideRequest{Do: api.DecideReinstate})
		w.await(time.Hour, "bob goes on by himself", func() bool { return bob.status().Excluded == nil && bob.status().Rendezvous[0].Connected })
		bob.send("back", alice)
		w.await(time.Minute, "alice reads it", func() bool { return slices.Contains(alice.inbox(), "back") })
	})
}

// TestSimWipe: a bar with a wipe by the recovery key is obeyed after a day in which it could be cancelled, and takes
// the data of that organization. One by a thief's device is not obeyed.
func TestSimWipe(t *testing.T) {
	for name, c := range map[string]struct {
		words  bool   // sign with them
		obey   string // the device's own choice
		cancel bool
		wiped  bool
	}{
		"by the words":             {words: true, wiped: true},
		"cancelled":                {words: true, cancel: true},
		"the owner wants none":     {words: true, obey: "nobody"},
		"by a senior device":       {},
		"by a device named for it": {obey: "senior", wiped: true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 24, func(w *world) {
				t := w.t
				alice, senior, bob := w.person("alice"), w.person("alice-senior"), w.person("bob")
				words, card, _ := alice.foundWith("Harbour")
				bob.join(alice.invite(api.InviteRequest{}))
				alice.acquaint(bob)
				senior.comeBack(alice, api.ReturnRequest{Card: card, Words: words, First: true})
				w.await(time.Hour, "alice sees the senior device", func() bool {
					accounts, err := alice.node.Devices(t.Context(), api.DevicesQuery{})
					return err == nil && len(accounts[0].Devices) == 2
				})
				obey := c.obey
				if obey == "senior" {
					obey = senior.ownDevice()
				}
				if obey != "" {
					if _, err := alice.node.Wiper(t.Context(), api.WiperRequest{Obey: obey}); err != nil {
						t.Fatal(err)
					}
				}
				request := api.BarRequest{Devices: []string{"others"}, Wipe: true}
				if c.words {
					request.Words = words
				}
				if _, err := senior.node.Bar(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				harbour := func() (api.OrgStatus, bool) {
					status, err := alice.node.Status(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					i := slices.IndexFunc(status.Orgs, func(o api.OrgStatus) bool { return o.Name == "Harbour" })
					if i < 0 {
						return api.OrgStatus{}, false
					}
					return status.Orgs[i], true
				}
				w.await(time.Hour, "alice's device learns it", func() bool { o, _ := harbour(); return o.Excluded != nil })
				senior.stop()
				bob.stop()
				alice.stop() // nothing that stands still costs the test time
				w.node.stop()
				time.Sleep(20 * time.Hour)
				w.node.start()
				alice.start()
				time.Sleep(time.Minute)
				o, there := harbour()
				if !there {
					t.Fatal("the data is gone before the day is over")
				}
				if promised := !o.Excluded.WipeAt.IsZero(); promised != (c.wiped || c.cancel) {
					t.Errorf("it says %+v", o.Excluded)
				}
				if c.cancel {
					if _, err := alice.node.Recover(t.Context(), api.RecoverRequest{Words: words, CancelWipe: []string{"this"}}); err != nil {
						t.Fatal(err)
					}
				}
				alice.stop()
				w.node.stop()
				time.Sleep(5 * time.Hour)
				w.node.start()
				alice.start()
				time.Sleep(time.Hour)
				if _, there := harbour(); there == c.wiped {
					t.Errorf("the data is there: %v", there)
				}
				alice.stop()
				alice.start()
				status, err := alice.node.Status(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if (len(status.Orgs) == 0) != c.wiped || (len(status.Wiped) == 1) != c.wiped {
					t.Errorf("after a restart: %+v", status)
				}
			})
		})
	}
}
