package node

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/pairing"
	"muster.example/rendezvous/rvclient"
)

// oldPairing is a pairing on the device that has the account. The other one comes by the slot of a rendezvous node, or directly by
// a meeting on the local network: at least one of these is there.
type oldPairing struct {
	*pairingRun
	slot    *rvclient.Slot   // nil: none
	client  *rvclient.Client // of the node that has the slot
	meeting *openMeeting     // nil: none
	setup   pairing.Setup    // but for what is each way's own
	visits  chan *talk       // closed when no way is left
	ways    atomic.Int32     // that are left
}

// AddDevice opens a slot at a rendezvous node, a meeting on the local network, or both, and returns what another device needs to be
// added to the account. [PAIR-1] [PAIR-2] [PAIR-13]
func (n *Node) AddDevice(ctx context.Context, _ api.AddDeviceRequest) (api.AddDeviceResult, error) {
	client, err := n.slotClient(ctx)
	if err != nil {
		return api.AddDeviceResult{}, err
	}
	run, life, err := n.beginPairing(ctx, api.Pairing{State: api.PairingWaiting, Tries: pairing.Tries})
	if err != nil {
		return api.AddDeviceResult{}, err
	}
	p := &oldPairing{pairingRun: run, client: client, visits: make(chan *talk)}
	link, err := p.open(life)
	if err != nil {
		run.abort(err)
		return api.AddDeviceResult{}, err
	}
	code := pairing.NewCode(rand.Reader, link.Slot)
	p.setup = pairing.Setup{Secret: code.Secret(), Link: link.Secret[:], Slot: link.Slot, Own: link.Old}
	err = run.start(life, p.parts())
	if err != nil {
		p.close()
	}
	result := api.AddDeviceResult{Code: code.Text(), Link: link.Text(), Expires: time.Now().Add(pairing.Life).UTC().Truncate(time.Second)}
	if link.Node != nil {
		for _, address := range link.Node.Addresses {
			result.At = append(result.At, address+atPeer+link.Node.Key.String())
		}
	}
	return result, err
}

// open opens what there is of the two ways, and returns a link that tells them.
func (p *oldPairing) open(ctx context.Context) (link pairing.Link, err error) {
	self := keys.Generate()
	link.Old = self.Public()
	rand.Read(link.Secret[:]) //nolint:errcheck // it never fails
	link.Slot = pairing.NewSlot(rand.Reader)
	if p.client != nil {
		if p.slot, err = p.client.OpenSlot(ctx); err == nil {
			link.Slot = p.slot.Number()
			link.Node = &membership.NodeAddress{Key: p.client.Node, Addresses: p.client.Addresses[:min(len(p.client.Addresses), offeredAddresses)]}
		} else {
			err = refusal("opening a slot at the rendezvous node", err)
		}
	}
	if p.node.config.Nearby != nil {
		var near error
		if p.meeting, near = p.node.openMeeting(self, meetingPlace{meetToPair, link.Slot}, p.visits); near == nil {
			link.Addresses = p.meeting.addresses()
		} else {
			p.node.log.Info("a code is good at the rendezvous node alone", "error", near)
			err = errors.Join(err, near)
		}
	}
	if p.slot != nil || p.meeting != nil {
		return link, nil
	}
	return link, err
}

// parts is what runs while the code is good.
func (p *oldPairing) parts() map[string]func(context.Context) error {
	parts := map[string]func(context.Context) error{
		"pairing talk": func(ctx context.Context) error {
			err := p.run(ctx)
			if err == nil {
				p.end() // also for a visitor whom nobody meets any more
			}
			return err
		},
	}
	way := func(name string, run func(ctx context.Context) error) {
		p.ways.Add(1)
		parts[name] = func(ctx context.Context) error {
			err := run(ctx)
			if p.ways.Add(-1) == 0 {
				close(p.visits)
			}
			return err
		}
	}
	if p.slot != nil {
		way("pairing slot", func(ctx context.Context) error { return readVisits(ctx, p.slot, p.client.Node, p.visits) })
	}
	if p.meeting != nil {
		way("pairing meeting", p.meeting.run)
	}
	return parts
}

// close ends what open opened, where nothing runs.
func (p *oldPairing) close() {
	if p.slot != nil {
		p.slot.Close()
	}
	if p.meeting != nil {
		_ = p.meeting.host.Close()
	}
}

// slotClient returns a client of a rendezvous node that opens slots for this device: nil if none answers now, and the local network
// is there instead.
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
		switch {
		case o.mayAct() != nil:
		case n.config.Nearby != nil:
			return nil, nil
		default:
			return o.awaitConnection(ctx)
		}
	}
	return nil, refused
}

// run lets one after another visit, until one is added or the code is void. [PAIR-12]
func (p *oldPairing) run(ctx context.Context) error {
	if p.slot != nil {
		defer p.slot.Close()
	}
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
		case errors.Is(err, pairing.ErrCode) && p.said.now().Tries == 0:
			return errVoid
		}
		p.node.log.Info("a visit of the pairing came to nothing", "error", err)
	}
	return errVisits
}

// meet finds out whether the visitor has the code. [PAIR-5]
func (p *oldPairing) meet(ctx context.Context, t *talk) (*pairing.Old, error) {
	setup := p.setup
	setup.Path, setup.Peer = t.path, t.peer // [PAIR-3]
	old := pairing.NewOld(rand.Reader, setup)
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
		if t.send(pairing.RefuseFrame(p.said.now().Tries)) == nil {
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
