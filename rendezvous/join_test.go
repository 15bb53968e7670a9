package rendezvous

import (
	"context"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

func TestClaimFoundsOnce(t *testing.T) { // [RV-23]
	s := newSite(t)
	token := s.claimToken()
	anna, zoe := s.device("anna"), s.device("zoe")
	found, rendezvous := founding(anna, "Acme")
	if err := anna.Claim(s.ctx(), token, found, rendezvous); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "the same claim again", anna.Claim(s.ctx(), token, found, rendezvous), wire.StatusOK)
	other, otherRendezvous := founding(zoe, "Other")
	wantStatus(t, "another claim with the token", zoe.Claim(s.ctx(), token, other, otherRendezvous), wire.StatusUsed)
	again, againRendezvous := founding(anna, "Second")
	wantStatus(t, "a device that is in an organization", anna.Claim(s.ctx(), s.claimToken(), again, againRendezvous), wire.StatusUsed)
	wantStatus(t, "an organization that is here", anna.Claim(s.ctx(), s.claimToken(), found, rendezvous), wire.StatusUsed)
	if orgs := s.node.Status().Orgs; len(orgs) != 1 || orgs[0].Name != "Acme" || orgs[0].Members != 1 {
		t.Errorf("organizations: %+v", orgs)
	}
}

func TestRefusedClaimUsesNothingUp(t *testing.T) { // [RV-23]
	s := newSite(t)
	token := s.claimToken()
	anna, zoe := s.device("anna"), s.device("zoe")
	found, rendezvous := founding(anna, "Acme")

	wantStatus(t, "an unknown token", anna.Claim(s.ctx(), [32]byte{1}, found, rendezvous), wire.StatusNotFound)
	wantStatus(t, "another's founding event", zoe.Claim(s.ctx(), token, found, rendezvous), wire.StatusRefused)
	wantStatus(t, "no event", anna.Claim(s.ctx(), token, found, []byte{0xf6}), wire.StatusMalformed)
	damaged := append(membership.SignedEvent{}, rendezvous...)
	damaged[len(damaged)/2] ^= 1
	if err := anna.Claim(s.ctx(), token, found, damaged); status(err) == wire.StatusOK {
		t.Error("a damaged event was taken")
	}
	elsewhere := *anna.Client
	elsewhere.Node = zoe.key.Public()
	_, wrong := founding(&device{Client: &elsewhere, key: anna.key}, "Acme")
	wantStatus(t, "a roll that another node orders", anna.Claim(s.ctx(), token, found, wrong), wire.StatusRefused)
	if orgs := s.node.Status().Orgs; len(orgs) != 0 {
		t.Errorf("organizations: %+v", orgs)
	}
	wantStatus(t, "the right claim at last", anna.Claim(s.ctx(), token, found, rendezvous), wire.StatusOK)
}

func TestJoinByInvitation(t *testing.T) { // [RV-24]
	s := newSite(t)
	anna := s.found("Acme")
	invitation := anna.invite(1)
	ben := s.device("ben")
	ben.Org = anna.Org
	page, err := ben.View(s.ctx(), invitation, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := uint64(len(page.Entries))
	if size != 3 {
		t.Fatalf("%d entries, want 3", size)
	}
	event := ben.joinEvent(invitation, "Ben", size)
	wantStatus(t, "the join", ben.SubmitJoin(s.ctx(), invitation, event), wire.StatusOK)
	wantStatus(t, "the same join again", ben.SubmitJoin(s.ctx(), invitation, event), wire.StatusOK)
	if _, err := ben.View(s.ctx(), invitation, 0); err != nil {
		t.Errorf("who has joined looks again: %v", err)
	}
	if got := ben.size(); got != size+1 {
		t.Errorf("the roll has %d entries, want %d", got, size+1)
	}
	carl := s.device("carl")
	carl.Org = anna.Org
	_, err = carl.View(s.ctx(), invitation, 0)
	wantStatus(t, "view by a used invitation", err, wire.StatusUsed)
	wantStatus(t, "join by a used invitation", carl.SubmitJoin(s.ctx(), invitation, carl.joinEvent(invitation, "Carl", size+1)), wire.StatusUsed)
	if _, err := carl.Fetch(s.ctx(), 0); status(err) != wire.StatusNotMember {
		t.Errorf("fetch by who was refused: %v", err)
	}
}

func TestRefusedJoinUsesNothingUp(t *testing.T) { // [RV-24]
	s := newSite(t)
	anna := s.found("Acme")
	invitation := anna.invite(1)
	ben, carl := s.device("ben"), s.device("carl")
	ben.Org, carl.Org = anna.Org, anna.Org
	join := func(d *device, by keys.PrivateKey, event membership.SignedEvent) error {
		return d.SubmitJoin(s.ctx(), by, event)
	}
	stranger := keys.Generate()

	wantStatus(t, "an invitation that nobody made", join(ben, stranger, ben.joinEvent(stranger, "Ben", 3)), wire.StatusNotFound)
	wantStatus(t, "another's join event", join(carl, invitation, ben.joinEvent(invitation, "Ben", 3)), wire.StatusRefused)
	wantStatus(t, "a name that is taken", join(ben, invitation, ben.joinEvent(invitation, "founder", 3)), wire.StatusNameTaken)
	wantStatus(t, "a name that breaks the rule", join(ben, invitation, ben.joinEvent(invitation, " Ben", 3)), wire.StatusBadName)
	wantStatus(t, "an event of another kind", join(ben, invitation, membership.SignEvent(
		membership.Event{Org: anna.Org, Counter: 1, At: 3, Device: &membership.Device{Add: stranger.Public()}}, ben.key, &stranger)), wire.StatusRefused)
	wantStatus(t, "no event", join(ben, invitation, membership.SignedEvent{0x80}), wire.StatusMalformed)
	elsewhere := *ben.Client
	elsewhere.Org = keys.OrgID{1}
	wantStatus(t, "an organization that is not here", elsewhere.SubmitJoin(s.ctx(), invitation, ben.joinEvent(invitation, "Ben", 3)), wire.StatusNotFound)

	wantStatus(t, "the right join at last", join(ben, invitation, ben.joinEvent(invitation, "Ben", 3)), wire.StatusOK)
}

func TestProofOfInvitationIsBound(t *testing.T) { // [RV-8]
	s := newSite(t)
	anna := s.found("Acme")
	invitation := anna.invite(5)
	ben, carl := s.device("ben"), s.device("carl")
	sign := func(node, device keys.PublicKey, org keys.OrgID) keys.Signature {
		return invitation.Sign(keys.DomainInvitation, org, rvproto.ProofBytes(node, device))
	}
	for name, proof := range map[string]keys.Signature{
		"for another device":          sign(anna.Node, carl.key.Public(), anna.Org),
		"for another node":            sign(carl.key.Public(), ben.key.Public(), anna.Org),
		"for another organization":    sign(anna.Node, ben.key.Public(), keys.OrgID{7}),
		"by another key":              carl.key.Sign(keys.DomainInvitation, anna.Org, rvproto.ProofBytes(anna.Node, ben.key.Public())),
		"signed for something else":   invitation.Sign(keys.DomainGrant, anna.Org, rvproto.ProofBytes(anna.Node, ben.key.Public())),
		"of which nothing was signed": {},
	} {
		answer := s.node.join(s.ctx(), ben.key.Public(), nil, rvproto.JoinRequest{View: &rvproto.ViewRequest{
			Org: anna.Org, Invitation: invitation.Public(), Proof: proof,
		}})
		if answer.Status != wire.StatusRefused || len(answer.Entries) != 0 {
			t.Errorf("a proof %s: %v", name, answer.Status)
		}
	}
	answer := s.node.join(s.ctx(), ben.key.Public(), nil, rvproto.JoinRequest{View: &rvproto.ViewRequest{
		Org: anna.Org, Invitation: invitation.Public(), Proof: sign(anna.Node, ben.key.Public(), anna.Org),
	}})
	if answer.Status != wire.StatusOK || len(answer.Entries) != 3 {
		t.Errorf("the right proof: %v", answer.Status)
	}
}

func TestExpiredInvitation(t *testing.T) { // [RV-24]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	invitation := anna.invite(1)
	clock.move(25 * time.Hour)
	ben := s.device("ben")
	ben.Org = anna.Org
	_, err := ben.View(s.ctx(), invitation, 0)
	wantStatus(t, "view", err, wire.StatusExpired)
	wantStatus(t, "join", ben.SubmitJoin(s.ctx(), invitation, ben.joinEvent(invitation, "Ben", 3)), wire.StatusExpired)
}

func TestStampNeverGoesBack(t *testing.T) { // [RV-20]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	clock.move(-time.Hour)
	anna.invite(1)
	page, err := anna.Fetch(s.ctx(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	for i, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		if entry.Time < last {
			t.Errorf("entry %d is stamped before the one before it", i)
		}
		last = entry.Time
	}
	checkpoint, err := membership.OpenCheckpoint(page.Checkpoint, anna.Org, anna.Node)
	if err != nil {
		t.Fatal(err)
	}
	if checkpoint.Size != 3 || checkpoint.Time.Before(time.UnixMilli(last).Truncate(time.Second)) {
		t.Errorf("checkpoint %+v, last stamp %v", checkpoint, time.UnixMilli(last))
	}
}

func TestRollServedIsTheRollFolded(t *testing.T) { // [RV-9]
	s := newSite(t)
	anna := s.found("Acme")
	mine := membership.NewRoll(anna.Org)
	extend := func() {
		t.Helper()
		page, err := anna.Fetch(s.ctx(), mine.Size())
		if err != nil {
			t.Fatal(err)
		}
		var entries []membership.Entry
		for _, data := range page.Entries {
			entry, err := membership.ParseEntry(data)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, entry)
		}
		var proof []membership.Hash
		for _, hash := range page.Proof {
			proof = append(proof, hash)
		}
		if _, err := mine.Extend(page.Checkpoint, anna.Node, entries, proof); err != nil {
			t.Fatal(err)
		}
	}
	extend()
	for range 5 {
		anna.invite(1)
		extend()
	}
	anna.invite(1)
	anna.invite(2)
	extend()
	extend() // nothing new
	if mine.Size() != 9 {
		t.Errorf("size %d, want 9", mine.Size())
	}
	wantStatus(t, "an event of nobody's", anna.Submit(s.ctx(), []byte{1}), wire.StatusMalformed)
	page, err := anna.Fetch(s.ctx(), 1000)
	if err != nil || len(page.Entries) != 0 || len(page.Proof) != 0 || len(page.Checkpoint) == 0 {
		t.Errorf("fetch from beyond the roll: %v, %d entries", err, len(page.Entries))
	}
}

func TestLongRollComesInPages(t *testing.T) { // [RV-9]
	s := newSite(t)
	anna := s.found("Acme")
	o := s.node.directory.org(anna.Org)
	const more = 30
	for range more {
		key := keys.Generate()
		anna.counter++
		event := membership.SignEvent(membership.Event{
			Org: anna.Org, Counter: anna.counter, At: anna.counter - 1,
			Invite: &membership.Invite{Key: key.Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()},
		}, anna.key, nil)
		if status := s.node.submit(context.Background(), o, keys.PublicKey{}, keys.PublicKey{}, event, nil); status != wire.StatusOK {
			t.Fatal(status)
		}
	}
	first, err := o.roll.entries(0, more+2)
	if err != nil || len(first) != more+2 {
		t.Fatalf("%d entries: %v", len(first), err)
	}
	part, err := o.roll.page(reader{}, 5, 9)
	if err != nil || len(part.Entries) != 4 || part.Checkpoint != nil || part.Proof != nil {
		t.Errorf("page: %v, %d entries", err, len(part.Entries))
	}
	beyond, err := o.roll.page(reader{}, 5, 900)
	if err != nil || beyond.Status != wire.StatusMalformed {
		t.Errorf("page beyond the roll: %v %v", beyond.Status, err)
	}
}

// A member cannot hand in the join of a device that never showed itself. [RV-24]
func TestJoinFromAnothersHands(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	invitation := anna.invite(1)
	joiner := s.device("joiner")
	joiner.Org = anna.Org
	event := joiner.joinEvent(invitation, "Ben", anna.size())
	wantStatus(t, "by a member", anna.Submit(s.ctx(), event), wire.StatusRefused)
	wantStatus(t, "by its own device", joiner.SubmitJoin(s.ctx(), invitation, event), wire.StatusOK)
	wantStatus(t, "again, as a member's", joiner.Submit(s.ctx(), event), wire.StatusOK)
}
