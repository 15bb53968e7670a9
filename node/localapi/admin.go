package localapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// AdminBackend is the part of Backend for those who run an organization, and for whoever looks at what they do.
type AdminBackend interface {
	// AdminMembers lists the accounts of an organization, by name.
	AdminMembers(ctx context.Context, query api.AdminQuery) ([]api.AdminMember, error)
	// AdminInvitations lists invitations, in the order of the roll.
	AdminInvitations(ctx context.Context, query api.AdminQuery) ([]api.AdminInvitation, error)
	// Applications lists who applies to join, oldest first.
	Applications(ctx context.Context, query api.AdminQuery) ([]api.Applicant, error)
	// Vouch speaks for an applicant, whom an admin admits so. It returns when the own roll holds it.
	Vouch(ctx context.Context, request api.VouchRequest) (api.VouchResult, error)
	// DeclineApplicant ends an application.
	DeclineApplicant(ctx context.Context, request api.VouchRequest) (api.VouchResult, error)
	// Dismiss removes many guests, or shows whom it would remove. It returns when the own roll holds it.
	Dismiss(ctx context.Context, request api.DismissRequest) (api.DismissResult, error)
	// Decide puts a decision of an admin on the roll. It returns when the own roll holds it.
	Decide(ctx context.Context, request api.DecideRequest) (api.DecideResult, error)
	// Policy shows the policy.
	Policy(ctx context.Context, query api.AdminQuery) (api.PolicyResult, error)
	// SetPolicy changes the policy, or shows what would change.
	SetPolicy(ctx context.Context, request api.PolicyRequest) (api.PolicyResult, error)
	// Roll lists a page of the roll.
	Roll(ctx context.Context, query api.RollQuery) (api.RollPage, error)
	// ExportRoll returns the roll as a file of its own. The caller closes the reader.
	ExportRoll(ctx context.Context, query api.RollQuery) (size int64, file io.ReadCloser, err error)
	// Rendezvous lists who orders the roll, and who did.
	Rendezvous(ctx context.Context, query api.AdminQuery) (api.RendezvousResult, error)
	// RendezvousHealth asks the rendezvous node how it is. It answers admins alone.
	RendezvousHealth(ctx context.Context, query api.AdminQuery) (api.NodeHealth, error)
	// MoveRendezvous moves the sequencing duty to another node.
	MoveRendezvous(ctx context.Context, request api.MoveRequest) (api.MoveResult, error)
	// ChangeNodes adds a further rendezvous node or takes one away.
	ChangeNodes(ctx context.Context, request api.NodesRequest) (api.RendezvousResult, error)
	// MoveHere has the rendezvous node in this program listen elsewhere, and tells how it is.
	MoveHere(ctx context.Context, request api.HereRequest) (api.Here, error)
	// Follow has this device follow such a move.
	Follow(ctx context.Context, request api.FollowRequest) (api.RendezvousResult, error)

	// SSO tells what the roll says of joining by a login.
	SSO(ctx context.Context, query api.AdminQuery) (api.AdminSSO, error)
	// SetSSO names an enrolment key, or changes what it may do. It returns when the own roll holds it.
	SetSSO(ctx context.Context, request api.SSOSetRequest) (api.AdminSSO, error)
	// EndSSO ends an enrolment key, or says whom that would suspend. It returns when the own roll holds it.
	EndSSO(ctx context.Context, request api.SSOEndRequest) (api.SSOEndResult, error)

	// Rename gives this account another name.
	Rename(ctx context.Context, request api.NameRequest) (api.DecideResult, error)
	// Verification returns the safety number of this account and a member.
	Verification(ctx context.Context, query api.VerifyQuery) (api.VerifyResult, error)
	// Verify marks a member as verified.
	Verify(ctx context.Context, request api.VerifyRequest) (api.VerifyResult, error)
}

// adminRoutes adds the routes of AdminBackend. [API-14]
func (s *Server) adminRoutes(mux *http.ServeMux) {
	b := s.backend
	looks := func(method func(context.Context, api.AdminQuery) (any, error)) http.HandlerFunc {
		return s.query(func(ctx context.Context, q url.Values) (any, error) {
			all, err := boolean(q, "all")
			if err != nil {
				return nil, err
			}
			return method(ctx, api.AdminQuery{Org: q.Get("org"), All: all})
		}, "org", "all")
	}
	mux.HandleFunc("GET /v1/admin/members", looks(func(ctx context.Context, q api.AdminQuery) (any, error) {
		return list(b.AdminMembers(ctx, q))
	}))
	mux.HandleFunc("GET /v1/admin/invitations", looks(func(ctx context.Context, q api.AdminQuery) (any, error) {
		return list(b.AdminInvitations(ctx, q))
	}))
	mux.HandleFunc("GET /v1/applications", looks(func(ctx context.Context, q api.AdminQuery) (any, error) {
		return list(b.Applications(ctx, q))
	}))
	mux.HandleFunc("POST /v1/applications/vouch", call(s, b.Vouch))
	mux.HandleFunc("POST /v1/applications/decline", call(s, b.DeclineApplicant))
	mux.HandleFunc("POST /v1/admin/dismissals", call(s, b.Dismiss))
	mux.HandleFunc("POST /v1/admin/decisions", call(s, b.Decide))
	mux.HandleFunc("GET /v1/admin/policy", looks(func(ctx context.Context, q api.AdminQuery) (any, error) { return b.Policy(ctx, q) }))
	mux.HandleFunc("POST /v1/admin/policy", call(s, b.SetPolicy))
	mux.HandleFunc("GET /v1/admin/roll", s.query(func(ctx context.Context, q url.Values) (any, error) {
		from, err := number(q, "from")
		if err != nil {
			return nil, err
		}
		limit, err := number(q, "limit")
		if err != nil {
			return nil, err
		}
		return b.Roll(ctx, api.RollQuery{Org: q.Get("org"), From: uint64(from), Limit: limit})
	}, "org", "from", "limit"))
	mux.HandleFunc("GET /v1/admin/roll/export", s.exportRoll)
	mux.HandleFunc("GET /v1/admin/rendezvous", looks(func(ctx context.Context, q api.AdminQuery) (any, error) { return b.Rendezvous(ctx, q) }))
	mux.HandleFunc("GET /v1/admin/rendezvous/status", looks(func(ctx context.Context, q api.AdminQuery) (any, error) { return b.RendezvousHealth(ctx, q) }))
	mux.HandleFunc("POST /v1/admin/rendezvous", call(s, b.MoveRendezvous))
	mux.HandleFunc("POST /v1/admin/rendezvous/nodes", call(s, b.ChangeNodes))
	mux.HandleFunc("POST /v1/admin/rendezvous/here", call(s, b.MoveHere))
	mux.HandleFunc("POST /v1/follow", call(s, b.Follow))
	mux.HandleFunc("GET /v1/admin/sso", looks(func(ctx context.Context, q api.AdminQuery) (any, error) { return b.SSO(ctx, q) }))
	mux.HandleFunc("POST /v1/admin/sso", call(s, b.SetSSO))
	mux.HandleFunc("POST /v1/admin/sso/end", call(s, b.EndSSO))
	mux.HandleFunc("POST /v1/name", call(s, b.Rename))
	mux.HandleFunc("GET /v1/verifications", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Verification(ctx, api.VerifyQuery{Org: q.Get("org"), Member: q.Get("member")})
	}, "org", "member"))
	mux.HandleFunc("POST /v1/verifications", call(s, b.Verify))
}

// exportRoll streams the roll as a file, by the rules of an attachment. [API-11]
func (s *Server) exportRoll(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "org")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	size, file, err := s.backend.ExportRoll(r.Context(), api.RollQuery{Org: values.Get("org")})
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.Header().Set("Content-Disposition", "attachment")
	paced := &pacedWriter{w: w, control: http.NewResponseController(w)}
	if n, err := io.CopyN(paced, file, size); err != nil {
		s.log.Warn("a roll was not sent whole", "sent", n, "size", size, "error", err)
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
}
