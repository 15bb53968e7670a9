package envelope

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// complaint shows the group's moderators one message of carol's.
func (w *world) complaint(t testing.TB) Report {
	t.Helper()
	c, err := NewChain(w.random, w.org, InGroup(w.group), w.carol.key(), w.now, 7)
	if err != nil {
		t.Fatal(err)
	}
	_, quote, err := c.Seal(w.random, w.carol.device, &Line{}, Content{Kind: 1, Body: []byte("buy now")}, c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	return Report{Org: w.org, From: w.alice.member, Group: w.group, Text: "spam", Messages: []Quote{quote}, Head: testHead}
}

func (w *world) report(t testing.TB, report Report, to ...person) Envelope {
	t.Helper()
	var slots []Prekey
	for _, p := range to {
		slots = append(slots, p.prekey)
	}
	e, err := SealReport(w.random, w.alice.device, report, slots, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

// forgedReport seals to bob what keeps to no rule.
type forgedReport struct {
	signer keys.PrivateKey
	body   func(*reportBody)
	header func(*Header)
	padded func([]byte) []byte
}

func (w *world) forgeReport(t testing.TB, f forgedReport) Envelope {
	t.Helper()
	meta := testMeta
	meta.Leave = Leave{LeaveReport, w.group}
	header, err := newHeader(w.random, Header{Kind: KindReport, Sender: w.alice.key()}, meta)
	if err != nil {
		t.Fatal(err)
	}
	body := reportBody{Report: w.complaint(t), Salt: header.Salt}
	if f.body != nil {
		f.body(&body)
	}
	if f.header != nil {
		f.header(&header)
	}
	if f.signer.IsZero() {
		f.signer = w.alice.device
	}
	data := wire.Encode(body)
	signed := wire.Encode(signedWire{Body: data, Signature: f.signer.Sign(keys.DomainReport, body.Report.Org, data)})
	padded := pad(signed, reportPlain(4+len(signed)))
	if f.padded != nil {
		padded = f.padded(padded)
	}
	key, encoded := messageKey(w.bytes(t)), wire.Encode(header)
	slot, err := sealSlot(key, keys.DomainReport, w.org, header.Sender, encoded, w.bob.prekey)
	if err != nil {
		t.Fatal(err)
	}
	return newEnvelope(header, encoded, append(slot, key.seal(header.Salt, encoded, padded)...))
}

// [ENV-47] [ENV-48] [ENV-49]
func TestReportsArrive(t *testing.T) {
	w := newWorld(t, "report")
	report := w.complaint(t)
	e := w.report(t, report, w.bob2, w.bob)
	if ReportSlots(e) != 2 || e.ParsedHeader().Leave != (Leave{LeaveReport, w.group}) {
		t.Errorf("%d slots, leave %v", ReportSlots(e), e.ParsedHeader().Leave)
	}
	for _, self := range []person{w.bob, w.bob2} {
		got, err := OpenReport(e, w.org, self.key(), []PrekeyPrivate{self.private}, w.memberOf)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(report, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	}
	content, _, err := report.Messages[0].Open(w.org)
	if err != nil || string(content.Body) != "buy now" {
		t.Errorf("the message: %q, %v", content.Body, err)
	}
}

// However many slots and whatever is said: the number of slots follows from the size. [ENV-47]
func TestReportSlotsFollowFromTheSize(t *testing.T) {
	seen := make(map[int]int)
	for slots := 1; slots <= MaxReportSlots; slots++ {
		for plain := minReportPlain; plain <= maxReportPlain; plain *= 2 {
			size := slots*slotSize + bodyTagSize + plain + aeadOverhead
			if other, taken := seen[size]; taken {
				t.Fatalf("%d and %d slots make the same size", other, slots)
			}
			seen[size] = slots
			if reportSlots(size) != slots {
				t.Fatalf("%d slots are read as %d", slots, reportSlots(size))
			}
		}
	}
	for size := range 200 << 10 {
		if reportSlots(size) != seen[size] {
			t.Fatalf("%d bytes are read as %d slots", size, reportSlots(size))
		}
	}
}

func TestSealReportRefuses(t *testing.T) {
	w, other := newWorld(t, "report seal"), newWorld(t, "another organization")
	change := func(f func(*Report)) Report { r := w.complaint(t); f(&r); return r }
	for name, test := range map[string]struct {
		report Report
		slots  []Prekey
		want   error
	}{
		"nothing to show":   {change(func(r *Report) { r.Messages = nil }), []Prekey{w.bob.prekey}, ErrMalformed},
		"too many messages": {change(func(r *Report) { r.Messages = make([]Quote, MaxQuotes+1) }), []Prekey{w.bob.prekey}, ErrMalformed},
		"text too long":     {change(func(r *Report) { r.Text = strings.Repeat("x", MaxTextRunes+1) }), []Prekey{w.bob.prekey}, ErrText},
		"a forged message":  {change(func(r *Report) { r.Messages[0].Signature[0] ^= 1 }), []Prekey{w.bob.prekey}, ErrSignature},
		"no slot":           {w.complaint(t), nil, ErrSlots},
		"65 slots":          {w.complaint(t), make([]Prekey, MaxReportSlots+1), ErrSlots},
		"another org":       {w.complaint(t), []Prekey{other.bob.prekey}, ErrSlots},
	} {
		if _, err := SealReport(w.random, w.alice.device, test.report, test.slots, testMeta); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	large := w.chainAt(t, InGroup(w.group))
	_, quote, err := large.Seal(w.random, w.alice.device, &Line{}, Content{Kind: 1, Body: make([]byte, 64<<10)}, large.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SealReport(w.random, w.alice.device, change(func(r *Report) { r.Messages[0] = quote }), []Prekey{w.bob.prekey}, testMeta); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a message of 64 KiB: %v, want ErrTooLarge", err)
	}
}
