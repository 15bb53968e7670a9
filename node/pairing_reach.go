package node

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/pairing"
)

const (
	// nearTime is how long the other device is looked for on the local network, if that is the only place where it can be, and
	// nearFirst if there is a rendezvous node to ask then.
	nearTime  = 10 * time.Second
	nearFirst = 4 * time.Second
	// nearMore is how long another one is looked for after one that has another code.
	nearMore = 3 * time.Second
)

// reach finds the device that has the same code: on the local network first, then at the rendezvous node. Callers leave the talk.
// [PAIR-15]
func (p *newPairing) reach(ctx context.Context) (*pairing.New, *talk, error) {
	if p.near {
		new, t, err := p.reachNear(ctx)
		if err == nil || p.client == nil || ctx.Err() != nil {
			return new, t, err
		}
		p.node.log.Info("the other device is not on the local network", "error", err)
	}
	return p.reachNode(ctx)
}

// reachNear tries everybody on the local network who says that the code is theirs: one that has another is perhaps somebody who
// wants to be in the way.
func (p *newPairing) reachNear(ctx context.Context) (*pairing.New, *talk, error) {
	search := p.node.searchMeeting(ctx, p.host, meetingPlace{meetToPair, p.slot}, p.setup.Peer)
	if info := linkInfo(p.setup.Peer, p.at); len(info.Addrs) > 0 {
		search.call(p.setup.Peer, info)
	}
	limit := nearTime
	if p.client != nil {
		limit = nearFirst
	}
	var failed error
	for {
		t, err := search.next(ctx, limit)
		if err != nil {
			search.close()
			return nil, nil, nearError(err, failed)
		}
		new, err := p.meet(ctx, t)
		if err == nil {
			leave := t.leave
			t.leave = func() { leave(); search.close() }
			return new, t, nil
		}
		t.leave()
		if failed == nil || errors.Is(err, errWrongCode) {
			failed = err
		}
		limit = nearMore
	}
}

// nearError says why nobody was met on the local network. What one who was met has said says more.
func nearError(err, met error) error {
	switch {
	case met != nil:
		return met
	case errors.Is(err, errNobodyNear):
		return api.Errorf(api.CodeNotFound, "no device on this local network waits for this code").
			WithHint("are both in the same Wi-Fi, and is the code still shown? Else give --at ADDRESS, as the other device shows it, or use its link")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return api.Errorf(api.CodeFailed, "the local network cannot be searched").
		WithHint("connect this device to the same Wi-Fi, or give --at ADDRESS, as the other device shows it, or use its link")
}

// linkInfo returns how to call the old device at the addresses in its link, of which those on local networks count. [PAIR-2]
func linkInfo(who keys.PublicKey, addresses []string) peer.AddrInfo {
	info := peer.AddrInfo{ID: p2p.PeerID(who)}
	for _, text := range addresses {
		ip, ok := addressIP(text)
		if !ok || !isLocal(ip) || p2p.CheckAddress(text) != nil {
			continue
		}
		if address, err := multiaddr.NewMultiaddr(text); err == nil {
			info.Addrs = append(info.Addrs, address)
		}
	}
	return info
}

// reachNode visits the slot of the rendezvous node.
func (p *newPairing) reachNode(ctx context.Context) (*pairing.New, *talk, error) {
	slot, err := p.client.VisitSlot(ctx, p.slot)
	if err != nil {
		return nil, nil, visitError(err)
	}
	frames, reader := make(chan []byte, waitingFrames), task.New(ctx)
	reader.Go("pairing visit reader", func(ctx context.Context) error { return readVisit(ctx, slot, frames) })
	t := &talk{send: slot.Send, frames: frames, path: p.client.Node}
	t.leave = func() {
		slot.Close()
		reader.Stop()
		_ = reader.Wait() // it fails by nothing
	}
	new, err := p.meet(ctx, t)
	if err != nil {
		t.leave()
		return nil, nil, err
	}
	return new, t, nil
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
	setup := p.setup
	setup.Path = t.path
	if !t.peer.IsZero() {
		setup.Peer = t.peer // [PAIR-3]
	}
	new := pairing.NewNew(rand.Reader, setup)
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
		p.tell(func(said *api.Pairing) { said.Tries = refused.Left })
		if refused.Left == 0 {
			return nil, errVoid
		}
		return nil, errWrongCode
	}
	return new, err
}
