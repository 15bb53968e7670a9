package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/node/api"
	"muster.example/node/pairing"
)

// pairingWait is how long a request waits for a change of a pairing.
const pairingWait = 20 * time.Second

// pairingRun is a pairing under way, or the last one, on either side.
type pairingRun struct {
	*undertaking[api.Pairing]
	answer chan bool // capacity 1: what the person says to the words
}

// beginPairing makes room for a pairing. Callers call start, or abort.
func (n *Node) beginPairing(ctx context.Context, first api.Pairing) (*pairingRun, context.Context, error) {
	r := &pairingRun{answer: make(chan bool, 1), undertaking: &undertaking[api.Pairing]{
		node: n, name: "pairing", event: api.EventPairing, over: make(chan struct{}), said: newBulletin(first),
		version: func(p *api.Pairing) *uint64 { return &p.Version },
		ending: func(p *api.Pairing, err error) {
			if p.Over() {
				return
			}
			if err == nil {
				err = context.Canceled
			}
			p.State, p.Error = api.PairingFailed, pairingError(err)
		},
	}}
	life, err := undertake(ctx, &n.pairing, r, pairing.Life+pairing.SignTime, errPairingBusy)
	return r, life, err
}

func (n *Node) currentPairing() *pairingRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pairing
}

// Pairing tells how far the pairing is that is under way, or was last. [API-72]
func (n *Node) Pairing(ctx context.Context, query api.PairingQuery) (api.Pairing, error) {
	r := n.currentPairing()
	if r == nil {
		return api.Pairing{State: api.PairingNone}, nil
	}
	return r.said.await(ctx, pairingWait, func(p api.Pairing) bool { return p.Version > query.After })
}

// ConfirmPairing says yes to the words that both screens show, or ends the pairing. [PAIR-10]
func (n *Node) ConfirmPairing(ctx context.Context, request api.ConfirmRequest) (api.Pairing, error) {
	r := n.currentPairing()
	if r == nil || r.said.now().Over() {
		if request.No {
			return n.Pairing(ctx, api.PairingQuery{})
		}
		return api.Pairing{}, api.Errorf(api.CodeNotFound, "no device is being added").WithHint("begin with `muster device add`")
	}
	if request.No {
		r.end()
		return r.awaitEnd(ctx)
	}
	switch said := r.said.now(); {
	case said.New:
		return said, api.Errorf(api.CodeUsage, "this is the new device").WithHint("say yes on the one that has the account")
	case said.State == api.PairingWaiting:
		return said, api.Errorf(api.CodeNotFound, "the other device is not there yet").WithHint("enter the code on it")
	case !slices.Equal(said.Words, request.Words):
		return said, api.Errorf(api.CodeUsage, "these are not the words of this pairing").WithHint("compare them again: `muster device confirm` shows them")
	}
	select {
	case r.answer <- true:
	default: // said already
	}
	return n.Pairing(ctx, api.PairingQuery{After: r.said.now().Version})
}

// errPairingBusy and the others are why a pairing ends, or does not begin.
var (
	errPairingBusy = api.Errorf(api.CodeFailed, "another pairing was begun at the same time").WithHint("try again")
	errVoid        = api.Errorf(api.CodeRefused, "the code was wrong three times, and is void").WithHint("make another: muster device add")
	errVisits      = api.Errorf(api.CodeRefused, "the code was tried too often, and is void").WithHint("make another: muster device add")
	errSlotLost    = api.Errorf(api.CodeFailed, "the rendezvous node has ended the pairing").WithHint("check the network, and make another code: muster device add")
	errCodeOld     = api.Errorf(api.CodeFailed, "nobody used the code within ten minutes: it is void").WithHint("make another: muster device add")
	errOtherGone   = api.Errorf(api.CodeFailed, "the other device has broken off: nothing was added").WithHint("begin again on both: muster device add, then muster pair")
	errOtherFault  = api.Errorf(api.CodeFailed, "the other device says what it should not: nothing was added").
			WithHint("update muster on both; if that does not help, somebody is on the line between them")
	errWrongCode = api.Errorf(api.CodeRefused, "the code is wrong").WithHint("check each word with the other device, and try again: a code has three tries")
)

// pairingError says what happened in a person's words.
func pairingError(err error) *api.Error {
	switch {
	case errors.Is(err, pairing.ErrFrame), errors.Is(err, pairing.ErrSealed), errors.Is(err, pairing.ErrPeer):
		return errOtherFault
	case errors.Is(err, pairing.ErrCode):
		return errWrongCode
	case errors.Is(err, context.DeadlineExceeded):
		return errCodeOld
	case errors.Is(err, context.Canceled):
		return api.Errorf(api.CodeInterrupted, "the pairing was cancelled: nothing was added")
	}
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known
	}
	return api.AsError(err)
}
