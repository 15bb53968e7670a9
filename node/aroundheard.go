package node

import (
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/node/api"
)

// heardNearbyLocked returns the devices of other members that were heard on a local network lately, but for those that were seen. Callers hold
// mu. [API-170]
func (o *organization) heardNearbyLocked(seen map[keys.PublicKey]bool) (all api.List[api.Neighbour]) {
	for _, device := range o.neighbours.near() {
		member, ok := o.personOfLocked(device)
		if !ok || seen[device] {
			continue
		}
		all = append(all, api.Neighbour{
			Member: member.String(), Name: o.memberNameLocked(member), Device: device.String(), DeviceName: "…" + device.Short(),
			Heard: o.neighbours.heardWhen(device).UTC(),
		})
	}
	return all
}

// peersLocked returns the devices of other members that a direct connection stands to. Callers hold mu. [API-170]
func (o *organization) peersLocked() api.List[api.PeerStatus] {
	all := api.List[api.PeerStatus]{}
	if o.host == nil {
		return all
	}
	for _, device := range o.neighbours.inReach() {
		member, ok := o.personOfLocked(device)
		if !ok {
			continue
		}
		one := api.PeerStatus{Device: device.String(), Member: member.String(), Name: o.memberNameLocked(member)}
		for _, c := range o.host.Network().ConnsToPeer(p2p.PeerID(device)) {
			if !p2p.IsRelayed(c.RemoteMultiaddr()) {
				one.Address = c.RemoteMultiaddr().String()
			}
		}
		all = append(all, one)
	}
	return all
}
