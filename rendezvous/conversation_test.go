package rendezvous

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// The kept conversation is what devices of the first version said to a node and what it answered, byte for byte. A node of any
// later version must answer these devices the same, since they decode strictly, as long as it speaks these protocols; and what that
// node answered must be understood by a device of any later version. [RV-1] [RV-4]
//
// Each line is a word, a stream's number, and:
//
//	open  DEVICE PROTOCOL   a device, by the name of its key, opens a stream
//	send  HEX               it sends bytes
//	hear  HEX               it hears bytes
//	close                   it closes its half
//	end                     the node closes its half

// conversation is a conversation that is being noted.
type conversation struct {
	mu    sync.Mutex
	lines []line
	count int
}

type line struct {
	word   string
	stream int
	rest   string // or the bytes
}

func (c *conversation) note(word string, stream int, rest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := len(c.lines) - 1; rest != "" && word != "open" {
		// What follows on the same stream in the same direction is one line, also if another stream's came between.
		for i := last; i >= 0; i-- {
			if c.lines[i].stream == stream {
				if c.lines[i].word == word {
					c.lines[i].rest += rest
					return
				}
				break
			}
		}
	}
	c.lines = append(c.lines, line{word, stream, rest})
}

// eavesdropper is a host whose streams are noted.
type eavesdropper struct {
	host.Host
	name string
	to   *conversation
}

func (l eavesdropper) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	s, err := l.Host.NewStream(ctx, p, ids...)
	if err != nil {
		return nil, err
	}
	l.to.mu.Lock()
	l.to.count++
	number := l.to.count
	l.to.mu.Unlock()
	l.to.note("open", number, string(ids[0])+" "+l.name)
	return &noted{Stream: s, number: number, to: l.to}, nil
}

type noted struct {
	network.Stream
	number int
	to     *conversation
}

func (s *noted) Write(p []byte) (int, error) {
	s.to.note("send", s.number, hex.EncodeToString(p))
	return s.Stream.Write(p)
}

func (s *noted) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if n > 0 {
		s.to.note("hear", s.number, hex.EncodeToString(p[:n]))
	}
	if errors.Is(err, io.EOF) {
		s.to.note("end", s.number, "")
	}
	return n, err
}

func (s *noted) CloseWrite() error {
	s.to.note("close", s.number, "")
	return s.Stream.CloseWrite()
}

// keptSite serves the kept folder with nothing left to chance: the clock, what is random, and the numbers of deliveries.
func keptSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, func(c *Config) {
		atKept(t, c)
		c.Random = mathrand.NewChaCha8([32]byte{1})
	})
}

// recordConversation has devices speak to a node that serves the kept folder, each after the other.
func recordConversation(t *testing.T) {
	s := keptSite(t)
	c := new(conversation)
	overheard := func(name string) *device {
		d := s.keptDevice(name, "")
		d.Client.Host = eavesdropper{d.host, name, c}
		return d
	}
	anna := overheard("Acme founder")
	id := anna.Org.Short()
	phone, ben := overheard(id+"phone"), overheard(id+"Ben")
	carl := overheard("carl")
	ok := func(doing string, err error) {
		t.Helper()
		wantStatus(t, doing, err, wire.StatusOK)
	}
	_, err := anna.Fetch(s.ctx(), 0)
	ok("fetch", err)
	page, err := carl.View(s.ctx(), keptInvitation(), 0)
	ok("view", err)
	ok("join", carl.SubmitJoin(s.ctx(), keptInvitation(), carl.joinEvent(keptInvitation(), "Carl", uint64(len(page.Entries)))))
	_, err = anna.Fetch(s.ctx(), 6)
	ok("fetch of what is new", err)
	anna.counter = 5 // found, node, device, Ben's invitation, the kept one
	ok("event", anna.submit(membership.Event{Invite: &membership.Invite{
		Key: keyOf("another invitation").Public(), Role: membership.RoleMember, Uses: 1, Expires: keptTime.Add(24 * time.Hour).Unix()}}, nil))
	_, prekey, err := envelope.NewPrekey(mathrand.NewChaCha8([32]byte{2}), carl.key, carl.Org, keptTime.Add(24*time.Hour))
	ok("prekey", err)
	ok("prekey put", carl.PutPrekey(s.ctx(), prekey))
	_, err = anna.GetPrekeys(s.ctx(), []keys.PublicKey{carl.key.Public(), ben.key.Public(), phone.key.Public()})
	ok("prekeys", err)
	ok("grant", anna.PutGrant(s.ctx(), membership.SignGrant(membership.Grant{
		Org: anna.Org, From: anna.member, To: ben.member, Number: 1, Open: true}, anna.key)))
	_, err = ben.Share(s.ctx())
	ok("share", err)

	body := sealedBy(t, anna.key, anna.Org, anna.member, keptTime.Add(24*time.Hour), 300)
	posting := anna.openPost()
	answer := posting.post(t, body, phone, ben, carl) // Carl gave no leave
	if answer.Status != wire.StatusOK || len(answer.Refused) != 1 {
		t.Errorf("posted: %+v", answer)
	}
	delivery := phone.openDeliver()
	nextDeliver(t, delivery)
	ok("ack", delivery.Ack(rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, answer.ID)}}))
	receipts := anna.openDeliver()
	receipt := nextDeliver(t, receipts)
	ok("ack of a receipt", receipts.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.ReceiptID(receipt.Body)}}))

	var out strings.Builder
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		fmt.Fprintln(&out, strings.TrimSpace(fmt.Sprintf("%s %d %s", l.word, l.stream, l.rest)))
	}
	if err := os.WriteFile(keptConversation, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readConversation reads the kept conversation.
func readConversation(t *testing.T) (lines []line) {
	t.Helper()
	data, err := os.ReadFile(keptConversation)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(data)) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		number, rest, _ := strings.Cut(rest, " ")
		l := line{word: word, rest: rest}
		if _, err := fmt.Sscan(number, &l.stream); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if word == "send" || word == "hear" {
			raw, err := hex.DecodeString(rest)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			l.rest = string(raw)
		}
		lines = append(lines, l)
	}
	return lines
}

// A node of this version answers devices of the first one as a node of the first did.
func TestNodeAnswersDevicesOfTheFirstVersion(t *testing.T) { // [RV-1]
	s := keptSite(t)
	streams, devices, spoken := make(map[int]network.Stream), make(map[string]*device), 0
	for i, l := range readConversation(t) {
		stream := streams[l.stream]
		switch l.word {
		case "open":
			id, name, _ := strings.Cut(l.rest, " ")
			if devices[name] == nil {
				devices[name] = s.device(name)
			}
			streams[l.stream] = devices[name].raw(protocol.ID(id))
		case "send":
			if _, err := stream.Write([]byte(l.rest)); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		case "hear":
			spoken += len(l.rest)
			got := make([]byte, len(l.rest))
			if n, err := io.ReadFull(stream, got); err != nil {
				t.Fatalf("line %d: heard %x, %v, want %x", i+1, got[:n], err, l.rest)
			}
			if string(got) != l.rest {
				t.Fatalf("line %d: heard\n%x, want\n%x", i+1, got, l.rest)
			}
		case "close":
			if err := stream.CloseWrite(); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		case "end":
			if n, err := stream.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
				t.Fatalf("line %d: there is more, or %v", i+1, err)
			}
		default:
			t.Fatalf("line %d: %q", i+1, l.word)
		}
	}
	if spoken < 2000 {
		t.Errorf("the node said %d bytes: this test shows nothing", spoken)
	}
}

// parrot is a host that answers as the kept conversation says.
type parrot struct {
	host.Host
	answers map[string][]string // by device and protocol, what was heard on each stream
}

func (p *parrot) NewStream(_ context.Context, _ peer.ID, ids ...protocol.ID) (network.Stream, error) {
	for _, id := range ids { // the first that the node has
		key := string(id)
		if len(p.answers[key]) == 0 {
			continue
		}
		text := p.answers[key][0]
		p.answers[key] = p.answers[key][1:]
		return &said{Reader: strings.NewReader(text), protocol: id}, nil
	}
	return nil, fmt.Errorf("nothing more was said on %s", ids)
}

func (*parrot) Connect(context.Context, peer.AddrInfo) error { return nil }

// said is a stream on which everything was said.
type said struct {
	network.Stream
	io.Reader
	protocol protocol.ID
}

func (s *said) Read(p []byte) (int, error)                 { return s.Reader.Read(p) }
func (s *said) Protocol() protocol.ID                      { return s.protocol }
func (*said) Write(p []byte) (int, error)                  { return len(p), nil }
func (*said) Close() error                                 { return nil }
func (*said) CloseWrite() error                            { return nil }
func (*said) CloseRead() error                             { return nil }
func (*said) Reset() error                                 { return nil }
func (*said) ResetWithError(network.StreamErrorCode) error { return nil }
func (*said) SetDeadline(time.Time) error                  { return nil }
func (*said) SetReadDeadline(time.Time) error              { return nil }
func (*said) SetWriteDeadline(time.Time) error             { return nil }

// A device of this version understands what a node of the first one answered.
func TestDeviceUnderstandsANodeOfTheFirstVersion(t *testing.T) { // [RV-1]
	names, heard := make(map[int]string), make(map[int]string)
	var order []int
	for _, l := range readConversation(t) {
		switch l.word {
		case "open":
			names[l.stream] = l.rest
			order = append(order, l.stream)
		case "hear":
			heard[l.stream] += l.rest
		}
	}
	answers := make(map[string]map[string][]string) // device, protocol
	for _, number := range order {
		id, name, _ := strings.Cut(names[number], " ")
		if answers[name] == nil {
			answers[name] = make(map[string][]string)
		}
		answers[name][id] = append(answers[name][id], heard[number])
	}
	node, err := readIdentity(unpack(t)+"/"+identityFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := func(name string) *rvclient.Client {
		if answers[name] == nil {
			t.Fatalf("%q said nothing", name)
		}
		return &rvclient.Client{Host: &parrot{answers: answers[name]}, Node: node.Public(), Addresses: []string{"/ip4/127.0.0.1/tcp/1"}}
	}
	anna := client("Acme founder")
	page, err := anna.Fetch(t.Context(), 0)
	if err != nil || len(page.Entries) != 6 {
		t.Fatalf("the roll: %d entries, %v", len(page.Entries), err)
	}
	first, err := membership.ParseEntry(page.Entries[0])
	if err != nil {
		t.Fatal(err)
	}
	anna.Org = membership.OrgOf(first.Event)
	id := anna.Org.Short()
	var entries []membership.Entry
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	roll := membership.NewRoll(anna.Org)
	if _, err := roll.Extend(page.Checkpoint, node.Public(), entries, nil); err != nil {
		t.Fatalf("the roll does not hold: %v", err)
	}
	if more, err := anna.Fetch(t.Context(), 6); err != nil || len(more.Entries) != 1 || len(more.Proof) == 0 {
		t.Errorf("what is new: %+v, %v", more, err)
	}
	keysOf, err := anna.GetPrekeys(t.Context(), make([]keys.PublicKey, 3))
	if err != nil || len(keysOf[0]) == 0 || len(keysOf[1]) == 0 || len(keysOf[2]) != 0 {
		t.Errorf("prekeys: %v", err)
	}
	posting, err := anna.OpenPost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer posting.Close()
	phone := client(id + "phone")
	phone.Org = anna.Org
	delivery, err := phone.OpenDeliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer delivery.Close()
	in, err := delivery.Next()
	if err != nil || in.Deliver == nil {
		t.Fatalf("delivered: %+v, %v", in, err)
	}
	e, err := envelope.Parse(in.Deliver.Body, rvproto.MaxEnvelope)
	if err != nil || !bytes.Equal(e.Bytes(), in.Deliver.Body) {
		t.Errorf("the envelope: %v", err)
	}
}
