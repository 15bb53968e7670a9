package node

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Around tells which devices are in reach, and what waits and is carried here. [API-181]
func (n *Node) Around(_ context.Context, query api.AroundQuery) ([]api.Around, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Around
	for _, o := range named {
		around, err := o.around()
		if err != nil {
			return nil, err
		}
		all = append(all, around)
	}
	return all, nil
}

func (o *organization) around() (api.Around, error) {
	a := api.Around{Org: o.org.String(), OrgName: o.name()}
	var carries []store.Carry
	var tally carryTally
	messages := make(map[keys.MessageID]bool)
	note := func(id *keys.MessageID) {
		if id != nil {
			messages[*id] = true
		}
	}
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		if carries, err = tx.Carries(o.org); err != nil {
			return err
		}
		err = tx.Jobs(o.org, func(j store.Job) (bool, error) { note(j.Message); return true, nil })
		if err != nil {
			return err
		}
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if len(w.Pending) > 0 {
				note(w.Message)
			}
			tally.noteWaiting(w)
			return true, nil
		})
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	a.Connected, a.Devices, a.Waiting = o.connectedLocked(), o.inReachLocked(), len(messages)
	a.Carried, a.Carriers = tally.noteCarriedLocked(o, carries), tally.carriersLocked(o, a.Devices)
	return a, err
}

// connectedLocked reports whether some rendezvous node of the organization is connected. Callers hold mu.
func (o *organization) connectedLocked() bool {
	return o.client != nil || slices.ContainsFunc(o.describeNodesLocked(), func(node api.RendezvousNode) bool { return node.Connected })
}

// inReachLocked returns the devices, of members and of the own account, that a direct connection stands to, and those that were heard on a
// local network. Who is offline at the rendezvous node, and here in reach, does not say whether they are there. Callers hold mu.
func (o *organization) inReachLocked() (all api.List[api.Neighbour]) {
	all = api.List[api.Neighbour]{}
	local := o.host
	if local == nil {
		return all
	}
	seen := make(map[keys.PublicKey]bool)
	for _, c := range local.Network().Conns() {
		device, err := p2p.Key(c.RemotePeer())
		member, ok := o.personOfLocked(device)
		if err != nil || !ok || seen[device] || p2p.IsRelayed(c.RemoteMultiaddr()) {
			continue
		}
		seen[device] = true
		one := api.Neighbour{
			Member: member.String(), Name: o.memberNameLocked(member), Device: device.String(), DeviceName: "…" + device.Short(),
			Own: member == o.member, Path: o.neighbours.pathOf(device), Since: c.Stat().Opened.UTC(),
		}
		if present := o.presenceLocked(member).State; !one.Own && (present == api.PresenceOnline || present == api.PresenceAway) {
			one.Present = present
		}
		all = append(all, one)
	}
	all = append(all, o.heardNearbyLocked(seen)...)
	slices.SortFunc(all, func(a, b api.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Device, b.Device))
	})
	return all
}

// aroundPause is how long after one event of who is around the next may come.
const aroundPause = time.Second

// keepTellingAround tells watchers when devices come into reach or go out of it, until the context ends.
func (o *organization) keepTellingAround(ctx context.Context, local host.Host) error {
	changed := make(chan struct{}, 1)
	notifiee := &network.NotifyBundle{
		ConnectedF:    func(network.Network, network.Conn) { wake(changed) },
		DisconnectedF: func(network.Network, network.Conn) { wake(changed) },
	}
	local.Network().Notify(notifiee)
	defer local.Network().StopNotify(notifiee)
	told := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		if now := o.aroundText(); now != told {
			told = now
			o.node.hub.publish(api.Event{Kind: api.EventAround, Time: time.Now().UTC(), Org: o.org.String()})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(aroundPause):
		}
	}
}

// aroundText names the devices in reach, with their paths: connections come and go without that being another.
func (o *organization) aroundText() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var text strings.Builder
	for _, one := range o.inReachLocked() {
		text.WriteString(one.Device + string(one.Path) + "\n")
	}
	return text.String()
}
