package node

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/pairing"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// atPeer stands between an address and who is there.
const atPeer = "/p2p/"

// newPairing is a pairing on the device that is to be added.
type newPairing struct {
	*pairingRun
	host   host.Host        // under an identity that is for this alone
	client *rvclient.Client // of the rendezvous node that has the slot; nil: unknown
	near   bool             // the other device is looked for on the local network
	at     []string         // where it waits there, as a link says
	slot   uint32
	setup  pairing.Setup // but for what is each way's own
	offers []offered
}

// offered is an organization of the offer.
type offered struct {
	store.Pairing
	signer  keys.PublicKey // the old device there
	here    bool           // this device is in it already
	signed  bool
	outcome pairing.Outcome
	known   bool // outcome is what the old device said
}

// Pair makes this device one of the account of the device that shows a code or link. It returns at once: Pairing tells what
// comes of it.
func (n *Node) Pair(ctx context.Context, request api.PairRequest) (api.Pairing, error) {
	p := &newPairing{}
	if err := p.read(request, n.config.Nearby != nil); err != nil {
		return api.Pairing{}, err
	}
	self := keys.Generate()
	p.setup.Own = self.Public()
	run, life, err := n.beginPairing(ctx, api.Pairing{State: api.PairingWaiting, New: true})
	if err != nil {
		return api.Pairing{}, err
	}
	p.pairingRun = run
	if p.host, err = n.newHost(self, &gate{}); err != nil { // nobody calls it
		run.abort(err)
		return api.Pairing{}, err
	}
	if p.client != nil {
		p.client.Host = p.host
	}
	err = run.start(life, map[string]func(context.Context) error{"pairing visit": p.run})
	if err != nil {
		p.host.Close()
	}
	return run.said.now(), err
}

// read takes what the person entered. Where there are local networks, a code needs no address.
func (p *newPairing) read(request api.PairRequest, near bool) error {
	if strings.HasPrefix(request.With, pairing.LinkPrefix) {
		link, err := pairing.ParseLink(request.With)
		if err != nil || link.Node == nil && !near {
			return api.Errorf(api.CodeUsage, "this is no link to pair with").WithHint("copy the whole line, from muster:pair/ on")
		}
		p.slot, p.setup = link.Slot, pairing.Setup{Secret: link.Secret[:], ByLink: true, Slot: link.Slot, Peer: link.Old}
		p.near, p.at = near, link.Addresses
		if link.Node != nil {
			p.client = &rvclient.Client{Node: link.Node.Key, Addresses: link.Node.Addresses}
		}
		return nil
	}
	code, err := pairing.ParseCode(request.With)
	if err != nil {
		detail := strings.TrimPrefix(err.Error(), pairing.ErrText.Error()+": ")
		return api.Errorf(api.CodeUsage, "this is no code to pair with: %s", detail).WithHint("a code is like 01234-apple-river-stone")
	}
	p.slot, p.setup = code.Slot, pairing.Setup{Secret: code.Secret(), Slot: code.Slot}
	if p.near = near && request.At == ""; p.near {
		return nil
	}
	address, peer, found := strings.Cut(request.At, atPeer)
	if !found {
		return api.Errorf(api.CodeUsage, "a code alone does not say where the other device is").
			WithHint("give --at ADDRESS, as the other device shows it; or use its link, which says it all")
	}
	node, err := keys.ParsePublicKey(peer)
	if err != nil {
		return api.Errorf(api.CodeUsage, "the address does not end with who is there").WithHint("copy the whole address, with /p2p/ and what follows")
	}
	p.client = &rvclient.Client{Node: node, Addresses: []string{address}}
	return nil
}

// run is the whole of it: the conversation, and the entering of what this device was added to.
func (p *newPairing) run(ctx context.Context) error {
	err := p.converse(ctx)
	_ = p.host.Close() // its identity is for this alone; nothing is left to say by it
	if err != nil && !slices.ContainsFunc(p.offers, func(o offered) bool { return o.signed }) {
		return err
	}
	if err != nil {
		p.node.log.Info("the pairing broke off after this device had signed", "error", err)
	}
	p.tell(func(said *api.Pairing) { said.State = api.PairingAdding })
	return p.enterAll(ctx, err)
}

// converse finds the old device, and talks with it until it says what came of it.
func (p *newPairing) converse(ctx context.Context) error {
	new, t, err := p.reach(ctx)
	if err != nil {
		return err
	}
	defer t.leave()
	words := new.Words()
	p.tell(func(said *api.Pairing) { said.State, said.Words = api.PairingCompare, words[:] })
	for wait := pairing.Life; ; wait = pairing.SignTime {
		data, err := t.receive(ctx, wait)
		if err != nil {
			return err
		}
		said, err := new.Next(data)
		if err != nil {
			return err
		}
		switch {
		case said.Offer != nil:
			p.tell(func(said *api.Pairing) { said.State = api.PairingAdding })
			devices, err := p.take(*said.Offer)
			if err != nil {
				return err
			}
			err = t.send(new.Keys(devices))
			if err != nil {
				return errOtherGone
			}
		case said.Ask != nil:
			signatures, err := p.sign(said.Ask.Places)
			if err != nil {
				return err
			}
			if err := t.send(new.Signatures(signatures)); err != nil {
				return errOtherGone
			}
		default:
			for i, outcome := range said.Done.Outcomes {
				p.offers[i].outcome, p.offers[i].known = outcome, true
			}
			return nil
		}
	}
}

// take makes a key for each organization of the offer, or finds the one that this device has there.
func (p *newPairing) take(offer pairing.Offer) (devices []keys.PublicKey, err error) {
	now := p.node.now().UnixMilli()
	for _, org := range offer.Orgs {
		next := offered{signer: org.Signer, Pairing: store.Pairing{
			Org: org.Org, Name: org.Name, Member: org.Member, Size: org.Size, Root: org.Root, Number: org.Number, Since: now,
			Recovery: offer.Recovery, First: offer.First,
		}}
		for _, node := range org.Nodes {
			next.Nodes = append(next.Nodes, store.Node{Key: node.Key, Addresses: node.Addresses})
		}
		if o, in := p.node.entered(org.Org); in {
			next.here, next.Identity = true, o.self.Seed()
		} else if next.Identity, err = p.node.pairingIdentity(org.Org); err != nil {
			return nil, err
		}
		p.offers = append(p.offers, next)
		devices = append(devices, keys.FromSeed(next.Identity).Public())
	}
	return devices, nil
}

// pairingIdentity returns the key of an earlier pairing that may have added this device, or a new one.
func (n *Node) pairingIdentity(org keys.OrgID) (seed [keys.SeedSize]byte, err error) {
	err = n.store.View(func(tx *store.Tx) error {
		kept, err := tx.Pairing(org)
		seed = kept.Identity
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return keys.Generate().Seed(), nil
	}
	return seed, err
}

// sign cosigns the events that add this device. The keys are on disk before. [PAIR-11]
func (p *newPairing) sign(places []pairing.Place) (signatures []keys.Signature, err error) {
	err = p.node.store.Update(func(tx *store.Tx) error {
		for _, place := range places {
			if err := tx.PutPairing(p.offers[place.Index].Pairing); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		org := &p.offers[place.Index]
		if org.here || place.At < org.Size {
			return nil, pairing.ErrFrame
		}
		org.signed = true
		self := keys.FromSeed(org.Identity)
		event := membership.Event{Org: org.Org, Counter: place.Counter, At: place.At, Device: &membership.Device{Add: self.Public()}}
		signatures = append(signatures, membership.Cosign(event, org.signer, self))
	}
	return signatures, nil
}
