package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// copyTime is how long what waits for the archive waits: until it comes, as far as anybody can tell. [RV-153]
const copyTime = 50 * 365 * day

// sinceNoted is how much later than it happened it may be on the disk that the archive took something.
const sinceNoted = time.Minute

// archive is what a node knows of one organization's archive beside the roll: since when it takes nothing, and what went on
// without a copy. [RV-153] [RV-154]
type archive struct {
	org   keys.OrgID
	store *kv.Store

	mu     sync.Mutex // guards the following
	record archiveRecord
	noted  uint64 // the record's Since, as it is on the disk
}

// archiveRecord is that, on disk. Times are Unix milliseconds.
type archiveRecord struct {
	Since     uint64 `cbor:"1,keyasint,omitzero"` // something waits, and was not taken since; zero: nothing waits
	From      uint64 `cbor:"2,keyasint,omitzero"` // of the gap that the archive was not told of yet: the first
	To        uint64 `cbor:"3,keyasint,omitzero"` // and the last
	Envelopes uint64 `cbor:"4,keyasint,omitzero"`
	Bytes     uint64 `cbor:"5,keyasint,omitzero"`
	Missed    uint64 `cbor:"6,keyasint,omitzero"` // envelopes that went on without a copy, in all
}

func newArchive(store *kv.Store, org keys.OrgID) *archive { return &archive{org: org, store: store} }

// open reads what is on disk.
func (a *archive) open() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.store.View(func(tx *kv.Tx) (err error) {
		a.record, err = a.read(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what waits for the archive: %w", err)
	}
	a.noted = a.record.Since
	return nil
}

func (a *archive) read(tx *kv.Tx) (r archiveRecord, err error) {
	value, err := tx.Get(kv.Key(tableArchive, a.org[:]))
	if errors.Is(err, kv.ErrNotFound) {
		return r, nil
	}
	if err == nil {
		err = wire.Decode(value, &r)
	}
	return r, err
}

// changeLocked changes the record on disk, where another process before the same cluster may have changed it; since when something
// waits is as this process knows it.
func (a *archive) changeLocked(change func(r *archiveRecord)) error {
	var r archiveRecord
	err := a.store.Update(func(tx *kv.Tx) (err error) {
		r = a.record
		if tx.Shared() {
			if r, err = a.read(tx); err != nil {
				return err
			}
			r.Since = a.record.Since
		}
		change(&r)
		return tx.Put(kv.Key(tableArchive, a.org[:]), wire.Encode(r))
	})
	if err == nil {
		a.record, a.noted = r, r.Since
	}
	return err
}

// waits notes that something waits for the archive.
func (a *archive) waits(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.record.Since != 0 {
		return nil
	}
	return a.changeLocked(func(r *archiveRecord) { r.Since = millis(now) })
}

// took notes that the archive has taken something, and whether more waits.
func (a *archive) took(now time.Time, more bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.record.Since
	if a.record.Since = 0; more {
		a.record.Since = millis(now)
	}
	late := a.record.Since > a.noted+uint64(sinceNoted.Milliseconds())
	if (before == 0) == (a.record.Since == 0) && (a.record.Since == 0) == (a.noted == 0) && !late {
		return nil
	}
	return a.changeLocked(func(*archiveRecord) {})
}

// missed notes that envelopes go on without a copy: on the disk before their senders are answered.
func (a *archive) missed(now time.Time, envelopes, bytes uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := millis(now)
	return a.changeLocked(func(r *archiveRecord) {
		if r.Envelopes == 0 {
			r.From = at
		}
		r.To = max(r.From, at)
		r.Envelopes += envelopes
		r.Bytes += bytes
		r.Missed += envelopes
	})
}

// gap returns the gap that the archive was not told of yet, false for none.
func (a *archive) gap() (g rvproto.Gap, some bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.record
	return rvproto.Gap{Org: a.org, From: r.From, To: r.To, Envelopes: r.Envelopes, Bytes: r.Bytes}, r.Envelopes > 0
}

// told takes a gap off that waits for the archive now.
func (a *archive) told(g rvproto.Gap) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changeLocked(func(r *archiveRecord) {
		r.Envelopes -= min(r.Envelopes, g.Envelopes)
		r.Bytes -= min(r.Bytes, g.Bytes)
		if r.From = g.To; r.Envelopes == 0 {
			r.From, r.To = 0, 0
		}
	})
}

func (a *archive) snapshot() archiveRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.record
}

func millis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 1)) }

// archivePayer is whose room copies take: nobody's of the members', so that an archive that is away costs them nothing.
func archivePayer(service keys.PublicKey) keys.MemberID {
	return keys.Hash[keys.Member](keys.DomainArchive, []byte("payer"), service[:])
}

// copyID is the id of the archive's copy in the queue, where it is another body than the one for devices: that goes when they
// have it.
func copyID(id keys.EnvelopeID) keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainArchive, []byte("copy"), id[:])
}

// isBehind reports whether more waits for the archive than may, with so many bytes more. [RV-153]
func (n *Node) isBehind(o *org, terms membership.ArchiveTerms, more int64) bool {
	_, _, used := n.queue.Usage(o.id, archivePayer(terms.Service))
	if used.Entries == 0 { // whatever it is, it is not too much alone
		return false
	}
	since := o.archive.snapshot().Since
	age := n.cfg.Now().Sub(time.UnixMilli(int64(since)))
	return uint64(used.Bytes+more) > terms.Bytes || since != 0 && age > time.Duration(terms.Age)*time.Second
}

// keeping is the archive's part in a post.
type keeping struct {
	membership.ArchiveTerms
	free  bool // it takes nobody's room but the archive's: it is about an account that is designated, as far as the node sees
	alone bool // it is for the archive and nobody else
}

// archived settles what the archive is to have of a post, and takes the archive out of its recipients: the others are judged as
// ever. It reports whether there is anything left to judge. [RV-151] [RV-152]
func (j *judging) archived() (judge bool) {
	terms, ok := j.state.ArchiveTerms()
	header := &j.q.header
	if !ok {
		j.status = refusedIf(header.Kind == envelope.KindAttestation)
		return j.status == wire.StatusOK
	}
	named := slices.Contains(j.q.to, terms.Service)
	spread := len(j.q.to) == 0
	if named {
		j.q.to = slices.DeleteFunc(slices.Clone(j.q.to), func(key keys.PublicKey) bool { return key == terms.Service })
	}
	keep := &keeping{ArchiveTerms: terms, alone: named && len(j.q.to) == 0}
	switch header.Kind {
	case envelope.KindAttestation:
		j.keep, j.status = keep, refusedIf(!keep.alone)
		return false
	case envelope.KindAnnounce:
		if named {
			j.keep = keep
		}
		return !keep.alone
	}
	if spread && header.Leave.Kind == envelope.LeaveGroup {
		since, is := j.state.GroupArchivedSince(keys.GroupID(header.Leave.ID))
		switch keep.free = is; {
		case is && header.RollSize <= since:
			j.status = wire.StatusArchive
			return false
		case is || j.state.Archived(j.q.sender):
			j.keep = keep
		}
		return true
	}
	keep.free = j.touches()
	switch {
	case keep.free && !named:
		j.status = wire.StatusArchive
		return false
	case named && !keep.free && !keep.alone:
		j.refused = append(j.refused, rvproto.Refusal{Device: terms.Service, Status: wire.StatusRefused})
	case named:
		j.keep = keep
	}
	return !keep.alone
}

// lacksArchive reports whether a post is refused because the archive is not among its recipients.
func (o *org) lacksArchive(q question) bool {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	j := &judging{org: o, state: o.roll.roll.State(), q: q}
	j.archived()
	return j.status == wire.StatusArchive
}

// touches reports whether a post touches a designated account, as far as the node can see. [RV-151]
func (j *judging) touches() bool {
	if j.state.Archived(j.q.sender) {
		return true
	}
	switch leave := j.q.header.Leave; leave.Kind {
	case envelope.LeaveGroup:
		if j.state.GroupArchived(keys.GroupID(leave.ID)) {
			return true
		}
	case envelope.LeaveDesk:
		if j.state.Archived(keys.MemberID(leave.ID)) {
			return true
		}
	}
	return slices.ContainsFunc(j.q.to, func(device keys.PublicKey) bool {
		member, known := j.state.AccountOf(device)
		return known && j.state.Archived(member)
	})
}

// keptCopy is a copy for the archive in a batch of posts.
type keptCopy struct {
	slot int // of its answer
	size int
	keeping
}

// keep makes an item of the archive's copy of a post that others get, or that is for the archive alone. Where the archive is
// behind, its mode decides. [RV-152] [RV-154]
func (p *poster) keep(v *verdict, answer *judged, body []byte, member keys.MemberID) {
	k := *v.keep
	if !k.alone && !v.reaches() && len(v.silent) == 0 && !v.spared { // nobody got it
		v.refused = append(v.refused, rvproto.Refusal{Device: k.Service, Status: wire.StatusRefused})
		return
	}
	payer, full := archivePayer(k.Service), false
	if k.free {
		full = p.node.isBehind(p.org, k.ArchiveTerms, p.copying+int64(len(body)))
	} else {
		payer, full = member, !p.tab.take(sizeOf(len(body), 1))
	}
	switch {
	case !full:
		p.copying += int64(len(body))
		p.copies = append(p.copies, queue.Item{
			ID: copyID(answer.ID), Org: p.org.id, Kind: queue.Envelope, Body: slices.Clone(body),
			Recipients: []keys.PublicKey{k.Service}, Expires: p.node.cfg.Now().Add(copyTime), Payer: payer,
		})
		p.kept = append(p.kept, keptCopy{len(p.answers), len(body), k})
	case k.free && k.Mode == membership.ArchiveClosed:
		v.status = wire.StatusArchiveFull
	default:
		p.without(v, k, len(body))
	}
}

// without lets a post go on without the archive's copy. Its sender is told, and offers the copy again.
func (p *poster) without(v *verdict, k keeping, size int) {
	if k.free && !k.alone {
		p.missed, p.missedBytes = p.missed+1, p.missedBytes+uint64(size)
	}
	v.refused = append(v.refused, rvproto.Refusal{Device: k.Service, Status: wire.StatusFull})
}

// commitCopies puts the archive's copies into the queue, before anything that they are copies of: what has no copy, and may not go
// without, goes nowhere. [RV-152]
func (p *poster) commitCopies(ctx context.Context) {
	if len(p.copies) > 0 {
		for i, err := range p.node.queue.Put(ctx, p.copies) {
			p.committed(p.kept[i], err)
		}
		p.node.noteArchive("noting what waits for the archive", p.org.archive.waits(p.node.cfg.Now()))
	}
	if p.missed > 0 {
		p.node.counters.archiveMissed.Add(int64(p.missed))
		p.node.noteArchive("noting what the archive does not have", p.org.archive.missed(p.node.cfg.Now(), p.missed, p.missedBytes))
	}
}

func (p *poster) committed(c keptCopy, err error) {
	answer := &p.answers[c.slot]
	switch {
	case err == nil:
		p.node.counters.archived.Add(1)
	case isFull(err) && (!c.free || c.Mode == membership.ArchiveOpen):
		v := verdict{refused: answer.Refused}
		p.without(&v, c.keeping, c.size)
		answer.Refused = v.refused
	case isFull(err):
		p.withhold(c.slot, wire.StatusArchiveFull)
	default:
		p.withhold(c.slot, p.node.fault("queueing the archive's copy", err))
		p.node.queueFails.Store(true)
	}
}

// withhold has a post go nowhere.
func (p *poster) withhold(slot int, status wire.Status) {
	p.answers[slot].Status, p.answers[slot].Refused, p.answers[slot].Newer = status, nil, nil
	for i := len(p.items) - 1; i >= 0; i-- {
		if p.slots[i] == slot {
			p.items, p.slots = slices.Delete(p.items, i, i+1), slices.Delete(p.slots, i, i+1)
		}
	}
}

// noteArchive logs a fault in the archive's record, which stops nothing.
func (n *Node) noteArchive(doing string, err error) {
	if err != nil {
		n.fault(doing, err)
	}
}

// tellGap has the archive told of what it does not have, once it is behind no more. [RV-155]
func (n *Node) tellGap(ctx context.Context, o *org, service keys.PublicKey) {
	var terms membership.ArchiveTerms
	o.roll.read(func(state *membership.State) { terms, _ = state.ArchiveTerms() })
	gap, some := o.archive.gap()
	if !some || terms.Service != service || n.isBehind(o, terms, 0) || o.move.Load() != nil {
		return
	}
	gap.Archive = service
	signed, err := rvproto.SignGap(gap, n.key)
	if err == nil {
		err = n.queue.Put(ctx, []queue.Item{{
			ID: rvproto.GapID(signed), Org: o.id, Kind: queue.Gap, Body: signed, Recipients: []keys.PublicKey{service},
			Expires: n.cfg.Now().Add(copyTime), Payer: archivePayer(service),
		}})[0]
	}
	if err == nil {
		err = o.archive.told(gap)
	}
	if err != nil && !isFull(err) {
		n.fault("telling the archive what it does not have", err)
	}
}

// settleArchive notes that the archive has taken something.
func (d *deliverer) settleArchive(ctx context.Context) {
	_, _, used := d.node.queue.Usage(d.org.id, archivePayer(d.device))
	d.node.noteArchive("noting what the archive took", d.org.archive.took(d.node.cfg.Now(), used.Entries > 0))
	d.node.tellGap(context.WithoutCancel(ctx), d.org, d.device)
}

// forArchiveAlone reports whether an item is an announcement or attestation, which takes its sender's room.
func forArchiveAlone(item *queue.Item) bool {
	header, err := envelope.HeaderOf(item.Body)
	return item.Kind == queue.Envelope && err == nil &&
		(header.Kind == envelope.KindAnnounce || header.Kind == envelope.KindAttestation)
}

// archiveStatus says how far an organization's archive is behind; nil if it has none.
func (n *Node) archiveStatus(o *org) *ArchiveStatus {
	var terms membership.ArchiveTerms
	var has bool
	o.roll.read(func(state *membership.State) { terms, has = state.ArchiveTerms() })
	if !has {
		return nil
	}
	_, _, used := n.queue.Usage(o.id, archivePayer(terms.Service))
	record := o.archive.snapshot()
	s := &ArchiveStatus{
		Service: terms.Service, Closed: terms.Mode == membership.ArchiveClosed, Connected: o.sessions.has(terms.Service),
		Behind: n.isBehind(o, terms, 0), Waiting: used.Entries, Bytes: used.Bytes, Missed: int64(record.Missed),
	}
	if record.Since != 0 && used.Entries > 0 {
		s.Since = time.UnixMilli(int64(record.Since)).UTC()
	}
	return s
}
