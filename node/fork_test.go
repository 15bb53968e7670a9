package node

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// signedHead returns the head of the organization's whole roll, as its node signs it.
func signedHead(t *testing.T, org *membershiptest.Org) membership.Head {
	t.Helper()
	return headOf(t, org, org.Checkpoint())
}

func headOf(t *testing.T, org *membershiptest.Org, note []byte) membership.Head {
	t.Helper()
	head, err := membership.HeadOf(note, org.ID, org.Node.Public())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// forgedHead returns a head that a member signed in the node's place.
func forgedHead(t *testing.T, org *membershiptest.Org, by *membershiptest.Member, term, size uint64, root membership.Hash) membership.Head {
	t.Helper()
	head, err := membership.HeadOf(membership.SignCheckpoint(by.Device(), org.ID, term, size, root, time.Now()), org.ID, by.Device().Public())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// forkStart is the stamp of the first entry, so that rolls that are made twice are the same.
var forkStart = time.Now().Add(-time.Hour)

// twoRolls returns one organization as its hostile node shows it to two devices: its first members are the same, and from
// there each has members that the other does not know.
func twoRolls(t *testing.T, own, other []string) (a, b *membershiptest.Org) {
	t.Helper()
	grow := func(last []string) *membershiptest.Org {
		org := membershiptest.NewWith(t, membershiptest.Config{Seed: 1, Start: forkStart})
		org.Join("mallory")
		for _, name := range last {
			org.Join(name)
		}
		return org
	}
	return grow(own), grow(other)
}

// forkedPair is a device that was shown one roll and a contact who was shown another.
func forkedPair(t *testing.T, own, other []string) (p pair, n *Node) {
	t.Helper()
	mine, theirs := twoRolls(t, own, other)
	n, err := New(Config{Dir: filepath.Join(t.TempDir(), "store"), Key: [32]byte{1}, Evidence: filepath.Join(t.TempDir(), "evidence")})
	if err != nil {
		t.Fatal(err)
	}
	o := addOrganization(t, n, mine, mine.Founder)
	o.acquainted(t, mine, mine.Founder, mine.Members[1])
	return pair{theirs, theirs.Members[1], o, o.ownPrekey(t),
		envelope.Meta{RollSize: theirs.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, map[keys.ConversationID]*envelope.Line{}}, n
}

// proved returns what the one file of evidence proves.
func proved(t *testing.T, n *Node) (verdict membership.Verdict, kind string) {
	t.Helper()
	files, err := os.ReadDir(n.config.Evidence)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files of evidence, %v", len(files), err)
	}
	path := filepath.Join(n.config.Evidence, files[0].Name())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	evidence, err := membership.ParseEvidence(data)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err = evidence.Verify()
	if err != nil {
		t.Fatal(err)
	}
	status, err := n.Status(t.Context())
	if err != nil || len(status.Orgs[0].Evidence) != 1 || status.Orgs[0].Evidence[0] != path ||
		!strings.HasSuffix(status.Orgs[0].Alarms[0], "; evidence: "+path) {
		t.Errorf("status %+v, %v", status.Orgs[0], err)
	}
	if !status.Orgs[0].Roll.Distrusted || status.Orgs[0].Roll.Fresh {
		t.Error("the roll still counts as good")
	}
	return verdict, strings.Split(files[0].Name(), "-")[1]
}

// reopened closes a node and opens its folder again.
func reopened(t *testing.T, n *Node, org keys.OrgID) (*Node, *organization) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := New(n.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again, again.organizations[org]
}

// refusesNew fails if a device takes in an entry that continues its own roll truly.
func (o *organization) refusesNew(t *testing.T, org *membershiptest.Org) {
	t.Helper()
	before := o.roll.Size()
	if org.Roll.Size() == before {
		org.Join("newcomer")
	}
	page := rvclient.Page{Checkpoint: org.Checkpoint()}
	for _, entry := range org.Entries[before:] {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	for _, hash := range org.Consistency(before) {
		page.Proof = append(page.Proof, hash)
	}
	root, err := o.roll.Root(before)
	if err != nil || root != org.RootAt(before) {
		t.Fatalf("the new event does not continue the device's roll: %v", err)
	}
	if err := o.adopt(page); err != nil || o.roll.Size() != before {
		t.Errorf("size %d after %d, %v: a new event was believed", o.roll.Size(), before, err)
	}
}

// TestForkIsProved shows two devices two rolls: the first message between them, or the first introduction, raises the
// alarm, ends trust and saves evidence, of whatever sizes the rolls are; a restart changes nothing. [ROLL-55] [ROLL-64]
func TestForkIsProved(t *testing.T) {
	for name, c := range map[string]struct{ own, other []string }{
		"one size":         {[]string{"dora"}, []string{"eve"}},
		"theirs is larger": {[]string{"dora"}, []string{"eve", "finn"}},
		"ours is larger":   {[]string{"dora", "carl"}, []string{"eve"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, n := forkedPair(t, c.own, c.other)
			o := p.to
			mine, _ := twoRolls(t, c.own, c.other)
			chain, announced := p.chain(t)
			if opened, _ := o.deliver(t, announced, p.text(t, chain, "hello")); opened != 2 {
				t.Fatal("the message was not opened")
			}
			if name == "theirs is larger" { // nothing is known before the node was asked
				if len(o.alarms(t)) != 0 || len(o.ahead) != 1 {
					t.Fatalf("alarms %q", o.alarms(t))
				}
				o.checkAhead(o.ahead) // the node shows nothing more
				if got := o.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "withheld: member mallory (") {
					t.Errorf("alarms %q", got)
				}
				n.Close()
				return
			}
			if got := o.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "fork: ") || !strings.Contains(got[0], "mallory") {
				t.Fatalf("alarms %q", got)
			}
			verdict, kind := proved(t, n)
			if verdict.Org != p.org.ID || verdict.Node != p.org.Node.Public() || kind != "fork" {
				t.Errorf("%s of %s: %s", verdict.Node, verdict.Org, verdict.What)
			}
			o.refusesNew(t, mine)
			o.deliver(t, p.text(t, chain, "again"))
			n, o = reopened(t, n, p.org.ID)
			o.refusesNew(t, mine)
			o.deliver(t, p.text(t, chain, "after the restart"))
			proved(t, n)
			if got := o.alarms(t); len(got) != 1 {
				t.Errorf("alarms %q", got)
			}
		})
	}
}

// TestFormerNodeEndsNoTrust hears of another roll that the node of an earlier term signed: who orders the roll now has not
// lied.
func TestFormerNodeEndsNoTrust(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve"})
	defer n.Close()
	p.to.mu.Lock()
	p.to.checkpoint.Term = 2
	p.to.heardHeadLocked(head{signedHead(t, p.org), p.from.ID})
	p.to.mu.Unlock()
	if got := p.to.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "fork: a former rendezvous node ") {
		t.Errorf("alarms %q", got)
	}
	if p.to.distrust != nil {
		t.Error("trust has ended")
	}
}

// TestForkByIntroduction finds the fork by an introduction.
func TestForkByIntroduction(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve"})
	defer n.Close()
	p.to.deliver(t, p.introduction(t, 2))
	if _, kind := proved(t, n); kind != "fork" {
		t.Error(kind)
	}
}

// TestForkOfTheNodeItself has the node show this device, after one roll, another of the same size.
func TestForkOfTheNodeItself(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve"})
	if err := p.to.adopt(rvclient.Page{Checkpoint: p.org.Checkpoint()}); err != nil {
		t.Fatal(err)
	}
	if _, kind := proved(t, n); kind != "roll" {
		t.Error(kind)
	}
	n, _ = reopened(t, n, p.org.ID)
	proved(t, n)
}

// TestUnprovedFork has a node show a larger roll with a proof that does not hold: that may be a broken answer. The device
// takes no more from it, and asks again after a restart.
func TestUnprovedFork(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve", "finn"})
	mine, _ := twoRolls(t, []string{"dora"}, nil)
	page := rvclient.Page{Checkpoint: p.org.Checkpoint()}
	for _, entry := range p.org.Entries[p.to.roll.Size():] {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	if err := p.to.adopt(page); err != nil {
		t.Fatal(err)
	}
	if got := p.to.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "roll: ") {
		t.Errorf("alarms %q", got)
	}
	p.to.refusesNew(t, mine)
	if _, err := os.Stat(n.config.Evidence); err == nil {
		t.Error("evidence of what is not proved")
	}
	if !p.to.inDoubt() {
		t.Error("no doubt")
	}
	_, o := reopened(t, n, p.org.ID)
	if o.distrust != nil {
		t.Error("distrust for good")
	}
}

// TestOtherRollProvesTheFork has the node show all of the other roll when it is asked for it.
func TestOtherRollProvesTheFork(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve", "finn"})
	page := rvclient.Page{Checkpoint: p.org.Checkpoint()}
	for _, entry := range p.org.Entries {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	if err := p.to.settleFork(rvclient.Page{Checkpoint: page.Checkpoint, Entries: page.Entries[1:]}); err == nil || p.to.proved {
		t.Errorf("a part of it proves something: %v", err)
	}
	if err := p.to.settleFork(page); err != nil {
		t.Fatal(err)
	}
	if _, kind := proved(t, n); kind != "roll" {
		t.Error(kind)
	}
	n, o := reopened(t, n, p.org.ID)
	proved(t, n)
	mine, _ := twoRolls(t, []string{"dora"}, nil)
	o.refusesNew(t, mine)
}

// TestRollThatGoesOnProvesNothing has the node show all of a roll that does continue the own one.
func TestRollThatGoesOnProvesNothing(t *testing.T) {
	p := newPair(t)
	p.org.Join("newcomer")
	page := rvclient.Page{Checkpoint: p.org.Checkpoint()}
	for _, entry := range p.org.Entries {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	if err := p.to.settleFork(page); err != nil || p.to.proved || len(p.to.alarms(t)) != 0 {
		t.Errorf("%v, alarms %q", err, p.to.alarms(t))
	}
}

// TestLargerHeadIsComparedOnceFetched hears of a larger roll, and then has an own one that is as large and another.
func TestLargerHeadIsComparedOnceFetched(t *testing.T) {
	p, n := forkedPair(t, []string{"dora"}, []string{"eve", "finn"})
	o := p.to
	o.mu.Lock()
	o.heardHeadLocked(head{signedHead(t, p.org), p.from.ID})
	asked := o.ahead
	o.mu.Unlock()
	mine, _ := twoRolls(t, []string{"dora", "carl"}, nil)
	before := o.roll.Size()
	page := rvclient.Page{Checkpoint: mine.Checkpoint()}
	for _, entry := range mine.Entries[before:] {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	for _, hash := range mine.Consistency(before) {
		page.Proof = append(page.Proof, hash)
	}
	if err := o.adopt(page); err != nil || o.roll.Size() != mine.Roll.Size() {
		t.Fatalf("size %d, %v", o.roll.Size(), err)
	}
	o.checkAhead(asked)
	if _, kind := proved(t, n); kind != "fork" {
		t.Error(kind)
	}
	n.Close()
}

// TestAlarmsLeaveRoomForProof fills the list of alarms.
func TestAlarmsLeaveRoomForProof(t *testing.T) {
	o := newDevice(t, newRoll(t), newRoll(t).Founder)
	for i := range store.MaxAlarms + 1 {
		o.alarmLocked(store.Alarm{Kind: "head", Text: strings.Repeat("x", i+1)})
	}
	update(t, o.node.store, func(tx *store.Tx) error {
		return tx.PutAlarm(o.org, store.Alarm{Kind: "fork", Text: "proved", File: "proof.cbor"})
	})
	if got := o.alarms(t); len(got) != store.MaxAlarms+1 || got[store.MaxAlarms] != "fork: proved" {
		t.Errorf("%d alarms, the last %q", len(got), got[len(got)-1])
	}
}

// TestBrokenRuleIsProved has the node sign a roll with an event that the rules forbid, behind one that they allow.
func TestBrokenRuleIsProved(t *testing.T) {
	p, n := forkedPair(t, nil, nil)
	o, before := p.to, p.to.roll.Size()
	good := p.org.Entry(p.org.InviteEvent(p.org.Founder, p.org.Key().Public(), membership.RoleMember, 1))
	liar := membershiptest.NewWith(t, membershiptest.Config{Seed: 2, Node: p.org.Node})
	bad := p.org.Entry(liar.InviteEvent(liar.Founder, p.org.Key().Public(), membership.RoleAdmin, 1))
	note, proof := signAnyway(t, p.org, before, append(append([]membership.Entry{}, p.org.Entries...), good, bad))
	err := o.adopt(rvclient.Page{Checkpoint: note, Entries: [][]byte{good.Marshal(), bad.Marshal()}, Proof: proof})
	if err != nil {
		t.Fatal(err)
	}
	verdict, kind := proved(t, n)
	if verdict.Node != p.org.Node.Public() || kind != "rule" || !strings.Contains(verdict.What, "another organization") {
		t.Errorf("%s: %+v", kind, verdict)
	}
	n, o = reopened(t, n, p.org.ID)
	proved(t, n)
	if o.roll.Size() != before+1 {
		t.Errorf("%d entries where %d are good", o.roll.Size(), before+1)
	}
	if err := p.org.Roll.Append(good); err != nil {
		t.Fatal(err)
	}
	p.org.Entries = append(p.org.Entries, good)
	o.refusesNew(t, p.org)
}

// signAnyway signs entries whatever the rules say of them, and proves that they continue the first size of them.
func signAnyway(t *testing.T, org *membershiptest.Org, size uint64, entries []membership.Entry) (note []byte, proof [][32]byte) {
	t.Helper()
	tree := newTree(t, entries)
	note = membership.SignCheckpoint(org.Node, org.ID, 1, uint64(len(entries)), tree.root(t), time.Now())
	for _, hash := range tree.prove(t, size) {
		proof = append(proof, hash)
	}
	return note, proof
}

// TestMadeUpHeadEndsNoTrust has a member send, message by message, every head that the node did not sign. [ROLL-55]
func TestMadeUpHeadEndsNoTrust(t *testing.T) {
	p := newPair(t)
	mallory, size := p.from, p.org.Roll.Size()
	honest := signedHead(t, p.org)
	flipped := honest
	flipped.Root[0] ^= 1
	replayed := headOf(t, p.org, p.org.CheckpointAt(size-1))
	replayed.Size = size
	var random [membership.HeadBytes]byte
	rand.Read(random[:])
	for name, data := range map[string][]byte{
		"another root":             forgedHead(t, p.org, mallory, 1, size, membership.Hash{1}).Marshal(),
		"a smaller, other root":    forgedHead(t, p.org, mallory, 1, size-1, membership.Hash{1}).Marshal(),
		"a larger roll":            forgedHead(t, p.org, mallory, 1, size+1, membership.Hash{1}).Marshal(),
		"a true one's signature":   flipped.Marshal(),
		"an older one's signature": replayed.Marshal(),
		"garbage":                  random[:],
		"a part":                   honest.Marshal()[1:],
		"one of another organization": signedHead(t, membershiptest.NewWith(t,
			membershiptest.Config{Seed: 7, Node: p.org.Node})).Marshal(),
	} {
		o := newDevice(t, p.org, p.org.Founder)
		o.mu.Lock()
		o.heardLocked(spoken{data, mallory.ID})
		o.heardLocked(spoken{nil, mallory.ID})
		o.mu.Unlock()
		later := forgedHead(t, p.org, mallory, 2, size, membership.Hash{1})
		o.mu.Lock()
		o.heardLocked(spoken{later.Marshal(), mallory.ID}) // of a node that this device may not have followed yet: no word
		o.mu.Unlock()
		if got := o.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "head: member mallory ") {
			t.Errorf("%s: alarms %q", name, got)
		}
		if o.distrust != nil || len(o.ahead) != 0 {
			t.Errorf("%s: %v, ahead %v", name, o.distrust, o.ahead)
		}
		view(t, o.node.store, func(tx *store.Tx) error {
			if _, err := tx.Distrust(o.org); err == nil {
				t.Errorf("%s: distrust is stored", name)
			}
			return nil
		})
	}
}

// TestMadeUpTermHidesNothing has one member speak of a term that this device does not know, which says nothing, and another
// of a roll just ahead.
func TestMadeUpTermHidesNothing(t *testing.T) {
	o, bob, carol, org := newTrio(t)
	before := org.Roll.Size()
	org.Join("newcomer")
	o.mu.Lock()
	o.heardHeadLocked(head{forgedHead(t, org, bob, 9, 1<<30, membership.Hash{1}), bob.ID})
	o.heardHeadLocked(head{signedHead(t, org), carol.ID})
	asked := o.ahead
	o.ahead = make(map[keys.MemberID]head)
	o.mu.Unlock()
	o.checkAhead(asked)
	got := strings.Join(o.alarms(t), "\n")
	if strings.Contains(got, "head: member bob") || !strings.Contains(got, "withheld: member carol") {
		t.Errorf("alarms %q: one member's word hides another's", got)
	}
	if o.distrust != nil || o.roll.Size() != before {
		t.Error("trust has ended")
	}
}

// TestHeadHeardDuringAFetch speaks of a larger roll after the page was asked for: that is no lie of the node yet.
func TestHeadHeardDuringAFetch(t *testing.T) {
	o, bob, _, org := newTrio(t)
	org.Join("newcomer")
	asked := map[keys.MemberID]head{}
	o.mu.Lock()
	o.heardHeadLocked(head{signedHead(t, org), bob.ID})
	o.mu.Unlock()
	o.checkAhead(asked)
	if got := o.alarms(t); len(got) != 0 {
		t.Errorf("alarms %q", got)
	}
	if len(o.ahead) != 1 {
		t.Error("what was heard is forgotten before it was compared")
	}
}

// TestEvidenceIsBounded fills the folder of evidence.
func TestEvidenceIsBounded(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "evidence")
	for i := range maxEvidenceFiles {
		if err := writeEvidence(folder, strings.Repeat("x", i+1), []byte("evidence")); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeEvidence(folder, "more", nil); err == nil {
		t.Error("one more was written")
	}
	os.Remove(filepath.Join(folder, "x"))
	if err := writeEvidence(folder, "xx", nil); err == nil {
		t.Error("one was overwritten")
	}
}

// TestEvidenceIsErased erases what is about one organization and nothing else, also in a folder whose name could be taken
// for a pattern.
func TestEvidenceIsErased(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a[b")
	gone, kept := keys.OrgID{1}, keys.OrgID{2}
	for _, org := range []keys.OrgID{gone, kept} {
		if err := writeEvidence(folder, org.String()+"-fork.cbor", []byte("evidence")); err != nil {
			t.Fatal(err)
		}
	}
	if err := eraseEvidence(folder, gone); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 || files[0].Name() != kept.String()+"-fork.cbor" {
		t.Fatalf("left: %v, %v", files, err)
	}
	if err := eraseEvidence(filepath.Join(folder, "none"), gone); err != nil {
		t.Fatal(err)
	}
}
