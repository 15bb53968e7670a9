package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// MeetToInvite shows a code by which somebody nearby gets an invitation.
func (c *Client) MeetToInvite(ctx context.Context, request api.InviteRequest) (api.MeetingCode, error) {
	return object[api.MeetingCode](ctx, c, http.MethodPost, "/v1/nearby/invite", nil, request)
}

// MeetToExchange shows a code by which somebody nearby exchanges contact cards with this account.
func (c *Client) MeetToExchange(ctx context.Context, request api.CardRequest) (api.MeetingCode, error) {
	return object[api.MeetingCode](ctx, c, http.MethodPost, "/v1/nearby/card", nil, request)
}

// VisitMeeting looks on the local network for who shows a code.
func (c *Client) VisitMeeting(ctx context.Context, request api.VisitRequest) (api.Meeting, error) {
	return object[api.Meeting](ctx, c, http.MethodPost, "/v1/nearby/visit", nil, request)
}

// Meeting tells how far the meeting is, and waits a while for a version after that of the query.
func (c *Client) Meeting(ctx context.Context, query api.MeetingQuery) (api.Meeting, error) {
	values := url.Values{}
	if query.After > 0 {
		values.Set("after", strconv.FormatUint(query.After, 10))
	}
	return object[api.Meeting](ctx, c, http.MethodGet, "/v1/nearby", values, nil)
}

// AnswerMeeting says yes to what is asked, or ends the meeting.
func (c *Client) AnswerMeeting(ctx context.Context, request api.AnswerRequest) (api.AnswerResult, error) {
	return object[api.AnswerResult](ctx, c, http.MethodPost, "/v1/nearby/answer", nil, request)
}
