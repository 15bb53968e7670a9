package rvclient

import (
	"context"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// maxApplications bounds what Applications gathers: a node keeps fewer.
const maxApplications = 4096

// Apply hands in the join event of this device as an application, with a text, on an invitation that lets one apply. nil
// means that the device is a member's by now; wire.StatusPending that it waits, which is also the answer when it is handed
// in again; wire.StatusRefused that it was declined.
func (c *Client) Apply(ctx context.Context, invitation keys.PrivateKey, event []byte, text string) error {
	proof, err := c.proof(invitation)
	if err != nil {
		return err
	}
	_, err = c.join(ctx, rvproto.JoinRequest{Apply: &rvproto.ApplyRequest{
		Org: c.Org, Invitation: invitation.Public(), Proof: proof, Event: event, Text: text,
	}})
	return err
}

// Applications returns the applications that wait, in the order of the ids of their events. Nothing in them is verified.
// Who may not see them gets wire.StatusRefused.
func (c *Client) Applications(ctx context.Context) (all []rvproto.Application, err error) {
	var after keys.EventID
	for {
		answer, err := c.roll(ctx, rvproto.RollRequest{Applications: &rvproto.ApplicationsRequest{After: after}})
		if err != nil {
			return nil, err
		}
		if len(answer.Applications) == 0 {
			return all, nil
		}
		all = append(all, answer.Applications...)
		last := membership.SignedEvent(all[len(all)-1].Event).ID()
		if len(all) > maxApplications || last.Compare(after) <= 0 {
			return nil, fmt.Errorf("%w: applications without end", ErrProtocol)
		}
		after = last
	}
}

// Decline ends an application, named by the id of its join event. One that is not there any more is wire.StatusNotFound.
func (c *Client) Decline(ctx context.Context, event keys.EventID) error {
	_, err := c.roll(ctx, rvproto.RollRequest{Decline: &rvproto.DeclineRequest{Event: event}})
	return err
}
