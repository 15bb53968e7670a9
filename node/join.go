package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// CreateOrg founds an organization on the rendezvous node that issued the claim.
func (n *Node) CreateOrg(ctx context.Context, request api.CreateOrgRequest) (api.CreateOrgResult, error) {
	claim, err := rvproto.ParseClaim(request.Claim)
	if err != nil {
		return api.CreateOrgResult{}, api.Errorf(api.CodeUsage, "%v", err).
			WithHint("the rendezvous node prints a claim link when it first runs; `muster-rendezvous claim` makes one more")
	}
	for what, name := range map[string]string{"the organization's name": request.Name, "your name": request.As} {
		if err := membership.CheckName(name); err != nil {
			return api.CreateOrgResult{}, badName(what, name, err)
		}
	}
	ctx, done := n.entering(ctx)
	defer done()
	id := requestID(request.Claim, request.Name, request.As)
	e, err := n.resume(id)
	if err != nil {
		return api.CreateOrgResult{}, err
	}
	e.at = store.Node{Key: claim.Node, Addresses: claim.Addresses}
	if e.fresh() {
		rootSeed, err := keys.NewRecoverySeed(rand.Reader)
		if err != nil {
			return api.CreateOrgResult{}, err
		}
		e.found(request, claim, rootSeed)
	}
	e.admit = func(ctx context.Context, client *rvclient.Client) error {
		return client.Claim(ctx, claim.Token, e.kept.Event, e.kept.Rendezvous)
	}
	o, already := n.entered(e.kept.Org)
	if !already {
		if o, err = n.enter(ctx, e); err != nil {
			return api.CreateOrgResult{}, refusal("founding the organization", err)
		}
	}
	result := api.CreateOrgResult{
		Org: o.org.String(), Member: o.member.String(), Device: o.device.String(),
		RecoveryWords: e.words(), RootWords: keys.RecoverySeed(e.kept.Root).Words(),
	}
	return result, n.shown(e)
}

// found fills in the events that found an organization.
func (e *entry) found(request api.CreateOrgRequest, claim rvproto.Claim, rootSeed keys.RecoverySeed) {
	self, root := keys.FromSeed(e.kept.Identity), rootSeed.Key(0)
	found := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: request.Name, Root: root.Public(), Member: request.As, Recovery: e.recoveryKey(), Policy: membership.DefaultPolicy(),
	}}, self, &root)
	org := membership.OrgOf(found)
	e.kept.Org, e.kept.Event, e.kept.Root = org, found, rootSeed[:]
	e.kept.Rendezvous = membership.SignEvent(membership.Event{Org: org, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: 1,
	}}, self, nil)
}

// badName says what is wrong with a name, in the words of the rule.
func badName(what, name string, err error) error {
	why := err.Error()
	if refusal, ok := errors.AsType[*membership.Refusal](err); ok && refusal.Detail != "" {
		why = refusal.Detail
	}
	return api.Errorf(api.CodeRefused, "%s cannot be %q: %s", what, name, why).
		WithHint("a name has letters and digits, and between them single spaces and . - _ '")
}

// Join joins the organization that issued an invitation.
func (n *Node) Join(ctx context.Context, request api.JoinRequest) (api.JoinResult, error) {
	invitation, err := membership.ParseInvitation(request.Invitation)
	if err != nil {
		return api.JoinResult{}, api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole link, from muster:join/ on")
	}
	if err := membership.CheckName(request.As); err != nil {
		return api.JoinResult{}, badName("your name", request.As, err)
	}
	ctx, done := n.entering(ctx)
	defer done()
	e, err := n.resume(requestID(request.Invitation, request.As))
	if err != nil {
		return api.JoinResult{}, err
	}
	e.kept.Org = invitation.Org
	joined, already := n.entered(invitation.Org)
	if !already {
		if joined, err = n.joinAny(ctx, e, invitation, request.As); err != nil {
			return api.JoinResult{}, refusal("joining", err)
		}
	}
	result := api.JoinResult{
		Org: joined.org.String(), OrgName: joined.name(), Member: joined.member.String(), Device: joined.device.String(),
	}
	if already && !e.begun {
		return result, nil // in since long
	}
	result.RecoveryWords = e.words()
	return result, n.shown(e)
}

// joinAny joins at the first of the invitation's rendezvous nodes that answers.
func (n *Node) joinAny(ctx context.Context, e *entry, invitation membership.Invitation, name string) (joined *organization, err error) {
	for _, node := range invitation.Nodes {
		e.at = store.Node{Key: node.Key, Addresses: node.Addresses}
		e.admit = func(ctx context.Context, client *rvclient.Client) error {
			return n.handIn(ctx, client, e, invitation, name)
		}
		e.check = func(roll *membership.Roll) error { return checkInvited(roll, invitation) }
		if joined, err = n.enter(ctx, e); err == nil {
			break
		}
		if _, answered := errors.AsType[wire.Status](err); answered {
			break
		}
	}
	return joined, err
}

// handIn reads the roll on the strength of the invitation, checks it against what the invitation says of it, and only
// then hands in the join event. One that was handed in before, by a run that did not learn the answer, is handed in
// again as it is.
func (n *Node) handIn(ctx context.Context, client *rvclient.Client, e *entry, invitation membership.Invitation, name string) error {
	key := invitation.Key()
	if !e.fresh() {
		return client.SubmitJoin(ctx, key, e.kept.Event)
	}
	page, err := client.View(ctx, key, 0)
	if err != nil {
		return err
	}
	roll := membership.NewRoll(invitation.Org)
	if _, _, err := extend(roll, page, e.at.Key); err != nil {
		return err
	}
	if err := e.check(roll); err != nil {
		return err
	}
	e.kept.Event = membership.SignEvent(membership.Event{Org: invitation.Org, Counter: 1, At: roll.Size(), Join: &membership.Join{
		Invitation: key.Public(), Name: name, Recovery: e.recoveryKey(),
	}}, keys.FromSeed(e.kept.Identity), &key)
	if err := n.begin(e); err != nil {
		return err
	}
	return client.SubmitJoin(ctx, key, e.kept.Event)
}

// checkInvited holds a roll against what the invitation says of it.
func checkInvited(roll *membership.Roll, invitation membership.Invitation) error {
	if err := roll.Compare(invitation.Size, invitation.Root); err != nil {
		return fmt.Errorf("the rendezvous node shows another roll than whoever invited you has: %w", err)
	}
	return nil
}

// extend verifies a page of the roll and folds it into roll.
func extend(roll *membership.Roll, page rvclient.Page, node keys.PublicKey) (membership.Checkpoint, []membership.Entry, error) {
	entries := make([]membership.Entry, 0, len(page.Entries))
	for i, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			return membership.Checkpoint{}, nil, fmt.Errorf("entry %d of the roll: %w", roll.Size()+uint64(i), err)
		}
		entries = append(entries, entry)
	}
	proof := make([]membership.Hash, len(page.Proof))
	for i, hash := range page.Proof {
		proof[i] = hash
	}
	before := roll.Size()
	checkpoint, err := roll.Extend(page.Checkpoint, node, entries, proof)
	return checkpoint, entries[:roll.Size()-before], err
}

// refusal turns an error of entering into what a person is told.
func refusal(doing string, err error) error {
	status, ok := errors.AsType[wire.Status](err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code := api.CodeRefused
	if status.Retryable() {
		code = api.CodeFailed
	}
	hints := map[wire.Status]string{
		wire.StatusUsed:      "ask for a new one: each serves a limited number of times",
		wire.StatusExpired:   "ask for a new one",
		wire.StatusNameTaken: "choose another name with --as; the invitation is still good",
		wire.StatusBadName:   "choose another name with --as; the invitation is still good",
		wire.StatusNotFound:  "the rendezvous node does not know it: check the link, or ask for a new one",
		wire.StatusFull:      "try again later",
	}
	refused := api.Errorf(code, "%s: %v", doing, status)
	if hint, ok := hints[status]; ok {
		refused = refused.WithHint("%s", hint)
	}
	return refused
}

// Orgs lists the organizations that the node is in.
func (n *Node) Orgs(context.Context) ([]api.OrgSummary, error) {
	var all []api.OrgSummary
	for _, o := range n.all() {
		all = append(all, o.summary())
	}
	return all, nil
}

func (o *organization) summary() api.OrgSummary {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	return api.OrgSummary{
		Org: o.org.String(), Name: state.OrgName(), Member: o.member.String(), MemberName: self.Name, Role: self.Role.String(),
		Members: len(state.Members()), RollSize: o.roll.Size(),
	}
}

// inviteFor is how long an invitation is good for unless the request says otherwise.
const inviteFor = 7 * 24 * time.Hour

// Invite puts an invitation on the roll and returns its link.
func (n *Node) Invite(ctx context.Context, request api.InviteRequest) (api.InviteResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.InviteResult{}, err
	}
	role := membership.RoleMember
	if request.Role != "" {
		if role, err = membership.ParseRole(request.Role); err != nil {
			return api.InviteResult{}, api.Errorf(api.CodeUsage, "%v", err).WithHint("roles are admin, member, desk and guest")
		}
	}
	uses := max(request.Uses, 1)
	life := inviteFor
	if request.ExpiresIn != 0 {
		life = time.Duration(request.ExpiresIn) * time.Second
	}
	if life <= 0 || life > 366*24*time.Hour {
		return api.InviteResult{}, api.Errorf(api.CodeUsage, "an invitation is good for between a second and a year")
	}
	expires := time.Now().Add(life).Truncate(time.Second)
	invitation := keys.Generate()
	err = o.submit(ctx, membership.Event{Org: o.org, Invite: &membership.Invite{
		Key: invitation.Public(), Role: role, Uses: uses, Expires: expires.Unix(),
	}})
	if err != nil {
		return api.InviteResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	size, root := o.headLocked()
	link := membership.Invitation{
		Org: o.org, OrgName: o.roll.State().OrgName(), Seed: invitation.Seed(), Size: size, Root: root,
		Nodes: []membership.NodeAddress{{Key: o.at.Key, Addresses: slices.Clone(o.at.Addresses)}},
	}.Link()
	return api.InviteResult{
		Invitation: link, Expires: expires.UTC(), Uses: uses, Org: o.org.String(), OrgName: o.roll.State().OrgName(), Role: role.String(),
	}, nil
}
