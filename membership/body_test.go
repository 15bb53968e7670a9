package membership_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// full is an organization in which an event of every kind can be next, with all private keys.
type full struct {
	*testOrg
	keys map[keys.PublicKey]keys.PrivateKey
	next []membership.SignedEvent // one of each kind, each good as the next entry but for the founding event

	start testOrg // as it was made
	size  uint64
}

// again takes the roll back to what it was.
func (f *full) again(t testing.TB) { f.testOrg = f.start.For(t).Branch(f.size) }

// key returns a fresh key that full remembers.
func (f *full) key() keys.PrivateKey {
	k := f.Key()
	f.keys[k.Public()] = k
	return k
}

func newFull(t testing.TB) *full {
	f := &full{testOrg: membershiptest.New(t, 1), keys: make(map[keys.PublicKey]keys.PrivateKey)}
	ann, _, _, third := chain(f.testOrg)
	bob, cid, dan := f.JoinAs("Bob", membership.RoleAdmin), f.Join("Cid"), f.Join("Dan")
	guest := f.JoinAs("Gil", membership.RoleGuest)
	invitation := f.Invite(f.Founder, membership.RoleMember, 2)
	apply := f.InviteToApply(f.Founder, membership.RoleMember, 2)
	_, join := f.Applicant(apply, "Zoe")
	f.keys[invitation.Public()], f.keys[f.Root.Public()], f.keys[f.Node.Public()] = invitation, f.Root, f.Node
	for _, m := range f.Members {
		f.keys[m.Recovery.Public()] = m.Recovery
		for _, device := range m.Devices {
			f.keys[device.Public()] = device
		}
	}
	entering, refused := f.key(), f.key()
	entry := f.Readmit(bob.Device(), dan, entering.Public(), f.key().Public(), false)
	refusal := f.Readmit(f.Founder.Device(), ann, refused.Public(), f.key().Public(), true)
	f.Wait()
	f.Suspend(bob.Device(), dan)
	circle := f.Group(bob.Device(), "Circle", group.Invited, cid)
	listed := f.Group(bob.Device(), "Choir", group.Moderated, cid)
	f.EnterGroup(ann.Device(), listed)
	f.EnterGroup(cid.Device(), listed)
	f.Freeze(cid.Device())

	joiner := &membershiptest.Member{Name: "Eve", Recovery: f.key(), Devices: []keys.PrivateKey{f.key()}}
	admin := f.Founder.Device()
	archive := f.ArchiveSetting(f.key().Public())
	policy := f.Event(admin)
	policyOf(func(p *membership.Policy) { p.QueueTime = membership.MaxQueueTime })(f.testOrg, &policy)
	terms := membershiptest.EnrolmentTerms()
	f.next = []membership.SignedEvent{
		f.Found(membershiptest.Config{}), f.MoveEvent(admin, f.key().Public(), 2),
		f.InviteEvent(bob, f.key().Public(), membership.RoleDesk, 3), f.JoinEvent(invitation, joiner),
		f.DeviceEvent(ann.Recovery, f.key()), membership.SignEvent(policy, admin, nil),
		f.BarEvent(ann.Device(), ann.Devices[1].Public(), 4, third.Public()), f.FreezeEvent(third),
		f.LiftEvent(cid.Recovery, keys.PublicKey{}), f.OrderEvent(ann.Recovery, third.Public(), ann.Device().Public()),
		f.ReplaceRecoveryEvent(ann.Recovery, f.key()), f.SetRoleEvent(admin, ann, membership.RoleDesk),
		f.SuspendEvent(bob.Device(), f.Founder), f.ReinstateEvent(f.Root, dan), f.RemoveEvent(bob.Recovery, bob),
		f.ReadmitEvent(admin, cid, f.key().Public(), f.key().Public(), true), f.EnterEvent(entering, entry),
		f.RefuseEvent(third, refusal), f.RenameEvent(guest.Device(), nil, "Hal"), f.ReplaceRootEvent(f.Root, f.key()),
		f.SkinEvent(admin, membership.Skin{Font: 2, Background: 5, Image: tinyPNG, Dark: &membership.Palette{Rail: "#123456"}}),
		f.ArchiveEvent(f.Root, membership.Archive{Set: &archive, Designate: []keys.MemberID{ann.ID}}),
		f.NodesEvent(admin, membershiptest.NodeAt(f.key().Public(), "further")),
		f.EnrolmentEvent(admin, membership.Enrolment{Key: f.key().Public(), Terms: &terms}),
		f.CancelEvent(cid.Device()), f.RevokeEvent(f.Founder.Device(), invitation.Public()),
		f.GroupEvent(cid.Device(), "Club", group.Invited, ann, bob),
		f.EditGroupEvent(bob.Device(), listed, membership.GroupEdit{
			Name: "Chorus", Admission: group.Open, Writers: group.Moderators,
		}),
		f.AskEvent(bob.Device(), circle, ann, f.Founder), f.EnterGroupEvent(cid.Device(), circle),
		f.AdmitEvent(bob.Device(), listed, ann), f.LeaveGroupEvent(cid.Device(), listed),
		f.ExpelEvent(bob.Device(), circle, cid), f.ModeratorEvent(bob.Device(), listed, cid, true),
		f.CloseGroupEvent(bob.Device(), circle),
		f.VouchEvent(admin, join), f.DismissEvent(f.Root, 0, f.Roll.Size(), keys.PublicKey{}),
	}
	f.start, f.size = *f.testOrg, f.Roll.Size()
	return f
}

// signed returns the event of a body with the signatures that it asks for, as far as the keys are known.
func (f *full) signed(body []byte) membership.SignedEvent {
	s := signed{Body: body, Signature: make([]byte, keys.SignatureSize), Cosignature: []byte{}}
	var e membership.Event
	if wire.Decode(body, &e) != nil {
		return wire.Encode(s)
	}
	if signer, ok := f.keys[e.Signer]; ok {
		signature := signer.Sign(keys.DomainEvent, e.Org, body)
		s.Signature = signature[:]
	}
	for _, second := range cosigners(e) {
		s.Cosignature = make([]byte, keys.SignatureSize)
		if key, ok := f.keys[second]; ok {
			cosignature := key.Sign(keys.DomainEvent, e.Org, body)
			s.Cosignature = cosignature[:]
		}
	}
	return wire.Encode(s)
}

// cosigners returns the second key that an event names.
func cosigners(e membership.Event) []keys.PublicKey {
	switch {
	case e.Found != nil:
		return []keys.PublicKey{e.Found.Root}
	case e.Join != nil:
		return []keys.PublicKey{e.Join.Invitation}
	case e.Device != nil:
		return []keys.PublicKey{e.Device.Add}
	case e.Recovery != nil:
		return []keys.PublicKey{e.Recovery.Key}
	case e.Readmit != nil && !e.Readmit.Root.IsZero():
		return []keys.PublicKey{e.Readmit.Root}
	case e.Root != nil:
		return []keys.PublicKey{e.Root.Key}
	}
	return nil
}

// check holds a body, well signed, against the rules: what opens encodes to the same bytes, and what is refused changes
// nothing. It reports whether the roll has taken it in.
func (f *full) check(t interface {
	Helper()
	Fatalf(string, ...any)
}, body []byte) bool {
	t.Helper()
	data := f.signed(body)
	event, principal, err := membership.OpenEvent(data)
	if err == nil && (!bytes.Equal(wire.Encode(event), body) || principal.Event != data.ID()) {
		t.Fatalf("the event does not encode to the bytes it was read from")
	}
	size := f.Roll.Size()
	root, audience := f.RootAt(size), f.Roll.AudienceOf(data)
	counter, tagged := f.Roll.State().NextCounter(event.Signer), f.Roll.State().NextCounterFor(audience, event.Signer)
	entry := f.Entry(data)
	dry, err := f.Roll.Check(data, entry.Time), f.Roll.Append(entry)
	if (dry == nil) != (err == nil) {
		t.Fatalf("Check says %v, Append %v", dry, err)
	}
	if err == nil {
		return true
	}
	if _, ok := membership.ReasonOf(err); !ok {
		t.Fatalf("refused without a reason: %v", err)
	}
	s := f.Roll.State()
	if f.Roll.Size() != size || f.RootAt(size) != root || s.NextCounter(event.Signer) != counter ||
		s.NextCounterFor(audience, event.Signer) != tagged {
		t.Fatalf("refused, but the roll has changed: %v", err)
	}
	return false
}

// There is an event of each kind, and the roll takes it.
func TestEveryKindCanBeNext(t *testing.T) {
	f := newFull(t)
	kinds := make(map[string]bool)
	for _, event := range f.next {
		var e membership.Event
		decode(parts(event).Body, &e)
		for i, v := 5, reflect.ValueOf(e); i < v.NumField(); i++ {
			if !v.Field(i).IsNil() {
				kinds[v.Type().Field(i).Name] = true
			}
		}
		f.again(t)
		if accepted := f.check(t, parts(event).Body); accepted != (e.Found == nil) {
			t.Errorf("accepted is %v: %+v", accepted, e)
		}
	}
	if want := reflect.TypeFor[membership.Event]().NumField() - 5; len(kinds) != want || len(f.next) != want {
		t.Errorf("%d of %d kinds: %v", len(kinds), want, kinds)
	}
}

// Bodies of every kind, changed and then well signed.
func FuzzBody(f *testing.F) {
	org := newFull(f)
	for _, event := range org.next {
		f.Add(parts(event).Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		org.testOrg = org.For(t)
		if org.check(t, body) {
			org.again(t)
		}
	})
}

// The same for two events put together: the fields of one in the place of another's, and numbers off by a little.
func TestBodiesMixed(t *testing.T) {
	f := newFull(t)
	rapid.Check(t, func(rt *rapid.T) {
		body := bytes.Clone(parts(rapid.SampledFrom(f.next).Draw(rt, "event")).Body)
		other := parts(rapid.SampledFrom(f.next).Draw(rt, "other")).Body
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			at := rapid.IntRange(0, len(body)-1).Draw(rt, "at")
			if rapid.Bool().Draw(rt, "key") {
				if i, j := bytes.Index(body[at:], []byte{0x58, 0x20}), bytes.LastIndex(other, []byte{0x58, 0x20}); i >= 0 {
					copy(body[at+i:], other[j:min(j+34, len(other))])
				}
			} else {
				body[at] += byte(rapid.IntRange(-1, 1).Draw(rt, "by"))
			}
		}
		if f.check(rt, body) {
			f.again(t)
		}
	})
}
