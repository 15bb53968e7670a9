package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/router"
	"muster.example/node/store"
)

const (
	// carriersGrace is for how long there is no rendezvous node before own envelopes go to carriers. [MSH-42]
	carriersGrace = 30 * time.Second
	// carriersTidy is how often what is carried is kept within its bounds, and forgotten where it is over.
	carriersTidy = time.Hour
	// tidyPause is the least time between two looks at what is too much.
	tidyPause = time.Second
	// weightUnit is in which parts of an hour the weight of a meeting is stored.
	weightUnit = 1024
)

// carriers hands envelopes to members' devices in reach that are for others, and takes such from them. It runs on the streams of the
// mesh; node/router decides. [MSH-40]
type carriers struct {
	o     *organization
	tidy  chan struct{} // capacity 1: who may act has changed, or more is carried
	loose chan struct{} // capacity 1: what waits for its chain may be opened
	calls chan struct{} // capacity 1: there may be something for who is near
	// near, if set before anything else runs, says which devices were heard on a local network, and want calls one.
	near func() []keys.PublicKey
	want func(device keys.PublicKey)

	mu       sync.Mutex // guards the following and what is so marked of each talk; taken after organization.mu, innermost
	router   router.Router
	meetings router.Meetings
	talks    map[*carrierTalk]bool
	coming   map[keys.EnvelopeID]*carrierTalk // which stream brings an envelope now
	going    map[keys.EnvelopeID]uint64       // copies that are on their way to somebody
	seen     time.Time                        // when there was a rendezvous node last
	stirs    uint64                           // how often there was something new
	dropped  int                              // envelopes that were let go and of which the person was not told
	said     time.Time                        // when the person was told last
	called   map[keys.PublicKey]carrierCall
}

// newCarriers makes the carriers of an organization and puts them on the streams of its mesh.
func newCarriers(o *organization) *carriers {
	c := &carriers{
		o: o, tidy: make(chan struct{}, 1), loose: make(chan struct{}, 1), calls: make(chan struct{}, 1),
		called: make(map[keys.PublicKey]carrierCall), talks: make(map[*carrierTalk]bool),
		coming: make(map[keys.EnvelopeID]*carrierTalk), going: make(map[keys.EnvelopeID]uint64),
		seen: time.Now(),
	}
	c.router = router.Router{Own: o.device, Meetings: &c.meetings}
	o.mesh.began, o.mesh.took, o.mesh.unserved = c.began, c.took, c.lookAround
	return c
}

// read reads which devices were in reach. It is called before anything else runs.
func (c *carriers) read(tx *store.Tx) error {
	return tx.Meetings(c.o.org, func(device keys.PublicKey, m store.Meeting) (bool, error) {
		c.meetings.Set(device, router.Meeting{Last: time.UnixMilli(m.Last), Weight: float64(m.Weight) / weightUnit})
		return true, nil
	})
}

// run tells the streams when there has been no rendezvous node for a while, and keeps what is carried within bounds, until the context
// ends.
func (c *carriers) run(ctx context.Context) error {
	often := time.NewTicker(jitter(carriersTidy))
	defer often.Stop()
	grace := time.NewTimer(carriersGrace)
	defer grace.Stop()
	look := time.NewTimer(carrierLook)
	defer look.Stop()
	for {
		changed := c.o.changes()
		if left := c.untilAlone(time.Now()); left > 0 {
			grace.Reset(left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			continue
		case <-grace.C:
			if c.alone(time.Now()) {
				c.stir()
			}
			continue
		case <-look.C:
			wake(c.calls)
			continue
		case <-c.calls:
			again, err := c.callNear(time.Now())
			if err != nil {
				return err
			}
			look.Reset(again)
			continue
		case <-c.loose:
			if err := c.openLoose(); err != nil {
				return err
			}
			continue
		case <-c.tidy:
		case <-often.C:
			wake(c.loose)
		}
		if err := c.keepWithin(); err != nil {
			return err
		}
		select { // not again at once, however much is taken
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tidyPause):
		}
	}
}

// untilAlone returns after how long there will have been no rendezvous node for as long as own envelopes wait for one, if none comes; 0 or
// less if that is so. [MSH-42]
func (c *carriers) untilAlone(now time.Time) time.Duration {
	connected := c.o.connection() != nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if connected {
		c.seen = now
	}
	return carriersGrace - now.Sub(c.seen)
}

// alone reports whether that is so.
func (c *carriers) alone(now time.Time) bool { return c.untilAlone(now) <= 0 }

// stir has all streams look again for what there is to offer and to tell.
func (c *carriers) stir() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stirs++
	wake(c.calls)
	for t := range c.talks {
		t.dueLocked(dueOffers | dueReceipts)
	}
}

// lookAround has all streams look again for what there is to offer: a device went out of reach that was served directly. It calls nobody,
// as an idle connection that ends would then be called again for ever. [MSH-42]
func (c *carriers) lookAround() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.talks {
		t.dueLocked(dueOffers)
	}
}

// changed is called when who may act has changed. What is carried of, or for, a device that may not is let go at once. [MSH-51]
func (c *carriers) changed() {
	wake(c.tidy)
	c.stir()
}

// boundsLocked returns what may be carried, by the policy and the person. Callers hold organization.mu.
func (o *organization) boundsLocked() router.Bounds {
	policy := o.roll.State().Policy().Carriers()
	own := o.node.bounds
	bounds := router.Bounds{
		Copies: uint32(min(policy.Copies, 1<<16)), Hops: uint32(min(policy.Hops, 255)), Bytes: min(policy.Bytes, own.bytes), Count: own.count,
		Age: time.Duration(min(policy.Age, 1<<32)) * time.Second,
	}
	if most, set := carryLimit(o.settingLocked(settingCarryBytes)); set {
		bounds.Bytes = min(bounds.Bytes, most)
	}
	if o.settingLocked(settingCarry) == off {
		bounds.Bytes = 0
	}
	return bounds
}

// bounds is boundsLocked for who does not hold mu.
func (o *organization) bounds() router.Bounds {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.boundsLocked()
}

// met notes that a device is in reach. [MSH-45]
func (c *carriers) met(device keys.PublicKey, now time.Time) error {
	c.mu.Lock()
	anew := c.meetings.Met(device, now)
	m, _ := c.meetings.Of(device)
	c.mu.Unlock()
	if !anew {
		return nil
	}
	return c.o.node.store.Update(func(tx *store.Tx) error {
		return tx.PutMeeting(c.o.org, device, store.Meeting{Last: m.Last.UnixMilli(), Weight: uint64(m.Weight * weightUnit)})
	})
}

// keepWithin lets go what is carried beyond the bounds, tells the person, and forgets what is over. [MSH-52]
func (c *carriers) keepWithin() error {
	o := c.o
	dropped, err := o.keepCarriedWithin()
	if err != nil {
		return fmt.Errorf("keeping what is carried within bounds: %w", err)
	}
	c.sayDropped(dropped)
	if err := errors.Join(o.tidyCarried(), o.tidyParts()); err != nil {
		return err
	}
	before := o.now().Add(-maxCarriedAge).UnixMilli()
	return o.node.store.Update(func(tx *store.Tx) error {
		if _, err := tx.ForgetReceipted(o.org, before, forgetAtOnce); err != nil {
			return err
		}
		var old []keys.PublicKey
		err := tx.Meetings(o.org, func(device keys.PublicKey, m store.Meeting) (bool, error) {
			if m.Last < before {
				old = append(old, device)
			}
			return len(old) < forgetAtOnce, nil
		})
		for _, device := range old {
			err = errors.Join(err, tx.DeleteMeeting(o.org, device))
		}
		return err
	})
}

// sayDropped tells the person that envelopes of others were let go: at once, and then at most once an hour. [MSH-52]
func (c *carriers) sayDropped(dropped int) {
	now := time.Now()
	c.mu.Lock()
	c.dropped += dropped
	count := c.dropped
	if count == 0 || !c.said.IsZero() && now.Sub(c.said) < carriersTidy {
		c.mu.Unlock()
		return
	}
	c.dropped, c.said = 0, now
	c.mu.Unlock()
	c.o.log.Info("what was carried for others was let go for want of room, or for its age", "envelopes", count)
	text := fmt.Sprintf("%d messages, or parts of such, that this device carried for others were let go: there was no more room for them, or they were too old. "+
		"Their senders still have them", count)
	if count == 1 {
		text = "a message that this device carried for others was let go: there was no more room for it, or it was too old. Its sender still has it"
	}
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	c.o.noticeOfLocked(api.NoticeDropped, count, text)
}

// openLoose opens what came before the announcement of its chain, once that is there.
func (c *carriers) openLoose() error {
	x := c.o.newImport()
	return x.takeParked()
}

// itemOf is what the router is told of an envelope that is carried. Callers hold mu.
func (o *organization) itemOfLocked(kept store.Carry, wanted []keys.PublicKey, now time.Time) router.Item {
	author, _ := o.memberOfLocked(kept.Sender)
	since := kept.Since
	if since == 0 {
		since = kept.Taken
	}
	return router.Item{
		ID: kept.ID, Author: author, Wanted: wanted, Size: kept.Size, Age: max(0, now.Sub(time.UnixMilli(since))),
		Copies: uint32(min(max(kept.Copies, 1), 1<<16)), Hops: uint32(min(kept.Hops, 255)), Opens: kept.Opens,
	}
}

// wantedLocked returns the devices that an envelope is for, but for those that may not act: by its label, or all of its group. Callers
// hold mu.
func (o *organization) wantedLocked(tx *store.Tx, kept store.Carry) ([]keys.PublicKey, error) {
	if !kept.Whole {
		return o.activeAmongLocked(kept.Wanted), nil
	}
	data, err := tx.Carried(o.org, kept.ID)
	if err != nil {
		return nil, err
	}
	c, err := envelope.ParseCarried(data, envelope.MaxEnvelope)
	if err != nil {
		return nil, nil //nolint:nilerr // it is passed over, as when it is read to be handed on
	}
	var wanted []keys.PublicKey
	for _, d := range o.roll.State().GroupDevices(keys.GroupID(c.Envelope.ParsedHeader().Leave.ID)) {
		known, err := tx.Receipted(o.org, kept.ID, d.Device)
		if err != nil {
			return nil, err
		}
		if !known && d.Device != kept.Sender && d.Device != o.device {
			wanted = append(wanted, d.Device)
		}
	}
	return union(wanted[:min(len(wanted), mesh.MostWanted)], nil), nil
}
