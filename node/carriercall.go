package node

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/node/store"
)

const (
	// callPause is the least time between two calls of one device for what is new, and callAgain after how long it is called again for what it
	// may have been told before: that ends idle connections, and what is carried meets nobody without one.
	callPause = time.Minute
	callAgain = 30 * time.Minute
	// mostCarrierCalls is how many devices are called at once.
	mostCarrierCalls = 16
)

// carrierCall is when a device was called, and what there was then.
type carrierCall struct {
	at    time.Time
	stirs uint64
}

// callNear calls devices that were heard on a local network and to which no stream stands, if there is something for them to carry, or
// receipts on their way back. [MSH-42]
func (c *carriers) callNear(now time.Time) error {
	if c.near == nil || c.want == nil {
		return nil
	}
	near := c.near()
	if len(near) == 0 {
		return nil
	}
	some, err := c.hasSomething()
	if err != nil || !some {
		return err
	}
	c.mu.Lock()
	var called []keys.PublicKey
	for _, device := range near {
		last := c.called[device]
		past := now.Sub(last.at)
		if c.o.mesh.peer(device) != nil || past < callPause || past < callAgain && last.stirs == c.stirs {
			continue
		}
		if c.called[device] = (carrierCall{now, c.stirs}); len(called) < mostCarrierCalls {
			called = append(called, device)
		}
	}
	c.mu.Unlock()
	for _, device := range called {
		c.want(device)
	}
	return nil
}

// hasSomething reports whether anything could go with another device: an envelope, or a receipt that its sender may lack.
func (c *carriers) hasSomething() (some bool, err error) {
	all, _, err := c.offerings(c.o.now())
	if err != nil || len(all) > 0 {
		return len(all) > 0, err
	}
	return some, c.o.node.store.View(func(tx *store.Tx) error {
		return tx.CarriedReceipts(c.o.org, func(_ keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			some = some || !r.Landed
			return !some, nil
		})
	})
}
