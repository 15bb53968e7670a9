package rendezvous

import (
	"crypto/rand"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

func wantAnswer(t *testing.T, doing string, got rvproto.AnswerFrame, want wire.Status, refused ...rvproto.Refusal) {
	t.Helper()
	if got.Status != want {
		t.Errorf("%s: %v, want %v", doing, got.Status, want)
	}
	if diff := cmp.Diff(refused, got.Refused); diff != "" {
		t.Errorf("%s: refused:\n%s", doing, diff)
	}
}

func TestLeave(t *testing.T) { // [RV-41]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	stranger := s.device("stranger")
	body := anna.sealed(10)

	wantAnswer(t, "without a grant", anna.post(body, ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusNoLeave})
	if err := ben.grant(anna, 2, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "a grant for one, none for another, own device and stranger", anna.post(body, carl, ben, phone, stranger), wire.StatusOK,
		rvproto.Refusal{Device: carl.key.Public(), Status: wire.StatusNoLeave},
		rvproto.Refusal{Device: stranger.key.Public(), Status: wire.StatusNotFound})
	for who, want := range map[*device]int{ben: 1, phone: 1, carl: 0, stranger: 0} {
		if held := s.queue.held(who.key.Public(), queue.Envelope); len(held) != want {
			t.Errorf("held %d, want %d", len(held), want)
		}
	}
	wantAnswer(t, "the other direction", ben.post(ben.sealed(10), anna), wire.StatusOK,
		rvproto.Refusal{Device: anna.key.Public(), Status: wire.StatusNoLeave})
	wantAnswer(t, "from another device of the account", phone.post(phone.sealed(10), ben), wire.StatusOK)
}

func TestAnnouncementNeedsLeave(t *testing.T) { // [RV-41]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	_, signed, err := envelope.NewPrekey(rand.Reader, ben.key, ben.Org, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	prekey, err := envelope.OpenPrekey(signed, ben.Org, ben.key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	chain, err := envelope.NewChain(rand.Reader, anna.Org, envelope.Among(anna.member, ben.member), anna.key.Public(), time.Now(), 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := chain.Announce(rand.Reader, anna.key, prekey, envelope.Meta{RollSize: 1, Expires: time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "without a grant", anna.post(e.Bytes(), ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusNoLeave})
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "with one", anna.post(e.Bytes(), ben), wire.StatusOK)
}

func TestEndedLeaveIsNotShown(t *testing.T) { // [RV-41]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	for number, open := range []bool{1: true, 2: false} {
		if number > 0 {
			if err := ben.grant(anna, uint64(number), open); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantAnswer(t, "a message", anna.post(anna.sealed(10), ben), wire.StatusOK)
	wantAnswer(t, "an introduction", anna.post(introduction(anna, time.Hour), ben), wire.StatusOK)
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 0 {
		t.Error("the body was kept")
	}
}

func TestGrants(t *testing.T) { // [RV-32]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	wantStatus(t, "number 5", ben.grant(anna, 5, true), wire.StatusOK)
	wantStatus(t, "number 5 again", ben.grant(anna, 5, false), wire.StatusOK)
	wantStatus(t, "number 4", ben.grant(anna, 4, false), wire.StatusStale)
	wantAnswer(t, "the first number 5 holds", anna.post(anna.sealed(10), ben), wire.StatusOK)
	if len(s.queue.held(ben.key.Public(), queue.Envelope)) != 1 {
		t.Error("nothing is held")
	}
	forged := membership.SignGrant(membership.Grant{Org: anna.Org, From: carl.member, To: anna.member, Number: 9, Open: true}, anna.key)
	wantStatus(t, "a grant of another member, signed by a device that is not theirs", anna.PutGrant(s.ctx(), forged), wire.StatusNotFound)
	carls := membership.SignGrant(membership.Grant{Org: anna.Org, From: carl.member, To: anna.member, Number: 9, Open: true}, carl.key)
	wantStatus(t, "a true grant from the hands of somebody else", ben.PutGrant(s.ctx(), carls), wire.StatusRefused)
	wantStatus(t, "a true grant from the hands of who got it", anna.PutGrant(s.ctx(), carls), wire.StatusOK)
	elsewhere := membership.SignGrant(membership.Grant{Org: keys.OrgID{9}, From: carl.member, To: anna.member, Number: 9, Open: true}, carl.key)
	wantStatus(t, "a grant of another organization", carl.PutGrant(s.ctx(), elsewhere), wire.StatusNotFound)
	wantStatus(t, "no grant", carl.PutGrant(s.ctx(), []byte("nonsense")), wire.StatusMalformed)
}

// A grant on its way to a slow disk holds up no post.
func TestPostsDoNotWaitForGrants(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	wantStatus(t, "a grant", ben.grant(anna, 1, true), wire.StatusOK)
	stream := anna.openPost()
	held, free := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	defer group.Wait()
	defer close(free)
	group.Go(func() {
		_ = s.node.store.Update(func(*kv.Tx) error { close(held); <-free; return nil })
	})
	<-held
	grants := s.node.directory.org(anna.Org).grants
	second := membership.SignGrant(membership.Grant{Org: anna.Org, From: ben.member, To: anna.member, Number: 2, Open: true}, ben.key)
	group.Go(func() { grants.put(ben.member, second) })
	for grants.writing.TryLock() { // until it waits for the disk, or is about to
		grants.writing.Unlock()
		runtime.Gosched()
	}
	wantAnswer(t, "meanwhile", stream.post(t, anna.sealed(10), ben), wire.StatusOK)
}

func TestPostInAnothersName(t *testing.T) { // [RV-40]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	carl := anna.join("Carl")
	if err := ben.grant(carl, 1, true); err != nil {
		t.Fatal(err)
	}
	body := anna.sealed(10)
	wantAnswer(t, "Carl posts what Anna sealed", carl.post(body, ben), wire.StatusRefused)
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 0 {
		t.Fatal("it was kept")
	}
	answer := anna.post(body, ben)
	wantAnswer(t, "Anna posts it", answer, wire.StatusOK)
	wantAnswer(t, "Anna offers it again", anna.post(body, ben), wire.StatusOK)
	if diff := cmp.Diff([]keys.EnvelopeID{answer.ID}, s.queue.held(ben.key.Public(), queue.Envelope)); diff != "" {
		t.Errorf("held:\n%s", diff)
	}
}

func TestPostsThatAreRefusedWhole(t *testing.T) { // [RV-40]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	stream := anna.openPost()
	expired := sealedBy(t, anna.key, anna.Org, anna.member, time.Now().Add(-time.Minute), 10)
	wantAnswer(t, "expired", stream.post(t, expired, phone), wire.StatusExpired)
	wantAnswer(t, "no envelope", stream.post(t, []byte("nonsense"), phone), wire.StatusMalformed)
	policy := membership.DefaultPolicy()
	wantAnswer(t, "above the policy's size", stream.post(t, anna.sealed(int(policy.MaxEnvelope)), phone), wire.StatusTooLarge)
	wantAnswer(t, "far above the policy's size", stream.post(t, make([]byte, 3*policy.MaxEnvelope), phone), wire.StatusTooLarge)
	wantAnswer(t, "the stream goes on", stream.post(t, anna.sealed(10), phone), wire.StatusOK)
	large := int(policy.MaxEnvelope) * 3 / 4
	wantAnswer(t, "a large one within the policy", stream.post(t, anna.sealed(large), phone), wire.StatusOK)
	s.queue.mu.Lock()
	s.queue.fail = queue.ErrFull
	s.queue.mu.Unlock()
	wantAnswer(t, "a full queue", stream.post(t, anna.sealed(10), phone), wire.StatusFull)
	s.queue.mu.Lock()
	s.queue.fail = &queue.FullError{Devices: []keys.PublicKey{phone.key.Public()}}
	s.queue.mu.Unlock()
	wantAnswer(t, "one full recipient", stream.post(t, anna.sealed(10), phone), wire.StatusOK,
		rvproto.Refusal{Device: phone.key.Public(), Status: wire.StatusFull})
	s.queue.mu.Lock()
	s.queue.fail = queue.ErrClosed
	s.queue.mu.Unlock()
	wantAnswer(t, "a fault", stream.post(t, anna.sealed(10), phone), wire.StatusUnavailable)
}

func TestNothingIsKeptForLongerThanThePolicySays(t *testing.T) { // [RV-40]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	longest := time.Duration(membership.DefaultPolicy().QueueTime) * time.Second
	for name, expires := range map[string]time.Time{
		"a year": time.Now().AddDate(1, 0, 0), "a number that is no date": time.Unix(1<<63-1, 0),
		"a number that a sum makes negative": time.Unix(1<<63-1-62135596800, 0),
	} {
		answer := anna.post(sealedBy(t, anna.key, anna.Org, anna.member, expires, 10), phone)
		wantAnswer(t, name, answer, wire.StatusOK)
		s.queue.mu.Lock()
		kept := s.queue.bodies[answer.ID].Expires
		s.queue.mu.Unlock()
		if kept.Unix() > time.Now().Add(longest).Unix() {
			t.Errorf("%s: kept until %d", name, kept.Unix())
		}
	}
}

func TestAnswersComeInOrder(t *testing.T) { // [RV-40]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	stream := anna.openPost()
	const count = 3000 // above the window
	var want []keys.EnvelopeID
	posts := make([]rvproto.PostFrame, count)
	for i := range posts {
		posts[i] = rvproto.PostFrame{Recipients: []keys.PublicKey{phone.key.Public()}, Envelope: anna.sealed(10 + i%50*100)}
		e, err := envelope.Parse(posts[i].Envelope, rvproto.MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.ID())
	}
	go func() {
		if err := stream.Send(posts); err != nil {
			t.Error(err)
		}
	}()
	for i := range posts {
		if answer := <-stream.answers; answer.ID != want[i] || answer.Status != wire.StatusOK {
			t.Fatalf("answer %d is %v for %s", i, answer.Status, answer.ID.Short())
		}
	}
	if diff := cmp.Diff(want, s.queue.held(phone.key.Public(), queue.Envelope)); diff != "" {
		t.Error("not held in the order of posting")
	}
}

func TestExpiryIsClampedToThePolicy(t *testing.T) { // [RV-40]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	queueTime := time.Duration(membership.DefaultPolicy().QueueTime) * time.Second
	for _, test := range []struct {
		stated, want time.Duration
	}{{time.Hour, time.Hour}, {10 * queueTime, queueTime}} {
		answer := anna.post(sealedBy(t, anna.key, anna.Org, anna.member, time.Now().Add(test.stated), 10), phone)
		wantAnswer(t, "post", answer, wire.StatusOK)
		s.queue.mu.Lock()
		got := time.Until(s.queue.bodies[answer.ID].Expires)
		s.queue.mu.Unlock()
		if got > test.want || got < test.want-time.Minute {
			t.Errorf("stated %v: expires in %v, want %v", test.stated, got, test.want)
		}
	}
}

// introduction makes an envelope of an introduction's form, which the node cannot tell from a true one.
func introduction(d *device, expires time.Duration) []byte {
	header := envelope.Header{
		Version: envelope.Version, Kind: envelope.KindIntroduction, Sender: d.key.Public(), RollSize: 1,
		Expires: time.Now().Add(expires).Unix(),
	}
	rand.Read(header.Salt[:])
	return envelope.Envelope{Header: wire.Encode(header), Sealed: make([]byte, envelope.IntroductionSize)}.Bytes()
}

func TestIntroductions(t *testing.T) { // [RV-42]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	tablet := ben.add("tablet")
	stream := anna.openPost()
	wantAnswer(t, "to the devices of one member and the sender's own",
		stream.post(t, introduction(anna, time.Hour), ben, tablet, phone), wire.StatusOK)
	for _, who := range []*device{ben, tablet, phone} {
		if len(s.queue.held(who.key.Public(), queue.Envelope)) != 1 {
			t.Error("an addressee has nothing")
		}
	}
	wantAnswer(t, "to two members", stream.post(t, introduction(anna, time.Hour), ben, carl), wire.StatusRefused)
	header := envelope.Header{
		Version: envelope.Version, Kind: envelope.KindIntroduction, Sender: anna.key.Public(), RollSize: 1,
		Expires: time.Now().Add(time.Hour).Unix(),
	}
	for _, size := range []int{0, 1, envelope.IntroductionSize - 1, envelope.IntroductionSize + 1} {
		wrong := envelope.Envelope{Header: wire.Encode(header), Sealed: make([]byte, size)}.Bytes()
		wantAnswer(t, "of another size", stream.post(t, wrong, ben), wire.StatusMalformed)
	}
	if len(s.queue.held(carl.key.Public(), queue.Envelope)) != 0 {
		t.Error("Carl has something")
	}
}

func TestPrekeys(t *testing.T) { // [RV-30] [RV-31]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	make := func(d *device, life time.Duration) []byte {
		_, signed, err := envelope.NewPrekey(rand.Reader, d.key, d.Org, time.Now().Add(life))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	older, newer := make(anna, 24*time.Hour), make(anna, 48*time.Hour)
	wantStatus(t, "the first", anna.PutPrekey(s.ctx(), older), wire.StatusOK)
	wantStatus(t, "a newer one", anna.PutPrekey(s.ctx(), newer), wire.StatusOK)
	wantStatus(t, "the newer one again", anna.PutPrekey(s.ctx(), newer), wire.StatusOK)
	wantStatus(t, "the older one", anna.PutPrekey(s.ctx(), older), wire.StatusStale)
	wantStatus(t, "another's", ben.PutPrekey(s.ctx(), newer), wire.StatusMalformed)
	wantStatus(t, "an expired one", ben.PutPrekey(s.ctx(), make(ben, -time.Hour)), wire.StatusExpired)
	damaged := slices.Clone(make(ben, time.Hour))
	damaged[len(damaged)-1] ^= 1
	wantStatus(t, "one with a wrong signature", ben.PutPrekey(s.ctx(), damaged), wire.StatusMalformed)
	got, err := ben.GetPrekeys(s.ctx(), []keys.PublicKey{ben.key.Public(), anna.key.Public(), {1}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{{}, newer, {}}, got); diff != "" {
		t.Errorf("prekeys:\n%s", diff)
	}
}
