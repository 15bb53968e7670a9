package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// parkedPatience is how long an envelope waits for the announcement of its chain, which another part may hold, before its sender
// is told that it does not open.
const parkedPatience = 24 * time.Hour

// bundleImport is one part of a bundle that is taken in.
type bundleImport struct {
	o       *organization
	nodes   []keys.PublicKey // rendezvous nodes whose word counts
	result  api.BundleImport
	items   uint64
	ended   bool
	taken   int64 // of the last envelope that is carried from now on
	batch   []envelope.Carried
	size    int
	chains  map[chainKey]bool         // announced in the batch
	given   func(signed []byte) error // what is done with this device's receipts, beside keeping them; nil: nothing
	changed bool                      // there is something to hand on
	// loose is how many envelopes and receipts are carried since it was looked whether they are too many, and looseSize their bytes.
	loose, looseSize int
	silent           int // envelopes of which nothing is said
}

// ImportBundle takes in one part of a bundle. What came in before r breaks off, or ctx ends, stays. [API-162]
func (n *Node) ImportBundle(ctx context.Context, request api.BundleImportRequest, r io.Reader) (api.BundleImport, error) {
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return api.BundleImport{}, err
	}
	var able []bundle.Key
	for _, o := range named {
		key, err := o.bundleKey()
		if err != nil {
			return api.BundleImport{}, err
		}
		able = append(able, key)
	}
	in := bundle.NewReader(r, able...)
	first, err := in.Next()
	if errors.Is(err, bundle.ErrForeign) || len(able) == 0 {
		return api.BundleImport{}, api.Errorf(api.CodeUsage, "this is not a bundle of an organization of this device").
			WithHint("`muster org list` shows the organizations of this device; the file may also be damaged from its beginning to its end")
	} else if err != nil {
		return api.BundleImport{}, fmt.Errorf("reading the bundle: %w", err)
	}
	at := slices.IndexFunc(named, func(o *organization) bool { return o.org == in.Org().Org })
	o := named[at]
	if err := o.mayAct(); err != nil {
		return api.BundleImport{}, err
	}
	x := o.newImport()
	if err = x.all(ctx, in, first); err == nil {
		err = x.finish(in)
	} else {
		err = errors.Join(err, x.keepWithin())
	}
	if x.changed {
		wake(o.wakeCarried)
	}
	return x.result, err
}

func (o *organization) newImport() *bundleImport {
	x := &bundleImport{o: o, chains: make(map[chainKey]bool), taken: o.now().UnixMilli()}
	x.result.Org, x.result.OrgName = o.org.String(), o.name()
	o.mu.Lock()
	x.nodes = o.rollNodesLocked()
	o.mu.Unlock()
	return x
}

// all takes the items in, one after the other. [CAR-14] [CAR-21]
func (x *bundleImport) all(ctx context.Context, in *bundle.Reader, item bundle.Item) error {
	for {
		if err := x.take(item); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		item, err = in.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, bundle.ErrHostile) {
			if errors.Is(err, bundle.ErrHostile) {
				x.result.Malformed++
			}
			return x.flush()
		} else if err != nil {
			return errors.Join(x.flush(), fmt.Errorf("reading the bundle: %w", err))
		}
	}
}

// finish says what is whole, takes what has waited for another part, and keeps within bounds.
func (x *bundleImport) finish(in *bundle.Reader) error {
	damage, places := in.Damage()
	for _, d := range damage {
		x.result.Damaged = append(x.result.Damaged, api.BundleDamage{From: d.From, To: d.To, Cut: d.Cut})
	}
	x.result.Damage = places
	x.result.Whole = x.ended && places == 0 && x.result.Malformed == 0
	if err := x.takeParked(); err != nil {
		return err
	}
	return x.keepWithin()
}

// take takes one item in. An error is the store's.
func (x *bundleImport) take(item bundle.Item) (err error) {
	x.items++
	switch item.Kind {
	case bundle.KindAbout:
		x.about(item.Body)
	case bundle.KindRoll:
		return x.roll(item.Body)
	case bundle.KindBar:
		if err := x.o.hearBar(item.Body); err == nil {
			x.result.Bars++
		}
	case bundle.KindPrekey:
		return x.prekey(item.Body)
	case bundle.KindReceipt:
		return x.receipt(item.Body)
	case bundle.KindCarried:
		return x.carried(item.Body)
	case bundle.KindEnd:
		end, err := bundle.OpenEnd(item.Body)
		if err != nil {
			x.result.Malformed++
			return nil
		}
		x.ended, x.result.Last = end.Items+1 == x.items, end.Last
	default:
		x.result.Unknown++
	}
	return nil
}

func (x *bundleImport) about(body []byte) {
	about, err := bundle.OpenAbout(body, x.o.org)
	if err != nil {
		x.result.Malformed++
		return
	}
	x.items, x.ended = 1, false
	x.result.Part, x.result.Made = int(min(about.Part, 1<<30)), time.Unix(min(max(about.Made, 0), 1<<36), 0).UTC()
	x.o.mu.Lock()
	defer x.o.mu.Unlock()
	if member, ok := x.o.memberOfLocked(about.Maker); ok {
		x.result.Maker = x.o.memberNameLocked(member)
	} else if slices.Contains(x.nodes, about.Maker) {
		x.result.Maker = "rendezvous node"
	}
}

// roll takes in newer entries of the roll. Whatever is wrong with them says nothing of the rendezvous node. [CAR-14]
func (x *bundleImport) roll(body []byte) error {
	piece, err := bundle.OpenRoll(body)
	if err != nil {
		x.result.Malformed++
		return nil
	}
	o := x.o
	o.mu.Lock()
	size := o.roll.Size()
	end := piece.First + uint64(len(piece.Entries))
	if end < piece.First || end <= size || piece.First > size {
		x.result.Behind = piece.First > size
		o.mu.Unlock()
		return nil
	}
	page := rvclient.Page{Checkpoint: piece.Checkpoint, Entries: piece.Entries[size-piece.First:]}
	var entries []membership.Entry
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			x.result.Malformed++
			o.mu.Unlock()
			return nil
		}
		entries = append(entries, entry)
	}
	proof, err := o.roll.ProveExtension(entries)
	o.mu.Unlock()
	if err != nil {
		x.result.Malformed++
		return nil //nolint:nilerr // what the bundle says cannot be laid on the roll
	}
	for _, hash := range proof {
		page.Proof = append(page.Proof, hash)
	}
	if err := o.takeRoll(page); err != nil {
		o.log.Info("a bundle told of the roll", "error", err)
		x.result.Behind = true
		return nil
	}
	x.result.Entries += len(entries)
	o.mu.Lock()
	x.nodes = o.rollNodesLocked()
	o.mu.Unlock()
	return nil
}

func (x *bundleImport) prekey(body []byte) error {
	p, err := bundle.OpenPrekey(body)
	if err != nil {
		x.result.Malformed++
		return nil
	}
	x.o.mu.Lock()
	defer x.o.mu.Unlock()
	kept := false
	err = x.o.node.store.Update(func(tx *store.Tx) (err error) {
		kept, err = x.o.knowPrekey(tx, p.Device, p.Signed)
		return err
	})
	if kept {
		x.result.Prekeys++
	}
	return err
}

// receipt takes in what a device says of envelopes: of this device's own at once; else it is carried on, and what is carried for
// that device is not any more. [CAR-5] [CAR-6]
func (x *bundleImport) receipt(body []byte) error {
	r, err := envelope.OpenReceipt(body, x.o.org)
	if err != nil {
		x.result.Malformed++
		return nil
	}
	o := x.o
	if r.Sender == o.device {
		x.result.Receipts++
		_, err := o.receive(context.Background(), nil, []rvproto.DeliverFrame{{Kind: rvproto.KindReceipt, Body: body}})
		return err
	}
	kept, err := o.passReceipt(body, r)
	switch {
	case errors.Is(err, errRefusedReceipt):
		x.result.Refused++
		return nil
	case kept:
		x.result.Passed, x.changed = x.result.Passed+1, true
		return errors.Join(err, x.keepLoose(len(body)))
	}
	return err
}

// carried takes in an envelope: what of it is for this device is opened, the rest is carried on. [CAR-2] [CAR-20]
func (x *bundleImport) carried(body []byte) error {
	o := x.o
	c, err := envelope.ParseCarried(body, envelope.MaxEnvelope)
	if err != nil {
		x.result.Malformed++
		return nil
	}
	header := c.Envelope.ParsedHeader()
	if header.Sender == o.device {
		return nil
	}
	o.mu.Lock()
	active, over := o.activeSenderLocked(header.Sender), header.Expires < o.sober().Unix()
	mine := slices.Contains(c.Label.Wanted, o.device) || len(c.Label.Wanted) == 0 && o.meantByLocked(header.Leave)
	others := o.activeAmongLocked(difference(c.Label.Wanted, []keys.PublicKey{o.device, header.Sender}))
	o.mu.Unlock()
	switch {
	case !active || c.Verify(o.org, x.nodes...) != nil:
		x.result.Refused++
		return nil
	case over:
		x.result.Expired++
		return nil
	}
	if len(others) > 0 || len(c.Label.Wanted) == 0 {
		if err := x.keep(c.For(others)); err != nil {
			return err
		}
	}
	if mine {
		return x.open(c)
	}
	return nil
}

// keep carries an envelope on.
func (x *bundleImport) keep(c envelope.Carried) error {
	kept := false
	x.o.mu.Lock()
	err := x.o.node.store.Update(func(tx *store.Tx) (err error) {
		kept, err = x.o.carry(tx, c, x.taken)
		return err
	})
	x.o.mu.Unlock()
	if err != nil || !kept {
		return err
	}
	x.taken++
	x.result.Carried, x.changed = x.result.Carried+1, true
	return x.keepLoose(len(c.EnvelopeBytes()))
}

// open opens an envelope with the next batch, unless another part has to come first.
func (x *bundleImport) open(c envelope.Carried) error {
	header := c.Envelope.ParsedHeader()
	key := chainKey{header.Sender, header.Chain}
	if header.Kind == envelope.KindMessage && !x.chains[key] {
		known, err := x.o.knowsChain(key, c.Label.ID)
		if err != nil {
			return err
		}
		if !known {
			x.result.Waiting++
			return x.keepOwn(c)
		}
	}
	if header.Kind == envelope.KindAnnounce {
		x.chains[key] = true
	}
	x.batch, x.size = append(x.batch, c), x.size+len(c.EnvelopeBytes())
	if len(x.batch) >= receivedAtOnce || x.size >= receivedBytesAtOnce {
		return x.flush()
	}
	return nil
}

// knowsChain reports whether the chain of an envelope was announced, or the envelope was opened before.
func (o *organization) knowsChain(key chainKey, id keys.EnvelopeID) (known bool, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		if known, err = tx.Seen(o.org, id); err != nil || known {
			return err
		}
		_, err := tx.Incoming(o.org, key.device, key.chain)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		known = err == nil
		return err
	})
	return known, err
}

// keepOwn keeps an envelope for this device until its chain is announced.
func (x *bundleImport) keepOwn(c envelope.Carried) error {
	x.o.mu.Lock()
	defer x.o.mu.Unlock()
	return x.o.node.store.Update(func(tx *store.Tx) error {
		kept, err := x.o.carry(tx, c.For([]keys.PublicKey{x.o.device}), x.taken)
		if kept {
			x.taken++
		}
		return err
	})
}

// flush opens the batch, and keeps the receipts for the way back. [CAR-22]
func (x *bundleImport) flush() error {
	batch := x.batch
	x.batch, x.size = nil, 0
	clear(x.chains)
	if len(batch) == 0 {
		return nil
	}
	var frames []rvproto.DeliverFrame
	before := 0
	err := x.o.node.store.View(func(tx *store.Tx) error {
		for _, c := range batch {
			frames = append(frames, rvproto.DeliverFrame{Kind: rvproto.KindEnvelope, Body: c.EnvelopeBytes()})
			seen, err := tx.Seen(x.o.org, c.Label.ID)
			if err != nil {
				return err
			}
			if seen {
				before++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ack, err := x.o.receive(context.Background(), nil, frames)
	if err != nil {
		return fmt.Errorf("saving what the bundle brought: %w", err)
	}
	if x.given != nil {
		for _, signed := range ack.Receipts {
			if err := x.given(signed); err != nil {
				return err
			}
		}
	}
	return x.keepReceipts(ack, before)
}

func (x *bundleImport) keepReceipts(ack rvproto.AckFrame, before int) error {
	o := x.o
	o.mu.Lock()
	defer o.mu.Unlock()
	opened, failed := 0, 0
	err := o.updateReceipts(func(tx *store.Tx) (some bool, err error) {
		opened, failed = 0, 0
		for _, signed := range ack.Receipts {
			r, err := envelope.ReadReceipt(signed, o.org)
			if err != nil {
				return false, err
			}
			opened, failed = opened+len(r.Opened), failed+len(r.Failed)
			kept, err := o.keepReceipt(tx, signed, r.Sender, o.now().UnixMilli())
			if err != nil {
				return false, err
			}
			some = some || kept
			if err := o.cancelCarried(tx, r); err != nil {
				return false, err
			}
		}
		return some, nil
	})
	if err != nil {
		return err
	}
	x.changed = x.changed || len(ack.Receipts) > 0
	x.result.Opened += max(0, opened-before)
	x.result.Already += before
	x.result.Unopened += failed
	x.silent += len(ack.IDs)
	return nil
}

// isMeantBy reports whether an envelope for a whole group is for this account too, and was not opened here.
func (o *organization) isMeantBy(c envelope.Carried) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.meantByLocked(c.Envelope.ParsedHeader().Leave) {
		return false
	}
	seen := false
	err := o.node.store.View(func(tx *store.Tx) (err error) { seen, err = tx.Seen(o.org, c.Label.ID); return err })
	return err == nil && !seen
}

// takeParked opens what was kept for this device and can be opened now, or has waited for long enough.
func (x *bundleImport) takeParked() error {
	o := x.o
	var all []store.Carry
	err := o.node.store.View(func(tx *store.Tx) (err error) { all, err = tx.Carries(o.org); return err })
	if err != nil {
		return err
	}
	now := o.now()
	for _, kept := range all {
		if !kept.Whole && !slices.Contains(kept.Wanted, o.device) {
			continue
		}
		c, ok, err := o.readCarried(kept)
		if err != nil {
			return err
		}
		header := c.Envelope.ParsedHeader()
		if !ok || kept.Whole && !o.isMeantBy(c) {
			continue
		}
		known, err := o.knowsChain(chainKey{header.Sender, header.Chain}, kept.ID)
		if err != nil {
			return err
		}
		if !known && (kept.Whole || now.Sub(time.UnixMilli(kept.Taken)) < parkedPatience) {
			continue
		}
		if x.result.Waiting > 0 {
			x.result.Waiting--
		}
		x.batch, x.size = append(x.batch, c), x.size+len(c.EnvelopeBytes())
		if len(x.batch) >= receivedAtOnce || x.size >= receivedBytesAtOnce {
			if err := x.flush(); err != nil {
				return err
			}
		}
	}
	return x.flush()
}
