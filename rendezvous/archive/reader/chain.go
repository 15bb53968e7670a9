package reader

import (
	"context"
	"crypto/hpke"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/rvproto"
)

// chainReading is the reading of one service's chain of segments.
type chainReading struct {
	*reading
	service keys.PublicKey
	org     keys.OrgID
	chains  map[keys.ChainID][]*envelope.Inbound // of senders, by ascending start
	waiting []waiting
	lacking map[segment.KeyID]bool // keys that are not here
}

// waiting is a message that did not open yet: its chain may be announced later, or earlier in its line.
type waiting struct {
	at  at
	why error
}

// at is where an item is.
type at struct {
	number  uint64
	object  string
	place   int
	arrived time.Time
}

// service reads the chain of a service.
func (r *reading) service(ctx context.Context, service keys.PublicKey) error {
	c := &chainReading{reading: r, service: service, chains: make(map[keys.ChainID][]*envelope.Inbound), lacking: make(map[segment.KeyID]bool)}
	options := audit.Options{Heads: r.options.Heads, Report: func(f audit.Finding) {
		r.report(Notice{Kind: NoticeStore, Item: f.FirstItem, Envelope: f.Envelope, What: f.String()})
	}}
	for i, since := range r.options.Since {
		if since.Service == service {
			options.Since = &r.options.Since[i]
		}
	}
	summary, err := audit.Walk(ctx, r.storage, service, options, c.segment)
	r.summary.Chains = append(r.summary.Chains, summary)
	if err != nil {
		return err
	}
	return c.late(ctx)
}

// key returns the private key that a segment is sealed to, nil if it is not here.
func (c *chainReading) key(id segment.KeyID) (envelope.ArchivePrivate, hpke.PrivateKey) {
	for _, key := range c.options.Keys {
		if segment.KeyIDOf(key.Public()) == id {
			return key, key.KEM()
		}
	}
	return envelope.ArchivePrivate{}, nil
}

// segment opens the items of the next segment. A damaged one was reported by who walks. [ARC-60]
func (c *chainReading) segment(read *segment.Read) error {
	c.sealed = true
	key, private := c.key(read.Key)
	if private == nil {
		if !c.lacking[read.Key] {
			c.lacking[read.Key] = true
			c.report(Notice{Kind: NoticeUnopened, Item: read.First, What: fmt.Sprintf(
				"from here on items are sealed to the key %s, which was not given", read.Key.Short())})
		}
		return nil
	}
	c.fits, c.org = true, read.Org
	opener, err := read.Opener(private)
	if err != nil {
		return err
	}
	archive, err := key.For(read.Org, read.Service)
	if err != nil {
		return err
	}
	for place := range read.Items {
		where := at{number: read.First + uint64(place), object: audit.Name(c.service, read.Number), place: place}
		item, err := opener.Open(place)
		if errors.Is(err, segment.ErrMissing) || errors.Is(err, segment.ErrDamaged) {
			continue
		}
		if err != nil {
			c.report(Notice{Kind: NoticeUnopened, Item: where.number, Envelope: read.Items[place].ID, What: plainError(err)})
			continue
		}
		where.arrived = time.UnixMilli(item.Arrived).UTC()
		if err := c.item(archive, where, item); err != nil {
			return err
		}
	}
	return nil
}

// item looks at one item.
func (c *chainReading) item(archive envelope.ArchiveOpener, where at, item segment.Named) error {
	switch rvproto.Kind(item.Kind) {
	case rvproto.KindEnvelope:
		e, err := envelope.Parse(item.Body, rvproto.MaxEnvelope)
		if err != nil || e.ID() != item.ID {
			c.report(Notice{Kind: NoticeUnopened, Item: where.number, Time: where.arrived, What: "it is no envelope"})
			return nil
		}
		return c.envelope(archive, where, e)
	case rvproto.KindGap:
		c.summary.Others++
		c.gap(where, item.Body)
	default:
		c.summary.Others++ // receipts and returns: to the service, which never posts, they say nothing
	}
	return nil
}

// gap reports what a node says that it did not keep for the archive. [ARC-62]
func (c *chainReading) gap(where at, data []byte) {
	n := Notice{Kind: NoticeGap, Item: where.number, Time: where.arrived}
	g, err := rvproto.OpenGap(data, c.org)
	switch {
	case err != nil:
		n.What = "what says that it is a gap is none: " + plainError(err)
	case c.names.state != nil && !slices.ContainsFunc(c.names.state.Terms(), func(t membership.Term) bool { return t.Node == g.Node }):
		n.What = fmt.Sprintf("a gap told by %s, which the roll does not know as a rendezvous node", g.Node)
	default:
		n.What = fmt.Sprintf("node %s passed on %d envelopes with %d bytes without a copy, from %s to %s: senders bring what they still have",
			g.Node.Short(), g.Envelopes, g.Bytes, time.UnixMilli(int64(g.From)).UTC().Format(time.RFC3339), time.UnixMilli(int64(g.To)).UTC().Format(time.RFC3339))
	}
	c.report(n)
}

// envelope opens an envelope. [ARC-60]
func (c *chainReading) envelope(archive envelope.ArchiveOpener, where at, e envelope.Envelope) error {
	header := e.ParsedHeader()
	var err error
	switch header.Kind {
	case envelope.KindMessage:
		return c.message(where, e)
	case envelope.KindAnnounce:
		var inbound *envelope.Inbound
		if inbound, err = archive.Announce(e); err == nil {
			c.announced(inbound)
		}
	case envelope.KindAttestation:
		var attestation envelope.Attestation
		if attestation, err = archive.Attestation(e); err == nil && c.options.Verify {
			c.known(where, e, attestation.Device)
			for _, seen := range attestation.Seen {
				c.attested = append(c.attested, attested{attestation.Device, seen, where})
			}
		}
	case envelope.KindIntroduction, envelope.KindReport:
		return c.single(archive, where, e)
	}
	if err != nil {
		c.unopened(where, e, err)
	} else {
		c.summary.Others++
	}
	return nil
}

// announced keeps a chain. Of several announcements of one chain each begins at another position.
func (c *chainReading) announced(inbound *envelope.Inbound) {
	held := c.chains[inbound.Chain()]
	for _, other := range held {
		if other.Start() == inbound.Start() {
			return
		}
	}
	held = append(held, inbound)
	slices.SortFunc(held, func(a, b *envelope.Inbound) int { return int(int64(a.Start()) - int64(b.Start())) })
	c.chains[inbound.Chain()] = held[:min(len(held), maxAnnounced)]
}

// maxAnnounced bounds how many announcements of one chain are kept: those that open most.
const maxAnnounced = 16

// message opens a message of a chain, or keeps where it is until the end.
func (c *chainReading) message(where at, e envelope.Envelope) error {
	opened, place, err := c.open(e)
	if err != nil {
		c.waiting = append(c.waiting, waiting{where, err})
		return nil
	}
	return c.said(where, e, opened, place)
}

// errNoChain means that no announcement of a message's chain is there.
var errNoChain = errors.New("its chain was never announced to the archive")

// open tries the announcements of the chain, from the one that opens most on.
func (c *chainReading) open(e envelope.Envelope) (opened envelope.Opened, place envelope.Place, err error) {
	err = errNoChain
	for _, inbound := range c.chains[e.ParsedHeader().Chain] {
		if opened, err = inbound.Open(e); err == nil {
			return opened, inbound.Place(), nil
		}
	}
	return opened, place, err
}

// late opens what did not open before, now that every announcement is known. What does not open now is reported. [ARC-62]
func (c *chainReading) late(ctx context.Context) error {
	var read *segment.Read
	var opener *segment.Opener
	object := ""
	for _, w := range c.waiting {
		if w.at.object != object {
			data, err := c.storage.Read(ctx, w.at.object, segment.MaxBytes)
			if err == nil {
				read, err = segment.Parse(data)
			}
			if err == nil {
				_, private := c.key(read.Key)
				opener, err = read.Opener(private)
			}
			if err != nil {
				return fmt.Errorf("reading %s again: %w", w.at.object, err)
			}
			object = w.at.object
		}
		item, err := opener.Open(w.at.place)
		if err != nil {
			return fmt.Errorf("reading %s again: %w", w.at.object, err)
		}
		e, err := envelope.Parse(item.Body, rvproto.MaxEnvelope)
		if err != nil {
			return fmt.Errorf("reading %s again: %w", w.at.object, err)
		}
		opened, place, err := c.open(e)
		if err != nil {
			c.unopened(w.at, e, err)
			continue
		}
		if err := c.said(w.at, e, opened, place); err != nil {
			return err
		}
	}
	return nil
}

// unopened reports an envelope that the archive cannot open. [ARC-62]
func (c *chainReading) unopened(where at, e envelope.Envelope, err error) {
	header := e.ParsedHeader()
	if c.options.Verify {
		c.opened[e.ID()] = outcome{}
	}
	c.report(Notice{Kind: NoticeUnopened, Item: where.number, Envelope: e.ID(), Device: header.Sender, Time: where.arrived,
		What: fmt.Sprintf("%v: %s", header.Kind, plainError(err))})
}

// known reports a device that the roll does not know.
func (c *chainReading) known(where at, e envelope.Envelope, device keys.PublicKey) {
	if id, _ := c.names.author(device); c.names.state != nil && id.IsZero() {
		c.report(Notice{Kind: NoticeStranger, Item: where.number, Envelope: e.ID(), Device: device, Time: where.arrived,
			What: "the roll does not know the device that signed it; a newer roll may"})
	}
}

func plainError(err error) string {
	text := err.Error()
	if room, rest, ok := strings.Cut(text, ": "); ok && !strings.Contains(room, " ") {
		return rest
	}
	return text
}
