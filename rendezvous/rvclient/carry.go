package rvclient

import (
	"context"
	"errors"
	"fmt"

	"muster.example/rendezvous/rvproto"
)

// Carry hands over what this device carries for others, and returns what became of each. A node that does not know the protocol is
// an error of the stream.
func (c *Client) Carry(ctx context.Context, request rvproto.CarryRequest) (rvproto.CarryAnswer, error) {
	var answer rvproto.CarryAnswer
	err := c.request(ctx, rvproto.Carry, request, &answer, rvproto.MaxCarryAnswer)
	if err == nil {
		err = errors.Join(refusal(answer.Status, answer.Move), answer.Check())
	}
	if err == nil && (len(answer.Carried) != len(request.Carried) || len(answer.Receipts) != len(request.Receipts)) {
		err = fmt.Errorf("%w: answers for another request", ErrProtocol)
	}
	return answer, err
}
