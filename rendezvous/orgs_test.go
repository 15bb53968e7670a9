package rendezvous

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

func TestOrganizationsAreIsolated(t *testing.T) { // [RV-13]
	s := newSite(t)
	anna, zoe := s.found("Acme"), s.found("Zenith")
	ben := anna.join("Ben")
	_, prekey, err := envelope.NewPrekey(rand.Reader, anna.key, anna.Org, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := anna.PutPrekey(s.ctx(), prekey); err != nil {
		t.Fatal(err)
	}

	page, err := zoe.Fetch(s.ctx(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := membership.OpenCheckpoint(page.Checkpoint, zoe.Org, zoe.Node); err != nil || len(page.Entries) != 2 {
		t.Errorf("Zoe's roll: %d entries, %v", len(page.Entries), err)
	}
	got, err := zoe.GetPrekeys(s.ctx(), []keys.PublicKey{anna.key.Public()})
	if err != nil || len(got[0]) != 0 {
		t.Errorf("Zoe gets the prekey of another organization's device: %v", err)
	}
	wantAnswer(t, "a post across", zoe.post(zoe.sealed(1), anna, ben), wire.StatusOK,
		rvproto.Refusal{Device: anna.key.Public(), Status: wire.StatusNotFound},
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusNotFound})
	wantAnswer(t, "an introduction across", zoe.post(introduction(zoe, time.Hour), anna), wire.StatusOK,
		rvproto.Refusal{Device: anna.key.Public(), Status: wire.StatusNotFound})
	wantStatus(t, "a grant across", zoe.PutGrant(s.ctx(), membership.SignGrant(membership.Grant{
		Org: anna.Org, From: anna.member, To: zoe.member, Number: 1, Open: true}, zoe.key)), wire.StatusNotFound)

	// A client that asks for the wrong organization learns it from the hello.
	wrong := *zoe.Client
	wrong.Org = anna.Org
	if _, err := wrong.OpenDeliver(s.ctx()); err == nil {
		t.Error("a stream of another organization was opened")
	}

	// An event of one organization is nothing to the other, and a device is in one only.
	event := membership.SignEvent(membership.Event{Org: anna.Org, Counter: 3, At: 2,
		Invite: &membership.Invite{Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()}}, zoe.key, nil)
	wantStatus(t, "an event of the other organization", zoe.Submit(s.ctx(), event), wire.StatusNotFound)
	invitation := anna.invite(1)
	zoeAtAcme := *zoe
	client := *zoe.Client
	client.Org = anna.Org
	zoeAtAcme.Client = &client
	wantStatus(t, "a device of the other organization joins",
		zoeAtAcme.SubmitJoin(s.ctx(), invitation, zoeAtAcme.joinEvent(invitation, "Zoe", 4)), wire.StatusUsed)
	err = anna.submit(membership.Event{Device: &membership.Device{Add: zoe.key.Public()}}, &zoe.key)
	wantStatus(t, "a device of the other organization is added", err, wire.StatusUsed)

	if orgs := s.node.Status().Orgs; len(orgs) != 2 {
		t.Errorf("%d organizations", len(orgs))
	}
}

// An organization that names another's device or archive as the service of its own archive takes nothing from it. [RV-13] [RV-150]
func TestArchiveOfAnotherOrganization(t *testing.T) {
	s := newSite(t)
	anna, zoe := s.found("Acme"), s.found("Zenith")
	ben := anna.join("Ben")
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	private, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*device{"a device": ben, "an archive": service} {
		wantStatus(t, name, zoe.submit(membership.Event{Archive: &membership.Archive{Set: &membership.ArchiveSetting{
			Service: d.key.Public(), Key: private.Public(), Mode: membership.ArchiveOpen, Bytes: 1 << 20, Age: 3600,
		}}}, nil), wire.StatusUsed)
		_ = d.openDeliver()
	}
	s.node.directory.archive(ben.key.Public(), s.node.directory.org(zoe.Org)) // by a roll that is ordered elsewhere
	s.node.directory.archive(service.key.Public(), s.node.directory.org(zoe.Org))
	_, _ = ben.openDeliver(), service.openDeliver()
}

func TestRestartKeepsEverything(t *testing.T) { // [RV-25]
	s := newSite(t, func(c *Config) { c.OpenQueue = nil })
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	_, prekey, err := envelope.NewPrekey(rand.Reader, ben.key, ben.Org, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := ben.PutPrekey(s.ctx(), prekey); err != nil {
		t.Fatal(err)
	}
	open, used := s.claimToken(), s.claimToken()
	zoe := s.device("zoe")
	found, rendezvous := founding(zoe, "Zenith")
	if err := zoe.Claim(s.ctx(), used, found, rendezvous); err != nil {
		t.Fatal(err)
	}
	body := anna.sealed(100)
	wantAnswer(t, "post", anna.post(body, ben, phone), wire.StatusOK)
	before := s.node.Key()

	s.restart()

	if s.node.Key() != before || s.node.Fresh() {
		t.Fatal("the node is another one")
	}
	for _, d := range []*device{anna, phone, ben, zoe} {
		d.Addresses = s.node.Addresses()
		node := p2p.PeerID(s.node.Key())
		_ = d.host.Network().ClosePeer(node)
		d.host.Peerstore().ClearAddrs(node)
	}
	if size := anna.size(); size != 5 {
		t.Errorf("the roll has %d entries, want 5", size)
	}
	got, err := anna.GetPrekeys(s.ctx(), []keys.PublicKey{ben.key.Public()})
	if err != nil || string(got[0]) != string(prekey) {
		t.Errorf("Ben's prekey is gone: %v", err)
	}
	wantAnswer(t, "the grant holds", anna.post(anna.sealed(1), ben), wire.StatusOK)
	if delivered := nextDeliver(t, ben.openDeliver()); string(delivered.Body) != string(body) {
		t.Error("what waited is gone")
	}
	again, againRendezvous := founding(s.device("other"), "Other")
	wantStatus(t, "a used claim", s.device("other2").Claim(s.ctx(), used, again, againRendezvous), wire.StatusUsed)
	other := s.device("other3")
	first, second := founding(other, "Another")
	wantStatus(t, "an open claim", other.Claim(s.ctx(), open, first, second), wire.StatusOK)
	if orgs := s.node.Status().Orgs; len(orgs) != 3 {
		t.Errorf("%d organizations, want 3", len(orgs))
	}
}

func TestFolderIsPrivateAndHeldOnce(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.NoControl = false
		c.OpenQueue = nil
		if err := os.Chmod(c.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
	})
	for path, want := range map[string]os.FileMode{".": 0o700, "identity": 0o600, "rendezvous.sock": 0o600, "store": 0o700, "queue": 0o700} {
		info, err := os.Stat(filepath.Join(s.cfg.Dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	second, err := New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Run(s.ctx()); err != ErrRunning {
		t.Errorf("a second node in the folder: %v", err)
	}
	status, err := AskStatus(s.ctx(), s.cfg.Dir)
	if err != nil || status.Node != s.node.Key() {
		t.Errorf("status: %+v %v", status, err)
	}
	link, err := AskClaim(s.ctx(), s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if claim, err := rvproto.ParseClaim(link.Claim); err != nil || claim.Node != s.node.Key() {
		t.Errorf("claim: %v", err)
	}
	s.end()
	if _, err := AskStatus(s.ctx(), s.cfg.Dir); err != ErrNotRunning {
		t.Errorf("status of a stopped node: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.cfg.Dir, "identity"), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged, err := New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := damaged.Run(s.ctx()); err == nil {
		t.Error("a damaged identity was accepted")
	}
}
