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
// receipts on their way back. It returns after how long it is to look again. [MSH-42]
func (c *carriers) callNear(now time.Time) (again time.Duration, err error) {
	if c.near == nil || c.want == nil {
		return carrierLook, nil
	}
	near := filter(c.near(), func(d keys.PublicKey) bool { return c.o.mesh.peer(d) == nil })
	if len(near) == 0 {
		return carrierLook, nil
	}
	some, err := c.hasSomething()
	if err != nil || !some {
		return carrierLook, err
	}
	due, again := c.toCall(near, now)
	for _, device := range due {
		c.want(device)
	}
	return again, nil
}

// toCall returns which of some devices are to be called now, and notes that they are, and after how long that is to be asked again.
func (c *carriers) toCall(near []keys.PublicKey, now time.Time) (due []keys.PublicKey, again time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again = carrierLook
	for _, device := range near {
		last := c.called[device]
		past := now.Sub(last.at)
		switch {
		case past < callAgain && last.stirs == c.stirs: // it was called for that
		case past < callPause:
			again = min(again, callPause-past)
		case len(due) == mostCarrierCalls:
			again = min(again, callPause)
		default:
			c.called[device] = carrierCall{now, c.stirs}
			due = append(due, device)
		}
	}
	return due, again
}

// hasSomething reports whether anything could go with another device: an envelope, or a receipt that its sender may lack.
func (c *carriers) hasSomething() (some bool, err error) {
	all, _, err := c.offerings(c.o.now())
	if err != nil || len(all) > 0 {
		return len(all) > 0, err
	}
	err = c.o.node.store.View(func(tx *store.Tx) error {
		return tx.CarriedReceipts(c.o.org, func(_ keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			some = some || !r.Landed
			return !some, nil
		})
	})
	return some, err
}
