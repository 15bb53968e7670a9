package node

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/pairing"
	"muster.example/rendezvous/rvclient"
)

// oldPairing is a pairing on the device that has the account.
type oldPairing struct {
	*pairingRun
	slot   *rvclient.Slot
	setup  pairing.Setup
	visits chan *talk
}

// AddDevice opens a slot at a rendezvous node, and returns what another device needs to be added to the account. [PAIR-1]
// [PAIR-2]
func (n *Node) AddDevice(ctx context.Context, _ api.AddDeviceRequest) (api.AddDeviceResult, error) {
	client, err := n.slotClient(ctx)
	if err != nil {
		return api.AddDeviceResult{}, err
	}
	run, life, err := n.beginPairing(ctx, api.Pairing{State: api.PairingWaiting, Tries: pairing.Tries})
	if err != nil {
		return api.AddDeviceResult{}, err
	}
	slot, err := client.OpenSlot(life)
	if err != nil {
		err = refusal("opening a slot at the rendezvous node", err)
		run.abort(err)
		return api.AddDeviceResult{}, err
	}
	self, code := keys.Generate(), pairing.NewCode(rand.Reader, slot.Number())
	link := pairing.Link{
		Slot: slot.Number(), Old: self.Public(),
		Node: &membership.NodeAddress{Key: client.Node, Addresses: client.Addresses[:min(len(client.Addresses), offeredAddresses)]},
	}
	rand.Read(link.Secret[:]) //nolint:errcheck // it never fails
	p := &oldPairing{pairingRun: run, slot: slot, visits: make(chan *talk), setup: pairing.Setup{
		Secret: code.Secret(), Link: link.Secret[:], Slot: slot.Number(), Path: client.Node, Own: self.Public(),
	}}
	err = run.start(life, map[string]func(context.Context) error{
		"pairing slot": func(ctx context.Context) error { return readVisits(ctx, slot, p.visits) },
		"pairing talk": func(ctx context.Context) error {
			err := p.run(ctx)
			if err == nil {
				run.end() // also for a visitor whom nobody meets any more
			}
			return err
		},
	})
	result := api.AddDeviceResult{Code: code.Text(), Link: link.Text(), Expires: time.Now().Add(pairing.Life).UTC().Truncate(time.Second)}
	for _, address := range link.Node.Addresses {
		result.At = append(result.At, address+atPeer+client.Node.String())
	}
	return result, err
}

// slotClient returns a client of a rendezvous node that opens slots for this device.
func (n *Node) slotClient(ctx context.Context) (*rvclient.Client, error) {
	all := n.all()
	if len(all) == 0 {
		return nil, api.Errorf(api.CodeNotFound, "this device is in no organization").
			WithHint("create one with `muster org create`, or join one with `muster join`")
	}
	var refused error
	for _, o := range all {
		if err := o.mayAct(); err != nil {
			refused = err
		} else if client := o.connection(); client != nil {
			return client, nil
		}
	}
	for _, o := range all {
		if o.mayAct() == nil {
			return o.awaitConnection(ctx)
		}
	}
	return nil, refused
}

// run lets one after another visit, until one is added or the code is void. [PAIR-12]
func (p *oldPairing) run(ctx context.Context) error {
	defer p.slot.Close()
	life := time.NewTimer(pairing.Life)
	defer life.Stop()
	for range pairing.Visits {
		p.tell(func(said *api.Pairing) { said.State, said.Words = api.PairingWaiting, nil })
		var t *talk
		select {
		case visit, ok := <-p.visits:
			if !ok {
				return errSlotLost
			}
			t = visit
		case <-life.C:
			return errCodeOld
		case <-ctx.Done():
			return ctx.Err()
		}
		old, err := p.meet(ctx, t)
		if err == nil {
			err = p.compare(ctx, old, t, life.C)
		}
		if err == nil {
			return p.add(ctx, old, t)
		}
		t.leave()
		switch {
		case errors.Is(err, errCodeOld), ctx.Err() != nil:
			return err
		case errors.Is(err, pairing.ErrCode) && p.snapshot().Tries == 0:
			return errVoid
		}
		p.node.log.Info("a visit of the pairing came to nothing", "error", err)
	}
	return errVisits
}

// meet finds out whether the visitor has the code. [PAIR-5]
func (p *oldPairing) meet(ctx context.Context, t *talk) (*pairing.Old, error) {
	old := pairing.NewOld(rand.Reader, p.setup)
	share, err := t.exchange(ctx, old.Hello(), pairing.AnswerTime)
	if err != nil {
		return nil, err
	}
	reply, err := old.Share(share)
	if err != nil {
		return nil, err
	}
	tag, err := t.exchange(ctx, reply, pairing.AnswerTime)
	if err != nil {
		return nil, err
	}
	answer, err := old.Confirm(tag)
	if errors.Is(err, pairing.ErrCode) {
		p.tell(func(said *api.Pairing) { said.Tries-- })
		if t.send(pairing.RefuseFrame(p.snapshot().Tries)) == nil {
			_, _ = t.receive(ctx, pairing.AnswerTime) // it leaves once it has read that
		}
		return nil, err
	}
	if err == nil {
		err = t.send(answer)
	}
	return old, err
}

// compare waits for the person to say that both screens show the same words.
func (p *oldPairing) compare(ctx context.Context, old *pairing.Old, t *talk, expired <-chan time.Time) error {
	words := old.Words()
	select {
	case <-p.answer: // to the words of a visitor before
	default:
	}
	p.tell(func(said *api.Pairing) { said.State, said.Words = api.PairingCompare, words[:] })
	select {
	case <-p.answer:
		p.tell(func(said *api.Pairing) { said.State = api.PairingAdding })
		return nil
	case _, ok := <-t.frames:
		if ok {
			return pairing.ErrFrame // it has nothing to say now
		}
		return errOtherGone
	case <-expired:
		return errCodeOld
	case <-ctx.Done():
		return ctx.Err()
	}
}
