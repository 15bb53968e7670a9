package node

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// describeNodesLocked tells of each rendezvous node that serves, the one that orders the roll first. Callers hold mu.
func (o *organization) describeNodesLocked() (all api.List[api.RendezvousNode]) {
	all = api.List[api.RendezvousNode]{}
	for i, at := range o.nodesLocked() {
		connected, trip, posting := o.fleet.describe(at.Key)
		one := api.RendezvousNode{
			Node: at.Key.String(), Addresses: slices.Clone(o.node.shownAt(at)), Role: api.NodeServes, Connected: connected, Posting: posting,
		}
		if connected {
			one.LatencyMS = trip.Milliseconds()
		}
		if i == 0 {
			one.Role = api.NodeOrders
		}
		all = append(all, one)
	}
	return all
}

// ChangeNodes adds a further rendezvous node, by the claim link that it printed, or takes one away. What is so already is no
// error: an addition that was cut short is finished by the same again.
func (n *Node) ChangeNodes(ctx context.Context, request api.NodesRequest) (api.RendezvousResult, error) {
	if (request.Claim == "") == (request.Remove == "") {
		return api.RendezvousResult{}, api.Errorf(api.CodeUsage, "name a node to add by its claim link, or one to remove")
	}
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.RendezvousResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.RendezvousResult{}, err
	}
	already := false
	if request.Claim != "" {
		already, err = o.addNode(ctx, request.Claim, root)
	} else {
		already, err = o.removeNode(ctx, request.Remove, root)
	}
	if err != nil {
		return api.RendezvousResult{}, err
	}
	result, err := n.Rendezvous(ctx, api.AdminQuery{Org: o.org.String()})
	result.Already = already
	return result, err
}

// addNode puts a node on the roll, and gives it the roll.
func (o *organization) addNode(ctx context.Context, link string, root *keys.PrivateKey) (already bool, err error) {
	claim, err := rvproto.ParseClaim(link)
	if err != nil {
		return false, api.Errorf(api.CodeUsage, "this is no claim link").WithHint("copy the whole line, from muster:claim/ on")
	}
	added := membership.NodeAddress{Key: claim.Node, Addresses: claim.Addresses[:min(len(claim.Addresses), membership.MaxAddresses)]}
	if claim.Node == o.sequencer() {
		return false, api.Errorf(api.CodeRefused, "this rendezvous node orders the roll already")
	}
	o.mu.Lock()
	further, hidden := o.roll.State().Nodes(), o.roll.Hidden()
	o.mu.Unlock()
	if hidden > 0 {
		return false, api.Errorf(api.CodeRefused, "this device lacks %d events that are for admins and desks alone", hidden).
			WithHint("add the node on the device of an admin")
	}
	further = slices.DeleteFunc(further, func(node membership.NodeAddress) bool { return node.Key == claim.Node })
	if len(further) == membership.MaxFurther {
		return false, api.Errorf(api.CodeRefused, "there are %d rendezvous nodes, and no room for more", membership.MaxFurther+1).
			WithHint("remove one: muster admin rendezvous remove")
	}
	if err := o.tryNode(ctx, store.Node{Key: claim.Node, Addresses: claim.Addresses}); err != nil {
		return false, err
	}
	already, err = o.decide(ctx, nodesEvent(append(further, added)), root)
	if err != nil {
		return false, err
	}
	entries, note, err := o.wholeRoll()
	if err != nil {
		return false, err
	}
	local, err := o.hostNow(ctx)
	if err != nil {
		return false, err
	}
	client := o.clientAt(local, store.Node{Key: claim.Node, Addresses: claim.Addresses})
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	for attempt := 1; ; attempt++ { // a session that came too early may take the connection with it
		err := client.Serve(ctx, claim.Token, o.org, entries, note)
		if err == nil {
			break
		}
		if _, answered := errors.AsType[wire.Status](err); answered || attempt == serveAttempts {
			return false, unserved(refusal("giving the node the roll", err))
		}
	}
	wake(o.wakeNodes)
	o.await(ctx, followWait, func() bool { return o.fleet.clientOf(claim.Node) != nil })
	return already, nil
}

// unserved says what to do about a node that the roll names and that did not take the roll.
func unserved(err error) error {
	if refused, ok := errors.AsType[*api.Error](err); ok {
		return refused.WithHint("the roll names the node, which does not serve: give a new link of it, or take it away: muster admin rendezvous remove")
	}
	return err
}

// serveAttempts is how often a node is given the roll before that is given up.
const serveAttempts = 4

// tryNode calls a node before it is put on the roll.
func (o *organization) tryNode(ctx context.Context, at store.Node) error {
	local, err := o.hostNow(ctx)
	if err != nil {
		return err
	}
	p2p.CallAnew(local, at.Key)
	if _, err := o.dialNode(ctx, local, at, homeDial); err != nil {
		return api.Errorf(api.CodeFailed, "the new rendezvous node cannot be reached now").WithHint("check that it runs, and its address")
	}
	return nil
}

// nodesEvent is the event that names the further nodes.
func nodesEvent(further []membership.NodeAddress) membership.Event {
	slices.SortFunc(further, func(a, b membership.NodeAddress) int { return a.Key.Compare(b.Key) })
	return membership.Event{Nodes: &membership.Nodes{Further: further}}
}

// wholeRoll returns all entries of the roll, up to the newest checkpoint, and that.
func (o *organization) wholeRoll() (entries [][]byte, note []byte, err error) {
	o.mu.Lock()
	size, note := o.checkpoint.Size, bytes.Clone(o.roll.Note())
	o.mu.Unlock()
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, 0, func(index uint64, data []byte) (bool, error) {
			if index < size {
				entries = append(entries, bytes.Clone(data))
			}
			return index < size, nil
		})
	})
	return entries, note, err
}

// removeNode takes a node off the roll. Devices listen to it until it is empty.
func (o *organization) removeNode(ctx context.Context, named string, root *keys.PrivateKey) (already bool, err error) {
	node, err := o.nodeNamed(named)
	if err != nil {
		return false, err
	}
	if node.Key == o.sequencer() {
		return false, api.Errorf(api.CodeRefused, "this rendezvous node orders the roll").
			WithHint("move that duty first: muster admin rendezvous move --to KEY")
	}
	o.mu.Lock()
	further := o.roll.State().Nodes()
	o.mu.Unlock()
	left := slices.DeleteFunc(further, func(other membership.NodeAddress) bool { return other.Key == node.Key })
	return o.decide(ctx, nodesEvent(left), root)
}

// nodeNamed returns the node of the organization that a key, the end of one, or an address stands for.
func (o *organization) nodeNamed(named string) (found store.Node, err error) {
	count := 0
	for _, node := range o.nodes() {
		key := node.Key.String()
		if key == named || len(named) >= 4 && strings.HasSuffix(key, strings.TrimPrefix(named, "…")) || slices.Contains(node.Addresses, named) {
			found = node
			count++
		}
	}
	switch count {
	case 0:
		return found, api.Errorf(api.CodeNotFound, "no rendezvous node %q serves %s", named, o.name()).
			WithHint("muster admin rendezvous list shows them")
	case 1:
		return found, nil
	}
	return found, api.Errorf(api.CodeUsage, "more than one rendezvous node is meant").WithHint("name it by its whole key")
}

// moveWithin moves the sequencing duty to a node that serves already: it has the roll, and puts the event on it by which it
// takes over. [RV-167]
func (o *organization) moveWithin(ctx context.Context, named string, root *keys.PrivateKey) (api.MoveResult, error) {
	at, err := o.nodeNamed(named)
	if err != nil {
		return api.MoveResult{}, err
	}
	if at.Key == o.sequencer() {
		return api.MoveResult{}, api.Errorf(api.CodeRefused, "this rendezvous node orders the roll already")
	}
	if client := o.connection(); client != nil {
		if err := o.catchUp(ctx, client); err != nil {
			o.log.Info("moving on what is here: the rendezvous node does not answer", "error", err)
		}
	}
	local, err := o.hostNow(ctx)
	if err != nil {
		return api.MoveResult{}, err
	}
	p2p.CallAnew(local, at.Key)
	client := o.clientAt(local, at)
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	if err := client.Connect(ctx); err != nil {
		return api.MoveResult{}, api.Errorf(api.CodeFailed, "that rendezvous node cannot be reached now").
			WithHint("check that it runs, and its address")
	}
	if err := o.catchUp(ctx, client); err != nil { // both have the same roll then
		return api.MoveResult{}, refusal("comparing the roll with that node's", err)
	}
	move, err := o.signMoveTo(at, root)
	if err != nil {
		return api.MoveResult{}, explained(err)
	}
	if err := client.Submit(ctx, move); err != nil {
		return api.MoveResult{}, refusal("moving the duty", err)
	}
	o.mu.Lock()
	o.termTried = o.termTried.Add(-termEvery)
	o.mu.Unlock()
	if err := o.followTerm(ctx, client); err != nil {
		return api.MoveResult{}, err
	}
	o.tellOldNode(ctx, client, move)
	o.await(ctx, followWait, func() bool { return o.orders(o.connection()) })
	event, _ := membership.ReadEvent(move)
	return api.MoveResult{
		Org: o.org.String(), Node: at.Key.String(), Term: event.Rendezvous.Term, Link: membership.MoveLink(move),
	}, nil
}

// signMoveTo signs the event by which a node that has the roll takes the duty over.
func (o *organization) signMoveTo(at store.Node, root *keys.PrivateKey) (membership.SignedEvent, error) {
	o.mu.Lock()
	size, state := o.roll.Size(), o.roll.State()
	hash, err := o.roll.Root(size)
	now, _ := state.Sequencer()
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return o.signChecked(membership.Event{Rendezvous: &membership.Rendezvous{
		Node: at.Key, Addresses: at.Addresses, Term: now.Term + 1, Size: size, Root: hash[:],
	}}, root)
}
