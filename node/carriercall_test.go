package node

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
)

// Who is near is called for what is new once in a minute, and what came within it is not forgotten; of many all have their turn. [MSH-42]
func TestWhoIsCalledToCarry(t *testing.T) {
	var near []keys.PublicKey
	for range mostCarrierCalls + 3 {
		near = append(near, keys.Generate().Public())
	}
	c := &carriers{called: make(map[keys.PublicKey]carrierCall), stirs: 1}
	began := time.Now()
	first, again := c.toCall(near, began)
	if !slices.Equal(first, near[:mostCarrierCalls]) || again != callPause {
		t.Errorf("%d are called at first, and the others after %v", len(first), again)
	}
	rest, again := c.toCall(near, began.Add(callPause))
	if !slices.Equal(rest, near[mostCarrierCalls:]) || again != carrierLook {
		t.Errorf("%d are called after them, and then nobody for %v", len(rest), again)
	}

	ben, at := near[:1], began.Add(10*time.Minute)
	c.stirs++
	if due, _ := c.toCall(ben, at); len(due) != 1 {
		t.Error("he is not called for what is new")
	}
	c.stirs++
	if due, again := c.toCall(ben, at.Add(10*time.Second)); len(due) != 0 || again != callPause-10*time.Second {
		t.Errorf("10 seconds later %d are called, and what is new by then after %v", len(due), again)
	}
	if due, again := c.toCall(ben, at.Add(callPause)); len(due) != 1 || again != carrierLook {
		t.Errorf("for what came meanwhile %d are called", len(due))
	}
	if due, _ := c.toCall(ben, at.Add(2*callPause)); len(due) != 0 {
		t.Error("he is called again for what he was called for")
	}
	if due, _ := c.toCall(ben, at.Add(callPause+callAgain)); len(due) != 1 {
		t.Error("he is never called again")
	}
}

// Half a minute after a rendezvous node was there last, whoever looked, what waits is offered. [MSH-42]
func TestSimWhenCarriersBegin(t *testing.T) {
	testnet.Run(t, 71, func(t *testing.T, net *testnet.Net) {
		began := time.Now()
		w := newWalkers(t, net)
		c := w.ann.carriers
		stirs := func() uint64 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.stirs
		}
		time.Sleep(time.Until(began.Add(25 * time.Second)))
		c.mu.Lock()
		c.seen = time.Now() // by a stream that looked for what it may offer
		c.mu.Unlock()
		before := stirs()
		time.Sleep(carriersGrace - time.Second)
		if n := stirs(); n != before {
			t.Errorf("%d times something is offered before there was no node for long", n-before)
		}
		time.Sleep(2 * time.Second)
		if stirs() == before {
			t.Error("nothing is offered when there was no node for long")
		}
	})
}
