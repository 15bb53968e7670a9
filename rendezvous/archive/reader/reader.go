package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// Options say what to read, and with what.
type Options struct {
	Keys []envelope.ArchivePrivate // each opens what was sealed to it
	// State is the organization's roll, for names, nil if there is none. With it, who signed is held against it.
	State *membership.State
	// Heads and Since are what the store is held against, as audit has them.
	Heads []segment.SignedHead
	Since []segment.SignedHead
	// Verify has receivers' attestations, authors' numbers and gaps looked at: it takes about 200 bytes of memory an envelope.
	Verify bool
	// Report gets each notice as it is made.
	Report func(Notice)
}

// Summary is what was read.
type Summary struct {
	Chains   []audit.Summary `json:"chains"`
	Messages int             `json:"messages"` // envelopes that hold a message and opened
	Others   int             `json:"others"`   // announcements, attestations, introductions, reports
	Notices  int             `json:"notices"`
}

// ErrKeys means that no key opens anything of a store.
var ErrKeys = errors.New("reader: none of the keys is one that this store is sealed to")

// Read opens everything in a storage and has visit see each entry in the order in which it came, but for messages whose
// chain was announced behind them, which come at the end of their service's. [ARC-60]
func Read(ctx context.Context, s storage.Storage, options Options, visit func(*Entry) error) (Summary, error) {
	r := &reading{storage: s, options: options, names: names{options.State}, visit: visit,
		opened: make(map[keys.EnvelopeID]outcome), lines: lines{of: make(map[lineKey]*line)}}
	services, err := audit.Services(ctx, s, func(name string) {
		r.report(Notice{Kind: NoticeStore, What: "something else is in the store: " + name})
	})
	if err != nil {
		return r.summary, err
	}
	for _, service := range r.withLost(services) {
		if err := r.service(ctx, service); err != nil {
			return r.summary, err
		}
	}
	if r.sealed && !r.fits {
		return r.summary, ErrKeys
	}
	if options.Verify {
		r.compare()
		r.numbers()
	}
	return r.summary, nil
}

// reading is one reading of a storage.
type reading struct {
	storage storage.Storage
	options Options
	names   names
	visit   func(*Entry) error
	summary Summary

	sealed, fits bool // something is there; a key fits something of it
	opened       map[keys.EnvelopeID]outcome
	attested     []attested
	lines        lines
}

// outcome is what became of an envelope.
type outcome struct {
	opened  bool
	content keys.ContentID
}

// attested is what a receiver says that it opened.
type attested struct {
	device keys.PublicKey
	seen   envelope.Attested
	at     at
}

func (r *reading) report(n Notice) {
	r.summary.Notices++
	if !n.Device.IsZero() && n.Name == "" {
		_, author := r.names.author(n.Device)
		n.Name = author.Name
	}
	if r.options.Report != nil {
		r.options.Report(n)
	}
}

// withLost adds the services of which there is a head and nothing in the store.
func (r *reading) withLost(services []keys.PublicKey) []keys.PublicKey {
	for _, head := range r.options.Heads {
		if !slices.Contains(services, head.Service) {
			services = append(services, head.Service)
		}
	}
	return services
}

// compare holds what receivers opened against what the archive opened. [ARC-62]
func (r *reading) compare() {
	for _, a := range r.attested {
		n := Notice{Item: a.at.number, Envelope: a.seen.Envelope, Device: a.device, Time: a.at.arrived}
		switch got, ok := r.opened[a.seen.Envelope]; {
		case !ok:
			n.Kind, n.What = NoticeAbsent, "this device says that it opened the envelope, which the archive never got"
		case !got.opened:
			n.Kind, n.What = NoticeDiffers, "this device says that it opened the envelope, which does not open for the archive"
		case got.content != a.seen.Content:
			n.Kind, n.What = NoticeDiffers, fmt.Sprintf("this device opened content %s, the archive %s", a.seen.Content, got.content)
		default:
			continue
		}
		r.report(n)
	}
}

// numbers names what is missing in the lines of authors. [ARC-63]
func (r *reading) numbers() {
	for _, key := range r.lines.entered {
		if missing := r.lines.of[key].gaps(); len(missing) > 0 {
			r.report(Notice{Kind: NoticeNumbers, Device: key.device, What: fmt.Sprintf(
				"numbers %s of its messages in conversation %s are not here", strings.Join(missing, ", "), key.conversation)})
		}
	}
}
