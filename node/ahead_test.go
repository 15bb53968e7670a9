package node

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// fetches hands a device one batch and returns how often it fetched the roll before it opened that; what is fetched is all
// that the organization has.
func (o *organization) fetches(t *testing.T, org *membershiptest.Org, now time.Time, envelopes ...[]byte) (count int) {
	t.Helper()
	var batch []rvproto.DeliverFrame
	for _, data := range envelopes {
		batch = append(batch, rvproto.DeliverFrame{Kind: rvproto.KindEnvelope, Body: data})
	}
	err := o.fetchFirst(batch, now, func() error {
		count++
		return o.adopt(newPage(org, o.roll.Size()))
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// TestForgedRollSizes has a member head their envelopes with rolls that there are not: the roll is fetched in vain ever more
// rarely, that hinders nobody else, and what is true is fetched for at once.
func TestForgedRollSizes(t *testing.T) {
	org := newRoll(t, "mallory", "bob")
	p := newPartiesOf(t, org, 1)
	ada, now := p.all[0], time.Now()
	from := func(m *membershiptest.Member, size uint64) []byte {
		t.Helper()
		s := pair{org, m, ada, p.prekeys[ada.device], envelope.Meta{RollSize: size, Expires: now.Add(time.Hour).Unix()}, nil}
		_, announced := s.chain(t)
		return announced
	}
	mallory, bob := org.Members[1], org.Members[2]
	if n := ada.fetches(t, org, now, from(mallory, org.Roll.Size())); n != 0 {
		t.Errorf("%d fetches for a roll that is here", n)
	}
	fetched := 0
	for i := range uint64(20) {
		forged := from(mallory, org.Roll.Size()+1+i)
		fetched += ada.fetches(t, org, now, forged, forged)
	}
	if fetched != 1 {
		t.Errorf("%d fetches for 20 batches", fetched)
	}
	forged := from(mallory, 1<<63)
	for range 24 * 60 {
		now = now.Add(time.Minute)
		fetched += ada.fetches(t, org, now, forged)
	}
	if fetched < 10 || fetched > 20 {
		t.Errorf("%d fetches in a day of a batch a minute", fetched)
	}
	// The others' word counts as ever, in one batch with mallory's, too.
	org.Join("carol")
	if n := ada.fetches(t, org, now, forged, from(bob, org.Roll.Size())); n != 1 || ada.roll.Size() != org.Roll.Size() {
		t.Errorf("%d fetches for a larger roll", n)
	}
	dave := org.Join("dave")
	if n := ada.fetches(t, org, now, from(dave, org.Roll.Size())); n != 1 || ada.roll.Size() != org.Roll.Size() {
		t.Errorf("%d fetches for a new member", n)
	}
	// Who was only early is forgiven when the roll has come.
	if n := ada.fetches(t, org, now, from(bob, org.Roll.Size()+1)); n != 1 {
		t.Errorf("%d fetches", n)
	}
	org.Join("erin")
	if err := ada.adopt(newPage(org, ada.roll.Size())); err != nil {
		t.Fatal(err)
	}
	org.Join("frank")
	if n := ada.fetches(t, org, now, from(bob, org.Roll.Size())); n != 1 || ada.roll.Size() != org.Roll.Size() {
		t.Errorf("%d fetches after the roll that was spoken of came", n)
	}
}

// TestUnknownAuthors has a rendezvous node deliver, in batch after batch, what devices wrote that nobody knows.
func TestUnknownAuthors(t *testing.T) {
	org := newRoll(t, "bob")
	p := newPartiesOf(t, org, 1)
	ada, now, fetched := p.all[0], time.Now(), 0
	for range 20 {
		stranger := &membershiptest.Member{ID: keys.MemberID{1}, Devices: []keys.PrivateKey{org.Key()}}
		s := pair{org, stranger, ada, p.prekeys[ada.device], envelope.Meta{RollSize: 1, Expires: now.Add(time.Hour).Unix()}, nil}
		_, announced := s.chain(t)
		fetched += ada.fetches(t, org, now, announced)
	}
	if fetched != 1 {
		t.Errorf("%d fetches", fetched)
	}
	carol := org.Join("carol") // whose first message comes meanwhile, behind the roll
	if err := ada.adopt(newPage(org, ada.roll.Size())); err != nil {
		t.Fatal(err)
	}
	dave := org.Join("dave")
	s := pair{org, dave, ada, p.prekeys[ada.device], envelope.Meta{RollSize: 1, Expires: time.Now().Add(time.Hour).Unix()}, nil}
	_, announced := s.chain(t)
	if n := ada.fetches(t, org, now, announced); n != 1 || ada.roll.Size() != org.Roll.Size() {
		t.Errorf("%d fetches after %s came", n, carol.Name)
	}
}

// TestFetchFirstFails passes on why the roll cannot be fetched, and blames nobody.
func TestFetchFirstFails(t *testing.T) {
	p := newPair(t)
	p.meta.RollSize++
	_, announced := p.chain(t)
	broken := errors.New("broken")
	for range 3 {
		err := p.to.fetchFirst([]rvproto.DeliverFrame{{Kind: rvproto.KindEnvelope, Body: announced}}, time.Now(), func() error { return broken })
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
}

// TestRollSizeThatNeverComes heads messages with a roll that there will never be: one to a group is answered as not to be
// opened, and hinders no other; between two that size decides nothing. [ENV-35]
func TestRollSizeThatNeverComes(t *testing.T) {
	p, crew := crewOf(t, "mallory")
	ada, mallory := p.all[0], p.org.Members[1]
	says := func(place envelope.Place, size uint64, text history.Text) bool {
		t.Helper()
		rand.Read(text.Nonce[:])
		meta := envelope.Meta{RollSize: size, Expires: time.Now().Add(time.Hour).Unix()}
		s := sayer{mallory.Device(), pair{p.org, mallory, ada, p.prekeys[ada.device], meta, nil}}
		return s.says(t, place, history.KindText, wire.Encode(text))
	}
	now := p.org.Roll.Size()
	in, between := history.Text{Group: &crew.Group, Text: "x"}, history.Text{To: []keys.MemberID{ada.member}, Text: "x"}
	if says(crew, 1<<63, in) {
		t.Error("a group's message of a roll that there is not was opened")
	}
	if !says(crew, now, in) || !says(envelope.Among(ada.member, mallory.ID), 1<<63, between) {
		t.Error("another message was not opened")
	}
	if got := ada.inboxTexts(t, api.InboxQuery{}); len(got) != 2 {
		t.Errorf("%d messages in the inbox", len(got))
	}
}

// TestHeadOfNoTerm has a contact speak of a larger roll in a term that there never was: that fetches nothing.
func TestHeadOfNoTerm(t *testing.T) {
	p := newPair(t)
	term := p.org.Term()
	if term == 0 {
		t.Fatal("there is no term before the first")
	}
	p.to.mu.Lock()
	defer p.to.mu.Unlock()
	p.to.heardLocked(spoken{forgedHead(t, p.org, p.from, term-1, p.org.Roll.Size()+1, membership.Hash{1}).Marshal(), p.from.ID})
	if len(p.to.wakeRoll) != 0 || len(p.to.ahead) != 0 {
		t.Error("the roll is fetched")
	}
}
