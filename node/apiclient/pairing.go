package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// GiveUp ends a joining that waits, or that cannot succeed any more.
func (c *Client) GiveUp(ctx context.Context, request api.GiveUpRequest) (api.Candidacy, error) {
	return object[api.Candidacy](ctx, c, http.MethodPost, "/v1/join/giveup", nil, request)
}

// AddDevice makes a code with which another device is added to the account.
func (c *Client) AddDevice(ctx context.Context, request api.AddDeviceRequest) (api.AddDeviceResult, error) {
	return object[api.AddDeviceResult](ctx, c, http.MethodPost, "/v1/devices/add", nil, request)
}

// Pair begins to make this device one of an account.
func (c *Client) Pair(ctx context.Context, request api.PairRequest) (api.Pairing, error) {
	return object[api.Pairing](ctx, c, http.MethodPost, "/v1/pair", nil, request)
}

// Pairing tells how far the pairing is, and waits a while for a version after that of the query.
func (c *Client) Pairing(ctx context.Context, query api.PairingQuery) (api.Pairing, error) {
	values := url.Values{}
	if query.After > 0 {
		values.Set("after", strconv.FormatUint(query.After, 10))
	}
	return object[api.Pairing](ctx, c, http.MethodGet, "/v1/devices/pairing", values, nil)
}

// ConfirmPairing says yes to the words that both screens show, or ends the pairing.
func (c *Client) ConfirmPairing(ctx context.Context, request api.ConfirmRequest) (api.Pairing, error) {
	return object[api.Pairing](ctx, c, http.MethodPost, "/v1/devices/confirm", nil, request)
}
