package node

import (
	"context"

	"muster.example/node/api"
)

// CallAround tries now to have direct connections with the devices of a member, as if there were something for them, and says with which
// there are some. [API-171]
func (n *Node) CallAround(_ context.Context, request api.AroundCall) (api.AroundCalled, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.AroundCalled{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.AroundCalled{}, err
	}
	o.mu.Lock()
	reach := o.roll.State().Policy().DirectReach()
	devices, relayed := o.activeLocked(members[0]), !o.siblings.relayNow().IsZero()
	called := api.AroundCalled{Org: o.org.String(), OrgName: o.roll.State().OrgName(), Member: members[0].String(), Name: o.memberNameLocked(members[0])}
	o.mu.Unlock()
	callable := false
	for _, device := range devices {
		afar, heard := o.gate.mayCall(device, false), o.gate.mayCall(device, true) && len(o.neighbours.heardAt(device)) > 0
		switch {
		case o.neighbours.pathOf(device) != "":
			called.Connected = append(called.Connected, device.String())
		case heard, afar && relayed:
			called.Devices = append(called.Devices, device.String())
		default:
			callable = callable || afar
			continue
		}
		o.neighbours.wantNow(device)
	}
	switch {
	case len(called.Devices) > 0, len(called.Connected) > 0:
		return called, nil
	case o.gate.callers == nil:
		return called, api.Errorf(api.CodeRefused, "direct connections are switched off on this device").WithHint("`muster start` without --no-direct")
	case callable:
		return called, api.Errorf(api.CodeFailed, "%s was not heard on a local network of this device, and from afar it takes a rendezvous node, which is not connected", called.Name).
			WithHint("come onto one network, or try again when `muster status` shows a rendezvous node as connected; what is for them waits")
	default:
		return called, api.Errorf(api.CodeRefused, "%s is not on a local network of this device, and may not be called from afar", called.Name).
			WithHint("from afar you need leave to write to each other, and a policy that lets it: direct=%s now", reach)
	}
}
