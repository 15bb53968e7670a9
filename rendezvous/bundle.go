package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

const (
	// bundledEntries and bundledRoll bound what of the roll goes into a bundle.
	bundledEntries = 16384
	bundledRoll    = 4 << 20
	// bundledAtOnce and bundledBytes bound what is read of the queue at once for a bundle.
	bundledAtOnce = 256
	bundledBytes  = 4 << 20
)

// BundleTaken says what came of a bundle that was imported.
type BundleTaken struct {
	Org       string `json:"org"`
	OrgName   string `json:"org_name"`
	Queued    int    `json:"queued"`   // envelopes that wait here now, or for which nobody has to wait
	Receipts  int    `json:"receipts"` // on their way to their senders
	Prekeys   int    `json:"prekeys"`
	Bars      int    `json:"bars"`
	Refused   int    `json:"refused"` // of senders who may not, or did not sign them; expired; too large
	Full      int    `json:"full"`    // for which there is no room: import again later
	Malformed int    `json:"malformed"`
	Unknown   int    `json:"unknown"` // of kinds that this version does not know
	Damage    int    `json:"damage"`  // places where nothing whole lies
	Whole     bool   `json:"whole"`
}

// BundleGiven says what a bundle holds that was made.
type BundleGiven struct {
	Org       string `json:"org"`
	Devices   int    `json:"devices"` // that something is for
	Envelopes int    `json:"envelopes"`
	Receipts  int    `json:"receipts"`
	Bytes     int64  `json:"bytes"`
}

// errNoOrg means that a bundle is to be made for an organization that is not here.
var errNoOrg = errors.New("no such organization here, or more than one: name one with --org")

// bundleKey returns what the organization's bundles are sealed under. [CAR-12]
func (o *org) bundleKey() (bundle.Key, error) {
	entries, err := o.roll.entries(0, 1)
	if err != nil || len(entries) == 0 {
		return bundle.Key{}, fmt.Errorf("reading the founding entry: %w", err)
	}
	return bundle.NewKey(o.id, entries[0])
}

// importBundle takes in a part of a bundle: envelopes and receipts as if members had handed them over, prekeys, and bars. [RV-195]
func (n *Node) importBundle(ctx context.Context, r io.Reader) (taken BundleTaken, err error) {
	var able []bundle.Key
	for _, o := range n.directory.all() {
		if o.moved().status == wire.StatusMoved {
			continue
		}
		key, err := o.bundleKey()
		if err != nil {
			return taken, err
		}
		able = append(able, key)
	}
	in := bundle.NewReader(r, able...)
	items, ended := uint64(0), false
	for {
		item, err := in.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, bundle.ErrHostile) {
			break
		} else if err != nil {
			return taken, err
		}
		if err := ctx.Err(); err != nil {
			return taken, err
		}
		items++
		switch o := n.directory.org(in.Org().Org); item.Kind {
		case bundle.KindAbout:
			items, ended = 1, false
			taken.Org, taken.OrgName = o.id.String(), o.name()
		case bundle.KindEnd:
			end, err := bundle.OpenEnd(item.Body)
			ended = err == nil && end.Items+1 == items
		default:
			n.takeItem(ctx, o, item, &taken)
		}
	}
	_, taken.Damage = in.Damage()
	taken.Whole = ended && taken.Damage == 0 && taken.Malformed == 0
	return taken, nil
}

// name returns the organization's name on the roll.
func (o *org) name() (name string) {
	o.roll.read(func(state *membership.State) { name = state.OrgName() })
	return name
}

// takeItem takes one item of a bundle and counts what came of it.
func (n *Node) takeItem(ctx context.Context, o *org, item bundle.Item, taken *BundleTaken) {
	var status wire.Status
	counted := &taken.Queued
	switch item.Kind {
	case bundle.KindCarried:
		status = n.takeCarried(ctx, o, item.Body)
	case bundle.KindReceipt:
		status, counted = n.takeCarriedReceipt(ctx, o, item.Body), &taken.Receipts
	case bundle.KindPrekey:
		counted = &taken.Prekeys
		if status = n.takePrekey(o, item.Body); status == wire.StatusStale {
			return
		}
	case bundle.KindBar:
		counted = &taken.Bars
		event, principal, err := membership.OpenEvent(item.Body)
		switch {
		case err != nil || event.Bar == nil || principal.Org != o.id:
			status = wire.StatusMalformed
		default:
			status = n.submit(ctx, o, principal.Signer, principal.Signer, item.Body, nil)
		}
	case bundle.KindRoll:
		return // this node orders it
	default:
		counted = &taken.Unknown
	}
	switch {
	case status == wire.StatusMalformed:
		taken.Malformed++
	case status.Retryable():
		taken.Full++
	case status != wire.StatusOK:
		taken.Refused++
	default:
		*counted++
	}
}

// takePrekey keeps a device's prekey that others brought.
func (n *Node) takePrekey(o *org, body []byte) wire.Status {
	p, err := bundle.OpenPrekey(body)
	if err != nil {
		return wire.StatusMalformed
	}
	if _, active := o.roll.memberOf(p.Device); !active {
		return wire.StatusRefused
	}
	return o.prekeys.put(p.Device, p.Signed, n.cfg.Now())
}

// bundleFor is what a bundle is asked for.
type bundleFor struct {
	org     string   // name or id; empty: the one that there is
	members []string // names or ids; none: all
}

// orgNamed returns the organization of a name or an id.
func (n *Node) orgNamed(name string) (*org, error) {
	var found []*org
	for _, o := range n.directory.all() {
		if name == "" || o.name() == name || o.id.String() == name {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		return nil, errNoOrg
	}
	return found[0], nil
}

// devicesNamed returns the devices of members, and the members.
func (o *org) devicesNamed(names []string) (devices []keys.PublicKey, members []keys.MemberID, err error) {
	o.roll.read(func(state *membership.State) {
		all := state.Members()
		for _, name := range names {
			at := slices.IndexFunc(all, func(m membership.Member) bool { return m.Name == name || m.ID.String() == name })
			if at < 0 {
				err = fmt.Errorf("no member %q", name)
				return
			}
			members = append(members, all[at].ID)
		}
		for _, m := range all {
			if len(names) == 0 || slices.Contains(members, m.ID) {
				devices = append(devices, state.Devices(m.ID)...)
			}
		}
	})
	slices.SortFunc(devices, keys.PublicKey.Compare)
	return slices.Compact(devices), members, err
}

// newBundle looks up what a bundle is to hold.
func (n *Node) newBundle(ask bundleFor) (*bundleWriting, error) {
	o, err := n.orgNamed(ask.org)
	if err != nil {
		return nil, err
	}
	b := &bundleWriting{node: n, org: o, waiting: make(map[keys.EnvelopeID][]keys.PublicKey)}
	if b.devices, b.members, err = o.devicesNamed(ask.members); err != nil {
		return nil, err
	}
	if b.key, err = o.bundleKey(); err != nil {
		return nil, err
	}
	return b, nil
}

// bundleWriting is a bundle that is being made of what waits.
type bundleWriting struct {
	node    *Node
	org     *org
	key     bundle.Key
	devices []keys.PublicKey
	members []keys.MemberID
	waiting map[keys.EnvelopeID][]keys.PublicKey // who waits for an envelope; empty: it is written
	given   BundleGiven
}

// write writes what waits for the devices. Nothing of it is removed: only receipts do that. [RV-196]
func (b *bundleWriting) write(ctx context.Context, to io.Writer) error {
	about := bundle.About{Made: b.node.cfg.Now().Unix(), Part: 1}
	if len(b.members) <= bundle.MaxFor {
		about.For = b.members
	}
	if _, err := io.ReadFull(b.node.cfg.Random, about.Salt[:]); err != nil {
		return err
	}
	w := bundle.NewWriter(to, b.key, about.Salt, 0)
	first, err := about.Sign(b.org.id, b.node.key)
	if err != nil {
		return err
	}
	if err := w.Put(first); err != nil {
		return err
	}
	if err := b.writeRoll(w); err != nil {
		return err
	}
	if err := b.writePrekeys(w); err != nil {
		return err
	}
	err = b.each(ctx, func(device keys.PublicKey, d queue.Delivery) error {
		if d.Kind == queue.Envelope && len(b.waiting[d.ID]) < envelope.MaxWanted {
			b.waiting[d.ID] = append(b.waiting[d.ID], device)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := b.each(ctx, func(_ keys.PublicKey, d queue.Delivery) error { return b.writeOne(w, d) }); err != nil {
		return err
	}
	return w.Put(bundle.End{Items: w.Items(), Last: true}.Item())
}

// each visits what waits for each device, in the order in which it came.
func (b *bundleWriting) each(ctx context.Context, visit func(keys.PublicKey, queue.Delivery) error) error {
	for _, device := range b.devices {
		for after := uint64(0); ; {
			some, err := b.node.queue.Next(ctx, device, after, bundledAtOnce, bundledBytes)
			if err != nil {
				return fmt.Errorf("reading the queue: %w", err)
			}
			if len(some) == 0 {
				break
			}
			for _, d := range some {
				after = d.Number
				if err := visit(device, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// writeOne writes an envelope, signed in its sender's place, or a receipt. [CAR-2] [CAR-20]
func (b *bundleWriting) writeOne(w *bundle.Writer, d queue.Delivery) error {
	switch d.Kind {
	case queue.Receipt:
		b.given.Receipts++
		return w.Put(bundle.Item{Kind: bundle.KindReceipt, Body: d.Body})
	case queue.Envelope:
	default:
		return nil
	}
	devices := b.waiting[d.ID]
	if len(devices) == 0 { // written for another device
		return nil
	}
	delete(b.waiting, d.ID)
	e, err := envelope.View(d.Body, envelope.MaxEnvelope)
	if err != nil {
		return nil //nolint:nilerr // the check of the queue names it
	}
	if _, active := b.org.roll.memberOf(e.ParsedHeader().Sender); !active || e.ParsedHeader().Expires <= b.node.cfg.Now().Unix() {
		return nil
	}
	c, err := envelope.Carry(e, d.Body, b.org.id, b.org.withArchive(e.ParsedHeader(), devices), b.node.key)
	if err != nil {
		return err
	}
	b.given.Envelopes++
	return w.Put(bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()})
}

// withArchive adds the archive in force to the devices that an envelope is carried for, if it touches a designated account. [RV-151]
func (o *org) withArchive(header envelope.Header, devices []keys.PublicKey) []keys.PublicKey {
	o.roll.read(func(state *membership.State) {
		terms, named := state.ArchiveTerms()
		sender, _ := state.MemberOf(header.Sender)
		j := &judging{org: o, state: state, q: question{sender: sender, device: header.Sender, header: header, to: devices}}
		if named && header.Kind != envelope.KindAnnounce && j.touches() {
			devices = append(slices.Clone(devices[:min(len(devices), envelope.MaxWanted-1)]), terms.Service)
		}
	})
	return devices
}

// writeRoll writes the newest entries, those hidden that not all read whom the bundle is for. [CAR-19]
func (b *bundleWriting) writeRoll(w *bundle.Writer) error {
	piece := bundle.Roll{Checkpoint: b.org.roll.checkpoint()}
	size, err := rvproto.CheckpointSize(piece.Checkpoint)
	if err != nil {
		return err
	}
	if size > bundledEntries {
		piece.First = size - bundledEntries
	}
	for at := piece.First; at < size; {
		some, err := b.org.roll.entries(at, size)
		if err != nil || len(some) == 0 {
			return err
		}
		piece.Entries, at = append(piece.Entries, some...), at+uint64(len(some))
	}
	if err := b.hide(&piece); err != nil {
		return err
	}
	total := 0
	for _, entry := range piece.Entries {
		total += len(entry)
	}
	for ; total > bundledRoll; piece.First++ {
		total -= len(piece.Entries[0])
		piece.Entries = piece.Entries[1:]
	}
	return w.Put(piece.Item())
}

func (b *bundleWriting) hide(piece *bundle.Roll) (err error) {
	b.org.roll.read(func(state *membership.State) {
		for i, data := range piece.Entries {
			entry, bad := membership.ParseEntry(data)
			if bad != nil {
				err = bad
				return
			}
			index := piece.First + uint64(i)
			reads := len(b.members) > 0 || entry.Audience == membership.Audience{}
			for _, member := range b.members {
				reads = reads && state.Reads(member, entry.Audience, index)
			}
			if !reads {
				piece.Entries[i] = entry.Hide().Marshal()
			}
		}
	})
	return err
}

// writePrekeys writes the prekeys of all devices, so that whoever reads the bundle can write to them.
func (b *bundleWriting) writePrekeys(w *bundle.Writer) error {
	all, _, err := b.org.devicesNamed(nil)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all[:min(len(all), bundledEntries)], bundledAtOnce) {
		found, err := b.org.prekeys.get(some)
		if err != nil {
			return err
		}
		for i, signed := range found {
			if _, err := envelope.OpenPrekey(signed, b.org.id, some[i], b.node.cfg.Now()); err != nil {
				continue
			}
			if err := w.Put(bundle.Prekey{Device: some[i], Signed: signed}.Item()); err != nil {
				return err
			}
		}
	}
	return nil
}
