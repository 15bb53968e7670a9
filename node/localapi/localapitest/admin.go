package localapitest

import (
	"bytes"
	"context"
	"io"

	"muster.example/node/api"
)

// AdminMembers implements localapi.Backend.
func (b *Backend) AdminMembers(_ context.Context, q api.AdminQuery) ([]api.AdminMember, error) {
	return []api.AdminMember{{Name: "Ada", Role: "admin"}}, b.got(q)
}

// AdminInvitations implements localapi.Backend.
func (b *Backend) AdminInvitations(_ context.Context, q api.AdminQuery) ([]api.AdminInvitation, error) {
	return nil, b.got(q)
}

// Applications implements localapi.Backend.
func (b *Backend) Applications(_ context.Context, q api.AdminQuery) ([]api.Applicant, error) {
	return []api.Applicant{{Name: "Zoe"}}, b.got(q)
}

// Vouch implements localapi.Backend.
func (b *Backend) Vouch(_ context.Context, r api.VouchRequest) (api.VouchResult, error) {
	return api.VouchResult{Applicant: api.Applicant{Name: r.Applicant}, Admitted: true}, b.got(r)
}

// DeclineApplicant implements localapi.Backend.
func (b *Backend) DeclineApplicant(_ context.Context, r api.VouchRequest) (api.VouchResult, error) {
	return api.VouchResult{Applicant: api.Applicant{Name: r.Applicant}}, b.got(r)
}

// Dismiss implements localapi.Backend.
func (b *Backend) Dismiss(_ context.Context, r api.DismissRequest) (api.DismissResult, error) {
	return api.DismissResult{From: r.From, Count: 3}, b.got(r)
}

// Decide implements localapi.Backend.
func (b *Backend) Decide(_ context.Context, r api.DecideRequest) (api.DecideResult, error) {
	return api.DecideResult{Do: r.Do, Member: api.Person{Name: r.Member}, Role: r.Role}, b.got(r)
}

// Policy implements localapi.Backend.
func (b *Backend) Policy(_ context.Context, q api.AdminQuery) (api.PolicyResult, error) {
	return api.PolicyResult{OrgName: q.Org}, b.got(q)
}

// SetPolicy implements localapi.Backend.
func (b *Backend) SetPolicy(_ context.Context, r api.PolicyRequest) (api.PolicyResult, error) {
	return api.PolicyResult{Already: len(r.Set) == 0}, b.got(r)
}

// Roll implements localapi.Backend.
func (b *Backend) Roll(_ context.Context, q api.RollQuery) (api.RollPage, error) {
	return api.RollPage{Size: q.From + uint64(q.Limit)}, b.got(q)
}

// ExportRoll implements localapi.Backend. The file is the first of Files.
func (b *Backend) ExportRoll(_ context.Context, q api.RollQuery) (int64, io.ReadCloser, error) {
	if err := b.got(q); err != nil || len(b.Files) == 0 {
		return 0, io.NopCloser(bytes.NewReader(nil)), err
	}
	return int64(len(b.Files[0])) + b.ShortBy, io.NopCloser(bytes.NewReader(b.Files[0])), nil
}

// Rendezvous implements localapi.Backend.
func (b *Backend) Rendezvous(_ context.Context, q api.AdminQuery) (api.RendezvousResult, error) {
	return api.RendezvousResult{OrgName: q.Org}, b.got(q)
}

// MoveRendezvous implements localapi.Backend.
func (b *Backend) MoveRendezvous(_ context.Context, r api.MoveRequest) (api.MoveResult, error) {
	return api.MoveResult{Link: "muster:move/x"}, b.got(r)
}

// ChangeNodes implements localapi.Backend.
func (b *Backend) ChangeNodes(_ context.Context, r api.NodesRequest) (api.RendezvousResult, error) {
	return api.RendezvousResult{Already: r.Remove != ""}, b.got(r)
}

// RendezvousHealth implements localapi.Backend.
func (b *Backend) RendezvousHealth(_ context.Context, q api.AdminQuery) (api.NodeHealth, error) {
	return api.NodeHealth{OrgName: q.Org}, b.got(q)
}

// MoveHere implements localapi.Backend.
func (b *Backend) MoveHere(_ context.Context, r api.HereRequest) (api.Here, error) {
	return api.Here{Listen: r.Listen, Announce: r.Announce}, b.got(r)
}

// Follow implements localapi.Backend.
func (b *Backend) Follow(_ context.Context, r api.FollowRequest) (api.RendezvousResult, error) {
	return api.RendezvousResult{}, b.got(r)
}

// Rename implements localapi.Backend.
func (b *Backend) Rename(_ context.Context, r api.NameRequest) (api.DecideResult, error) {
	return api.DecideResult{Do: api.DecideRename, Member: api.Person{Name: r.Name}}, b.got(r)
}

// Verification implements localapi.Backend.
func (b *Backend) Verification(_ context.Context, q api.VerifyQuery) (api.VerifyResult, error) {
	return api.VerifyResult{Member: api.Person{Name: q.Member}}, b.got(q)
}

// Verify implements localapi.Backend.
func (b *Backend) Verify(_ context.Context, r api.VerifyRequest) (api.VerifyResult, error) {
	return api.VerifyResult{Member: api.Person{Name: r.Member}, Verified: true}, b.got(r)
}
