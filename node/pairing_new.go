package node

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
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
	client *rvclient.Client
	slot   uint32
	setup  pairing.Setup
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
	p := &newPairing{client: &rvclient.Client{}}
	if err := p.read(request); err != nil {
		return api.Pairing{}, err
	}
	self := keys.Generate()
	p.setup.Own = self.Public()
	run, life, err := n.beginPairing(ctx, api.Pairing{State: api.PairingWaiting, New: true})
	if err != nil {
		return api.Pairing{}, err
	}
	p.pairingRun = run
	if p.client.Host, err = n.newHost(self, &gate{}); err != nil { // nobody calls it
		run.abort(err)
		return api.Pairing{}, err
	}
	err = run.start(life, map[string]func(context.Context) error{"pairing visit": p.run})
	if err != nil {
		p.client.Host.Close()
	}
	return run.snapshot(), err
}

// read takes what the person entered.
func (p *newPairing) read(request api.PairRequest) error {
	if strings.HasPrefix(request.With, pairing.LinkPrefix) {
		link, err := pairing.ParseLink(request.With)
		if err != nil || link.Node == nil {
			return api.Errorf(api.CodeUsage, "this is no link to pair with").WithHint("copy the whole line, from muster:pair/ on")
		}
		p.slot, p.setup = link.Slot, pairing.Setup{Secret: link.Secret[:], ByLink: true, Slot: link.Slot, Path: link.Node.Key, Peer: link.Old}
		p.client.Node, p.client.Addresses = link.Node.Key, link.Node.Addresses
		return nil
	}
	code, err := pairing.ParseCode(request.With)
	if err != nil {
		return api.Errorf(api.CodeUsage, "%s", strings.TrimPrefix(err.Error(), "pairing: ")).WithHint("a code is like 01234-apple-river-stone")
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
	p.slot, p.setup = code.Slot, pairing.Setup{Secret: code.Secret(), Slot: code.Slot, Path: node}
	p.client.Node, p.client.Addresses = node, []string{address}
	return nil
}

// run is the whole of it: the conversation, and the entering of what this device was added to.
func (p *newPairing) run(ctx context.Context) error {
	err := p.converse(ctx)
	_ = p.client.Host.Close() // its identity is for this alone; nothing is left to say by it
	if err != nil && !slices.ContainsFunc(p.offers, func(o offered) bool { return o.signed }) {
		return err
	}
	if err != nil {
		p.node.log.Info("the pairing broke off after this device had signed", "error", err)
	}
	p.tell(func(said *api.Pairing) { said.State = api.PairingAdding })
	return p.enterAll(ctx, err)
}

// converse visits the slot and talks with the old device until it says what came of it.
func (p *newPairing) converse(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slot, err := p.client.VisitSlot(ctx, p.slot)
	if err != nil {
		return visitError(err)
	}
	frames, done := make(chan []byte, waitingFrames), make(chan struct{})
	p.node.mu.Lock()
	group := p.node.group
	p.node.mu.Unlock()
	if group == nil {
		slot.Close()
		return errNotRunning
	}
	group.Go("pairing visit reader", func(context.Context) error { defer close(done); return readVisit(ctx, slot, frames) })
	defer func() { slot.Close(); cancel(); <-done }()
	t := &talk{send: slot.Send, leave: slot.Close, frames: frames}
	new, err := p.meet(ctx, t)
	if err != nil {
		return err
	}
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

// visitError says why there is nobody to talk to.
func visitError(err error) error {
	status, answered := errors.AsType[wire.Status](err)
	switch {
	case !answered:
		return api.Errorf(api.CodeFailed, "the rendezvous node of the other device cannot be reached").
			WithHint("check the network; the code is still good")
	case status == wire.StatusNotFound:
		return api.Errorf(api.CodeRefused, "no device waits there: the code is mistyped, used, void, or older than ten minutes").
			WithHint("check the number, or make another code: muster device add")
	case status == wire.StatusFull:
		return api.Errorf(api.CodeFailed, "another device uses this code now").WithHint("if it is not yours, end it on the other device, and make another code")
	case status == wire.StatusLimit:
		return api.Errorf(api.CodeFailed, "the rendezvous node asks for patience").WithHint("try again in a minute")
	}
	return refusal("visiting the rendezvous node", err)
}

// meet finds out whether the old device has the same code. [PAIR-5]
func (p *newPairing) meet(ctx context.Context, t *talk) (*pairing.New, error) {
	new := pairing.NewNew(rand.Reader, p.setup)
	hello, err := t.receive(ctx, pairing.AnswerTime)
	if err != nil {
		return nil, err
	}
	share, err := new.Hello(hello)
	if err != nil {
		return nil, err
	}
	reply, err := t.exchange(ctx, share, pairing.AnswerTime)
	if err != nil {
		return nil, err
	}
	tag, err := new.Reply(reply)
	if err != nil {
		return nil, err
	}
	answer, err := t.exchange(ctx, tag, pairing.AnswerTime)
	if err != nil {
		return nil, err
	}
	err = new.Confirm(answer)
	if refused, ok := errors.AsType[*pairing.RefusedError](err); ok {
		if refused.Left == 0 {
			return nil, errVoid
		}
		return nil, errWrongCode
	}
	return new, err
}

// take makes a key for each organization of the offer, or finds the one that this device has there.
func (p *newPairing) take(offer pairing.Offer) (devices []keys.PublicKey, err error) {
	now := time.Now().UnixMilli()
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
