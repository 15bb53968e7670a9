package rvclient

import (
	"context"
	"errors"

	"muster.example/rendezvous/rvproto"
)

// Health asks how the node is. wire.StatusRefused means that the device is no admin's.
func (c *Client) Health(ctx context.Context) (*rvproto.Health, error) {
	var answer rvproto.HealthAnswer
	err := c.request(ctx, rvproto.HealthOf, rvproto.HealthRequest{}, &answer, rvproto.MaxHealthAnswer)
	if err == nil {
		err = errors.Join(refusal(answer.Status, answer.Move), answer.Check())
	}
	if err != nil {
		return nil, err
	}
	return answer.Health, nil
}
