package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/pairing"
)

// pairingWait is how long a request waits for a change of a pairing.
const pairingWait = 20 * time.Second

// pairingRun is a pairing under way, or the last one, on either side.
type pairingRun struct {
	node   *Node
	end    context.CancelFunc
	over   chan struct{} // closed once all of it has ended
	answer chan bool     // capacity 1: what the person says to the words

	mu      sync.Mutex // guards the following
	said    api.Pairing
	changed chan struct{} // closed and replaced at each change
}

// beginPairing makes room for a pairing: what was under way ends. The context is the whole pairing's. Callers call start, or
// abort.
func (n *Node) beginPairing(ctx context.Context, first api.Pairing) (*pairingRun, context.Context, error) {
	select {
	case <-n.running:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.group == nil {
		return nil, nil, errNotRunning
	}
	if before := n.pairing; before != nil {
		before.end()
		n.mu.Unlock()
		select {
		case <-before.over:
		case <-ctx.Done():
		}
		n.mu.Lock()
		if n.pairing != before || ctx.Err() != nil || n.group == nil {
			return nil, nil, errors.Join(ctx.Err(), api.Errorf(api.CodeFailed, "another pairing was begun at the same time").WithHint("try again"))
		}
		first.Version = before.snapshot().Version + 1
	}
	r := &pairingRun{node: n, over: make(chan struct{}), answer: make(chan bool, 1), said: first, changed: make(chan struct{})}
	life, end := context.WithTimeout(n.group.Context(), pairing.Life+pairing.SignTime)
	n.pairing, r.end = r, end
	return r, life, nil
}

// start runs the pairing in goroutines of its own. Whatever comes of it ends it, and nothing else of the node.
func (r *pairingRun) start(ctx context.Context, parts map[string]func(ctx context.Context) error) error {
	r.node.mu.Lock()
	defer r.node.mu.Unlock()
	if r.node.group == nil {
		r.abort(errNotRunning)
		return errNotRunning
	}
	r.node.group.Go("pairing", func(context.Context) error {
		group := task.New(ctx)
		for part, run := range parts {
			group.Go(part, run)
		}
		r.abort(group.Wait())
		return nil
	})
	return nil
}

// abort ends a pairing that has not come to an end of its own. It is called once.
func (r *pairingRun) abort(err error) {
	r.end()
	r.tell(func(p *api.Pairing) {
		if p.Over() {
			return
		}
		if err == nil {
			err = api.Errorf(api.CodeInterrupted, "the pairing was cancelled: nothing was added")
		}
		p.State, p.Error = api.PairingFailed, pairingError(err)
	})
	close(r.over)
}

// tell changes what is said of the pairing.
func (r *pairingRun) tell(change func(*api.Pairing)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.said)
	r.said.Version++
	close(r.changed)
	r.changed = make(chan struct{})
	r.node.hub.publish(api.Event{Kind: api.EventPairing, Time: time.Now().UTC()})
}

func (r *pairingRun) snapshot() api.Pairing {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := r.said
	said.Words, said.Orgs = slices.Clone(said.Words), slices.Clone(said.Orgs)
	return said
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
	timeout := time.NewTimer(pairingWait)
	defer timeout.Stop()
	for {
		r.mu.Lock()
		changed, news := r.changed, r.said.Version > query.After
		r.mu.Unlock()
		if news {
			return r.snapshot(), nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return r.snapshot(), nil
		case <-ctx.Done():
			return api.Pairing{}, ctx.Err()
		}
	}
}

// ConfirmPairing says yes to the words that both screens show, or ends the pairing. [PAIR-10]
func (n *Node) ConfirmPairing(ctx context.Context, request api.ConfirmRequest) (api.Pairing, error) {
	r := n.currentPairing()
	if r == nil || r.snapshot().Over() {
		if request.No {
			return n.Pairing(ctx, api.PairingQuery{})
		}
		return api.Pairing{}, api.Errorf(api.CodeNotFound, "no device is being added").WithHint("begin with `muster device add`")
	}
	if request.No {
		r.end()
		select {
		case <-r.over:
			return r.snapshot(), nil
		case <-ctx.Done():
			return api.Pairing{}, ctx.Err()
		}
	}
	switch said := r.snapshot(); {
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
	return n.Pairing(ctx, api.PairingQuery{After: r.snapshot().Version})
}

// errNo and the others are why a pairing ends.
var (
	errVoid       = api.Errorf(api.CodeRefused, "the code was wrong three times, and is void").WithHint("make another: muster device add")
	errVisits     = api.Errorf(api.CodeRefused, "the code was tried too often, and is void").WithHint("make another: muster device add")
	errSlotLost   = api.Errorf(api.CodeFailed, "the rendezvous node has ended the pairing").WithHint("check the network, and make another code: muster device add")
	errCodeOld    = api.Errorf(api.CodeFailed, "nobody used the code within ten minutes: it is void").WithHint("make another: muster device add")
	errOtherGone  = api.Errorf(api.CodeFailed, "the other device has broken off: nothing was added").WithHint("begin again on both: muster device add, then muster pair")
	errOtherFault = api.Errorf(api.CodeFailed, "the other device says what it should not: nothing was added").
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
