package membership_test

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/authority"
	"muster.example/membership/membershiptest"
)

// script plays random signed events by every key that an organization has, honest or not: some in order, some withheld
// for later, some twice, some for a stranger's roll size or counter. It keeps beside the roll what each property needs.
type script struct {
	*stage
	rt     *rapid.T
	random *rand.Rand

	clean  *membership.Roll // gets only what is accepted
	shadow *membership.Roll // a member's, to whom names of guests are hidden

	people    []keys.MemberID
	devices   []keys.PrivateKey // all that were ever proposed
	others    []keys.PrivateKey // recovery keys, root keys, invitations, the node's
	known     []keys.PublicKey  // of both
	made      []keys.PrivateKey // for the event at hand: devices, then others
	madeOther []keys.PrivateKey
	apply     keys.PrivateKey          // an invitation to apply
	joins     []membership.SignedEvent // of applicants
	readmits  []keys.EventID
	promised  map[keys.EventID]keys.PublicKey // the devices of re-admissions
	drawer    []membership.SignedEvent        // not served yet
	accepted  []membership.SignedEvent
	refused   int
	reference *reference
}

func newScript(t *testing.T, rt *rapid.T) *script {
	s := &script{
		stage: newStage(t), rt: rt, random: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)),
		reference: newReference(), promised: make(map[keys.EventID]keys.PublicKey),
	}
	root := s.Root
	s.others = append(s.others, root, s.Node)
	admin := s.admin("Anna")
	chain := s.Join("Berta")
	s.add(admin.Device())
	s.add(s.add(chain.Device()))
	s.JoinAs("Dora", membership.RoleDesk)
	s.JoinAs("Gerda", membership.RoleGuest)
	vouching(s.Org, 2)
	s.apply = s.InviteToApply(s.Founder, membership.RoleDesk, 1<<20)
	s.others = append(s.others, s.Invite(s.Founder, membership.RoleGuest, 1<<20))
	for _, m := range s.Members {
		s.people = append(s.people, m.ID)
		s.others = append(s.others, m.Recovery)
		s.devices = append(s.devices, m.Devices...)
	}
	for _, m := range []*membershiptest.Member{admin, chain} {
		for _, d := range s.member(m).Devices[1:] {
			s.devices = append(s.devices, s.added[d.Key])
		}
	}
	for _, key := range append(slices.Clone(s.devices), s.others...) {
		s.known = append(s.known, key.Public())
	}
	s.clean, s.shadow = membership.NewRoll(s.ID), membership.NewRoll(s.ID)
	s.shadow.ReadAs(chain.ID)
	for _, entry := range s.Entries {
		s.mirror(entry)
	}
	return s
}

// fresh returns a new key that later events may use.
func (s *script) fresh(device bool) keys.PrivateKey {
	key := s.Key()
	if device {
		s.made = append(s.made, key)
	} else {
		s.madeOther = append(s.madeOther, key)
	}
	return key
}

// keep has later events use the keys that the event at hand was made with.
func (s *script) keep() {
	s.devices, s.others = append(s.devices, s.made...), append(s.others, s.madeOther...)
	for _, key := range append(s.made, s.madeOther...) {
		s.known = append(s.known, key.Public())
	}
	s.made, s.madeOther = nil, nil
}

func pick[T any](s *script, from []T) T { return from[s.random.IntN(len(from))] }

func (s *script) number(most int) int { return s.random.IntN(most + 1) }

// signer is a device three times of four.
func (s *script) signer() keys.PrivateKey {
	if s.number(3) > 0 {
		return pick(s, s.devices)
	}
	return pick(s, s.others)
}

// position is one of the roll, early or late.
func (s *script) position() uint64 { return uint64(s.number(int(s.Roll.Size()))) }

// propose returns an event that somebody signs; if it is to be a good one, most often one that is accepted.
func (s *script) propose(good bool) (event membership.SignedEvent) {
	for range 30 {
		s.made, s.madeOther = nil, nil
		if event = s.any(); !good || s.clean.Check(event, s.Now.UnixMilli()) == nil {
			break
		}
	}
	return event
}

// any returns an event that somebody signs.
func (s *script) any() membership.SignedEvent {
	by := s.signer()
	person := func() keys.MemberID { return pick(s, s.people) }
	device := func() keys.PublicKey { return pick(s, s.devices).Public() }
	var says any
	var with []keys.PrivateKey
	switch s.number(23) {
	case 0, 1, 2:
		added := s.fresh(true)
		says, with = membership.Device{Add: added.Public()}, []keys.PrivateKey{added}
	case 3, 4, 5, 6:
		b := membership.Bar{Device: device(), After: s.position(), Wipe: s.number(1) == 1, Records: uint64(s.number(2))}
		if s.number(3) == 0 {
			b.Keep = []keys.PublicKey{device()}
		}
		if s.number(2) == 0 {
			b.After, b.Keep = 0, nil
		}
		says = b
	case 7:
		says = membership.Freeze{}
	case 8:
		lift := membership.Lift{}
		if s.number(1) == 1 {
			lift.Wipe = device()
		}
		by, says = pick(s, s.others), lift
	case 9:
		order := membership.Order{}
		for range 1 + s.number(2) {
			order.Devices = append(order.Devices, device())
		}
		by, says = pick(s, s.others), order
	case 10:
		key := s.fresh(false)
		by, says, with = pick(s, s.others), membership.Recovery{Key: key.Public()}, []keys.PrivateKey{key}
	case 11, 12:
		says = membership.RoleChange{Member: person(), Role: membership.Role(1 + s.number(3))}
	case 13:
		says = membership.Suspend{Member: person()}
	case 14:
		says = membership.Reinstate{Member: person()}
	case 15:
		if s.number(2) > 0 {
			says = membership.Cancel{}
		} else {
			says = membership.Remove{Member: person()}
		}
	case 16:
		readmit := membership.Readmit{Member: person(), Device: s.fresh(true).Public(), Recovery: s.fresh(false).Public()}
		if s.number(1) == 1 {
			readmit.Root, with = s.Root.Public(), []keys.PrivateKey{s.Root}
		}
		says = readmit
	case 17:
		if len(s.readmits) == 0 {
			says = membership.Cancel{}
		} else if id := pick(s, s.readmits); s.number(1) == 1 {
			says = membership.Enter{Readmission: id}
			for _, key := range s.devices {
				if key.Public() == s.promised[id] {
					by = key
				}
			}
		} else {
			says = membership.Refuse{Readmission: id}
		}
	case 18:
		change := membership.NameChange{Name: pick(s, []string{"Ida", "ida", "Jana", "Karla", "support", "x\u202e"})}
		if s.number(1) == 1 {
			change.Member = person()
		}
		says = change
	case 19:
		says = membership.Invite{
			Key: s.fresh(false).Public(), Role: membership.Role(1 + s.number(3)), Uses: 1 + uint64(s.number(1)),
			Expires: s.Now.Unix() + int64(s.number(10))*86400,
		}
	case 20:
		invitation := pick(s, s.others)
		by = s.fresh(true)
		says = membership.Join{Invitation: invitation.Public(), Name: pick(s, []string{"Lena", "Mia", ""}), Recovery: s.fresh(false).Public()}
		with = []keys.PrivateKey{invitation}
	case 21:
		from := s.position()
		says = membership.Dismiss{From: from, To: from + 1 + uint64(s.number(20))}
	case 22, 23:
		says = membership.Vouch{Join: s.application()}
	}
	e := s.Event(by)
	put(&e, says)
	if s.number(9) == 0 {
		e.At, e.Counter = s.position(), e.Counter+uint64(s.number(1))
	}
	return s.signEvent(e, by, with...)
}

// application returns the join of somebody who applies, often one that others have vouched for.
func (s *script) application() membership.SignedEvent {
	if len(s.joins) > 0 && s.number(3) > 0 {
		return pick(s, s.joins)
	}
	by, recovery := s.fresh(true), s.fresh(false)
	e := s.Event(by)
	e.Join = &membership.Join{
		Invitation: s.apply.Public(), Recovery: recovery.Public(), Name: pick(s, []string{"Nora", "Olga", "Pia", "Rosa", "x\u202e"}),
	}
	join := membership.SignEvent(e, by, &s.apply)
	s.joins = append(s.joins, join)
	return join
}

// step plays one move: a pause, or an event that is served now, later, or again.
func (s *script) step() {
	switch move := s.number(11); {
	case move == 0:
		s.wait(time.Duration(s.number(80)) * time.Hour)
	case move == 1 && len(s.accepted) > 0:
		s.serve(pick(s, s.accepted))
	case move == 2 && len(s.drawer) > 0:
		s.serve(pick(s, s.drawer))
	case move == 3:
		s.drawer = append(s.drawer, s.propose(true))
		s.keep()
	default:
		event := s.propose(move > 5)
		if s.serve(event) {
			s.keep()
		}
	}
}

// serve has the sequencer take an event, and holds what it says against the rolls that saw no refusal.
func (s *script) serve(event membership.SignedEvent) bool {
	entry := s.Entry(event)
	size, root := s.Roll.Size(), s.RootAt(s.Roll.Size())
	want, _ := membership.ReasonOf(s.clean.Check(event, entry.Time))
	dry, _ := membership.ReasonOf(s.Roll.Check(event, entry.Time))
	if entry.Audience == (membership.Audience{}) {
		if hidden, _ := membership.ReasonOf(s.shadow.Check(event, entry.Time)); hidden != dry {
			s.rt.Fatalf("refused for %v by who sees all, for %v by who does not", dry, hidden)
		}
	}
	err := s.Roll.Append(entry)
	reason, _ := membership.ReasonOf(err)
	if reason != want || dry != want {
		s.rt.Fatalf("refused for %v, dry for %v, without earlier refusals for %v", reason, dry, want)
	}
	if err != nil {
		s.refused++
		if s.Roll.Size() != size || s.RootAt(size) != root {
			s.rt.Fatal("refused, and the roll has changed")
		}
		return false
	}
	s.Entries = append(s.Entries, entry)
	s.accepted = append(s.accepted, event)
	s.Now = s.Now.Add(time.Second)
	s.mirror(entry)
	return true
}

// mirror plays an accepted entry on the rolls beside the roll and on the reference.
func (s *script) mirror(entry membership.Entry) {
	if err := s.clean.Append(entry); err != nil {
		s.rt.Fatalf("accepted by one roll, not by the other: %v", err)
	}
	shown := entry
	if entry.Audience != (membership.Audience{}) {
		shown = entry.Hide()
	}
	if err := s.shadow.Append(shown); err != nil && !s.shadow.State().Reads(s.people[2], entry.Audience, s.Roll.Size()) {
		s.rt.Fatalf("accepted by the roll, not by one with hidden entries: %v", err)
	} else if err != nil {
		s.shadow.ReadAs(keys.MemberID{}) // it has become a reader; here it stays one to whom names are hidden
		if err := s.shadow.Append(shown); err != nil {
			s.rt.Fatal(err)
		}
	}
	event, principal, err := membership.OpenEvent(entry.Event)
	if err != nil {
		s.rt.Fatal(err)
	}
	if event.Readmit != nil {
		s.readmits, s.promised[principal.Event] = append(s.readmits, principal.Event), event.Readmit.Device
	}
	if event.Join != nil && s.clean.Size() > 2 && !slices.Contains(s.people, membership.MemberOf(s.ID, entry.Event)) {
		s.people = append(s.people, membership.MemberOf(s.ID, entry.Event))
	}
	if event.Vouch != nil {
		if id := membership.MemberOf(s.ID, event.Vouch.Join); !slices.Contains(s.people, id) {
			if _, admitted := s.clean.State().Member(id); admitted {
				s.people = append(s.people, id)
			}
		}
	}
	s.reference.fold(s.clean.State(), event, principal, entry, s.clean.Size()-1)
	s.reference.agrees(s.rt, s.clean.State())
}

// Whatever is refused changes nothing, and what is refused does not depend on what was refused before; readers of more and
// of less agree; accounts are what package authority makes of the same acts; decisions are what all of them amount to when
// they are taken from the first again. [ROLL-10] [ROLL-18] [ROLL-70] [ROLL-93]
func TestPropertiesOfRandomScripts(t *testing.T) {
	accepted, refused, kinds := 0, 0, make(map[string]int)
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript(t, rt)
		for range rapid.SampledFrom([]int{40, 10, 20, 60}).Draw(rt, "steps") {
			s.step()
		}
		accepted, refused = accepted+len(s.accepted), refused+s.refused
		for _, data := range s.accepted {
			event, _, _ := membership.OpenEvent(data)
			kinds[kindOf(event)]++
		}
		sameState(rt, s.clean.State(), s.Roll.State())
		if diff := gocmp.Diff(s.snapshot(s.clean), s.snapshot(s.shadow), unexported); diff != "" {
			rt.Fatalf("who sees the names of guests differs in more than these:\n%s", diff)
		}
		s.sameByEveryWay()
	})
	t.Logf("%d events accepted, %d refused: %v", accepted, refused, kinds)
	events, refusals, sorts := 500, 300, 14
	if testing.Short() { // rapid tries a fifth then
		events, refusals, sorts = 100, 60, 10
	}
	if accepted < events || refused < refusals || len(kinds) < sorts {
		t.Errorf("%d accepted, %d refused: the scripts say too little", accepted, refused)
	}
}

// kindOf returns the name of the field that an event sets.
func kindOf(e membership.Event) string {
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			return v.Type().Field(i).Name
		}
	}
	return ""
}

// sameByEveryWay: the roll comes out the same by Extend in pages of any size, by Rebuild and by Restore.
func (s *script) sameByEveryWay() {
	paged := membership.NewRoll(s.ID)
	for paged.Size() < s.Roll.Size() {
		from := paged.Size()
		to := rapid.Uint64Range(from, s.Roll.Size()).Draw(s.rt, "page")
		proof, err := s.Roll.ProveConsistency(from, to)
		if err != nil {
			s.rt.Fatal(err)
		}
		if _, err := paged.Extend(s.CheckpointAt(to), s.Node.Public(), s.Entries[from:to], proof); err != nil {
			s.rt.Fatalf("from %d to %d: %v", from, to, err)
		}
	}
	sameState(s.rt, s.clean.State(), paged.State())
	rebuilt, _, err := membership.Rebuild(s.ID, keys.MemberID{}, s.Checkpoint(), s.Node.Public(), s.Entries)
	if err != nil {
		s.rt.Fatal(err)
	}
	sameState(s.rt, s.clean.State(), rebuilt.State())
	restored := membership.NewRoll(s.ID)
	if err := restored.Restore(s.Entries, s.RootAt(s.Roll.Size())); err != nil {
		s.rt.Fatal(err)
	}
	sameState(s.rt, s.clean.State(), restored.State())
}

var unexported = gocmp.Exporter(func(reflect.Type) bool { return true })

// snapshot is all that a state says, but for what only readers of guests' names know.
type snapshot struct {
	Root        membership.Hash
	Size        uint64
	Time        int64
	RootKey     keys.PublicKey
	Policy      []byte
	Members     []membership.Member
	Count       int
	Terms       []membership.Term
	Invitations []membership.Issued
	Keys        []knownKey
	Contacts    []membership.Contact
}

type knownKey struct {
	Key         keys.PublicKey
	Counter     uint64
	Standing    membership.Standing
	Member      keys.MemberID
	Account     keys.MemberID
	Recovers    keys.MemberID
	Promised    keys.MemberID
	Readmission authority.Readmission
	Invitation  membership.Issued
	Usable      membership.Reason
}

func (s *script) snapshot(roll *membership.Roll) snapshot {
	state, now := roll.State(), s.Now.UnixMilli()
	root, err := roll.Root(roll.Size())
	if err != nil {
		s.rt.Fatal(err)
	}
	shot := snapshot{
		Root: root, Size: state.Size(), Time: state.Time(), RootKey: state.RootKey(), Policy: wire.Encode(state.Policy()),
		Members: state.Members(), Count: state.Count(), Terms: state.Terms(), Invitations: state.Invitations(now),
	}
	for i := range shot.Members {
		if shot.Members[i].Role == membership.RoleGuest {
			shot.Members[i].Name = ""
		}
	}
	slices.SortFunc(shot.Members, func(a, b membership.Member) int { return cmp.Compare(a.Joined, b.Joined) })
	for _, key := range s.known {
		k := knownKey{Key: key, Counter: state.NextCounter(key), Standing: state.Standing(key)}
		k.Member, _ = state.MemberOf(key)
		k.Account, _ = state.AccountOf(key)
		recovers, _ := state.MemberByRecovery(key)
		k.Recovers = recovers.ID
		k.Promised, k.Readmission, _ = state.PromisedTo(key)
		k.Invitation, _ = state.Invitation(key)
		k.Usable, _ = membership.ReasonOf(state.Usable(key, now))
		shot.Keys = append(shot.Keys, k)
	}
	for _, from := range s.people {
		for _, to := range s.people {
			shot.Contacts = append(shot.Contacts, state.MayContact(from, to))
		}
	}
	return shot
}

// reference is the plainest way to tell what a roll amounts to: accounts are told each act, and decisions are taken again
// from the first after every event.
type reference struct {
	accounts  map[keys.MemberID]*authority.Account
	first     map[keys.MemberID]membership.Role
	owners    map[keys.PublicKey]keys.MemberID // of devices
	recovers  map[keys.PublicKey]keys.MemberID // recovery keys
	root      keys.PublicKey
	decisions []decided
	guests    []guest
	vouches   map[keys.EventID][]vouched
}

type guest struct {
	id    keys.MemberID
	index uint64
}

type vouched struct {
	by     keys.MemberID
	device keys.PublicKey
	index  uint64
}

type decided struct {
	event  membership.Event
	index  uint64
	since  uint64         // of what was signed: the invitation of a join, else index
	signer keys.PublicKey // of that
	author keys.MemberID  // zero for the root key and recovery keys
	target keys.MemberID
	role   membership.Role // of a join
	cut    bool
}

func newReference() *reference {
	return &reference{
		accounts: make(map[keys.MemberID]*authority.Account), first: make(map[keys.MemberID]membership.Role),
		owners: make(map[keys.PublicKey]keys.MemberID), recovers: make(map[keys.PublicKey]keys.MemberID),
		vouches: make(map[keys.EventID][]vouched),
	}
}

func (r *reference) admit(id keys.MemberID, role membership.Role, device, recovery keys.PublicKey, index uint64) {
	r.accounts[id], r.first[id] = authority.New(device, recovery, index), role
	r.owners[device], r.recovers[recovery] = id, id
}

// fold takes in an event that was accepted.
func (r *reference) fold(state *membership.State, e membership.Event, by membership.Principal, entry membership.Entry, index uint64) {
	author, device := r.owners[e.Signer]
	owner, recovery := r.recovers[e.Signer]
	if device {
		owner = author
	}
	as := authority.AsAdmin
	switch {
	case recovery:
		as = authority.AsRecovery
	case device:
		as = authority.AsDevice
	}
	act := authority.Act{As: as, Signer: e.Signer}
	target := owner
	decide := func(about keys.MemberID) {
		r.decisions = append(r.decisions, decided{event: e, index: index, since: index, signer: e.Signer, author: author, target: about})
	}
	confirmed := false
	switch {
	case e.Found != nil:
		r.root = e.Found.Root
		r.admit(membership.MemberOf(state.Org(), entry.Event), membership.RoleAdmin, e.Signer, e.Found.Recovery, index)
	case e.Join != nil:
		r.join(state, e, entry.Event, index)
	case e.Vouch != nil:
		r.vouch(state, e, author, index)
	case e.Dismiss != nil:
		for _, id := range r.dismissed(*e.Dismiss, author) {
			decide(id)
		}
	case e.Device != nil:
		act.Kind, act.Device = authority.Add, e.Device.Add
		r.owners[e.Device.Add] = owner
	case e.Bar != nil:
		target = r.owners[e.Bar.Device]
		act.Kind, act.Device, act.After, act.Keep = authority.Bar, e.Bar.Device, e.Bar.After, e.Bar.Keep
		if !recovery && (!device || author != target) {
			act.As = authority.AsAdmin
			d, _ := r.accounts[target].Device(e.Bar.Device)
			confirmed = d.Expelled
			decide(target)
		}
	case e.Freeze != nil:
		act.Kind = authority.Freeze
	case e.Lift != nil && e.Lift.Wipe.IsZero():
		act.Kind = authority.Lift
	case e.Order != nil:
		act.Kind, act.Order = authority.Order, e.Order.Devices
	case e.Recovery != nil:
		act.Kind, act.Recovery = authority.Replace, e.Recovery.Key
		r.recovers[e.Recovery.Key] = owner
	case e.Readmit != nil:
		target = e.Readmit.Member
		act.As, act.Kind, act.Device, act.Recovery, act.Event = authority.AsAdmin, authority.Readmit, e.Readmit.Device, e.Readmit.Recovery, by.Event
		act.Rooted = !e.Readmit.Root.IsZero() || !device
	case e.Enter != nil:
		act.As, act.Kind, act.Event = authority.AsNewcomer, authority.Enter, e.Enter.Readmission
		for id, account := range r.accounts {
			if waiting, ok := account.Readmission(e.Enter.Readmission); ok {
				target = id
				r.owners[waiting.Device], r.recovers[waiting.Recovery] = id, id
			}
		}
	case e.Refuse != nil:
		act.Kind, act.Event = authority.Refuse, e.Refuse.Readmission
	case e.Role != nil:
		decide(e.Role.Member)
	case e.Suspend != nil:
		decide(e.Suspend.Member)
	case e.Reinstate != nil:
		decide(e.Reinstate.Member)
	case e.Remove != nil:
		decide(e.Remove.Member)
	}
	if act.Kind != 0 {
		policy := state.Policy()
		at := authority.Moment{Index: index, Time: entry.Time, Freeze: int64(policy.FreezeTime) * 1000, Readmit: int64(policy.ReadmitDelay) * 1000}
		if err := r.accounts[target].Check(act, at); err != nil && !confirmed {
			panic("the account refuses what the roll accepted: " + err.Error())
		}
		r.accounts[target].Apply(act, at)
	}
	if act.Kind == authority.Bar && act.As != authority.AsAdmin || act.Kind == authority.Order {
		r.reach(target)
	}
}

func (r *reference) join(state *membership.State, e membership.Event, signed []byte, index uint64) {
	invitation, _ := state.Invitation(e.Join.Invitation)
	id := membership.MemberOf(state.Org(), signed)
	r.admit(id, invitation.Role, e.Signer, e.Join.Recovery, index)
	switch invitation.Role {
	case membership.RoleGuest:
		r.guests = append(r.guests, guest{id, index})
	case membership.RoleAdmin, membership.RoleDesk:
		r.first[id] = membership.RoleMember
		r.decisions = append(r.decisions, decided{
			event: e, index: index, since: invitation.Since, signer: invitation.Device, author: invitation.By, target: id, role: invitation.Role,
		})
	}
}

// vouch counts from the first vouch on who speaks for an applicant by now.
func (r *reference) vouch(state *membership.State, e membership.Event, author keys.MemberID, index uint64) {
	join := e.Vouch.Join
	v := r.decide()
	r.vouches[join.ID()] = append(r.vouches[join.ID()], vouched{author, e.Signer, index})
	speak := make(map[keys.MemberID]bool)
	for _, vouch := range r.vouches[join.ID()] {
		if id := vouch.by; id.IsZero() || !v.removed[id] && !v.suspended[id] && !r.accounts[id].Void(vouch.device, vouch.index) {
			speak[id] = true
		}
	}
	if author.IsZero() || v.role[author] == membership.RoleAdmin || uint64(len(speak)) >= state.Policy().Vouches {
		event, err := membership.ReadEvent(join)
		if err != nil {
			panic(err)
		}
		r.join(state, event, join, index)
	}
}

// dismissed returns whom a dismissal removes, or confirms to be removed.
func (r *reference) dismissed(d membership.Dismiss, author keys.MemberID) (ids []keys.MemberID) {
	v := r.decide()
	for _, g := range r.guests {
		if g.index < d.From || g.index >= d.To {
			continue
		}
		confirms := true
		for i, earlier := range r.decisions {
			if removes := earlier.event.Remove != nil || earlier.event.Dismiss != nil; removes && earlier.target == g.id && !v.void[i] {
				confirms = confirms && !earlier.author.IsZero() && earlier.author != author
			}
		}
		if confirms || !v.removed[g.id] {
			ids = append(ids, g.id)
		}
	}
	return ids
}

// reach has the bars of an account void its decisions, if it governs but for what its barred devices decided about it.
func (r *reference) reach(id keys.MemberID) {
	standing := r.decisions
	v := r.decide()
	r.decisions = nil
	for i, d := range standing {
		if !v.void[i] && d.target == id && (d.author != id || !r.accounts[id].Void(d.signer, d.since)) {
			d.author, d.cut = keys.MemberID{}, false // it counts
			r.decisions = append(r.decisions, d)
		}
	}
	v = r.decide()
	r.decisions = standing
	if v.role[id] != membership.RoleAdmin || v.suspended[id] || v.removed[id] {
		return
	}
	for i := range r.decisions {
		if d := &r.decisions[i]; d.author == id {
			d.cut = r.accounts[id].Void(d.signer, d.since)
		}
	}
}

// verdicts are what the decisions amount to.
type verdicts struct {
	role               map[keys.MemberID]membership.Role
	suspended, removed map[keys.MemberID]bool
	expelled           map[keys.PublicKey]bool
	void               []bool
}

func (r *reference) decide() verdicts {
	v := verdicts{
		role: make(map[keys.MemberID]membership.Role), suspended: make(map[keys.MemberID]bool), removed: make(map[keys.MemberID]bool),
		expelled: make(map[keys.PublicKey]bool),
	}
	for id, role := range r.first {
		v.role[id] = role
	}
	for _, d := range r.decisions {
		powerless := v.role[d.author] != membership.RoleAdmin || v.suspended[d.author] || v.removed[d.author]
		void := !d.author.IsZero() && (d.cut || powerless && d.role != membership.RoleDesk)
		v.void = append(v.void, void)
		if void {
			continue
		}
		switch e := d.event; {
		case e.Join != nil:
			v.role[d.target] = d.role
		case e.Role != nil:
			v.role[d.target] = e.Role.Role
		case e.Suspend != nil:
			v.suspended[d.target] = true
		case e.Reinstate != nil:
			v.suspended[d.target] = false
		case e.Remove != nil, e.Dismiss != nil:
			v.removed[d.target] = true
		case e.Bar != nil:
			v.expelled[e.Bar.Device] = true
		}
	}
	return v
}

// agrees holds a state against the reference.
func (r *reference) agrees(t *rapid.T, state *membership.State) {
	v := r.decide()
	for id, account := range r.accounts {
		m, _ := state.Member(id)
		account.SetSuspended(v.suspended[id])
		for _, d := range account.Devices() {
			account.SetExpelled(d.Key, v.expelled[d.Key])
		}
		if m.Role != v.role[id] || m.Suspended != v.suspended[id] || m.Removed != v.removed[id] || m.Recovery != account.Recovery() {
			t.Fatalf("%s is %v, suspended %t, removed %t; want %v, %t, %t", m.Name, m.Role, m.Suspended, m.Removed, v.role[id], v.suspended[id], v.removed[id])
		}
		var devices []authority.Device
		for _, d := range m.Devices {
			devices = append(devices, d.Device)
		}
		if !reflect.DeepEqual(devices, account.Devices()) || !slices.Equal(m.Readmissions, account.Readmissions()) {
			t.Fatalf("%s: another account:\n%s", m.Name, gocmp.Diff(account.Devices(), devices))
		}
		until, _, frozen := account.Frozen(state.Time())
		if frozen != (m.FrozenUntil > state.Time()) || frozen && until != m.FrozenUntil {
			t.Fatalf("%s is frozen until %d, want %d", m.Name, m.FrozenUntil, until)
		}
	}
}

// Nothing that anybody sends makes a roll panic, not even under a good signature; and what is read is written as it was.
func TestNothingPanicsOnAnyBytes(t *testing.T) {
	s := newStage(t)
	admin := s.admin("Anna")
	s.add(admin.Device())
	s.JoinAs("Gerda", membership.RoleGuest)
	signers := []keys.PrivateKey{admin.Device(), admin.Recovery, s.Root, s.Node, s.Founder.Device()}
	size, root := s.Roll.Size(), s.RootAt(s.Roll.Size())
	rapid.Check(t, func(rt *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		signer := rapid.SampledFrom(signers).Draw(rt, "signer")
		var data []byte
		if rapid.Bool().Draw(rt, "raw") {
			data = rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "bytes")
		} else {
			data = underSignature(s, rt, random, signer)
		}
		entry := membership.Entry{Time: s.Now.UnixMilli(), Event: data, Audience: s.Roll.AudienceOf(data)}
		if rapid.Bool().Draw(rt, "desks") {
			entry.Audience.Kind = membership.AudienceDesks
		}
		event, _, err := membership.OpenEvent(data)
		if err == nil {
			s.Roll.State().Outcome(event, entry.Time)
			s.Roll.State().Outcome(membership.Event{}, entry.Time)
		}
		if s.Roll.Check(data, entry.Time) == nil {
			return // a good event; the roll is for the others
		}
		if s.Roll.Append(entry) == nil {
			rt.Fatal("Check refuses, Append does not")
		}
		if parsed, err := membership.ParseEntry(data); err == nil && !bytes.Equal(parsed.Marshal(), data) {
			rt.Fatalf("%x is written as %x", data, parsed.Marshal())
		}
		if parsed, err := membership.ParseEntry(entry.Marshal()); err == nil && !bytes.Equal(parsed.Marshal(), entry.Marshal()) {
			rt.Fatal("an entry is not read as it was written")
		}
		_, _ = membership.OpenGrant(data, s.Roll.State(), 1)
		if s.Roll.Size() != size || s.RootAt(size) != root {
			rt.Fatal("the roll has changed")
		}
	})
}

// signedBody is the layout of a signed event.
type signedBody struct {
	_           struct{} `cbor:",toarray"`
	Body        []byte
	Signature   keys.Signature
	Cosignature []byte
}

// underSignature returns an event of random content, or a good one with bytes changed, under good signatures.
func underSignature(s *stage, rt *rapid.T, random *rand.Rand, signer keys.PrivateKey) []byte {
	e := s.Event(signer)
	says := []any{
		new(membership.Found), new(membership.Rendezvous), new(membership.Invite), new(membership.Join), new(membership.Device),
		new(membership.PolicyChange), new(membership.Bar), new(membership.Freeze), new(membership.Lift), new(membership.Order),
		new(membership.Recovery), new(membership.RoleChange), new(membership.Suspend), new(membership.Reinstate), new(membership.Remove),
		new(membership.Readmit), new(membership.Enter), new(membership.Refuse), new(membership.NameChange), new(membership.RootChange),
		new(membership.Cancel), new(membership.Revoke), new(membership.Vouch), new(membership.Dismiss),
		new(membership.Skin), new(membership.Archive), new(membership.Nodes), new(membership.Enrolment),
	}
	kind := reflect.ValueOf(rapid.SampledFrom(says).Draw(rt, "kind"))
	scramble(kind.Elem(), random, s)
	for i := range reflect.ValueOf(e).NumField() {
		if field := reflect.ValueOf(&e).Elem().Field(i); field.Type() == kind.Type() {
			field.Set(kind)
		}
	}
	e.Version, e.Signer = membership.Version, signer.Public()
	body := wire.Encode(e)
	for range rapid.IntRange(0, 2).Draw(rt, "changes") {
		body[random.IntN(len(body))] ^= 1 << random.IntN(8)
	}
	signed := signedBody{Body: body, Signature: signer.Sign(keys.DomainEvent, s.ID, body), Cosignature: []byte{}}
	if rapid.Bool().Draw(rt, "cosigned") {
		cosignature := s.Root.Sign(keys.DomainEvent, s.ID, body)
		signed.Cosignature = cosignature[:]
	}
	return wire.Encode(signed)
}

// scramble fills a value with what might be there: keys and ids of the organization, small numbers, huge ones.
func scramble(v reflect.Value, random *rand.Rand, s *stage) {
	m := s.Members[random.IntN(len(s.Members))]
	public := []keys.PublicKey{m.Device().Public(), m.Recovery.Public(), s.Root.Public(), s.Node.Public(), s.Key().Public(), {}}
	numbers := []uint64{0, 1, 2, 3, s.Roll.Size(), 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	switch {
	case v.Type() == reflect.TypeFor[keys.PublicKey]():
		v.Set(reflect.ValueOf(public[random.IntN(len(public))]))
	case v.Type() == reflect.TypeFor[keys.MemberID]():
		v.Set(reflect.ValueOf(m.ID))
	case v.Type() == reflect.TypeFor[membership.Policy]():
		policy := membership.DefaultPolicy()
		policy.EventAge = numbers[random.IntN(len(numbers))]
		v.Set(reflect.ValueOf(policy))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scramble(v.Field(i), random, s)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		root := s.RootAt(s.Roll.Size())
		v.SetBytes(root[:random.IntN(2)*32])
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			scramble(v.Index(i), random, s)
		}
	case v.CanUint() && v.Kind() == reflect.Uint64:
		v.SetUint(numbers[random.IntN(len(numbers))])
	case v.CanUint():
		v.SetUint(uint64(random.IntN(6)))
	case v.CanInt():
		v.SetInt(int64(numbers[random.IntN(len(numbers))]))
	case v.Kind() == reflect.Bool:
		v.SetBool(random.IntN(2) == 1)
	case v.Kind() == reflect.String:
		v.SetString([]string{"", "Ida", "/ip4/192.0.2.9/tcp/1", "\x00", "Anna"}[random.IntN(5)])
	}
}

// What an event would end can be asked of any event, not only of bars.
func TestOutcomeOfAnyEvent(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	junior := s.add(owner.Device())
	root := s.RootAt(s.Roll.Size())
	for _, says := range []any{
		membership.Rendezvous{Node: s.Key().Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/1"}, Term: 2, Size: s.Roll.Size(), Root: root[:]},
		membership.Suspend{Member: owner.ID}, membership.Cancel{},
	} {
		e := s.Event(s.Founder.Device())
		e.Signer = s.Founder.Device().Public()
		put(&e, says)
		if ended, returned := s.Roll.State().Outcome(e, s.Now.UnixMilli()); ended != nil || returned != nil {
			t.Errorf("%T ends %v and brings back %v", says, ended, returned)
		}
	}
	e := s.Event(owner.Device())
	e.Signer = owner.Device().Public()
	put(&e, bar(junior, 1))
	if ended, _ := s.Roll.State().Outcome(e, s.Now.UnixMilli()); !slices.Equal(ended, keyList(junior)) {
		t.Errorf("a bar ends %v", ended)
	}
}
