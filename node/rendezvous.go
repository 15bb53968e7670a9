package node

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// Rendezvous lists who orders the roll, and who did.
func (n *Node) Rendezvous(_ context.Context, query api.AdminQuery) (api.RendezvousResult, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.RendezvousResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	terms := o.roll.State().Terms()
	result := api.RendezvousResult{Org: o.org.String(), OrgName: o.roll.State().OrgName(), Nodes: o.describeNodesLocked()}
	err = o.node.store.View(func(tx *store.Tx) error {
		for i, term := range terms {
			entry, event, err := o.entryAt(tx, term.From)
			if err != nil {
				return err
			}
			described := api.RendezvousTerm{
				Number: term.Number, Node: term.Node.String(), From: term.From, Since: time.UnixMilli(entry.Time).UTC(),
				Current: i == len(terms)-1,
			}
			described.Connected = described.Current && o.client != nil && o.client.Node == term.Node
			if event.Rendezvous != nil {
				described.Addresses = event.Rendezvous.Addresses
			}
			result.Terms = append(result.Terms, described)
		}
		return nil
	})
	return result, err
}

// MoveRendezvous moves the sequencing duty to the node that issued a claim: it gives that node the whole roll and the
// signed event by which it takes over, and follows.
func (n *Node) MoveRendezvous(ctx context.Context, request api.MoveRequest) (api.MoveResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.MoveResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.MoveResult{}, err
	}
	if request.To != "" {
		if request.Here || request.Claim != "" {
			return api.MoveResult{}, api.Errorf(api.CodeUsage, "the duty moves to one node: a claim link, --here or --to")
		}
		return o.moveWithin(ctx, request.To, root)
	}
	claim, err := claimOf(request.Claim, request.Here)
	if err != nil {
		return api.MoveResult{}, err
	}
	if request.Here {
		if key, _, _ := n.serverAt(); !key.IsZero() && key == o.sequencer() {
			return api.MoveResult{}, api.Errorf(api.CodeRefused, "the rendezvous node on this computer orders the roll already")
		}
		link, err := n.claimHere(ctx, ServerPlaces{Listen: request.Listen, Announce: request.Announce})
		if err == nil {
			claim, err = rvproto.ParseClaim(link)
		}
		if err != nil {
			return api.MoveResult{}, err
		}
	}
	if client := o.connection(); client != nil { // what the old node has still taken goes along
		if err := o.catchUp(ctx, client); err != nil {
			o.log.Info("moving on what is here: the old rendezvous node does not answer", "error", err)
		}
	}
	move, entries, err := o.signMove(claim, root)
	if err != nil {
		return api.MoveResult{}, explained(err)
	}
	local, err := o.hostNow(ctx)
	if err != nil {
		return api.MoveResult{}, err
	}
	p2p.CallAnew(local, claim.Node)
	client := &rvclient.Client{Host: local, Node: claim.Node, Addresses: n.callAt(store.Node{Key: claim.Node, Addresses: claim.Addresses}), Org: o.org}
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	if err := client.Connect(ctx); err != nil {
		return api.MoveResult{}, api.Errorf(api.CodeFailed, "the new rendezvous node cannot be reached now").
			WithHint("check that it runs, and its address")
	}
	if err := client.HandOver(ctx, claim.Token, o.org, entries, move); err != nil {
		return api.MoveResult{}, refusal("handing the roll over", err)
	}
	if err := o.hearMove(move); err != nil && !errors.Is(err, errKnown) {
		return api.MoveResult{}, err
	}
	o.tellOldNode(ctx, client, move)
	o.reconnect()
	o.await(ctx, followWait, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.at.Key == claim.Node && o.client != nil
	})
	event, _ := membership.ReadEvent(move)
	return api.MoveResult{
		Org: o.org.String(), Node: claim.Node.String(), Term: event.Rendezvous.Term, Link: membership.MoveLink(move),
	}, nil
}

// signMove returns the signed move and all entries of the roll that it continues.
func (o *organization) signMove(claim rvproto.Claim, root *keys.PrivateKey) (membership.SignedEvent, [][]byte, error) {
	o.mu.Lock()
	size, state := o.roll.Size(), o.roll.State()
	hidden := o.roll.Hidden()
	hash, err := o.roll.Root(size)
	now, ok := state.Sequencer()
	o.mu.Unlock()
	switch {
	case err != nil:
		return nil, nil, err
	case hidden > 0:
		return nil, nil, api.Errorf(api.CodeRefused, "this device lacks %d events that are for admins and desks alone", hidden).
			WithHint("move it on the device of an admin")
	case ok && now.Node == claim.Node:
		return nil, nil, api.Errorf(api.CodeRefused, "this rendezvous node orders the roll already")
	}
	var entries [][]byte
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, 0, func(index uint64, data []byte) (bool, error) {
			if index < size {
				entries = append(entries, bytes.Clone(data))
			}
			return index < size, nil
		})
	})
	if err != nil {
		return nil, nil, err
	}
	move, err := o.signChecked(membership.Event{Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: now.Term + 1, Size: size, Root: hash[:],
	}}, root)
	return move, entries, err
}

// reconnect ends the session, so that the next one begins where the duty is now.
func (o *organization) reconnect() {
	o.mu.Lock()
	local, at := o.host, o.at
	o.mu.Unlock()
	if local != nil {
		_ = local.Network().ClosePeer(p2p.PeerID(at.Key)) // it may be gone already
	}
	wake(o.wakeSession)
}

// hostNow returns the running host, waiting for it if the node has just been started.
func (o *organization) hostNow(ctx context.Context) (local host.Host, err error) {
	o.await(ctx, connectWait, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		local = o.host
		return local != nil
	})
	if local == nil {
		return nil, api.Errorf(api.CodeFailed, "the node is starting: try again")
	}
	return local, nil
}

// Follow has this device follow a move that the old node does not tell it of.
func (n *Node) Follow(ctx context.Context, request api.FollowRequest) (api.RendezvousResult, error) {
	move, err := membership.ParseMoveLink(request.Link)
	if err != nil {
		return api.RendezvousResult{}, api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole line, from muster:move/ on")
	}
	event, principal, err := membership.OpenEvent(move)
	if err != nil || event.Rendezvous == nil {
		return api.RendezvousResult{}, api.Errorf(api.CodeUsage, "the line does not hold a move").WithHint("copy the whole line, from muster:move/ on")
	}
	o, known := n.entered(principal.Org)
	if !known {
		return api.RendezvousResult{}, api.Errorf(api.CodeNotFound, "this device is not in the organization that moved")
	}
	switch err := o.hearMove(move); {
	case errors.Is(err, errKnown):
	case errors.Is(err, errMove):
		return api.RendezvousResult{}, api.Errorf(api.CodeRefused, "the move is not by an admin of %s or its root key", o.name()).
			WithHint("ask an admin for the line; if they have it from somebody else, tell them")
	case err != nil:
		return api.RendezvousResult{}, err
	default:
		o.reconnect()
	}
	o.await(ctx, followWait, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.at.Key == event.Rendezvous.Node && o.client != nil
	})
	o.mu.Lock()
	there := o.at.Key == event.Rendezvous.Node
	o.mu.Unlock()
	result, err := n.Rendezvous(ctx, api.AdminQuery{Org: o.org.String()})
	if err == nil && !there {
		return result, api.Errorf(api.CodeFailed, "the new rendezvous node was not reached yet").
			WithHint("the device keeps trying: see muster status")
	}
	return result, err
}

// followWait is how long a command waits for the new rendezvous node.
const followWait = 20 * time.Second

// tellOldNode lets the old node know, if it can be reached: it then tells its devices where the duty went. It believes that
// only of the new node's own checkpoint.
func (o *organization) tellOldNode(ctx context.Context, next *rvclient.Client, move []byte) {
	old := o.connection()
	if old == nil {
		return
	}
	event, err := membership.ReadEvent(move)
	if err != nil || event.Rendezvous == nil {
		return
	}
	page, err := next.Fetch(ctx, event.Rendezvous.Size+1)
	if err == nil {
		err = old.SubmitMove(ctx, move, page.Checkpoint)
	}
	if err != nil && !errors.Is(err, wire.StatusMoved) {
		o.log.Info("telling the old rendezvous node of the move", "error", err)
	}
}
