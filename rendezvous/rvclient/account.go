package rvclient

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// MovedError means that another node has taken over the organization. It wraps wire.StatusMoved.
type MovedError struct {
	Event []byte // the signed rendezvous event that says so, not verified
}

// Error implements error.
func (*MovedError) Error() string { return "rvclient: " + wire.StatusMoved.Error() }

// Unwrap returns the status.
func (*MovedError) Unwrap() error { return wire.StatusMoved }

// refusal returns what an answer's status means, nil for StatusOK.
func refusal(status wire.Status, move []byte) error {
	if status == wire.StatusMoved {
		return &MovedError{Event: move}
	}
	return status.Err()
}

// Verdict is what a node says of the asking device. Nothing in it is verified: membership.OpenCheckpoint and
// membership.VerifyInclusion do that.
type Verdict struct {
	Checkpoint []byte // signed note
	Standing   membership.Standing
	Entries    []rvproto.Shown // what made it so, in the order of the roll: bars, decisions, re-admissions that wait
}

// Recover returns the roll from position from on, for whoever holds the recovery key of a member or the organization's
// root key. The device need not be anybody's.
func (c *Client) Recover(ctx context.Context, key keys.PrivateKey, from uint64) (Page, error) {
	proof, err := c.prove(keys.DomainProof, key)
	if err != nil {
		return Page{}, err
	}
	return c.gather(from, func(from, to uint64) (rvproto.RollAnswer, error) {
		return c.join(ctx, rvproto.JoinRequest{Recover: &rvproto.RecoverRequest{
			Org: c.Org, Key: key.Public(), Proof: proof, From: from, To: to,
		}})
	})
}

// Present hands in a signed event that speaks for itself, whoever carries it: any by a recovery key or the root key, the
// entering or the refusal of a re-admission, and a device's bar or cancellation. nil means that the roll holds it.
func (c *Client) Present(ctx context.Context, event []byte) error {
	_, err := c.join(ctx, rvproto.JoinRequest{Present: &rvproto.PresentRequest{Org: c.Org, Event: event}})
	return err
}

// Verdict asks what became of this device. wire.StatusNotFound means that it is not, and was never, anybody's.
func (c *Client) Verdict(ctx context.Context) (Verdict, error) {
	answer, err := c.join(ctx, rvproto.JoinRequest{Verdict: &rvproto.VerdictRequest{Org: c.Org}})
	if err != nil {
		return Verdict{}, err
	}
	if answer.Standing > uint8(membership.StandingEnded) {
		return Verdict{}, fmt.Errorf("%w: standing %d", ErrProtocol, answer.Standing)
	}
	return Verdict{
		Checkpoint: answer.Checkpoint, Standing: membership.Standing(answer.Standing), Entries: answer.Shown,
	}, nil
}

// Promised returns the roll from position from on, for the device that a waiting re-admission names.
func (c *Client) Promised(ctx context.Context, from uint64) (Page, error) {
	return c.gather(from, func(from, to uint64) (rvproto.RollAnswer, error) {
		return c.join(ctx, rvproto.JoinRequest{Promised: &rvproto.PromisedRequest{Org: c.Org, From: from, To: to}})
	})
}

// Show shows the node a checkpoint that it signed itself and has forgotten, because its folder is an old copy. entries
// are those from the node's size, from, to the checkpoint's, none of them hidden, and prove returns the consistency proof
// from a size to the checkpoint's. Without entries the node only learns that it must not go on before it has them.
func (c *Client) Show(ctx context.Context, checkpoint []byte, from uint64, entries [][]byte,
	prove func(size uint64) ([][32]byte, error)) error {
	for {
		request := rvproto.ShowRequest{Checkpoint: checkpoint, From: from, Entries: piece(entries, rvproto.MaxPageEntries, rvproto.MaxPageBytes)}
		if len(request.Entries) > 0 {
			proof, err := prove(from + uint64(len(request.Entries)))
			if err != nil {
				return err
			}
			request.Proof = proof
		}
		if _, err := c.roll(ctx, rvproto.RollRequest{Show: &request}); err != nil {
			return err
		}
		entries, from = entries[len(request.Entries):], from+uint64(len(request.Entries))
		if len(entries) == 0 {
			return nil
		}
	}
}

// HandOver gives a whole roll to the node, on the strength of a claim token, and makes it order the roll from then on by
// a signed rendezvous event that names the node. entries are all, none of them hidden. Repeating it after it went through
// is no error. The client's own organization is not looked at.
func (c *Client) HandOver(ctx context.Context, token [32]byte, org keys.OrgID, entries [][]byte, move []byte) error {
	if err := c.hand(ctx, token, org, entries); err != nil {
		return err
	}
	_, err := c.join(ctx, rvproto.JoinRequest{Take: &rvproto.TakeRequest{Token: token, Org: org, Event: move}})
	return err
}

// Serve gives a whole roll to the node, on the strength of a claim token, and makes it serve the organization beside the
// one that orders the roll, whose checkpoint of all entries goes along. The roll names the node among the further ones.
// Repeating it after it went through is no error. The client's own organization is not looked at.
func (c *Client) Serve(ctx context.Context, token [32]byte, org keys.OrgID, entries [][]byte, checkpoint []byte) error {
	if err := c.hand(ctx, token, org, entries); err != nil {
		return err
	}
	_, err := c.join(ctx, rvproto.JoinRequest{Serve: &rvproto.ServeRequest{Token: token, Org: org, Checkpoint: checkpoint}})
	return err
}

// hand gives the node all entries, which mean nothing yet.
func (c *Client) hand(ctx context.Context, token [32]byte, org keys.OrgID, entries [][]byte) error {
	for from := 0; from < len(entries); {
		request := rvproto.HandOverRequest{
			Token: token, Org: org, From: uint64(from), Entries: piece(entries[from:], rvproto.MaxHandOverEntries, rvproto.MaxHandOverBytes),
		}
		_, err := c.join(ctx, rvproto.JoinRequest{HandOver: &request})
		if errors.Is(err, wire.StatusUsed) {
			break // the repetition of what went through: Take says whether by the same event, Serve whether it serves
		}
		if err != nil {
			return err
		}
		from += len(request.Entries)
	}
	return nil
}

// piece returns as many entries from the front as are within both bounds, one at least.
func piece(entries [][]byte, most, bytes int) [][]byte {
	n := 0
	for n < len(entries) && n < most {
		if bytes -= len(entries[n]); bytes < 0 && n > 0 {
			break
		}
		n++
	}
	return entries[:n]
}
