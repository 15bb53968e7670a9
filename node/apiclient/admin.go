package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

func lookValues(query api.AdminQuery) url.Values {
	values := orgValue(query.Org)
	if query.All {
		values.Set("all", "true")
	}
	return values
}

// AdminMembers lists accounts.
func (c *Client) AdminMembers(ctx context.Context, query api.AdminQuery) ([]api.AdminMember, error) {
	return object[[]api.AdminMember](ctx, c, http.MethodGet, "/v1/admin/members", lookValues(query), nil)
}

// AdminInvitations lists invitations.
func (c *Client) AdminInvitations(ctx context.Context, query api.AdminQuery) ([]api.AdminInvitation, error) {
	return object[[]api.AdminInvitation](ctx, c, http.MethodGet, "/v1/admin/invitations", lookValues(query), nil)
}

// Applications lists who applies to join.
func (c *Client) Applications(ctx context.Context, query api.AdminQuery) ([]api.Applicant, error) {
	return object[[]api.Applicant](ctx, c, http.MethodGet, "/v1/applications", lookValues(query), nil)
}

// Vouch speaks for an applicant.
func (c *Client) Vouch(ctx context.Context, request api.VouchRequest) (api.VouchResult, error) {
	return object[api.VouchResult](ctx, c, http.MethodPost, "/v1/applications/vouch", nil, request)
}

// DeclineApplicant ends an application.
func (c *Client) DeclineApplicant(ctx context.Context, request api.VouchRequest) (api.VouchResult, error) {
	return object[api.VouchResult](ctx, c, http.MethodPost, "/v1/applications/decline", nil, request)
}

// Dismiss removes many guests.
func (c *Client) Dismiss(ctx context.Context, request api.DismissRequest) (api.DismissResult, error) {
	return object[api.DismissResult](ctx, c, http.MethodPost, "/v1/admin/dismissals", nil, request)
}

// Decide puts a decision of an admin on the roll.
func (c *Client) Decide(ctx context.Context, request api.DecideRequest) (api.DecideResult, error) {
	return object[api.DecideResult](ctx, c, http.MethodPost, "/v1/admin/decisions", nil, request)
}

// Policy shows the policy.
func (c *Client) Policy(ctx context.Context, query api.AdminQuery) (api.PolicyResult, error) {
	return object[api.PolicyResult](ctx, c, http.MethodGet, "/v1/admin/policy", lookValues(query), nil)
}

// SetPolicy changes the policy, or shows what would change.
func (c *Client) SetPolicy(ctx context.Context, request api.PolicyRequest) (api.PolicyResult, error) {
	return object[api.PolicyResult](ctx, c, http.MethodPost, "/v1/admin/policy", nil, request)
}

// Roll lists a page of the roll.
func (c *Client) Roll(ctx context.Context, query api.RollQuery) (api.RollPage, error) {
	values := orgValue(query.Org)
	values.Set("from", strconv.FormatUint(query.From, 10))
	values.Set("limit", strconv.Itoa(query.Limit))
	return object[api.RollPage](ctx, c, http.MethodGet, "/v1/admin/roll", values, nil)
}

// ExportRoll opens the roll as a file. The reader yields exactly size bytes, or an error if the answer broke off; the
// caller closes it.
func (c *Client) ExportRoll(ctx context.Context, query api.RollQuery) (size int64, file io.ReadCloser, err error) {
	response, err := c.do(ctx, http.MethodGet, "/v1/admin/roll/export", orgValue(query.Org), "", nil)
	if err != nil {
		return 0, nil, err
	}
	if response.ContentLength < 0 {
		response.Body.Close()
		return 0, nil, api.Errorf(api.CodeFailed, "the node's answer lacks the file's size")
	}
	return response.ContentLength, response.Body, nil
}

// Rendezvous lists who orders the roll, and who did.
func (c *Client) Rendezvous(ctx context.Context, query api.AdminQuery) (api.RendezvousResult, error) {
	return object[api.RendezvousResult](ctx, c, http.MethodGet, "/v1/admin/rendezvous", lookValues(query), nil)
}

// MoveRendezvous moves the sequencing duty to another node.
func (c *Client) MoveRendezvous(ctx context.Context, request api.MoveRequest) (api.MoveResult, error) {
	return object[api.MoveResult](ctx, c, http.MethodPost, "/v1/admin/rendezvous", nil, request)
}

// ChangeNodes adds a further rendezvous node or takes one away.
func (c *Client) ChangeNodes(ctx context.Context, request api.NodesRequest) (api.RendezvousResult, error) {
	return object[api.RendezvousResult](ctx, c, http.MethodPost, "/v1/admin/rendezvous/nodes", nil, request)
}

// RendezvousHealth asks the rendezvous node how it is.
func (c *Client) RendezvousHealth(ctx context.Context, query api.AdminQuery) (api.NodeHealth, error) {
	return object[api.NodeHealth](ctx, c, http.MethodGet, "/v1/admin/rendezvous/status", lookValues(query), nil)
}

// MoveHere has the rendezvous node in this program listen elsewhere, and tells how it is.
func (c *Client) MoveHere(ctx context.Context, request api.HereRequest) (api.Here, error) {
	return object[api.Here](ctx, c, http.MethodPost, "/v1/admin/rendezvous/here", nil, request)
}

// Follow has this device follow a move of the sequencing duty.
func (c *Client) Follow(ctx context.Context, request api.FollowRequest) (api.RendezvousResult, error) {
	return object[api.RendezvousResult](ctx, c, http.MethodPost, "/v1/follow", nil, request)
}

// Rename gives this account another name.
func (c *Client) Rename(ctx context.Context, request api.NameRequest) (api.DecideResult, error) {
	return object[api.DecideResult](ctx, c, http.MethodPost, "/v1/name", nil, request)
}

// Verification returns the safety number of this account and a member.
func (c *Client) Verification(ctx context.Context, query api.VerifyQuery) (api.VerifyResult, error) {
	values := orgValue(query.Org)
	values.Set("member", query.Member)
	return object[api.VerifyResult](ctx, c, http.MethodGet, "/v1/verifications", values, nil)
}

// Verify marks a member as verified.
func (c *Client) Verify(ctx context.Context, request api.VerifyRequest) (api.VerifyResult, error) {
	return object[api.VerifyResult](ctx, c, http.MethodPost, "/v1/verifications", nil, request)
}
