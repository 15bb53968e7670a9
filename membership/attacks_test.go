package membership_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// The attacks that reviews of the rules found, each played through a roll with real signatures: that it fails, and what
// the honest way still achieves.

const day = 24 * time.Hour

// stage is an organization on which an attack is played.
type stage struct {
	*membershiptest.Org
	t     testing.TB
	added map[keys.PublicKey]keys.PrivateKey // by add
}

func newStage(t testing.TB) *stage { return stageOf(t, membershiptest.New(t, 1)) }

func stageOf(t testing.TB, o *membershiptest.Org) *stage {
	return &stage{o, t, make(map[keys.PublicKey]keys.PrivateKey)}
}

// put sets the kind of an event to what it says.
func put(e *membership.Event, says any) {
	switch says := says.(type) {
	case membership.Rendezvous:
		e.Rendezvous = &says
	case membership.Invite:
		e.Invite = &says
	case membership.Join:
		e.Join = &says
	case membership.Device:
		e.Device = &says
	case membership.PolicyChange:
		e.Policy = &says
	case membership.Bar:
		e.Bar = &says
	case membership.Freeze:
		e.Freeze = &says
	case membership.Lift:
		e.Lift = &says
	case membership.Order:
		e.Order = &says
	case membership.Recovery:
		e.Recovery = &says
	case membership.RoleChange:
		e.Role = &says
	case membership.Suspend:
		e.Suspend = &says
	case membership.Reinstate:
		e.Reinstate = &says
	case membership.Remove:
		e.Remove = &says
	case membership.Readmit:
		e.Readmit = &says
	case membership.Enter:
		e.Enter = &says
	case membership.Refuse:
		e.Refuse = &says
	case membership.NameChange:
		e.Name = &says
	case membership.RootChange:
		e.Root = &says
	case membership.Cancel:
		e.Cancel = &says
	case membership.Revoke:
		e.Revoke = &says
	case membership.Vouch:
		e.Vouch = &says
	case membership.Dismiss:
		e.Dismiss = &says
	case membership.Skin:
		e.Skin = &says
	case membership.Nodes:
		e.Nodes = &says
	case membership.Enrolment:
		e.Enrolment = &says
	case membership.GroupJoin:
		e.GroupJoin = &says
	case membership.GroupAdmit:
		e.GroupAdmit = &says
	case membership.GroupRemove:
		e.GroupRemove = &says
	default:
		panic("no kind of event")
	}
}

// sign returns what a key says next, cosigned by another if one is given.
func (s *stage) sign(by keys.PrivateKey, says any, with ...keys.PrivateKey) membership.SignedEvent {
	e := s.Event(by)
	put(&e, says)
	return s.signEvent(e, by, with...)
}

func (s *stage) signEvent(e membership.Event, by keys.PrivateKey, with ...keys.PrivateKey) membership.SignedEvent {
	event := membership.SignEvent(e, by, nil)
	if len(with) > 0 {
		event = membership.SignEvent(e, by, &with[0])
	}
	audience := s.Roll.AudienceOf(event)
	if due := s.Roll.State().NextCounterFor(audience, by.Public()); audience != (membership.Audience{}) && e.Counter != due {
		e.Counter = due
		return s.signEvent(e, by, with...)
	}
	return event
}

// take has the roll accept what a key says, and returns the event and its index.
func (s *stage) take(by keys.PrivateKey, says any, with ...keys.PrivateKey) (keys.EventID, uint64) {
	s.t.Helper()
	event := s.sign(by, says, with...)
	s.Append(event)
	return event.ID(), s.Roll.Size() - 1
}

// refuses has the roll refuse what a key says, for a reason.
func (s *stage) refuses(reason membership.Reason, by keys.PrivateKey, says any, with ...keys.PrivateKey) {
	s.t.Helper()
	s.refusesEvent(reason, s.sign(by, says, with...))
}

func (s *stage) refusesEvent(reason membership.Reason, event membership.SignedEvent) {
	s.t.Helper()
	size, root := s.Roll.Size(), s.RootAt(s.Roll.Size())
	if err := s.Roll.Append(s.Entry(event)); !errors.Is(err, reason) {
		s.t.Fatalf("the attack got %v, want %v", err, reason)
	}
	if s.Roll.Size() != size || s.RootAt(size) != root {
		s.t.Fatal("refused, but the roll has grown")
	}
}

// add has a device add another to its account.
func (s *stage) add(by keys.PrivateKey) keys.PrivateKey {
	s.t.Helper()
	device := s.Key()
	s.take(by, membership.Device{Add: device.Public()}, device)
	s.added[device.Public()] = device
	return device
}

// admin adds a member who is an admin.
func (s *stage) admin(name string) *membershiptest.Member {
	return s.JoinAs(name, membership.RoleAdmin)
}

func (s *stage) wait(d time.Duration) { s.Now = s.Now.Add(d) }

func (s *stage) standing(want membership.Standing, devices ...keys.PrivateKey) {
	s.t.Helper()
	for i, device := range devices {
		if got := s.Roll.State().Standing(device.Public()); got != want {
			s.t.Fatalf("device %d is %v, want %v", i, got, want)
		}
	}
}

func (s *stage) member(m *membershiptest.Member) membership.Member {
	s.t.Helper()
	member, ok := s.Roll.State().Member(m.ID)
	if !ok {
		s.t.Fatalf("%s is no member", m.Name)
	}
	return member
}

func (s *stage) device(key keys.PrivateKey) membership.MemberDevice {
	s.t.Helper()
	id, _ := s.Roll.State().AccountOf(key.Public())
	member, _ := s.Roll.State().Member(id)
	for _, d := range member.Devices {
		if d.Key == key.Public() {
			return d
		}
	}
	s.t.Fatal("no device")
	return membership.MemberDevice{}
}

func bar(device keys.PrivateKey, after uint64) membership.Bar {
	return membership.Bar{Device: device.Public(), After: after}
}

// refolds holds the roll against one that folds its entries anew, so that no attack leaves anything beside them.
func (s *stage) refolds() {
	s.t.Helper()
	again := s.Replica()
	if again.Size() != s.Roll.Size() {
		s.t.Fatal("another size")
	}
	sameState(s.t, s.Roll.State(), again.State())
}

// keyList lists public keys as an event does.
func keyList(devices ...keys.PrivateKey) (list []keys.PublicKey) {
	for _, device := range devices {
		list = append(list, device.Public())
	}
	return list
}

func publicBytes(key keys.PrivateKey) []byte {
	public := key.Public()
	return public[:]
}

// treeOf returns the root over leaves, and the proof that it continues the first size of them.
func treeOf(t testing.TB, leaves []membership.Hash, size uint64) (membership.Hash, []membership.Hash) {
	t.Helper()
	var stored hashes
	for i, leaf := range leaves {
		added, err := tlog.StoredHashesForRecordHash(int64(i), leaf, stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, added...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), stored)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveTree(int64(len(leaves)), int64(size), stored)
	if err != nil {
		t.Fatal(err)
	}
	return root, proof
}

// hashes are those of a tree that a hostile node makes.
type hashes []membership.Hash

func (h hashes) ReadHashes(indexes []int64) (list []membership.Hash, err error) {
	for _, i := range indexes {
		list = append(list, h[i])
	}
	return list, nil
}

// sameState holds two states against each other in all that they are made of.
func sameState(t interface {
	Helper()
	Fatalf(string, ...any)
}, want, got *membership.State) {
	t.Helper()
	if reflect.DeepEqual(want, got) {
		return
	}
	rules := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".rules" }, cmp.Ignore())
	t.Fatalf("another state:\n%s", cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true }), rules))
}

// An invitation that is encrypted but says by itself what it gives would make an admin of whoever can write one. Here the
// link says nothing of the role: the signed event on the roll does.
func TestAttackEncryptedButUnsignedLinkTakesAdmin(t *testing.T) {
	s := newStage(t)
	member := s.Join("Mallory")
	forged := s.Key()
	link, err := membership.ParseInvitation(s.Invitation(forged).Link())
	if err != nil {
		t.Fatal(err)
	}
	joiner := &membershiptest.Member{Name: "Eve", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	s.refusesEvent(membership.ReasonInvitationUnknown, s.JoinEvent(link.Key(), joiner))

	invite := membership.Invite{Key: forged.Public(), Role: membership.RoleAdmin, Uses: 1, Expires: s.Now.Add(day).Unix()}
	s.refuses(membership.ReasonRole, member.Device(), invite)
	s.refuses(membership.ReasonNotMember, s.Node, invite)
	s.refuses(membership.ReasonNotMember, forged, invite)

	// A true invitation for a member, turned into one for an admin on the way.
	invite.Role = membership.RoleMember
	honest := s.sign(s.Founder.Device(), invite)
	key := forged.Public()
	raised := bytes.Replace(honest, append(key[:], 0x02, byte(membership.RoleMember)), append(key[:], 0x02, byte(membership.RoleAdmin)), 1)
	if bytes.Equal(raised, honest) {
		t.Fatal("the role was not found in the event")
	}
	s.refusesEvent(membership.ReasonSignature, raised)

	s.Append(honest)
	s.Append(s.JoinEvent(forged, joiner))
	if m, _ := s.Roll.State().MemberByName("Eve"); m.Role != membership.RoleMember {
		t.Errorf("joined as %v", m.Role)
	}
}

// The node that orders the roll puts itself on it, and signs a checkpoint over that.
func TestAttackServerAddsItselfAsMember(t *testing.T) {
	s := newStage(t)
	victim := s.Join("Anna")
	replica := s.Replica()
	s.refuses(membership.ReasonNotMember, s.Node, membership.RoleChange{Member: victim.ID, Role: membership.RoleAdmin})
	phone := s.Key()
	s.refuses(membership.ReasonNotMember, s.Node, membership.Device{Add: phone.Public()}, phone)
	open := s.Invite(s.Founder, membership.RoleMember, 1)
	server := &membershiptest.Member{Name: "Server", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Node}}
	s.refusesEvent(membership.ReasonDuplicateKey, s.JoinEvent(open, server)) // even with a good invitation: a node is a node
	server.Devices[0] = s.Key()
	forged := s.JoinEvent(s.Key(), server)

	// It signs a roll with its own admission all the same: each device finds the entry, and has the proof.
	entries := append(slices.Clone(s.Entries), s.Entry(forged))
	leaves := make([]membership.Hash, len(entries))
	for i, e := range entries {
		leaves[i] = e.Leaf()
	}
	root, proof := treeOf(t, leaves, replica.Size())
	note := membership.SignCheckpoint(s.Node, s.ID, 1, uint64(len(entries)), root, s.Now)
	_, err := replica.Extend(note, s.Node.Public(), entries[replica.Size():], proof)
	var broken *membership.RuleBrokenError
	if !errors.As(err, &broken) || broken.Index != uint64(len(entries)-1) {
		t.Fatalf("a roll with a forged member: %v", err)
	}
	head, err := membership.HeadOf(note, s.ID, s.Node.Public())
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := membership.NewBroken(s.ID, head, entries, broken.Index)
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := evidence.Verify(); err != nil || verdict.Node != s.Node.Public() {
		t.Errorf("evidence: %v, %v", verdict, err)
	}
	if _, ok := replica.State().MemberByName("Server"); ok || replica.State().Standing(s.Node.Public()) != membership.StandingNone {
		t.Error("the server is a member")
	}
}

// A device is added to somebody else's account, or taken from it.
func TestAttackDeviceRegisteredUnderAnothersAccount(t *testing.T) {
	s := newStage(t)
	victim, thief := s.Join("Anna"), s.Join("Mallory")
	device := s.Key()
	e := s.Event(victim.Device())
	e.Device = &membership.Device{Add: device.Public()}
	forged := membership.SignEvent(e, thief.Device(), &device) // names the thief as signer
	renamed := bytes.Replace(forged, publicBytes(thief.Device()), publicBytes(victim.Device()), 1)
	s.refusesEvent(membership.ReasonSignature, renamed)
	s.refuses(membership.ReasonSignature, victim.Device(), membership.Device{Add: device.Public()}, thief.Device())
	s.refuses(membership.ReasonMalformed, victim.Device(), membership.Device{Add: device.Public()})

	// A device that there is, claimed by another account: the claim needs the device's own signature, and has none.
	s.refuses(membership.ReasonSignature, thief.Device(), membership.Device{Add: victim.Device().Public()}, thief.Device())
	s.refuses(membership.ReasonDuplicateKey, thief.Device(), membership.Device{Add: victim.Device().Public()}, victim.Device())
	// An admin adds none either, nor does the root key.
	s.refuses(membership.ReasonNotMember, s.Root, membership.Device{Add: device.Public()}, device)

	s.take(thief.Device(), membership.Device{Add: device.Public()}, device)
	if id, _ := s.Roll.State().MemberOf(device.Public()); id != thief.ID {
		t.Error("the thief's device is not the thief's")
	}
	if own := s.add(victim.Device()); len(s.Roll.State().Devices(victim.ID)) != 2 || s.Roll.State().Senior(thief.Device().Public(), own.Public()) {
		t.Error("the victim cannot add a device of their own")
	}
}

// Whatever is wrong with a signature, nothing comes out that could be shown as somebody's word.
func TestAttackBadSignatureShownAsVerified(t *testing.T) {
	s := newStage(t)
	member, device := s.Join("Anna"), s.Key()
	good := s.sign(member.Device(), membership.Device{Add: device.Public()}, device)
	for i := len(good) - 2*(keys.SignatureSize+2); i < len(good); i++ {
		bad := slices.Clone(good)
		bad[i] ^= 1
		event, principal, err := membership.OpenEvent(bad)
		if err == nil || principal != (membership.Principal{}) || event != (membership.Event{}) {
			t.Fatalf("byte %d changed: %v from %v", i, err, principal)
		}
		if reason, _ := membership.ReasonOf(s.Roll.Append(s.Entry(bad))); reason != membership.ReasonSignature && reason != membership.ReasonMalformed {
			t.Fatalf("byte %d changed: %v", i, reason)
		}
	}
	grant := s.Grant(s.Founder, member, 1, true)
	for i := range grant {
		bad := slices.Clone(grant)
		bad[i] ^= 1
		if opened, err := membership.OpenGrant(bad, s.Roll.State(), s.Roll.Size()); err == nil || opened != (membership.Grant{}) {
			t.Fatalf("byte %d of a grant changed: %v", i, err)
		}
	}
	s.Append(good)
}

// Whoever can sign a log as "a node" could show any roll. Here the key is bound to the roll by an event of the founder.
func TestAttackLogSignersNotBoundToIdentity(t *testing.T) {
	s := newStage(t)
	member := s.Join("Mallory")
	replica := s.Replica()
	s.Join("Berta")
	entries, proof := s.Entries[replica.Size():], s.Consistency(replica.Size())
	for name, signer := range map[string]keys.PrivateKey{
		"a member": member.Device(), "the founder": s.Founder.Device(), "the root key": s.Root, "a stranger": s.Key(),
	} {
		note := membership.SignCheckpoint(signer, s.ID, 1, s.Roll.Size(), s.RootAt(s.Roll.Size()), s.Now)
		if _, err := replica.Extend(note, signer.Public(), entries, proof); !errors.Is(err, membership.ErrCheckpointSignature) {
			t.Errorf("%s signs as the sequencer: %v", name, err)
		}
		// Somebody who has no roll yet asks that signer, and learns from the roll itself that it is not the one.
		if _, err := membership.NewRoll(s.ID).Extend(note, signer.Public(), s.Entries, nil); !errors.Is(err, membership.ErrSequencer) {
			t.Errorf("%s shows a newcomer the roll as its own: %v", name, err)
		}
	}
	if _, err := replica.Extend(s.Checkpoint(), s.Node.Public(), entries, proof); err != nil {
		t.Error(err)
	}
}

// The node shows two devices two rolls. Their first exchange tells, and yields a proof.
func TestAttackSplitViews(t *testing.T) {
	s, other := newStage(t), newStage(t)
	for _, view := range []*stage{s, other} {
		view.Join("Anna")
	}
	s.Join("Berta")
	other.Now = other.Now.Add(time.Minute)
	other.Join("Eve")
	one, two := s.Replica(), other.Replica()
	head, ok := two.Head()
	if !ok {
		t.Fatal("no head")
	}
	var forked *membership.ForkError
	if err := one.CompareHead(head); !errors.As(err, &forked) || !forked.Proved {
		t.Fatalf("another view of the same size: %v", err)
	}
	own, _ := one.Head()
	evidence, err := one.NewFork(own, head, s.Entries[0], s.Entries[1], 1)
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := evidence.Verify(); err != nil || verdict.Node != s.Node.Public() {
		t.Errorf("evidence: %v, %v", verdict, err)
	}
	// A view that is longer is asked for, and cannot be joined to ours.
	other.Join("Fred")
	longer, err := membership.HeadOf(other.Checkpoint(), s.ID, s.Node.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := one.CompareHead(longer); !errors.Is(err, membership.ErrAhead) {
		t.Errorf("a longer view: %v", err)
	}
	if _, err := one.Extend(other.Checkpoint(), s.Node.Public(), other.Entries[one.Size():], other.Consistency(one.Size())); !errors.As(err, &forked) {
		t.Errorf("moving over to the other view: %v", err)
	}
}

// A thief's junior device freezes the account; the bar of it by its senior does not end the freeze, which ends by itself
// and leaves the owner a time in which no device may freeze.
func TestAttackJuniorsFreezeOutlivesItsSeniorsBar(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device())
	accomplice := s.add(stolen)
	_, frozen := s.take(stolen, membership.Freeze{})
	s.take(owner.Device(), bar(stolen, frozen)) // passes though frozen; the accomplice came before
	s.standing(membership.StandingBarred, stolen)
	s.standing(membership.StandingActive, accomplice)
	s.refuses(membership.ReasonFrozen, owner.Device(), bar(accomplice, 3))
	s.refuses(membership.ReasonFrozen, accomplice, membership.Freeze{})
	s.wait(3 * day)
	s.refuses(membership.ReasonCooling, accomplice, membership.Freeze{})
	s.take(owner.Device(), bar(accomplice, 3))
	s.standing(membership.StandingBarred, accomplice)

	// The recovery key need not wait.
	other := s.Join("Berta")
	thief, added := s.add(other.Device()), s.Key()
	s.take(thief, membership.Freeze{})
	s.refuses(membership.ReasonFrozen, other.Device(), membership.Device{Add: added.Public()}, added)
	s.take(other.Recovery, bar(thief, 1))
	s.take(other.Recovery, membership.Lift{})
	s.add(other.Device())
	s.refolds()
}

// Two stolen devices freeze in turn, so that the account would never be unfrozen.
func TestAttackFreezesInTurn(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	one, two := s.add(owner.Device()), s.add(owner.Device())
	s.take(one, membership.Freeze{})
	s.wait(3 * day)
	s.refuses(membership.ReasonCooling, two, membership.Freeze{})
	s.take(owner.Device(), bar(one, 1))
	s.wait(3 * day)
	s.take(two, membership.Freeze{}) // the owner had three days
	s.take(owner.Device(), bar(two, 1))
	s.standing(membership.StandingBarred, one, two)
	s.standing(membership.StandingActive, owner.Device())
}

// A device says that it was added at a time before the theft. What counts is where it stands in the roll.
func TestAttackBackDatedDevice(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device())
	theft := s.Roll.Size()
	s.Join("Berta")
	device := s.Key()
	e := s.Event(stolen)
	e.At, e.Device = 1, &membership.Device{Add: device.Public()} // as if it had seen nothing since
	s.Append(membership.SignEvent(e, stolen, &device))
	if since := s.device(device).Since; since < theft {
		t.Fatalf("added at %d, before %d", since, theft)
	}
	s.take(owner.Device(), bar(stolen, theft))
	s.standing(membership.StandingBarred, stolen, device)

	// A sequencer that helps cannot put it there either: it would have to sign two rolls.
	s.wait(4 * day)
	second := s.Key()
	e = s.Event(owner.Device())
	e.At, e.Device = 1, &membership.Device{Add: second.Public()}
	s.refusesEvent(membership.ReasonStale, membership.SignEvent(e, owner.Device(), &second))
	s.add(owner.Device())
}

// The sequencer keeps the adding of a device back that its author then gives up, and serves it when the device is stolen.
func TestAttackCancelledAddReplayed(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	device := s.Key()
	withheld := s.sign(owner.Device(), membership.Device{Add: device.Public()}, device)
	s.take(owner.Device(), membership.Cancel{})
	s.refusesEvent(membership.ReasonCounter, withheld)
	added := s.Entries[len(s.Entries)-1]
	s.refusesEvent(membership.ReasonCounter, added.Event) // nor is the cancelling itself taken twice

	// The same with one that was on the roll, once the device is barred.
	event := s.sign(owner.Device(), membership.Device{Add: device.Public()}, device)
	s.Append(event)
	s.take(owner.Device(), bar(device, 1))
	s.refusesEvent(membership.ReasonCounter, event)
	s.refuses(membership.ReasonDuplicateKey, owner.Device(), membership.Device{Add: device.Public()}, device)
	s.add(owner.Device())
}

// A thief invites before the device is barred.
func TestAttackInvitationsOfABarredDevice(t *testing.T) {
	s := newStage(t)
	admin := s.admin("Anna")
	stolen := s.add(admin.Device())
	early, late := s.Key(), s.Key()
	invite := func(key keys.PrivateKey) (index uint64) {
		_, index = s.take(stolen, membership.Invite{
			Key: key.Public(), Role: membership.RoleAdmin, Uses: 2, Expires: s.Now.Add(30 * day).Unix(),
		})
		return index
	}
	invite(early)
	theft := invite(late)
	s.take(admin.Device(), bar(stolen, theft))
	eve := &membershiptest.Member{Name: "Eve", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	s.refusesEvent(membership.ReasonInvitationRevoked, s.JoinEvent(late, eve))
	s.refuses(membership.ReasonBarred, stolen, membership.Invite{
		Key: s.Key().Public(), Role: membership.RoleMember, Uses: 1, Expires: s.Now.Add(day).Unix(),
	})
	s.JoinBy(early, "Berta") // made before the theft
	s.refolds()
}

// A thief with an admin's device makes an accomplice admin, who makes another.
func TestAttackPromotionsOfABarredDevice(t *testing.T) {
	s := newStage(t)
	admin, honest := s.admin("Anna"), s.Join("Berta")
	accomplice, second := s.Join("Eve"), s.Join("Fred")
	stolen := s.add(admin.Device())
	s.take(admin.Device(), membership.RoleChange{Member: honest.ID, Role: membership.RoleAdmin})
	_, theft := s.take(stolen, membership.RoleChange{Member: accomplice.ID, Role: membership.RoleAdmin})
	s.take(accomplice.Device(), membership.RoleChange{Member: second.ID, Role: membership.RoleAdmin})
	s.take(second.Device(), membership.Suspend{Member: honest.ID})
	s.take(second.Device(), membership.RoleChange{Member: s.Founder.ID, Role: membership.RoleMember})
	s.take(accomplice.Device(), bar(s.Founder.Device(), 0))
	evil := s.Invite(second, membership.RoleAdmin, 3)
	s.standing(membership.StandingSuspended, honest.Device())
	s.standing(membership.StandingBarred, s.Founder.Device())

	s.take(admin.Device(), bar(stolen, theft))
	for m, want := range map[*membershiptest.Member]membership.Role{
		accomplice: membership.RoleMember, second: membership.RoleMember, honest: membership.RoleAdmin, s.Founder: membership.RoleAdmin,
	} {
		if got := s.member(m).Role; got != want {
			t.Errorf("%s is %v, want %v", m.Name, got, want)
		}
	}
	s.standing(membership.StandingActive, honest.Device(), s.Founder.Device())
	eve := &membershiptest.Member{Name: "Gerd", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	s.refusesEvent(membership.ReasonRole, s.JoinEvent(evil, eve)) // its maker may not invite for that
	s.refuses(membership.ReasonRole, second.Device(), membership.Suspend{Member: honest.ID})
	s.refolds()
}

// A thief with an admin's device shuts members out.
func TestAttackDecisionsOfABarredDevice(t *testing.T) {
	s := newStage(t)
	admin, victim, other, third := s.admin("Anna"), s.Join("Berta"), s.Join("Carla"), s.Join("Dora")
	s.take(admin.Device(), membership.Suspend{Member: third.ID})
	stolen := s.add(admin.Device())
	_, theft := s.take(stolen, membership.Suspend{Member: victim.ID})
	s.take(stolen, bar(other.Device(), 0))
	s.take(stolen, membership.Reinstate{Member: third.ID})
	removed := s.Join("Emma")
	s.take(stolen, membership.Remove{Member: removed.ID})
	s.standing(membership.StandingSuspended, victim.Device())
	s.standing(membership.StandingRemoved, removed.Device())
	s.standing(membership.StandingBarred, other.Device())
	s.take(admin.Device(), bar(stolen, theft))
	s.standing(membership.StandingActive, victim.Device(), other.Device(), removed.Device())
	s.standing(membership.StandingSuspended, third.Device())
	s.refuses(membership.ReasonBarred, stolen, membership.Suspend{Member: victim.ID})
	s.refolds()
}

// A thief gives leave to write to the victim. Only what was heard before the cut stands.
func TestAttackGrantsOfABarredDevice(t *testing.T) {
	s := newStage(t)
	owner, friend := s.Join("Anna"), s.Join("Berta")
	stolen := s.add(owner.Device())
	before := s.Roll.Size()
	s.Join("Carla")
	theft := s.Roll.Size()
	s.Join("Dora")
	grant := membership.SignGrant(membership.Grant{Org: s.ID, From: owner.ID, To: friend.ID, Number: 1, Open: true}, stolen)
	s.take(owner.Device(), bar(stolen, theft))
	for heard, stands := range map[uint64]bool{before: true, theft: true, theft + 1: false, s.Roll.Size(): false} {
		if _, err := membership.OpenGrant(grant, s.Roll.State(), heard); (err == nil) != stands {
			t.Errorf("a grant heard at %d of a device cut at %d: %v", heard, theft, err)
		}
	}
	if _, err := membership.OpenGrant(s.Grant(owner, friend, 2, true), s.Roll.State(), s.Roll.Size()); err != nil {
		t.Error(err)
	}
}

// A hostile admin re-admits a member who is there, with devices of the admin's own.
func TestAttackHostileAdminsReadmission(t *testing.T) {
	s := newStage(t)
	admin, owner := s.admin("Mallory"), s.Join("Anna")
	device, recovery := s.Key(), s.Key()
	says := membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()}
	s.refuses(membership.ReasonNotMember, s.Node, says)
	readmission, _ := s.take(admin.Device(), says)
	enter := membership.Enter{Readmission: readmission}
	s.refuses(membership.ReasonEarly, device, enter)
	s.refuses(membership.ReasonNotMember, recovery, membership.Lift{}) // nothing is theirs yet
	s.take(admin.Device(), membership.Suspend{Member: owner.ID})
	s.take(admin.Device(), bar(owner.Device(), 0))
	s.refuses(membership.ReasonUnknown, admin.Device(), membership.Refuse{Readmission: readmission})
	s.take(owner.Device(), membership.Refuse{Readmission: readmission}) // suspended and barred by the admin
	s.wait(4 * day)
	s.refuses(membership.ReasonUnknown, device, enter)

	// Again, and the recovery key refuses.
	device, recovery = s.Key(), s.Key()
	readmission, _ = s.take(admin.Device(), membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
	s.take(owner.Recovery, membership.Refuse{Readmission: readmission})
	s.wait(4 * day)
	s.refuses(membership.ReasonUnknown, device, membership.Enter{Readmission: readmission})
	s.take(s.Founder.Device(), membership.Reinstate{Member: owner.ID})
	added := s.Key()
	s.take(owner.Recovery, membership.Device{Add: added.Public()}, added)
	s.standing(membership.StandingActive, added)
	s.refolds()
}

// A re-admission signed long ago, or one that waits, is used when its author is an admin no more.
func TestAttackReadmissionKeptInTheDrawer(t *testing.T) {
	s := newStage(t)
	admin, owner := s.admin("Mallory"), s.Join("Anna")
	device, recovery := s.Key(), s.Key()
	readmission, _ := s.take(admin.Device(), membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
	drawer := s.sign(admin.Device(), membership.Readmit{Member: owner.ID, Device: s.Key().Public(), Recovery: s.Key().Public()})
	s.take(s.Founder.Device(), membership.RoleChange{Member: admin.ID, Role: membership.RoleMember})
	s.refusesEvent(membership.ReasonRole, drawer)
	s.wait(4 * day)
	s.refuses(membership.ReasonRole, device, membership.Enter{Readmission: readmission})

	// That the author was suspended or removed ends it too.
	for _, end := range []any{membership.Suspend{}, membership.Remove{}} {
		author := s.admin("Mallory" + string(rune('a'+s.Roll.Size())))
		device, recovery := s.Key(), s.Key()
		readmission, _ := s.take(author.Device(), membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
		switch end := end.(type) {
		case membership.Suspend:
			end.Member = author.ID
			s.take(s.Founder.Device(), end)
		case membership.Remove:
			end.Member = author.ID
			s.take(s.Founder.Device(), end)
		}
		s.wait(4 * day)
		s.refuses(membership.ReasonRole, device, membership.Enter{Readmission: readmission})
	}
	// An honest one by the founder passes, and ends what was before.
	device, recovery = s.Key(), s.Key()
	readmission, _ = s.take(s.Founder.Device(), membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
	s.wait(3 * day)
	s.take(device, membership.Enter{Readmission: readmission})
	s.standing(membership.StandingEnded, owner.Device())
	s.standing(membership.StandingActive, device)
	s.refuses(membership.ReasonKeyRole, owner.Recovery, membership.Lift{})
	s.refuses(membership.ReasonUnknown, device, membership.Enter{Readmission: readmission})
	s.refolds()
}

// A re-admission cannot be entered by anybody but the device that it names.
func TestAttackReadmissionEnteredBySomebodyElse(t *testing.T) {
	s := newStage(t)
	owner, other := s.Join("Anna"), s.Join("Berta")
	device, recovery := s.Key(), s.Key()
	readmission, _ := s.take(s.Founder.Device(), membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
	otherDevice := s.Key()
	second, _ := s.take(s.Founder.Device(), membership.Readmit{Member: other.ID, Device: otherDevice.Public(), Recovery: s.Key().Public()})
	s.wait(4 * day)
	enter := membership.Enter{Readmission: readmission}
	for _, key := range []keys.PrivateKey{s.Key(), s.Founder.Device(), other.Device(), owner.Device(), owner.Recovery, s.Node, s.Root} {
		s.refuses(membership.ReasonUnknown, key, enter)
	}
	for _, key := range []keys.PrivateKey{recovery, otherDevice} {
		if err := s.Roll.Check(s.sign(key, enter), s.Now.UnixMilli()); err == nil {
			t.Error("entered by another key")
		}
	}
	s.refuses(membership.ReasonUnknown, device, membership.Enter{Readmission: second})
	s.take(device, enter)
	added := s.Key()
	s.take(recovery, membership.Device{Add: added.Public()}, added)
	s.standing(membership.StandingActive, device, added)
}

// The node serves a bar as if it were for desks only, so that a member who is none would not see it.
func TestAttackBarServedAsSomebodyElsesHiddenEvent(t *testing.T) {
	s := newStage(t)
	owner, reader, guest := s.Join("Anna"), s.Join("Berta"), s.JoinAs("Gerda", membership.RoleGuest)
	stolen := s.add(owner.Device())
	replica := s.Replica()
	replica.ReadAs(reader.ID)
	event := s.sign(owner.Device(), bar(stolen, 1))
	hidden := s.Entry(event)
	honest := hidden
	hidden.Audience = membership.Audience{Kind: membership.AudienceDesks, ID: guest.ID}

	// Whoever reads what is for desks sees that it is not, and has the proof.
	if err := s.Replica().Append(hidden); !errors.Is(err, membership.ReasonAudience) {
		t.Errorf("a bar for desks: %v", err)
	}
	// The same leaf cannot be shown to others as one for everybody, nor hidden with the tag "for everybody".
	if err := replica.Append(honest.Hide()); !errors.Is(err, membership.ReasonAudience) {
		t.Errorf("a bar for all without its event: %v", err)
	}
	if honest.Leaf() == hidden.Leaf() {
		t.Error("the tag is not in the leaf")
	}
	for _, kind := range []membership.AudienceKind{0, 3, 255} {
		odd := hidden
		odd.Audience.Kind = kind
		if err := replica.Append(odd.Hide()); !errors.Is(err, membership.ReasonAudience) {
			t.Errorf("audience %d: %v", kind, err)
		}
	}
	odd := hidden
	odd.Audience.ID[3] = 1
	if err := replica.Append(odd.Hide()); !errors.Is(err, membership.ReasonAudience) {
		t.Errorf("the audience of a guest who is none: %v", err)
	}
	// A desk adopts nothing that holds an entry for desks without its event.
	desk := s.JoinAs("Dora", membership.RoleDesk)
	entries := append(slices.Clone(s.Entries), hidden.Hide())
	note := signEntries(t, s.Org, entries)
	_, _, err := membership.Rebuild(s.ID, desk.ID, note, s.Node.Public(), entries)
	if !errors.Is(err, membership.ErrWithheld) {
		t.Errorf("hidden from its reader: %v", err)
	}
	// Hidden from members all the same, it cannot be taken back: the roll that has the bar for all is another one, and the
	// owner's own device misses its bar on the roll.
	if err := replica.Append(hidden.Hide()); err != nil {
		t.Fatal(err)
	}
	s.take(owner.Device(), bar(stolen, 1))
	size := replica.Size()
	var forked *membership.ForkError
	if err := replica.Compare(size, s.RootAt(size)); !errors.As(err, &forked) {
		t.Errorf("two views: %v", err)
	}
}

// The node shows an old roll for ever, so that a bar is not heard of.
func TestAttackFrozenRollReplayedAsFresh(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device())
	frozen, size, old := s.Replica(), s.Roll.Size(), s.Checkpoint()
	served := s.Now
	link := s.Invitation(s.Key())
	_, _ = s.take(owner.Device(), bar(stolen, 1))
	knowing := s.Replica()
	newer, _ := knowing.Head()
	s.wait(10 * day)

	// The old note says when it was signed, and nobody can change that.
	checkpoint, err := frozen.Extend(old, s.Node.Public(), nil, nil)
	if err != nil || s.Now.Sub(checkpoint.Time) < 9*day || checkpoint.Time.After(served) {
		t.Errorf("an old checkpoint says %v: %v", checkpoint.Time, err)
	}
	// Signed anew it is a lie that the first member who knows more finds out, and none who knows more takes it.
	again := s.CheckpointAt(size)
	if _, err := frozen.Extend(again, s.Node.Public(), nil, nil); err != nil {
		t.Error(err)
	}
	if err := frozen.CompareHead(newer); !errors.Is(err, membership.ErrAhead) {
		t.Errorf("a member who knows more: %v", err)
	}
	if _, err := knowing.Extend(again, s.Node.Public(), nil, nil); !errors.Is(err, membership.ErrShrunk) {
		t.Errorf("an old roll, signed anew: %v", err)
	}
	// A joiner has the head of the one who invited.
	link = s.Invitation(link.Key())
	joiner := membership.NewRoll(s.ID)
	if _, err := joiner.Extend(again, s.Node.Public(), s.Entries[:size], nil); err != nil {
		t.Fatal(err)
	}
	if err := joiner.Compare(link.Size, link.Root); !errors.Is(err, membership.ErrAhead) {
		t.Errorf("a joiner with a newer link: %v", err)
	}
}

// A thief bars the owner's device and asks it to wipe itself. That counts no longer than the bar, and is never the
// recovery key's.
func TestAttackSelfWipeOrderedByTheThief(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device())
	phone := s.add(stolen)
	wipe := bar(phone, 1)
	wipe.Wipe = true
	theft := s.Roll.Size()
	s.refuses(membership.ReasonSenior, phone, membership.Bar{Device: stolen.Public(), After: 1, Wipe: true})
	s.take(stolen, wipe)
	if d := s.device(phone); !d.Wipe || d.WipeKey || d.BarredBy != stolen.Public() {
		t.Errorf("a wipe by a device: %+v", d)
	}
	s.refuses(membership.ReasonKeyRole, owner.Device(), membership.Lift{Wipe: phone.Public()})
	s.take(owner.Recovery, membership.Lift{Wipe: phone.Public()})
	if s.device(phone).Wipe {
		t.Error("the recovery key cancelled the wipe in vain")
	}
	s.take(owner.Device(), bar(stolen, theft))
	s.standing(membership.StandingActive, phone)

	// Without the lift: with the thief's bar its wish is void, so that a later bar along with another does not bring it back.
	second := s.add(phone)
	laptop := s.add(second)
	wipe.Device = laptop.Public()
	_, stolenAt := s.take(second, wipe)
	s.take(phone, bar(second, stolenAt))
	s.standing(membership.StandingActive, laptop)
	if d := s.device(laptop); d.Wipe || !d.BarredBy.IsZero() {
		t.Errorf("a void bar still asks for a wipe: %+v", d)
	}
	s.take(phone, bar(second, 1)) // with what it introduced
	s.standing(membership.StandingBarred, laptop)
	if d := s.device(laptop); d.Wipe {
		t.Errorf("a void bar asks for a wipe of what another bars: %+v", d)
	}

	// An admin's wish is an admin's, and nobody makes one that the recovery key then seems to have made.
	tablet := s.add(phone)
	s.take(s.Founder.Device(), membership.Bar{Device: tablet.Public(), Wipe: true})
	if d := s.device(tablet); !d.Wipe || d.WipeKey {
		t.Errorf("a wipe by an admin: %+v", d)
	}
	s.refolds()
}

// A thief overwrites what the recovery key said when it barred a stolen device: its wipe, and how many records count.
func TestAttackWipeByTheRecoveryKeyTakenBack(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device()) // the thief has both
	order := membership.Bar{Device: stolen.Public(), After: 4, Records: 3, Wipe: true}
	s.take(owner.Recovery, order)
	if err := s.Roll.Check(s.sign(owner.Device(), membership.Bar{Device: stolen.Public(), After: 1}), s.Now.UnixMilli()); err == nil {
		s.take(owner.Device(), membership.Bar{Device: stolen.Public(), After: 1})
	}
	if d := s.device(stolen); !d.Wipe || !d.WipeKey || d.Records != 3 {
		t.Errorf("the recovery key's order was replaced: %+v", d)
	}
	// The recovery key itself may say something else.
	s.take(owner.Recovery, membership.Bar{Device: stolen.Public(), Records: 2})
	if d := s.device(stolen); d.Wipe || d.Records != 2 {
		t.Errorf("the recovery key's last order does not count: %+v", d)
	}
}

// A hostile admin bars the owner's device, or suspends the owner, in order to void its bar of a thief.
func TestAttackHostileAdminBarsTheOwnersDeviceToVoidItsBar(t *testing.T) {
	s := newStage(t)
	admin, owner := s.admin("Mallory"), s.Join("Anna")
	stolen := s.add(owner.Device())
	s.take(owner.Device(), bar(stolen, 4))
	s.refuses(membership.ReasonMalformed, admin.Device(), membership.Bar{Device: owner.Device().Public(), Keep: keyList(stolen)})
	s.refuses(membership.ReasonMalformed, admin.Device(), bar(owner.Device(), 1))
	s.refuses(membership.ReasonMalformed, owner.Device(), bar(owner.Device(), 1))
	s.take(admin.Device(), bar(owner.Device(), 0))
	s.standing(membership.StandingBarred, stolen, owner.Device())
	if s.device(owner.Device()).Barred {
		t.Error("an admin's bar has a cut")
	}
	s.take(admin.Device(), membership.Suspend{Member: owner.ID})
	s.take(admin.Device(), membership.Reinstate{Member: owner.ID})
	s.standing(membership.StandingBarred, stolen)
	added := s.Key()
	s.refuses(membership.ReasonBarred, stolen, membership.Device{Add: added.Public()}, added)
	s.take(owner.Recovery, membership.Device{Add: added.Public()}, added)
	s.standing(membership.StandingActive, added)
	s.refolds()
}

// The owner lost everything; the thief's device refuses each honest re-admission. With the root key's signature, and the
// thief's devices barred by an admin, it cannot; the recovery key still could.
func TestAttackThiefRefusesAnHonestReadmissionForEver(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := owner.Device()
	readmit := func() (keys.PrivateKey, membership.Readmit) {
		device := s.Key()
		return device, membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: s.Key().Public()}
	}
	for range 2 {
		_, says := readmit()
		readmission, _ := s.take(s.Founder.Device(), says)
		s.take(stolen, membership.Refuse{Readmission: readmission})
	}
	s.take(s.Founder.Device(), membership.Suspend{Member: owner.ID})
	phone := s.Key()
	s.refuses(membership.ReasonSuspended, stolen, membership.Device{Add: phone.Public()}, phone)
	s.take(s.Founder.Device(), bar(stolen, 0))
	device, says := readmit()
	says.Root = s.Root.Public()
	s.refuses(membership.ReasonSignature, s.Founder.Device(), says, s.Key()) // another key for the root key
	forged := says
	forged.Root = s.Founder.Recovery.Public()
	s.refuses(membership.ReasonKeyRole, s.Founder.Device(), forged, s.Founder.Recovery)
	readmission, _ := s.take(s.Founder.Device(), says, s.Root)
	s.refuses(membership.ReasonBarred, stolen, membership.Refuse{Readmission: readmission})
	s.wait(3 * day)
	s.take(device, membership.Enter{Readmission: readmission})
	s.standing(membership.StandingEnded, stolen)
	s.standing(membership.StandingSuspended, device)
	s.take(s.Founder.Device(), membership.Reinstate{Member: owner.ID})
	s.standing(membership.StandingActive, device)
	s.refolds()
}

// A stolen junior device of an admin uses the admin's power on its own account, where its seniors stand.
func TestAttackAdminsJuniorUsesAdminPowerOnItsSeniors(t *testing.T) {
	s := newStage(t)
	admin := s.admin("Anna")
	stolen := s.add(admin.Device())
	device, recovery := s.Key(), s.Key()
	s.refuses(membership.ReasonSenior, stolen, bar(admin.Device(), 0))
	s.refuses(membership.ReasonOwnAccount, stolen, membership.Readmit{Member: admin.ID, Device: device.Public(), Recovery: recovery.Public()})
	s.refuses(membership.ReasonOwnAccount, stolen, membership.Suspend{Member: admin.ID})
	s.refuses(membership.ReasonOwnAccount, stolen, membership.Remove{Member: admin.ID})
	s.refuses(membership.ReasonOwnAccount, stolen, membership.Reinstate{Member: admin.ID})
	s.refuses(membership.ReasonKeyRole, stolen, membership.Recovery{Key: recovery.Public()}, recovery)
	s.refuses(membership.ReasonKeyRole, stolen, membership.Order{Devices: keyList(stolen)})
	s.refuses(membership.ReasonKeyRole, stolen, membership.RootChange{Key: recovery.Public()}, recovery)
	s.take(admin.Device(), bar(stolen, 1))
	s.standing(membership.StandingBarred, stolen)
}

// An admin's barred device moves the sequencing duty to a roll in which it is not barred.
func TestAttackBarredAdminRewindsItsBarByMovingTheDuty(t *testing.T) {
	s, evil := newStage(t), newStage(t)
	var stolen keys.PrivateKey
	for _, view := range []*stage{s, evil} {
		admin := view.admin("Anna")
		stolen = view.add(admin.Device())
	}
	common := s.Roll.Size()
	s.take(s.Members[1].Device(), bar(stolen, common))
	own := s.Replica()

	node := evil.Key()
	move := func(by keys.PrivateKey) membership.Rendezvous {
		root := evil.RootAt(evil.Roll.Size())
		return membership.Rendezvous{
			Node: node.Public(), Addresses: []string{"/ip4/192.0.2.2/tcp/1"}, Term: 2, Size: evil.Roll.Size(), Root: root[:],
		}
	}
	evil.take(stolen, move(stolen))
	evil.Node = node
	note := membership.SignCheckpoint(node, evil.ID, 2, evil.Roll.Size(), evil.RootAt(evil.Roll.Size()), evil.Now)
	if _, err := own.Extend(note, node.Public(), evil.Entries[common:], nil); err == nil {
		t.Fatal("laid on a roll that it does not continue")
	}
	next, _, err := membership.Rebuild(s.ID, keys.MemberID{}, note, node.Public(), evil.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Succeed(next); !errors.Is(err, membership.ReasonRole) {
		t.Fatalf("the barred device moved the duty: %v", err)
	}
	// The founder's move from before the bar is obeyed, and the bar handed in again.
	honest := newStage(t)
	admin := honest.admin("Anna")
	honest.add(admin.Device())
	root := honest.RootAt(common)
	honest.take(honest.Founder.Device(), membership.Rendezvous{
		Node: node.Public(), Addresses: []string{"/ip4/192.0.2.2/tcp/1"}, Term: 2, Size: common, Root: root[:],
	})
	note = membership.SignCheckpoint(node, s.ID, 2, honest.Roll.Size(), honest.RootAt(honest.Roll.Size()), honest.Now)
	next, _, err = membership.Rebuild(s.ID, keys.MemberID{}, note, node.Public(), honest.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := own.Succeed(next); err != nil || got != common {
		t.Fatalf("an honest move: %d, %v", got, err)
	}
	honest.Append(s.Entries[common].Event)
	honest.standing(membership.StandingBarred, stolen)
}

// Counters of what is for desks and of what is for all do not mix: an event for one is none for the other, and whoever
// sees only one kind knows which is due.
func TestAttackCountersAcrossAudiences(t *testing.T) {
	s := newStage(t)
	guest := s.JoinAs("Gerda", membership.RoleGuest) // who has named herself: counter 1 of what is for desks
	s.refusesEvent(membership.ReasonCounter, s.Entries[len(s.Entries)-1].Event)
	s.take(guest.Device(), membership.NameChange{Name: "Gisela"})
	s.refusesEvent(membership.ReasonCounter, s.Entries[len(s.Entries)-1].Event)
	e := s.Event(guest.Device())
	e.Counter, e.Cancel = 3, &membership.Cancel{}
	s.refusesEvent(membership.ReasonCounter, membership.SignEvent(e, guest.Device(), nil)) // due there, not here
	e.Counter = 2
	s.Append(membership.SignEvent(e, guest.Device(), nil))
	e.Counter, e.Cancel, e.Name = 3, nil, &membership.NameChange{Name: "Gunda"}
	event := membership.SignEvent(e, guest.Device(), nil)
	public := s.Entry(event)
	public.Audience = membership.Audience{}
	if err := s.Roll.Append(public); !errors.Is(err, membership.ReasonAudience) {
		t.Errorf("a guest's name for all: %v", err)
	}
	s.Append(event)
	s.refolds()
}

// The old recovery key is used after it was replaced, and by a thief who never had the new one.
func TestAttackOldRecoveryKeyUsed(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	old, fresh := owner.Recovery, s.Key()
	drawer := s.sign(old, membership.Order{Devices: keyList(owner.Device())})
	s.refuses(membership.ReasonSignature, old, membership.Recovery{Key: fresh.Public()}, s.Key())
	s.take(old, membership.Recovery{Key: fresh.Public()}, fresh)
	s.refusesEvent(membership.ReasonKeyRole, drawer)
	for _, says := range []any{
		bar(owner.Device(), 1), membership.Lift{}, membership.Recovery{Key: old.Public()}, membership.Remove{Member: owner.ID}, membership.Cancel{},
	} {
		if change, ok := says.(membership.Recovery); ok {
			s.refuses(membership.ReasonKeyRole, old, change, old)
			continue
		}
		s.refuses(membership.ReasonKeyRole, old, says)
	}
	s.refuses(membership.ReasonDuplicateKey, fresh, membership.Recovery{Key: old.Public()}, old) // it never comes back
	added := s.Key()
	s.take(fresh, membership.Device{Add: added.Public()}, added)
	if m, ok := s.Roll.State().MemberByRecovery(old.Public()); ok {
		t.Errorf("the old key still finds %s", m.Name)
	}
}

// The recovery key of a member who was removed brings nothing back.
func TestAttackRemovedMembersRecoveryKey(t *testing.T) {
	s := newStage(t)
	gone := s.Join("Anna")
	s.take(s.Founder.Device(), membership.Remove{Member: gone.ID})
	added := s.Key()
	s.refuses(membership.ReasonRemoved, gone.Recovery, membership.Device{Add: added.Public()}, added)
	s.refuses(membership.ReasonRemoved, gone.Recovery, bar(gone.Device(), 1))
	s.refuses(membership.ReasonRemoved, gone.Recovery, membership.Recovery{Key: added.Public()}, added)
	s.refuses(membership.ReasonRemoved, gone.Recovery, membership.Cancel{})
	s.refuses(membership.ReasonRemoved, gone.Recovery, membership.Remove{Member: gone.ID})
	s.refuses(membership.ReasonRemoved, gone.Device(), membership.NameChange{Name: "Other"})
	s.refuses(membership.ReasonRemoved, s.Founder.Device(), membership.Readmit{Member: gone.ID, Device: added.Public(), Recovery: s.Key().Public()})
	s.refuses(membership.ReasonKeyRole, gone.Recovery, membership.Remove{Member: s.Founder.ID})
	if taken := s.Roll.Check(s.sign(s.Founder.Device(), membership.NameChange{Name: "Anna"}), s.Now.UnixMilli()); !errors.Is(taken, membership.ReasonNameTaken) {
		t.Errorf("the name of somebody who was removed: %v", taken)
	}
	// They may join anew, as somebody else.
	again := &membershiptest.Member{Name: "Anna 2", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	s.Append(s.JoinEvent(s.Invite(s.Founder, membership.RoleMember, 1), again))
}

// An invitation that was taken back, or whose maker was, is used.
func TestAttackRevokedInvitationUsed(t *testing.T) {
	s := newStage(t)
	inviter := s.Join("Anna")
	joiner := &membershiptest.Member{Name: "Eve", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	one, two := s.Invite(inviter, membership.RoleMember, 9), s.Invite(inviter, membership.RoleMember, 9)
	stranger := s.Join("Berta")
	s.refuses(membership.ReasonRole, stranger.Device(), membership.Revoke{Key: one.Public()})
	s.take(inviter.Device(), membership.Revoke{Key: one.Public()})
	s.refusesEvent(membership.ReasonInvitationRevoked, s.JoinEvent(one, joiner))
	s.refuses(membership.ReasonDuplicateKey, inviter.Device(), membership.Invite{
		Key: one.Public(), Role: membership.RoleMember, Uses: 1, Expires: s.Now.Add(day).Unix(),
	})
	s.JoinBy(two, "Carla")
	s.take(s.Founder.Device(), membership.Suspend{Member: inviter.ID})
	s.refusesEvent(membership.ReasonInvitationRevoked, s.JoinEvent(two, joiner))
	s.take(s.Founder.Device(), membership.Reinstate{Member: inviter.ID})
	s.JoinBy(two, "Dora")
}

// Somebody who is in two organizations plays what was said in one in the other.
func TestAttackEventOfAnotherOrganization(t *testing.T) {
	s := newStage(t)
	other := stageOf(t, membershiptest.NewWith(t, membershiptest.Config{Seed: 2, OrgName: "Other"}))
	s.Join("Anna")
	for _, entry := range other.Entries[1:] {
		s.refusesEvent(membership.ReasonOrg, entry.Event)
	}
	s.refusesEvent(membership.ReasonFounded, other.Entries[0].Event)
	// Even of one key in both, as a careless user might have.
	twin := &membershiptest.Member{Name: "Twin", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	for _, org := range []*stage{s, other} {
		org.Append(org.JoinEvent(org.Invite(org.Founder, membership.RoleMember, 1), twin))
	}
	s.refusesEvent(membership.ReasonOrg, other.sign(twin.Device(), membership.Cancel{}))
	if _, err := s.Replica().Extend(other.Checkpoint(), other.Node.Public(), nil, nil); !errors.Is(err, membership.ErrCheckpointSignature) {
		t.Errorf("the other organization's checkpoint: %v", err)
	}
	twin.ID, _ = other.Roll.State().AccountOf(twin.Device().Public())
	grant := other.Grant(other.Founder, twin, 1, true)
	if _, err := membership.OpenGrant(grant, s.Roll.State(), 1); !errors.Is(err, membership.ReasonOrg) {
		t.Errorf("the other organization's grant: %v", err)
	}
}

// One key in two uses would let the word of one pass for that of another.
func TestAttackTwoAccountsWithOneKey(t *testing.T) {
	s := newStage(t)
	victim := s.Join("Anna")
	open := s.Invite(s.Founder, membership.RoleMember, 9)
	waiting := s.Key()
	s.take(s.Founder.Device(), membership.Readmit{Member: victim.ID, Device: waiting.Public(), Recovery: s.Key().Public()})
	for name, key := range map[string]keys.PrivateKey{
		"a device": victim.Device(), "a recovery key": victim.Recovery, "the root key": s.Root, "the node's": s.Node,
		"an invitation's": open, "one that a re-admission names": waiting,
	} {
		fresh := &membershiptest.Member{Name: "Eve", Recovery: key, Devices: []keys.PrivateKey{s.Key()}}
		if err := s.Roll.Check(s.JoinEvent(open, fresh), s.Now.UnixMilli()); !errors.Is(err, membership.ReasonDuplicateKey) {
			t.Errorf("%s as recovery key: %v", name, err)
		}
		fresh.Devices, fresh.Recovery = []keys.PrivateKey{key}, s.Key()
		if err := s.Roll.Check(s.JoinEvent(open, fresh), s.Now.UnixMilli()); !errors.Is(err, membership.ReasonDuplicateKey) {
			t.Errorf("%s as device: %v", name, err)
		}
		s.refuses(membership.ReasonDuplicateKey, s.Founder.Device(), membership.Device{Add: key.Public()}, key)
		s.refuses(membership.ReasonDuplicateKey, s.Founder.Recovery, membership.Recovery{Key: key.Public()}, key)
		s.refuses(membership.ReasonDuplicateKey, s.Root, membership.RootChange{Key: key.Public()}, key)
	}
	same := s.Key()
	both := &membershiptest.Member{Name: "Eve", Recovery: same, Devices: []keys.PrivateKey{same}}
	s.refusesEvent(membership.ReasonDuplicateKey, s.JoinEvent(open, both))
	s.JoinBy(open, "Berta")
}

// The old root key is used after it was replaced.
func TestAttackOldRootKeyUsed(t *testing.T) {
	s := newStage(t)
	member := s.Join("Anna")
	fresh := s.Key()
	s.take(s.Root, membership.RootChange{Key: fresh.Public()}, fresh)
	s.refuses(membership.ReasonKeyRole, s.Root, membership.RoleChange{Member: member.ID, Role: membership.RoleAdmin})
	s.refuses(membership.ReasonKeyRole, s.Root, membership.RootChange{Key: s.Root.Public()}, s.Root)
	s.refuses(membership.ReasonKeyRole, s.Founder.Device(), membership.Readmit{
		Member: member.ID, Device: s.Key().Public(), Recovery: s.Key().Public(), Root: s.Root.Public(),
	}, s.Root)
	s.take(fresh, membership.RoleChange{Member: member.ID, Role: membership.RoleAdmin})
}

// Admins against each other: who is suspended cannot end that, and nobody leaves the organization without an admin, but
// the root key can always act.
func TestAttackLastAdminLocksTheOrganizationOut(t *testing.T) {
	s := newStage(t)
	evil := s.admin("Mallory")
	s.take(evil.Device(), membership.Suspend{Member: s.Founder.ID})
	s.refuses(membership.ReasonSuspended, s.Founder.Device(), membership.Reinstate{Member: s.Founder.ID})
	s.refuses(membership.ReasonSuspended, s.Founder.Device(), membership.Suspend{Member: evil.ID})
	s.refuses(membership.ReasonLastAdmin, evil.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
	s.refuses(membership.ReasonLastAdmin, evil.Recovery, membership.Remove{Member: evil.ID})
	s.take(s.Root, membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
	s.take(s.Root, membership.Reinstate{Member: s.Founder.ID})
	s.standing(membership.StandingActive, s.Founder.Device())
	s.refuses(membership.ReasonRole, evil.Device(), membership.Suspend{Member: s.Founder.ID})
}

// A thief's keep-list holds its accomplice against a bar of the owner.
func TestAttackThiefsKeepListSavesItsAccomplice(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.add(owner.Device())
	theft := s.Roll.Size()
	middle := s.add(stolen)
	accomplice := s.add(middle)
	keep := bar(middle, theft)
	keep.Keep = keyList(accomplice)
	s.take(stolen, keep)
	s.standing(membership.StandingActive, accomplice)
	s.take(owner.Device(), bar(stolen, theft))
	s.standing(membership.StandingBarred, stolen, middle, accomplice)
	s.refolds()
}

// A new order of seniority lets an old bar reach further. What the devices decided that it then ends is void with them,
// at once and not when something else happens.
func TestAttackDecisionsOutliveANewOrder(t *testing.T) {
	s := newStage(t)
	admin, victim := s.admin("Anna"), s.Join("Berta")
	first := admin.Device()
	second := s.add(first)
	theft := s.Roll.Size()
	third := s.add(second)
	s.take(admin.Recovery, membership.Order{Devices: keyList(third, first, second)})
	s.take(third, membership.Suspend{Member: victim.ID})
	s.take(first, bar(second, theft)) // spares the third, which stands above the signer
	s.standing(membership.StandingActive, third)
	s.standing(membership.StandingSuspended, victim.Device())
	s.take(admin.Recovery, membership.Order{Devices: keyList(first)})
	s.standing(membership.StandingBarred, third)
	s.standing(membership.StandingActive, victim.Device())
}
