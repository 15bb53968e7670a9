package rendezvous

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/rendezvous/rvclient"
)

// enrol puts an enrolment key on the roll.
func (d *device) enrol() keys.PrivateKey {
	d.t.Helper()
	key, terms := keys.Generate(), membershiptest.EnrolmentTerms()
	if err := d.submit(membership.Event{Enrolment: &membership.Enrolment{Key: key.Public(), Terms: &terms}}, nil); err != nil {
		d.t.Fatalf("enrolment: %v", err)
	}
	return key
}

// joinEnrolled has a stranger join by leave of an enrolment key, and returns what the node said.
func (d *device) joinEnrolled(joiner *device, key keys.PrivateKey, name string) error {
	d.t.Helper()
	leave := rvclient.EnrolmentLeave(key, d.Org, d.Node, joiner.key.Public())
	page, err := joiner.ViewBy(d.site.ctx(), leave, 0)
	if err != nil {
		return err
	}
	event := membership.SignEvent(membership.Event{Org: d.Org, Counter: 1, At: uint64(len(page.Entries)), Join: &membership.Join{
		Invitation: key.Public(), Name: name, Recovery: joiner.recoveryOf(name).Public(), Role: membership.RoleMember,
	}}, joiner.key, &key)
	joiner.member, joiner.counter = membership.MemberOf(d.Org, event), 1
	return joiner.SubmitJoinBy(d.site.ctx(), leave, event)
}

// A device joins by an enrolment key; who holds the key suspends it without being anybody's device, and it is cut off. The end
// of the key ends all of that. [RV-8] [RV-14] [RV-61]
func TestJoinByAnEnrolmentKey(t *testing.T) {
	s := newSite(t)
	founder := s.found("Lighthouse")
	key := founder.enrol()
	zoe := s.device("zoe")
	zoe.Org = founder.Org
	if err := founder.joinEnrolled(zoe, key, "Zoe"); err != nil {
		t.Fatalf("joining: %v", err)
	}
	if _, err := zoe.Fetch(s.ctx(), 0); err != nil {
		t.Fatalf("a member fetches: %v", err)
	}

	service := s.device("service")
	service.Org = founder.Org
	sign := func(counter uint64, e membership.Event) membership.SignedEvent {
		e.Org, e.Counter, e.At = founder.Org, counter, founder.size()
		return membership.SignEvent(e, key, nil)
	}
	suspend := sign(1, membership.Event{Suspend: &membership.Suspend{Member: zoe.member}})
	if err := service.Present(s.ctx(), suspend); err != nil {
		t.Fatalf("suspending: %v", err)
	}
	s.waitCutOff(zoe)
	wantShutOut(t, zoe, wire.StatusSuspended)
	err := service.Present(s.ctx(), sign(2, membership.Event{Suspend: &membership.Suspend{Member: founder.member}}))
	wantStatus(t, "suspending whom it did not admit", err, wire.StatusRefused)
	if err := service.Present(s.ctx(), sign(2, membership.Event{Reinstate: &membership.Reinstate{Member: zoe.member}})); err != nil {
		t.Fatalf("reinstating: %v", err)
	}

	end := &membership.Enrolment{Key: key.Public(), Suspend: 1}
	if err := founder.submit(membership.Event{Enrolment: end}, nil); err != nil {
		t.Fatal(err)
	}
	wantShutOut(t, zoe, wire.StatusSuspended)
	verdict, err := zoe.Verdict(s.ctx())
	if err != nil || verdict.Standing != membership.StandingSuspended || len(verdict.Entries) == 0 {
		t.Errorf("the verdict is %+v, %v", verdict, err)
	}
	eve := s.device("eve")
	eve.Org = founder.Org
	wantStatus(t, "joining after the end", founder.joinEnrolled(eve, key, "Eve"), wire.StatusExpired)
	err = service.Present(s.ctx(), sign(3, membership.Event{Reinstate: &membership.Reinstate{Member: zoe.member}}))
	wantStatus(t, "reinstating after the end", err, wire.StatusRefused)
}

// The proof for one device is worth nothing to another, nor the key of somebody else. [RV-8]
func TestLeaveOfAnEnrolmentKeyIsForOneDevice(t *testing.T) {
	s := newSite(t)
	founder := s.found("Lighthouse")
	key := founder.enrol()
	eve := s.device("eve")
	eve.Org = founder.Org
	leave := rvclient.EnrolmentLeave(key, founder.Org, founder.Node, s.device("zoe").key.Public())
	_, err := eve.ViewBy(s.ctx(), leave, 0)
	wantStatus(t, "viewing by the leave of another", err, wire.StatusRefused)
	_, err = eve.ViewBy(s.ctx(), rvclient.EnrolmentLeave(keys.Generate(), founder.Org, founder.Node, eve.key.Public()), 0)
	wantStatus(t, "viewing by a key that is none", err, wire.StatusNotFound)
}
