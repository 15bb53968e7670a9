package node

import (
	"net/netip"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/node/api"
)

// Who asks for a call hears whether there is one: of whom was heard on a local network, or from afar while a rendezvous node is connected. It
// comes at once, whatever calls in vain came before. [API-171]
func TestCallAround(t *testing.T) {
	org := newRoll(t, "ben")
	ann, ben := org.Members[0], org.Members[1]
	o := newDevice(t, org, ann)
	device := ben.Device().Public()
	call := func() (api.AroundCalled, api.Code) {
		t.Helper()
		called, err := o.node.CallAround(t.Context(), api.AroundCall{Member: "ben"})
		if err == nil {
			return called, ""
		}
		return called, api.AsError(err).Code
	}
	o.gate.callers = nil
	if _, code := call(); code != api.CodeRefused {
		t.Errorf("without direct connections: %q", code)
	}
	o.gate.callers = &p2p.Callers{}
	o.gate.members.Store(&callable{device: false})
	if _, code := call(); code != api.CodeRefused {
		t.Errorf("who may not be called from afar, and is not near: %q", code)
	}
	o.gate.members.Store(&callable{device: true})
	if _, code := call(); code != api.CodeFailed {
		t.Errorf("from afar without a rendezvous node: %q", code)
	}
	o.siblings.relay = keys.Generate().Public()
	if called, code := call(); code != "" || len(called.Devices) != 1 || len(called.Connected) != 0 {
		t.Errorf("from afar: %+v, %q", called, code)
	}
	o.siblings.relay = keys.PublicKey{}
	now := time.Now()
	if !o.neighbours.hearOther(device, []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:4001")}, now) {
		t.Fatal("it is not heard")
	}
	one := o.neighbours.all[device]
	one.from, one.afar = now.Add(time.Hour), now.Add(time.Hour)
	if called, code := call(); code != "" || len(called.Devices) != 1 || !one.from.IsZero() || !one.afar.IsZero() || !one.due {
		t.Errorf("near: %+v, %q; called from %v and %v on", called, code, one.from, one.afar)
	}
}
