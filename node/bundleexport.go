package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

const (
	// bundledRoll and bundledEntries bound what of the roll goes into a bundle: its newest entries.
	bundledRoll    = 4 << 20
	bundledEntries = 16384
	// bundledPrekeys bounds the prekeys that go into a bundle.
	bundledPrekeys = 4096
	// bundledAtOnce is how many envelopes are looked at while organization.mu is held.
	bundledAtOnce = 64
	// endRoom is what is kept free in a part for its end.
	endRoom = 128
)

// bundleExport is a bundle that is being made.
type bundleExport struct {
	o       *organization
	key     bundle.Key
	about   bundle.About
	members []keys.MemberID         // whom it is for; nil: everybody
	wanted  map[keys.PublicKey]bool // their devices; nil: all
	limit   int64
	had     map[bundle.Tag]bool
	open    func(part uint64) (io.Writer, error)

	w       *bundle.Writer // of the part that is written, nil before the first
	size    int64          // of it
	devices map[keys.PublicKey]bool
	result  api.BundleWritten
	marks   map[keys.MessageID][]keys.PublicKey
}

// ExportBundle writes a bundle of what waits: open is called for each file, with its number from 1, and an error of it ends the
// bundle with all files before whole. An error before the first call has written nothing. [API-160]
func (n *Node) ExportBundle(ctx context.Context, request api.BundleRequest, open func(part uint64) (io.Writer, error)) (api.BundleWritten, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.BundleWritten{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.BundleWritten{}, err
	}
	x, err := o.newBundle(request)
	if err != nil {
		return api.BundleWritten{}, err
	}
	if x.result.Unsealed, err = o.sealForBundle(ctx); err != nil {
		return api.BundleWritten{}, err
	}
	x.open = open
	if err := x.write(ctx, request.Resume); err != nil {
		return api.BundleWritten{}, err
	}
	n.remember(madeBundle{id: x.result.Bundle, org: o, messages: x.marks})
	return x.result, nil
}

// newBundle prepares a bundle, or the rest of one that broke off.
func (o *organization) newBundle(request api.BundleRequest) (*bundleExport, error) {
	key, err := o.bundleKey()
	if err != nil {
		return nil, err
	}
	if request.Split != 0 && request.Split < bundle.MinSplit {
		return nil, api.Errorf(api.CodeUsage, "parts of %d bytes are too small", request.Split).
			WithHint("%d bytes at least", bundle.MinSplit)
	}
	x := &bundleExport{o: o, key: key, limit: request.Split, had: make(map[bundle.Tag]bool),
		devices: make(map[keys.PublicKey]bool), marks: make(map[keys.MessageID][]keys.PublicKey)}
	if x.members, err = o.bundledFor(request.For); err != nil {
		return nil, err
	}
	x.about = bundle.About{Made: o.now().Unix(), Part: 1, For: x.members}
	if len(x.about.For) > bundle.MaxFor {
		x.about.For = nil
	}
	if _, err := io.ReadFull(rand.Reader, x.about.Salt[:]); err != nil {
		return nil, err
	}
	if err := x.goOn(request.Resume); err != nil {
		return nil, err
	}
	if x.members != nil {
		x.wanted = make(map[keys.PublicKey]bool)
		o.mu.Lock()
		for _, member := range x.members {
			for _, device := range o.activeLocked(member) {
				x.wanted[device] = true
			}
		}
		o.mu.Unlock()
	}
	x.result.Org, x.result.Bundle = o.org.String(), hex.EncodeToString(x.about.Salt[:])
	x.result.Made = time.Unix(x.about.Made, 0).UTC()
	return x, nil
}

// bundledFor returns the members that names of members and groups stand for; nil for no name.
func (o *organization) bundledFor(names []string) (members []keys.MemberID, err error) {
	for _, name := range names {
		place, err := o.findPlace(name)
		if err == nil && !place.Group.IsZero() {
			o.mu.Lock()
			for _, d := range o.roll.State().GroupDevices(place.Group) {
				members = append(members, d.Member)
			}
			o.mu.Unlock()
			continue
		}
		found, unknown, ok := o.find([]string{name})
		if !ok {
			return nil, api.Errorf(api.CodeNotFound, "there is no member or group %q", unknown).WithHint("`muster contacts` and `muster group list` list them")
		}
		members = append(members, found...)
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	return slices.Compact(members), nil
}

// goOn takes up a bundle that broke off, if this device made it for the same members. [CAR-18]
func (x *bundleExport) goOn(from *api.BundleResume) error {
	if from == nil {
		return nil
	}
	again := api.Errorf(api.CodeUsage, "what is there is no bundle of this device for the same members that broke off").
		WithHint("remove the files that end with .part, or name another file")
	item, err := bundle.NewReader(bytes.NewReader(from.First), x.key).Next()
	if err != nil || item.Kind != bundle.KindAbout || len(from.Tags)%len(bundle.Tag{}) != 0 || from.Part == 0 || from.Size < 0 {
		return again
	}
	about, err := bundle.OpenAbout(item.Body, x.o.org)
	if err != nil || about.Maker != x.o.device || !slices.Equal(about.For, x.about.For) {
		return again
	}
	x.about.Salt, x.about.Made = about.Salt, about.Made
	for tag := range slices.Chunk(from.Tags, len(bundle.Tag{})) {
		x.had[bundle.Tag(tag)] = true
	}
	return nil
}

// write writes all parts.
func (x *bundleExport) write(ctx context.Context, from *api.BundleResume) error {
	x.about.Part = 0
	if from != nil {
		x.about.Part = from.Part - 1
	}
	if err := x.begin(from); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{x.bars, x.roll, x.prekeys, x.receipts, x.own, x.carried} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := x.end(true); err != nil {
		return err
	}
	x.result.Parts, x.result.Messages, x.result.Receivers = int(x.about.Part), len(x.marks), len(x.devices)
	return nil
}

// begin begins the next part, or goes on with one that broke off.
func (x *bundleExport) begin(from *api.BundleResume) error {
	x.about.Part++
	out, err := x.open(x.about.Part)
	if err != nil {
		return err
	}
	if from != nil && from.Items > 0 {
		x.w, x.size = bundle.NewWriter(out, x.key, x.about.Salt, from.Items), from.Size
		if x.isEnded(from.Items) {
			return x.begin(nil)
		}
		return nil
	}
	x.w, x.size = bundle.NewWriter(out, x.key, x.about.Salt, 0), 0
	about, err := x.about.Sign(x.o.org, x.o.self)
	if err != nil {
		return err
	}
	return x.append(about)
}

// isEnded reports whether the part that an earlier try came to has its end.
func (x *bundleExport) isEnded(items uint64) bool {
	end := bundle.End{Items: items - 1}
	last := bundle.End{Items: items - 1, Last: true}
	return x.had[x.w.Tag(end.Item())] || x.had[x.w.Tag(last.Item())]
}

func (x *bundleExport) append(item bundle.Item) error {
	if err := x.w.Put(item); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	size := bundle.Frame(len(item.Body))
	x.size, x.result.Bytes = x.size+size, x.result.Bytes+size
	return nil
}

func (x *bundleExport) end(last bool) error {
	return x.append(bundle.End{Items: x.w.Items(), Last: last}.Item())
}

// put writes an item unless an earlier try has; false if it is in no part.
func (x *bundleExport) put(item bundle.Item) (in bool, err error) {
	if x.had[x.w.Tag(item)] {
		return true, nil
	}
	size := bundle.Frame(len(item.Body))
	full := x.limit > 0 && x.size+size+endRoom > x.limit
	if x.w.Items()+2 > bundle.MaxItems {
		x.result.Left++
		return false, nil
	}
	if full && x.w.Items() > 1 {
		if err := errors.Join(x.end(false), x.begin(nil)); err != nil {
			return false, err
		}
		full = x.size+size+endRoom > x.limit
	}
	if full {
		x.result.TooLarge++
		return false, nil
	}
	return true, x.append(item)
}

func (x *bundleExport) isFor(device keys.PublicKey) bool { return x.wanted == nil || x.wanted[device] }

// reachable returns those of devices that the bundle is for and that may have something, and the archive beside them: no
// rendezvous node takes theirs without it. [CAR-8] [CAR-20]
func (x *bundleExport) reachable(devices []keys.PublicKey) []keys.PublicKey {
	x.o.mu.Lock()
	defer x.o.mu.Unlock()
	active := x.o.activeAmongLocked(devices)
	some := filter(active, func(d keys.PublicKey) bool { return d != x.o.device && x.isFor(d) })
	if len(some) > 0 && x.wanted != nil {
		some = append(some, filter(active, x.o.isArchiveLocked)...)
	}
	return some
}

// own writes this device's envelopes that some device has not given a receipt for.
func (x *bundleExport) own(ctx context.Context) error {
	o := x.o
	for after, more := uint64(0), true; more; {
		var some []outgoing
		more = false
		sober := o.sober().Unix()
		err := o.node.store.View(func(tx *store.Tx) error {
			return tx.Waiting(o.org, after, func(w store.Waiting) (bool, error) {
				after = w.Number
				if len(w.Pending) == 0 || w.Expires < sober {
					return true, nil
				}
				data, err := tx.Envelope(o.org, w)
				if err != nil {
					return false, err
				}
				some = append(some, outgoing{w, bytes.Clone(data)})
				more = len(some) >= bundledAtOnce
				return !more, nil
			})
		})
		if err != nil {
			return err
		}
		for _, w := range some {
			if err := x.ownOne(w); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (x *bundleExport) ownOne(w outgoing) error {
	wanted := w.Pending
	if !w.Archive.IsZero() && !slices.Contains(wanted, w.Archive) {
		wanted = append(slices.Clone(wanted), w.Archive)
	}
	devices, beside := x.reachable(wanted), []keys.PublicKey(nil)
	if slices.Contains(devices, w.Archive) && len(devices) > 1 {
		devices, beside = difference(devices, []keys.PublicKey{w.Archive}), []keys.PublicKey{w.Archive}
	}
	e, err := envelope.View(w.envelope, envelope.MaxEnvelope)
	if err != nil {
		return fmt.Errorf("an envelope that waits: %w", err)
	}
	once := false
	for some := range slices.Chunk(devices, envelope.MaxWanted-1) {
		c, err := envelope.Carry(e, w.envelope, x.o.org, slices.Concat(some, beside), x.o.self)
		if err != nil {
			return err
		}
		in, err := x.put(bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()})
		if err != nil {
			return err
		}
		if !in {
			continue
		}
		once = true
		for _, device := range difference(some, []keys.PublicKey{w.Archive}) {
			x.devices[device] = true
			if w.Message != nil && !slices.Contains(x.marks[*w.Message], device) {
				x.marks[*w.Message] = append(x.marks[*w.Message], device)
			}
		}
	}
	if once {
		x.result.Own++
	}
	return nil
}

// carried writes what this device carries for others, in the order in which it came.
func (x *bundleExport) carried(ctx context.Context) error {
	var all []store.Carry
	err := x.o.node.store.View(func(tx *store.Tx) (err error) { all, err = tx.Carries(x.o.org); return err })
	if err != nil {
		return err
	}
	for _, kept := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, ok, err := x.o.readCarried(kept)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if !kept.Whole {
			if c = c.For(x.reachable(kept.Wanted)); len(c.Label.Wanted) == 0 {
				continue
			}
		}
		in, err := x.put(bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()})
		if err != nil {
			return err
		}
		if in {
			x.result.Carried++
			for _, device := range c.Label.Wanted {
				x.devices[device] = true
			}
		}
	}
	return nil
}

// readCarried reads an envelope that is carried; false if it went meanwhile, is over, or of a sender who may not act any more.
func (o *organization) readCarried(kept store.Carry) (c envelope.Carried, ok bool, err error) {
	o.mu.Lock()
	useless := kept.Expires < o.sober().Unix() || !o.activeSenderLocked(kept.Sender)
	o.mu.Unlock()
	if useless {
		return c, false, nil
	}
	var data []byte
	err = o.node.store.View(func(tx *store.Tx) error {
		found, err := tx.Carried(o.org, kept.ID)
		data = bytes.Clone(found)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, false, nil
	} else if err != nil {
		return c, false, err
	}
	c, err = envelope.ParseCarried(data, envelope.MaxEnvelope)
	return c, err == nil, err
}
