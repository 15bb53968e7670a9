package node

import "testing"

// What waits for a device that is served directly no more is offered to carriers at once: they were told of nothing while it was. [MSH-42]
func TestUnservedIsOfferedToCarriers(t *testing.T) {
	o := &organization{wakeOffer: make(chan struct{}, 1)}
	o.mesh, o.groups = &meshStreams{o: o}, newGroupTopics(o)
	c := newCarriers(o)
	talk := &carrierTalk{wake: make(chan struct{}, 1)}
	c.talks[talk] = true
	calls := c.stirs
	o.mesh.serveNoMore()
	if talk.due&dueOffers == 0 || len(talk.wake) == 0 {
		t.Error("nothing is offered anew")
	}
	if len(o.wakeOffer) == 0 {
		t.Error("the rendezvous node is offered nothing anew")
	}
	if len(o.groups.anew) == 0 {
		t.Error("nothing is gossiped anew")
	}
	if c.stirs != calls {
		t.Error("who is near is called again")
	}
}
