package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/pairing"
	"muster.example/node/store"
)

const (
	// offeredAddresses is how many addresses of a rendezvous node go along.
	offeredAddresses = 4
	// addTime bounds the handing in of one event, so that one node that does not answer leaves time for the others.
	addTime = 20 * time.Second
)

// newcomer is the new device in one organization.
type newcomer struct {
	o       *organization
	device  keys.PublicKey
	settled bool
	outcome pairing.Outcome
	why     string
}

func (c *newcomer) settle(outcome pairing.Outcome, why error) {
	c.settled, c.outcome = true, outcome
	if why != nil {
		c.why = pairingError(why).Message
	}
}

// add signs the visitor into every organization, as far as each lets it. What was added is told whatever breaks off then.
// [PAIR-10] [PAIR-11]
func (p *oldPairing) add(ctx context.Context, old *pairing.Old, t *talk) error {
	ctx, cancel := context.WithTimeout(ctx, pairing.SignTime)
	defer cancel()
	all, offer, err := p.node.offer()
	if err != nil {
		return err
	}
	frame, err := old.Offer(offer)
	if err != nil {
		return err
	}
	answer, err := t.exchange(ctx, frame, pairing.AnswerTime)
	if err != nil {
		return err
	}
	devices, err := old.Keys(answer)
	if err != nil {
		return err
	}
	for i, c := range all {
		c.device = devices[i]
	}
	awaitConnections(ctx, all)
	broken := p.node.addNewcomers(ctx, old, t, all, len(offer.Recovery))
	added := slices.ContainsFunc(all, func(c *newcomer) bool { return c.settled && c.outcome == pairing.Added })
	if broken != nil && !added {
		return broken
	}
	done := pairing.Done{}
	orgs := api.List[api.PairedOrg]{}
	for _, c := range all {
		if !c.settled {
			c.settle(pairing.Missed, broken)
		}
		done.Outcomes = append(done.Outcomes, c.outcome)
		orgs = append(orgs, api.PairedOrg{
			Org: c.o.org.String(), Name: c.o.name(), Member: c.o.member.String(), Device: c.device.String(),
			State: outcomeText[c.outcome], Why: c.why,
		})
	}
	if broken == nil {
		if err := t.send(old.Done(done)); err != nil {
			p.node.log.Info("the new device was added, and does not hear it", "error", err) // it finds out by itself
		} else {
			_, _ = t.receive(ctx, pairing.AnswerTime) // it leaves once it has read that
		}
	}
	p.tell(func(said *api.Pairing) {
		said.Orgs = orgs
		if said.State = api.PairingDone; !added {
			said.State = api.PairingFailed
			said.Error = api.Errorf(api.CodeRefused, "no organization took the new device: %s", all[0].why)
		}
	})
	return nil
}

// awaitConnections gives rendezvous nodes that are not reached now a while, all of them together: two devices that met on a local
// network need one to put the event on the roll.
func awaitConnections(ctx context.Context, all []*newcomer) {
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	for _, c := range all {
		c.o.await(ctx, addTime, func() bool { return c.o.connection() != nil })
	}
}

var outcomeText = map[pairing.Outcome]string{pairing.Added: "added", pairing.Refused: "refused", pairing.Missed: "missed"}

// offer returns what the new device is to know of each organization in which this one may act, and recovery keys for later.
func (n *Node) offer() (all []*newcomer, offer pairing.Offer, err error) {
	for _, o := range n.all() {
		if o.mayAct() != nil {
			continue
		}
		offered, err := o.offer()
		if err != nil {
			return nil, offer, err
		}
		all, offer.Orgs = append(all, &newcomer{o: o}), append(offer.Orgs, offered)
		if len(all) == pairing.MaxOrgs {
			break
		}
	}
	profile, err := n.profile()
	if err != nil {
		return nil, offer, err
	}
	if unused := len(profile.Recovery) - int(profile.Used); unused > 1 {
		keep := len(profile.Recovery) - unused/2
		offer.Recovery, offer.First = slices.Clone(profile.Recovery[keep:]), profile.First+uint32(keep)
	}
	return all, offer, nil
}

func (o *organization) offer() (pairing.Organization, error) {
	number, err := o.recoveryNumber()
	if err != nil {
		return pairing.Organization{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	size := o.roll.Size()
	root, err := o.roll.Root(size)
	at := o.node.shownAt(o.at)
	return pairing.Organization{
		Org: o.org, Name: o.roll.State().OrgName(), Member: o.member, Signer: o.device, Size: size, Root: root, Number: number,
		Nodes: []membership.NodeAddress{{Key: o.at.Key, Addresses: at[:min(len(at), offeredAddresses)]}},
	}, err
}

// strike takes the last recovery keys, which another device gets, from this one's series: no key is used in two
// organizations.
func (n *Node) strike(count int) error {
	if count == 0 {
		return nil
	}
	n.joining.Lock()
	defer n.joining.Unlock()
	return n.store.Update(func(tx *store.Tx) error {
		profile, err := tx.Profile()
		if err != nil {
			return err
		}
		keep := len(profile.Recovery) - count
		if keep < int(profile.Used) {
			return api.Errorf(api.CodeFailed, "an organization was entered meanwhile").WithHint("begin again")
		}
		profile.Recovery = profile.Recovery[:keep]
		return tx.PutProfile(profile)
	})
}

// addNewcomers asks for signatures and hands events in, again where others came between. An error means that the new device
// is not there any more, or breaks the protocol.
func (n *Node) addNewcomers(ctx context.Context, old *pairing.Old, t *talk, all []*newcomer, recovery int) error {
	for round := range pairing.Rounds {
		var ask pairing.Ask
		for i, c := range all {
			if place, due := c.place(); due {
				place.Index = uint64(i)
				ask.Places = append(ask.Places, place)
			}
		}
		if len(ask.Places) == 0 {
			return nil
		}
		answer, err := t.exchange(ctx, old.Ask(ask), pairing.AnswerTime)
		if err != nil {
			return err
		}
		signatures, err := old.Signatures(answer, len(ask.Places))
		if err != nil {
			return err
		}
		if round == 0 {
			if err := n.strike(recovery); err != nil {
				return err
			}
		}
		for i, place := range ask.Places {
			all[place.Index].submit(ctx, place, signatures[i])
		}
	}
	for _, c := range all {
		if !c.settled {
			c.settle(pairing.Missed, wire.StatusUsed)
		}
	}
	return nil
}

// place says where the event of the new device is to stand; false if there is none to make.
func (c *newcomer) place() (place pairing.Place, due bool) {
	if c.settled {
		return place, false
	}
	o := c.o
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	switch member, in := state.MemberOf(c.device); {
	case in && member == o.member:
		c.settle(pairing.Added, nil) // by an earlier pairing
	case in:
		c.settle(pairing.Refused, api.Errorf(api.CodeRefused, "that device is in this organization as another member"))
	case o.client == nil:
		c.settle(pairing.Missed, api.Errorf(api.CodeFailed, "the rendezvous node cannot be reached now"))
	default:
		return pairing.Place{Counter: state.NextCounter(o.device), At: o.roll.Size()}, true
	}
	return place, false
}

// submit hands the event in. What is not settled then is to be signed again.
func (c *newcomer) submit(ctx context.Context, place pairing.Place, cosignature keys.Signature) {
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	o := c.o
	signed := membership.SignCosigned(membership.Event{
		Org: o.org, Counter: place.Counter, At: place.At, Device: &membership.Device{Add: c.device},
	}, o.self, cosignature)
	o.mu.Lock()
	err, client := o.tryLocked(signed), o.client
	o.mu.Unlock()
	switch {
	case errors.Is(err, membership.ReasonCounter), errors.Is(err, membership.ReasonStale):
		return
	case err != nil && !errors.Is(err, membership.ReasonAlready):
		c.settle(pairing.Refused, ruleRefusal(err))
		return
	case client == nil || !o.orders(client):
		c.settle(pairing.Missed, api.Errorf(api.CodeFailed, "the rendezvous node cannot be reached now"))
		return
	}
	err = client.Submit(ctx, signed)
	again := errors.Is(err, wire.StatusStale) || errors.Is(err, wire.StatusUsed)
	if err == nil || again {
		err = errors.Join(err, o.catchUp(ctx, client))
	}
	o.mu.Lock()
	member, in := o.roll.State().MemberOf(c.device)
	o.mu.Unlock()
	status, answered := errors.AsType[wire.Status](err)
	switch {
	case in && member == o.member:
		c.settle(pairing.Added, nil)
	case again:
	case answered && !status.Retryable():
		c.settle(pairing.Refused, refusal("putting the event on the roll", err))
	case err != nil:
		c.settle(pairing.Missed, refusal("putting the event on the roll", err))
	default:
		c.settle(pairing.Missed, api.Errorf(api.CodeFailed, "the rendezvous node says that it took the event, and the roll that it shows lacks it"))
	}
}
