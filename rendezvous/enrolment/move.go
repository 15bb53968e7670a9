package enrolment

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
)

// errMoved means that another rendezvous node orders the roll now, and the move could not be followed.
var errMoved = errors.New("enrolment: another rendezvous node orders the roll: give the card of the organization anew with --org")

// maxMoves is how many moves one after another are followed at once.
const maxMoves = 4

// otherTerm reports whether a node shows a roll that does not go on in the term of ours: the duty has moved, to it, by it, or to the
// same node at another place.
func otherTerm(err error) bool {
	return errors.Is(err, membership.ErrMoved) || errors.Is(err, membership.ErrSequencer) || errors.Is(err, membership.ErrCheckpointSignature)
}

// goAfter goes where a node says that the duty has moved, whose word means nothing: only the roll there does. The caller holds turn.
func (f *follower) goAfter(ctx context.Context, signed []byte) error {
	for range maxMoves {
		event, _, err := membership.OpenEvent(signed)
		if err != nil || event.Org != f.org.Org || event.Rendezvous == nil {
			return fmt.Errorf("%w: what is said of it is no move", errMoved)
		}
		err = f.rebuild(ctx, membership.NodeAddress{Key: event.Rendezvous.Node, Addresses: event.Rendezvous.Addresses})
		moved, further := errors.AsType[*rvclient.MovedError](err)
		switch {
		case err == nil:
			return nil
		case !further:
			return fmt.Errorf("%w: %w", errMoved, err)
		}
		signed = moved.Event
	}
	return fmt.Errorf("%w: it has moved again and again", errMoved)
}

// rebuild reads the whole roll from a node, and puts it in the place of ours if it follows from that by a move of the duty. [ROLL-58]
func (f *follower) rebuild(ctx context.Context, node membership.NodeAddress) error {
	page, err := f.view(ctx, node, 0)
	if err != nil {
		return err
	}
	entries, err := parseEntries(page.Entries, 0)
	if err != nil {
		return err
	}
	next, _, err := membership.Rebuild(f.org.Org, keys.MemberID{}, page.Checkpoint, orderedBy(entries), entries)
	if err != nil {
		return fmt.Errorf("verifying the roll of %s: %w", node.Key.Short(), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.roll.Size() > 0 {
		if _, err := f.roll.Succeed(next); err != nil {
			return fmt.Errorf("the roll of %s does not follow from the one that is known: %w", node.Key.Short(), err)
		}
	}
	f.roll = next
	return nil
}

// orderedBy returns the node that entries name last: it must have signed the checkpoint.
func orderedBy(entries []membership.Entry) (node keys.PublicKey) {
	for _, entry := range entries {
		if entry.Hidden() {
			continue
		}
		if event, err := membership.ReadEvent(entry.Event); err == nil && event.Rendezvous != nil {
			node = event.Rendezvous.Node
		}
	}
	return node
}
