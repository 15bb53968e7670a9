package node

import (
	"context"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/router"
	"muster.example/node/store"
)

const (
	// mostItems is how many envelopes are looked at for one device: what was sealed or taken first goes first.
	mostItems = 4096
	// offerAgain is after how long the last copy of an envelope is offered to the same device again.
	offerAgain = 10 * time.Minute
	// offersBytes bounds one frame of offers.
	offersBytes = 128 << 10
)

// offering is an envelope that could go to a device in reach.
type offering struct {
	router.Item
	sender  keys.PublicKey
	expires int64            // unix seconds
	without []keys.PublicKey // devices in reach that get no copies of it
}

// offerings are the envelopes that could go with others: what is carried, and own ones while there is no rendezvous node. [MSH-42]
func (c *carriers) offerings(now time.Time) (all []offering, bounds router.Bounds, err error) {
	o := c.o
	alone, served := c.alone(time.Now()), o.mesh.served()
	o.mu.Lock()
	defer o.mu.Unlock()
	bounds = o.boundsLocked()
	sober := o.sober().Unix()
	err = o.node.store.View(func(tx *store.Tx) error {
		all = nil
		carries, err := tx.Carries(o.org)
		if err != nil {
			return err
		}
		for _, kept := range carries[:min(len(carries), mostItems)] {
			if kept.Sealed == 0 || kept.Expires < sober || !o.activeSenderLocked(kept.Sender) {
				continue
			}
			wanted, err := o.wantedLocked(tx, kept)
			if err != nil {
				return err
			}
			if wanted = difference(wanted, []keys.PublicKey{o.device}); o.forSomebodyLocked(wanted) {
				item := o.itemOfLocked(kept, wanted, now)
				item.Size = kept.Sealed
				all = append(all, offering{item, kept.Sender, kept.Expires, o.withoutLocked(kept.Handed)})
			}
		}
		if !alone {
			return nil
		}
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if own, ok := o.ownOfferingLocked(w, bounds, served, sober, now); ok {
				all = append(all, own)
			}
			return len(all) < 2*mostItems, nil
		})
	})
	return all, bounds, err
}

// forSomebodyLocked reports whether some device beside the archive is among those that want an envelope. Callers hold mu.
func (o *organization) forSomebodyLocked(wanted []keys.PublicKey) bool {
	return slices.ContainsFunc(wanted, func(d keys.PublicKey) bool { return !o.isArchiveLocked(d) })
}

// ownOfferingLocked is what is offered of an own envelope that waits; false if there is nothing. Callers hold mu.
func (o *organization) ownOfferingLocked(w store.Waiting, bounds router.Bounds, served map[keys.PublicKey]bool, sober int64, now time.Time) (offering, bool) {
	kind := envelope.Kind(w.Kind)
	if w.Expires < sober || len(w.Pending) == 0 || w.Size > mesh.MostHanded || kind != envelope.KindAnnounce && kind != envelope.KindMessage {
		return offering{}, false
	}
	wanted := union(o.activeAmongLocked(w.Pending), nil)
	if !w.Archive.IsZero() && o.isArchiveLocked(w.Archive) {
		wanted = union(wanted, []keys.PublicKey{w.Archive}) // [CAR-8]
	}
	if !o.forSomebodyLocked(wanted) || len(wanted) > mesh.MostWanted {
		return offering{}, false
	}
	item := router.Item{
		ID: w.ID, Author: o.member, Own: true, Wanted: wanted, Size: w.Size, Opens: kind == envelope.KindAnnounce,
		Copies: bounds.Copies - uint32(min(w.Handed.Copies, uint64(bounds.Copies))),
	}
	if w.Handed.Since != 0 {
		item.Age = max(0, now.Sub(time.UnixMilli(w.Handed.Since)))
	}
	if !slices.ContainsFunc(wanted, func(d keys.PublicKey) bool { return !served[d] && !o.isArchiveLocked(d) }) {
		item.Copies = 0 // all are in reach
	}
	return offering{item, o.device, w.Expires, o.withoutLocked(w.Carriers)}, true
}

// withoutLocked returns the devices that get no copies of an envelope any more: those of members of whom a device was handed some. Who says again
// and again that it carries would else have them all, and one person's devices go the same ways. [CAR-25] Callers hold mu.
func (o *organization) withoutLocked(handed []keys.PublicKey) (all []keys.PublicKey) {
	for _, device := range handed {
		if member, ok := o.memberOfLocked(device); ok {
			all = append(all, o.activeLocked(member)...)
		}
	}
	return all
}

// tellOffers offers what is new for the device. [MSH-42]
func (c *carriers) tellOffers(ctx context.Context, t *carrierTalk) error {
	now := c.o.now()
	all, bounds, err := c.offerings(now)
	if err != nil {
		return err
	}
	for _, list := range inFrames(c.newOffers(t, all, bounds, now)) {
		if err := t.p.send(ctx, mesh.Offers{List: list}.Frame()); err != nil {
			return err
		}
	}
	return nil
}

// newOffers returns the offers that say something new to the device, in the order in which envelopes go, and notes that they are made.
func (c *carriers) newOffers(t *carrierTalk, all []offering, bounds router.Bounds, now time.Time) (list []mesh.Offer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.router.Bounds = bounds
	of := make(map[keys.EnvelopeID]offering, len(all))
	items := make([]router.Item, 0, len(all))
	for _, one := range all {
		one.Copies -= uint32(min(c.going[one.ID], uint64(one.Copies)))
		if slices.Contains(one.without, t.p.key) {
			one.Copies = 0
		}
		of[one.ID] = one
		items = append(items, one.Item)
	}
	for _, o := range c.router.Offers(t.p.key, items, now) {
		one := of[o.ID]
		if one.Own && o.For && one.Size <= mesh.MaxEnvelope-maxAround {
			o.For = false // it goes to the device directly
		}
		made := carrierOffer{share: o.Share, moves: o.Moves, isFor: o.For, wanted: len(o.Wanted), at: now}
		if !o.For && o.Share == 0 && !o.Moves {
			continue
		}
		if before, was := t.offered[o.ID]; was && before.share == made.share && before.moves == made.moves && before.isFor == made.isFor &&
			(!made.moves || now.Sub(before.at) < offerAgain) {
			continue
		}
		t.offered[o.ID] = made
		list = append(list, mesh.Offer{
			ID: o.ID, Sender: one.sender, Wanted: o.Wanted, Expires: one.expires, Size: one.Size, Age: uint64(o.Age / time.Second),
			Hops: uint64(o.Hops), Share: uint64(o.Share), Moves: o.Moves, Near: uint8(o.Near), Opens: o.Opens,
		})
	}
	return list
}

// inFrames splits offers into frames.
func inFrames(list []mesh.Offer) (frames [][]mesh.Offer) {
	size := 0
	for _, o := range list {
		its := 160 + 34*len(o.Wanted)
		if last := len(frames) - 1; last >= 0 && len(frames[last]) < mesh.MostOffers && size+its <= offersBytes {
			frames[last] = append(frames[last], o)
			size += its
			continue
		}
		frames = append(frames, []mesh.Offer{o})
		size = its
	}
	return frames
}

// takeOffers says which of what is offered this device takes. [MSH-46]
func (c *carriers) takeOffers(t *carrierTalk, list []mesh.Offer) error {
	known, err := c.judge(t.p.key, list)
	if err != nil {
		return err
	}
	var wants []mesh.Want
	c.mu.Lock()
	if t.ends {
		c.mu.Unlock()
		return nil
	}
	for _, offer := range list {
		if want, ok := c.wantLocked(t, offer, known); ok {
			wants = append(wants, want)
		}
	}
	c.mu.Unlock()
	if len(wants) == 0 {
		return nil
	}
	return c.reply(t, mesh.Wants{List: wants}.Frame())
}

// takeMissed looks again at what could not be taken before.
func (c *carriers) takeMissed(t *carrierTalk) error {
	c.mu.Lock()
	var list []mesh.Offer
	for _, offer := range t.missed {
		list = append(list, offer)
	}
	clear(t.missed)
	c.mu.Unlock()
	slices.SortFunc(list, func(a, b mesh.Offer) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for some := range slices.Chunk(list, mesh.MostOffers) {
		if err := c.takeOffers(t, some); err != nil {
			return err
		}
	}
	return nil
}

// judgement is what is known of envelopes that are offered.
type judgement struct {
	bounds  router.Bounds
	now     time.Time
	carried []router.Item                        // what is carried already
	wanted  map[keys.EnvelopeID][]keys.PublicKey // who wants them, by what is known here; none of what is not taken at all
	held    map[keys.EnvelopeID]bool             // carried, or was
	author  map[keys.EnvelopeID]keys.MemberID    // whose they are
	parts   map[keys.EnvelopeID]uint64           // bytes that came of them before
	full    bool                                 // the disk has no room for what is others'
}

// judge looks up what is known of offers of a device.
func (c *carriers) judge(by keys.PublicKey, list []mesh.Offer) (j judgement, err error) {
	o := c.o
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	sober := o.sober().Unix()
	err = o.node.store.View(func(tx *store.Tx) error {
		j = judgement{bounds: o.boundsLocked(), now: now, wanted: make(map[keys.EnvelopeID][]keys.PublicKey),
			held: make(map[keys.EnvelopeID]bool), author: make(map[keys.EnvelopeID]keys.MemberID),
			parts: make(map[keys.EnvelopeID]uint64), full: !o.node.roomToCarry()}
		carries, err := tx.Carries(o.org)
		if err != nil {
			return err
		}
		for _, kept := range carries {
			j.carried = append(j.carried, o.itemOfLocked(kept, nil, now))
		}
		for _, offer := range list {
			author, active := o.memberOfLocked(offer.Sender)
			if !active || author == o.member || offer.Expires < sober {
				continue
			}
			is, was, err := tx.CarriedBefore(o.org, offer.ID)
			if err != nil {
				return err
			}
			j.held[offer.ID], j.author[offer.ID] = is || was, author
			part, err := tx.CarriedPart(o.org, store.PartOf{ID: offer.ID, From: by})
			if err != nil {
				return err
			}
			if goesOn(part, offer.Size, now) {
				j.parts[offer.ID] = part.Bytes
			}
			for _, device := range o.activeAmongLocked(offer.Wanted) {
				wants, err := o.stillWants(tx, offer.ID, device)
				if err != nil {
					return err
				}
				if wants && device != offer.Sender {
					j.wanted[offer.ID] = append(j.wanted[offer.ID], device)
				}
			}
			if !o.forSomebodyLocked(j.wanted[offer.ID]) {
				delete(j.wanted, offer.ID)
			}
		}
		return nil
	})
	return j, err
}

// stillWants reports whether a device has an envelope for all that is known here not.
func (o *organization) stillWants(tx *store.Tx, id keys.EnvelopeID, device keys.PublicKey) (bool, error) {
	if device == o.device {
		seen, err := tx.Seen(o.org, id)
		return !seen, err
	}
	known, err := tx.Receipted(o.org, id, device)
	return !known, err
}

// wantLocked decides about one offer, and notes that the envelope is to come. Callers hold mu.
func (c *carriers) wantLocked(t *carrierTalk, offer mesh.Offer, j judgement) (want mesh.Want, ok bool) {
	wanted := j.wanted[offer.ID]
	if len(wanted) == 0 || t.expected[offer.ID] != nil {
		return want, false
	}
	c.router.Bounds = j.bounds
	item := router.Item{ID: offer.ID, Author: j.author[offer.ID], Wanted: wanted, Size: offer.Size, Opens: offer.Opens,
		Age: time.Duration(min(offer.Age, 1<<32)) * time.Second, Hops: uint32(offer.Hops)}
	take := c.router.Take(router.Offer{Item: item, For: slices.Contains(wanted, c.o.device), Share: uint32(min(offer.Share, 1<<16)),
		Moves: offer.Moves, Near: router.Nearness(offer.Near)}, j.held[offer.ID], j.now)
	if take.Share > 0 && (j.full || !c.router.Fits(c.besidesLocked(j), item)) {
		take.Share, take.Moves = 0, false
	}
	if !take.Any() {
		return want, false
	}
	if other := c.coming[offer.ID]; other != nil && !isClosed(other.p.done) || !t.hasRoomLocked(offer) {
		if len(t.missed) < mostExpected {
			t.missed[offer.ID] = offer
		}
		return want, false
	}
	in := &carrierInput{offer: offer, take: take, author: j.author[offer.ID], wanted: wanted, from: t.p.key, kept: j.parts[offer.ID]}
	c.coming[offer.ID], t.expected[offer.ID] = t, in
	return mesh.Want{ID: offer.ID, Offset: in.kept, Share: uint64(take.Share), Moves: take.Moves}, true
}

// besidesLocked are the envelopes that are carried already, or are coming to be. Callers hold mu.
func (c *carriers) besidesLocked(j judgement) []router.Item {
	all := slices.Clone(j.carried)
	for t := range c.talks {
		for id, in := range t.expected {
			if in.take.Share > 0 {
				all = append(all, router.Item{ID: id, Author: in.author, Size: in.offer.Size})
			}
		}
	}
	return all
}

// hasRoomLocked reports whether an envelope may be asked for beside those that were. Callers hold mu.
func (t *carrierTalk) hasRoomLocked(offer mesh.Offer) bool {
	bytes := offer.Size
	for _, in := range t.expected {
		bytes += in.offer.Size
	}
	return len(t.expected) < mostExpected && bytes <= mostExpectedBytes
}
