package node

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// TestLargestMessage seals what the limits allow at most: 255 recipients, 64 files.
func TestLargestMessage(t *testing.T) {
	var names []string
	for i := range history.MaxRecipients {
		names = append(names, fmt.Sprintf("member %d", i))
	}
	org := newRoll(t, names...)
	o := newDevice(t, org, org.Founder)
	o.acquainted(t, org, org.Founder, org.Members[1:]...)
	prekeys := make(map[keys.PublicKey]envelope.Prekey)
	request := api.SendRequest{Subject: "all", Text: strings.Repeat("x", history.MaxText)}
	var to []keys.MemberID
	for _, m := range org.Members[1:] {
		prekeys[m.Device().Public()] = prekey(t, org, m.Device())
		to = append(to, m.ID)
	}
	var uploads []store.Upload
	for i := range history.MaxFiles {
		uploads = append(uploads, upload(t, o.node, fmt.Sprintf("%d.txt", i), "x"))
	}
	d, err := o.draft(request, target{members: to}, uploads)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.save(d, uploads); err != nil {
		t.Fatal(err)
	}
	o.sealAll(t, prekeys)
	if got := len(o.waiting(t, envelope.KindAnnounce)); got != history.MaxRecipients {
		t.Errorf("%d announcements for %d devices", got, history.MaxRecipients)
	}
	messages := letters(o.waiting(t, envelope.KindMessage))
	if len(messages) != 1+history.MaxFiles {
		t.Errorf("%d envelopes of %d parts", len(messages), 1+history.MaxFiles)
	}
	var batch []answered
	refused := rvproto.AnswerFrame{}
	for _, m := range org.Members[1:] {
		refused.Refused = append(refused.Refused, rvproto.Refusal{Device: m.Device().Public(), Status: wire.StatusNoLeave})
	}
	for i, w := range messages {
		answer := rvproto.AnswerFrame{ID: w.ID}
		if i == 0 {
			answer.Refused = refused.Refused[:100]
		}
		batch = append(batch, answered{offer{Waiting: w}, answer})
	}
	if err := o.recordAnswers(batch, make(chan struct{}, 1)); err != nil {
		t.Errorf("taking answers: %v", err)
	}
}

func upload(t *testing.T, n *Node, name, content string) store.Upload {
	t.Helper()
	made, err := n.Upload(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	all, err := n.uploads([]string{made.ID})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// pair is a device that receives, and what a contact of it needs to seal to it with a program of their own.
type pair struct {
	org   *membershiptest.Org
	from  *membershiptest.Member
	to    *organization
	key   envelope.Prekey
	meta  envelope.Meta
	lines map[keys.ConversationID]*envelope.Line
}

func newPair(t *testing.T) pair {
	org := newRoll(t, "mallory")
	mallory := org.Members[1]
	o := newDevice(t, org, org.Founder)
	o.acquainted(t, org, org.Founder, mallory)
	return pair{org, mallory, o, o.ownPrekey(t),
		envelope.Meta{RollSize: org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, map[keys.ConversationID]*envelope.Line{}}
}

// chain starts a chain of the contact and returns its announcement.
func (p pair) chain(t *testing.T) (*envelope.Chain, []byte) {
	t.Helper()
	c, err := envelope.NewChain(rand.Reader, p.org.ID, envelope.Among(p.from.ID, p.to.member), p.from.Device().Public(),
		time.Now(), p.org.Roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	announced, err := c.Announce(rand.Reader, p.from.Device(), p.key, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	return c, announced.Bytes()
}

// text seals a text on a chain.
func (p pair) text(t *testing.T, c *envelope.Chain, text string) []byte {
	t.Helper()
	body := history.Text{To: []keys.MemberID{p.to.member}, Text: text}
	rand.Read(body.Nonce[:])
	return p.seal(t, c, history.KindText, wire.Encode(body))
}

func (p pair) seal(t *testing.T, c *envelope.Chain, kind history.Kind, body []byte) []byte {
	t.Helper()
	if p.lines[c.Conversation()] == nil {
		p.lines[c.Conversation()] = new(envelope.Line)
	}
	sealed, _, err := c.Seal(rand.Reader, p.from.Device(), p.lines[c.Conversation()], envelope.Content{
		Head: signedHead(t, p.org).Marshal(), Kind: uint8(kind), Body: body,
	}, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

// TestManyLargeChains delivers, in one batch, messages of many chains that a contact made large by passing positions
// over: what is stored of the chains is more than one transaction holds.
func TestManyLargeChains(t *testing.T) {
	p := newPair(t)
	var announcements, messages [][]byte
	for range 24 {
		c, announced := p.chain(t)
		for range envelope.MaxSkip {
			p.text(t, c, "passed over")
		}
		announcements, messages = append(announcements, announced), append(messages, p.text(t, c, "far ahead"))
	}
	if opened, failed := p.to.deliver(t, announcements...); opened != len(announcements) {
		t.Fatalf("%d announcements opened, %d failed", opened, failed)
	}
	if opened, failed := p.to.deliver(t, messages...); opened != len(messages) {
		t.Errorf("%d messages opened, %d failed, of %d", opened, failed, len(messages))
	}
}

// TestTextsAndChunkInOneBatch delivers the largest batch of texts that lie in the tables, with a chunk behind them.
func TestTextsAndChunkInOneBatch(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	batch := [][]byte{announced}
	for size := 0; size < receivedBytesAtOnce-40<<10; {
		data := p.text(t, c, strings.Repeat("x", 31<<10))
		batch, size = append(batch, data), size+len(data)
	}
	batch = append(batch, p.seal(t, c, history.KindChunk, wire.Encode(history.Chunk{Data: make([]byte, history.ChunkSize)})))
	if opened, failed := p.to.deliver(t, batch...); opened != len(batch) {
		t.Errorf("%d opened, %d failed, of %d", opened, failed, len(batch))
	}
}

// TestGarbageHoldsNothingUp delivers what is no envelope among envelopes.
func TestGarbageHoldsNothingUp(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	if opened, failed := p.to.deliver(t, announced, []byte("garbage"), p.text(t, c, "hello")); opened != 2 || failed != 0 {
		t.Errorf("%d opened, %d failed, of 2", opened, failed)
	}
}

// TestInboxPageIsBounded fills the inbox with the largest texts of control characters, six bytes each in JSON.
func TestInboxPageIsBounded(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	p.to.deliver(t, announced)
	const messages = 20
	for range messages {
		if opened, _ := p.to.deliver(t, p.text(t, c, strings.Repeat("\x01", history.MaxText))); opened != 1 {
			t.Fatal("not opened")
		}
	}
	seen := 0
	for cursor := ""; ; {
		page, err := p.to.node.Inbox(t.Context(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, m := range page.Messages {
			size += len(m.Text)
		}
		if size > pageBytes+history.MaxText {
			t.Errorf("a page of %d bytes of text", size)
		}
		seen += len(page.Messages)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != messages {
		t.Errorf("%d of %d messages listed", seen, messages)
	}
}
