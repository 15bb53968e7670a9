package envelope

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// world is two members with a device each (alice, bob), a second device of bob's, and an outsider to their
// conversation who is a member all the same (carol). Everything in it comes from one seed.
type world struct {
	random     io.Reader
	org        keys.OrgID
	now        time.Time
	alice, bob person
	bob2       person // bob's other device
	carol      person
	group      keys.GroupID // alice's and bob's
}

type person struct {
	member  keys.MemberID
	device  keys.PrivateKey
	private PrekeyPrivate
	prekey  Prekey
}

func (p person) key() keys.PublicKey { return p.device.Public() }

var testMeta = Meta{RollSize: 7, Expires: 1_900_000_000}

// seeded returns randomness that is the same in every run.
func seeded(seed string) io.Reader {
	id := keys.Hash[keys.Event]("muster/test/1", []byte(seed))
	return rand.NewChaCha8(id)
}

// testHead stands for a head of the roll, which is bytes here.
var testHead = bytes.Repeat([]byte{3}, 120)

func newWorld(t testing.TB, seed string) *world {
	t.Helper()
	w := &world{random: seeded(seed), now: time.Unix(1_800_000_000, 0)}
	w.org = keys.OrgID(w.bytes(t))
	w.alice, w.bob, w.carol = w.person(t), w.person(t), w.person(t)
	w.bob2 = w.person(t)
	w.bob2.member, w.group = w.bob.member, keys.GroupID{9}
	return w
}

func (w *world) bytes(t testing.TB) (raw [32]byte) {
	t.Helper()
	if err := fill(w.random, raw[:]); err != nil {
		t.Fatal(err)
	}
	return raw
}

func (w *world) person(t testing.TB) person {
	t.Helper()
	p := person{member: w.bytes(t), device: keys.FromSeed(w.bytes(t))}
	private, signed, err := NewPrekey(w.random, p.device, w.org, w.now.Add(7*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	prekey, err := OpenPrekey(signed, w.org, p.key(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	p.private, p.prekey = private, prekey
	return p
}

func (w *world) memberOf(device keys.PublicKey) (keys.MemberID, bool) {
	for _, p := range []person{w.alice, w.bob, w.bob2, w.carol} {
		if p.key() == device {
			return p.member, true
		}
	}
	return keys.MemberID{}, false
}

// admission is how a roll answers OpenAnnounce.
type admission func(Place, keys.PublicKey) bool

// admits knows one group, of alice and bob, and bob as who answers guests.
func (w *world) admits(place Place, device keys.PublicKey) bool {
	member, ok := w.memberOf(device)
	switch {
	case !ok:
		return false
	case !place.Group.IsZero():
		return place.Group == w.group && member != w.carol.member
	case !place.Guest.IsZero():
		return member == place.Guest || member == w.bob.member
	}
	return place.Has(member)
}

// lookup offers the prekeys as a device that holds them would.
func lookup(prekeys ...PrekeyPrivate) func(keys.PrekeyID) (PrekeyPrivate, bool) {
	return func(id keys.PrekeyID) (PrekeyPrivate, bool) {
		at := slices.IndexFunc(prekeys, func(p PrekeyPrivate) bool { return p.Prekey.ID() == id })
		if at < 0 {
			return PrekeyPrivate{}, false
		}
		return prekeys[at], true
	}
}

// chain is a new chain of alice's to bob.
func (w *world) chain(t testing.TB) *Chain {
	t.Helper()
	return w.chainAt(t, Among(w.bob.member, w.alice.member))
}

// chainAt is a new chain of alice's at a place.
func (w *world) chainAt(t testing.TB, place Place) *Chain {
	t.Helper()
	c, err := NewChain(w.random, w.org, place, w.alice.key(), w.now, 7)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) announce(t testing.TB, c *Chain, to person) Envelope {
	t.Helper()
	return w.announceAt(t, c, to)
}

// metaAt has the leave of everybody at the chain's place.
func (c *Chain) metaAt() Meta {
	meta := testMeta
	meta.Leave = LeaveOf(c.place, c.org, true)
	return meta
}

func (w *world) announceAt(t testing.TB, c *Chain, to person) Envelope {
	t.Helper()
	e, err := c.Announce(w.random, w.alice.device, to.prekey, c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

func (w *world) openAnnounce(e Envelope, self person) (*Inbound, error) {
	return OpenAnnounce(e, w.org, self.key(), lookup(self.private), w.admits)
}

// pair is a new chain and bob's side of it.
func (w *world) pair(t testing.TB) (*Chain, *Inbound) {
	t.Helper()
	c := w.chain(t)
	in, err := w.openAnnounce(w.announce(t, c, w.bob), w.bob)
	if err != nil {
		t.Fatal(err)
	}
	return c, in
}

func (w *world) seal(t testing.TB, c *Chain, line *Line, body string) Envelope {
	t.Helper()
	e, _, err := c.Seal(w.random, w.alice.device, line, Content{Head: testHead, Kind: 1, Body: []byte(body)}, c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

// reparse sends an envelope over the wire.
func reparse(t testing.TB, e Envelope) Envelope {
	t.Helper()
	parsed, err := Parse(e.Bytes(), MaxEnvelope)
	if err != nil {
		t.Fatalf("Parse of what was sealed: %v", err)
	}
	return parsed
}

// forgedMessage is a message at c's position made by a holder of the chain's keys who keeps to no rule: content and
// header are changed before they are signed and sealed, signed by signer.
type forgedMessage struct {
	signer  keys.PrivateKey
	domain  keys.Domain
	content func(*Content)
	data    func([]byte) []byte // changes the content's encoding before it is signed
	header  func(*Header)
	signed  func([]byte) []byte // changes the signed bytes' encoding before padding
	padded  func([]byte) []byte
}

func (w *world) forge(t testing.TB, c *Chain, f forgedMessage) Envelope {
	t.Helper()
	content := Content{Org: c.org, Conversation: c.conversation, Chain: c.id, Position: c.next, Sequence: 1, Head: testHead, Kind: 1, Body: []byte("forged")}
	header, err := newHeader(w.random, Header{Kind: KindMessage, Sender: c.sender, Chain: c.id, Position: c.next}, c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	if f.content != nil {
		f.content(&content)
	}
	if f.header != nil {
		f.header(&header)
	}
	if f.signer.IsZero() {
		f.signer = w.alice.device
	}
	if f.domain == "" {
		f.domain = keys.DomainContent
	}
	data := wire.Encode(content)
	if f.data != nil {
		data = f.data(data)
	}
	signed := wire.Encode(signedWire{Body: data, Signature: f.signer.Sign(f.domain, content.Org, data)})
	if f.signed != nil {
		signed = f.signed(signed)
	}
	padded := pad(signed, paddedSize(4+len(signed)))
	if f.padded != nil {
		padded = f.padded(padded)
	}
	encoded := wire.Encode(header)
	return newEnvelope(header, encoded, c.key.message().seal(header.Salt, encoded, padded))
}

// nullBody puts CBOR null in place of the body "forged", the last field.
func nullBody(data []byte) []byte { return append(data[:len(data)-7], 0xf6) }

// forgedAnnounce is the same for an announcement to bob.
type forgedAnnounce struct {
	signer keys.PrivateKey
	domain keys.Domain
	body   func(*announceBody)
	header func(*Header)
	info   func([]byte) []byte
	padded func([]byte) []byte
}

func (w *world) forgeAnnounce(t testing.TB, c *Chain, f forgedAnnounce) Envelope {
	t.Helper()
	body := announceBody{Org: c.org, Members: c.place.Members, Chain: c.id, Anchor: c.anchor, Position: c.next, Key: c.key,
		Prekey: w.bob.prekey.id, Group: c.place.Group, Guest: c.place.Guest}
	header, err := newHeader(w.random, Header{Kind: KindAnnounce, Sender: c.sender, Chain: c.id}, c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	if f.body != nil {
		f.body(&body)
	}
	if f.header != nil {
		f.header(&header)
	}
	if f.signer.IsZero() {
		f.signer = w.alice.device
	}
	if f.domain == "" {
		f.domain = keys.DomainAnnounce
	}
	data := wire.Encode(body)
	signed := wire.Encode(signedWire{Body: data, Signature: f.signer.Sign(f.domain, body.Org, data)})
	padded := pad(signed, paddedSize(4+len(signed)))
	if f.padded != nil {
		padded = f.padded(padded)
	}
	encoded := wire.Encode(header)
	info := hpkeInfo(keys.DomainAnnounce, c.org, header.Chain, header.Sender, w.bob.prekey)
	if f.info != nil {
		info = f.info(info)
	}
	ciphertext, err := hpkeSeal(w.bob.prekey.public, info, encoded, padded)
	if err != nil {
		t.Fatal(err)
	}
	id := w.bob.prekey.id
	return newEnvelope(header, encoded, append(id[:], ciphertext...))
}
