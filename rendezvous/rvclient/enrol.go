package rvclient

import (
	"context"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// Leave is what the holder of an enrolment key gives a device that is to join by it: the key, and its proof for the device
// and one rendezvous node. [RV-8]
type Leave struct {
	Key   keys.PublicKey
	Proof keys.Signature
}

// EnrolmentLeave makes the proof for a device at a node. [RV-8]
func EnrolmentLeave(key keys.PrivateKey, org keys.OrgID, node, device keys.PublicKey) Leave {
	return Leave{Key: key.Public(), Proof: key.Sign(keys.DomainInvitation, org, rvproto.ProofBytes(node, device))}
}

// ViewBy returns the roll from position from on, for a device that has leave of an enrolment key.
func (c *Client) ViewBy(ctx context.Context, leave Leave, from uint64) (Page, error) {
	return c.gather(from, func(from, to uint64) (rvproto.RollAnswer, error) {
		return c.join(ctx, rvproto.JoinRequest{View: &rvproto.ViewRequest{
			Org: c.Org, Invitation: leave.Key, Proof: leave.Proof, From: from, To: to,
		}})
	})
}

// SubmitJoinBy hands in the join event of this device, which the enrolment key has signed too. nil means that the device is a
// member's. Repeating the same event is no error.
func (c *Client) SubmitJoinBy(ctx context.Context, leave Leave, event []byte) error {
	_, err := c.join(ctx, rvproto.JoinRequest{Submit: &rvproto.SubmitRequest{
		Org: c.Org, Invitation: leave.Key, Proof: leave.Proof, Event: event,
	}})
	return err
}
