package envelope

import (
	"fmt"
	"io"
	"math/bits"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Report shows messages to those who may act upon them: the moderators of a group, or the admins. It has what the
// reporter chose and nothing else, and each message proves its author. [ENV-48]
type Report struct {
	Org      keys.OrgID    `cbor:"1,keyasint"`
	From     keys.MemberID `cbor:"2,keyasint"`
	Group    keys.GroupID  `cbor:"3,keyasint,omitzero"` // whose moderators get it; zero: the admins
	Text     string        `cbor:"4,keyasint"`          // why: NFC, empty or CheckText
	Messages []Quote       `cbor:"5,keyasint"`          // 1 to MaxQuotes
	Head     []byte        `cbor:"6,keyasint,omitempty"`
}

// reportBody is what is signed: the salt of the header ties it to one envelope.
type reportBody struct {
	_      struct{} `cbor:",toarray"`
	Report Report
	Salt   [saltSize]byte
}

// check applies the rules of form. [ENV-48]
func (r Report) check() error {
	switch {
	case len(r.Messages) == 0 || len(r.Messages) > MaxQuotes:
		return fmt.Errorf("%w: a report of %d messages", ErrMalformed, len(r.Messages))
	case len(r.Head) > MaxHead:
		return fmt.Errorf("%w: head of %d bytes", ErrTooLarge, len(r.Head))
	case r.Text == "":
		return nil
	case NormalText(r.Text) != r.Text:
		return fmt.Errorf("%w: not in NFC", ErrText)
	}
	return CheckText(r.Text)
}

// verify checks the signatures of the messages. [ENV-49]
func (r Report) verify() error {
	for _, quote := range r.Messages {
		if _, _, err := quote.Open(r.Org); err != nil {
			return err
		}
	}
	return nil
}

// SealReport seals a report for 1 to MaxReportSlots prekeys. The text is normalized. Errors: ErrText, ErrTooLarge if the
// messages have more than about 64 KiB, ErrMalformed, ErrSlots. [ENV-47] [ENV-48]
func SealReport(random io.Reader, device keys.PrivateKey, report Report, slots []Prekey, meta Meta) (Envelope, error) {
	report.Text = NormalText(report.Text)
	if err := report.check(); err != nil {
		return Envelope{}, err
	}
	if err := report.verify(); err != nil {
		return Envelope{}, err
	}
	if len(slots) == 0 || len(slots) > MaxReportSlots {
		return Envelope{}, ErrSlots
	}
	meta.Leave = Leave{LeaveReport, report.Group}
	header, err := newHeader(random, Header{Kind: KindReport, Sender: device.Public()}, meta)
	if err != nil {
		return Envelope{}, err
	}
	body := wire.Encode(reportBody{Report: report, Salt: header.Salt})
	signed := wire.Encode(signedWire{Body: body, Signature: device.Sign(keys.DomainReport, report.Org, body)})
	size := reportPlain(4 + len(signed))
	if size > maxReportPlain {
		return Envelope{}, fmt.Errorf("%w: a report of %d bytes", ErrTooLarge, len(signed))
	}
	var key messageKey
	if err := fill(random, key[:]); err != nil {
		return Envelope{}, err
	}
	encoded := wire.Encode(header)
	sealed := make([]byte, 0, len(slots)*slotSize+bodyTagSize+size+aeadOverhead)
	for _, to := range slots {
		slot, err := sealSlot(key, keys.DomainReport, report.Org, header.Sender, encoded, to)
		if err != nil {
			return Envelope{}, err
		}
		sealed = append(sealed, slot...)
	}
	sealed = append(sealed, key.seal(header.Salt, encoded, pad(signed, size))...)
	return newEnvelope(header, encoded, sealed), nil
}

// OpenReport opens a report to the device self in org with one of its private prekeys, likeliest first, and checks that
// the sender belongs to From and that every message is its author's. The caller checks that self may see reports to Group.
// Errors: ErrKind, ErrPrekey (no slot is for self), ErrOpen, ErrMalformed, ErrTooLarge, ErrBinding, ErrSignature,
// ErrMember, ErrText. [ENV-47] to [ENV-49]
func OpenReport(e Envelope, org keys.OrgID, self keys.PublicKey, prekeys []PrekeyPrivate,
	memberOf MemberOf) (Report, error) {
	if e.parsed.Kind != KindReport {
		return Report{}, ErrKind
	}
	slots := reportSlots(len(e.Sealed))
	key, err := openSlot(e, keys.DomainReport, slots, org, self, prekeys)
	if err != nil {
		return Report{}, err
	}
	padded, err := key.open(e.parsed.Salt, e.Header, e.Sealed[slots*slotSize:])
	if err != nil {
		return Report{}, err
	}
	report, err := openReportBody(padded, org, e.parsed)
	if err != nil {
		return Report{}, err
	}
	if from, known := memberOf(e.parsed.Sender); !known || report.From != from {
		return Report{}, ErrMember
	}
	return report, report.verify()
}

func openReportBody(padded []byte, org keys.OrgID, header Header) (Report, error) {
	data, err := unpad(padded, reportPlain)
	if err != nil {
		return Report{}, err
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Report{}, fmt.Errorf("%w: report: %w", ErrMalformed, err)
	}
	var body reportBody
	if err := wire.Decode(signed.Body, &body); err != nil {
		return Report{}, fmt.Errorf("%w: report: %w", ErrMalformed, err)
	}
	if body.Report.Org != org || body.Salt != header.Salt || body.Report.Group != keys.GroupID(header.Leave.ID) {
		return Report{}, fmt.Errorf("%w: report", ErrBinding)
	}
	if header.Sender.Verify(keys.DomainReport, org, signed.Body, signed.Signature) != nil {
		return Report{}, fmt.Errorf("%w: report", ErrSignature)
	}
	return body.Report, body.Report.check()
}

// reportPlain returns the padded size of length bytes of a report: a power of two from 1 KiB, so that the number of slots
// follows from the size of the whole ([ENV-47]: no two of these powers differ by a multiple of a slot's size).
func reportPlain(length int) int { return max(minReportPlain, 1<<bits.Len(uint(length-1))) }

// reportSlots returns how many slots a report of so many sealed bytes has, or 0 if no report has them. [ENV-47]
func reportSlots(sealed int) int {
	for plain := minReportPlain; plain <= maxReportPlain; plain *= 2 {
		slots := sealed - bodyTagSize - plain - aeadOverhead
		if slots > 0 && slots%slotSize == 0 && slots/slotSize <= MaxReportSlots {
			return slots / slotSize
		}
	}
	return 0
}

// ReportSlots returns for how many devices a report is sealed, or 0 if e is no report: who passes it on need not open it.
func ReportSlots(e Envelope) int {
	if e.parsed.Kind != KindReport {
		return 0
	}
	return reportSlots(len(e.Sealed))
}
