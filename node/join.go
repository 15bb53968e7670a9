package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// CreateOrg founds an organization on the rendezvous node that issued the claim, or on one in this program.
func (n *Node) CreateOrg(ctx context.Context, request api.CreateOrgRequest) (api.CreateOrgResult, error) {
	claim, err := claimOf(request.Claim, request.Here)
	if err != nil {
		return api.CreateOrgResult{}, err
	}
	for what, name := range map[string]string{"the organization's name": request.Name, "your name": request.As} {
		if err := membership.CheckName(name); err != nil {
			return api.CreateOrgResult{}, badName(what, name, err)
		}
	}
	ctx, done := n.entering(ctx)
	defer done()
	which := request.Claim
	if request.Here {
		which = "here"
	}
	e, err := n.resume(requestID(which, request.Name, request.As))
	if err == nil && request.Here {
		claim, e, err = n.foundHere(ctx, e, request)
	}
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
		RecoveryWords: e.words(), RootWords: keys.RecoverySeed(e.kept.Root).Words(), Card: o.card(),
	}
	return result, n.shown(e)
}

// claimOf reads the claim link of a request, which has none if the rendezvous node is to be in this program.
func claimOf(link string, here bool) (claim rvproto.Claim, err error) {
	switch {
	case here && link != "":
		err = api.Errorf(api.CodeUsage, "an organization is on this computer, or on the rendezvous node of a claim link: not both")
	case !here:
		if claim, err = rvproto.ParseClaim(link); err != nil {
			err = api.Errorf(api.CodeUsage, "%v", err).
				WithHint("the rendezvous node prints a claim link when it first runs; `muster-rendezvous claim` makes one more")
		}
	}
	return claim, err
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
	if err := membership.CheckName(request.As); err != nil && request.As != "" { // a guest may have none
		return api.JoinResult{}, badName("your name", request.As, err)
	}
	if had := n.candidateOf(invitation.Org); had != nil && !had.over() {
		if !had.replacedBy(request) {
			return had.again(ctx)
		}
		if err := n.forget(ctx, had); err != nil {
			return api.JoinResult{}, err
		}
	}
	whole := ctx
	ctx, done := n.entering(whole)
	defer done()
	e, err := n.resume(requestID(request.Invitation, request.As))
	if err != nil {
		return api.JoinResult{}, err
	}
	e.kept.Org = invitation.Org
	joined, already := n.entered(invitation.Org)
	if already && !joined.isConfirmed() {
		return api.JoinResult{}, api.Errorf(api.CodeRefused, "another joining of %s is here, which the roll does not confirm", joined.name()).
			WithHint("muster join --give-up %q ends it, and deletes what is here of it", joined.name())
	}
	if !already {
		joined, err = n.joinAny(ctx, e, invitation, request)
		switch {
		case errors.Is(err, wire.StatusPending):
			return n.applied(e, request)
		case err != nil && whole.Err() == nil && waits(err, request):
			return n.waitToJoin(e, request, err)
		case err != nil && e.kept.Apply:
			return api.JoinResult{}, refusal("applying", err)
		case err != nil:
			return api.JoinResult{}, refusal("joining", err)
		}
	}
	if err := joined.takeGuestName(ctx, request.As); err != nil {
		return api.JoinResult{}, err
	}
	result := api.JoinResult{
		State: api.JoinMember, Org: joined.org.String(), OrgName: joined.name(), Member: joined.member.String(), Device: joined.device.String(),
		Card: joined.card(),
	}
	if already && !e.begun {
		return result, nil // in since long
	}
	result.RecoveryWords = e.words()
	return result, n.shown(e)
}

// joinAny joins at the first of the invitation's rendezvous nodes that answers.
func (n *Node) joinAny(
	ctx context.Context, e *entry, invitation membership.Invitation, request api.JoinRequest,
) (joined *organization, err error) {
	for _, node := range invitation.Nodes {
		e.at = store.Node{Key: node.Key, Addresses: node.Addresses}
		e.admit = func(ctx context.Context, client *rvclient.Client) error {
			return n.handIn(ctx, client, e, invitation, request)
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
func (n *Node) handIn(
	ctx context.Context, client *rvclient.Client, e *entry, invitation membership.Invitation, request api.JoinRequest,
) error {
	key := invitation.Key()
	if !e.fresh() {
		return e.submit(ctx, client, key)
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
	issued, _ := roll.State().Invitation(key.Public())
	name, err := joinName(issued, request)
	if err != nil {
		return err
	}
	e.kept.Apply, e.kept.Text = issued.Apply, request.Text
	e.kept.Event = membership.SignEvent(membership.Event{Org: invitation.Org, Counter: 1, At: roll.Size(), Join: &membership.Join{
		Invitation: key.Public(), Name: name, Recovery: e.recoveryKey(),
	}}, keys.FromSeed(e.kept.Identity), &key)
	if err := n.begin(e); err != nil {
		return err
	}
	return e.submit(ctx, client, key)
}

// submit hands the join event in, as the invitation asks it.
func (e *entry) submit(ctx context.Context, client *rvclient.Client, invitation keys.PrivateKey) error {
	if e.kept.Apply {
		return client.Apply(ctx, invitation, e.kept.Event, e.kept.Text)
	}
	return client.SubmitJoin(ctx, invitation, e.kept.Event)
}

// checkJoin reports what a yes to an invitation lacks, before anything is said.
func checkJoin(offer api.Meeting, join api.JoinRequest) error {
	if err := membership.CheckName(join.As); err != nil && join.As != "" {
		return badName("your name", join.As, err)
	}
	role, err := membership.ParseRole(offer.Role)
	if err != nil {
		return err
	}
	_, err = joinName(membership.Issued{Invite: membership.Invite{Role: role, Name: offer.Name, Apply: offer.Apply}}, join)
	return err
}

// joinName returns the name to join with, or says what the request lacks for this invitation.
func joinName(issued membership.Issued, request api.JoinRequest) (string, error) {
	switch {
	case issued.Role == membership.RoleGuest:
		return "", nil // for desks alone: see takeGuestName
	case request.As == "" && issued.Name != "":
		return issued.Name, nil
	case request.As == "":
		return "", api.Errorf(api.CodeUsage, "a %s needs a name in the organization", issued.Role).WithHint("choose one: --as NAME")
	case issued.Apply && request.Text == "":
		return "", api.Errorf(api.CodeUsage, "this invitation lets you apply, and members decide").
			WithHint("say in at most 140 characters who you are: -m TEXT")
	case issued.Apply && envelope.CheckText(request.Text) != nil:
		return "", api.Errorf(api.CodeUsage, "what you say of yourself cannot be sent: %s", textFault(envelope.CheckText(request.Text)))
	}
	return request.As, nil
}

// checkInvited holds a roll against what the invitation says of it.
func checkInvited(roll *membership.Roll, invitation membership.Invitation) error {
	if err := roll.Compare(invitation.Size, invitation.Root); err != nil {
		return fmt.Errorf("%w: %w", errOtherRoll, err)
	}
	return nil
}

// errOtherRoll means that a rendezvous node shows an older roll than the invitation is from, or another one.
var errOtherRoll = errors.New("the rendezvous node shows another roll than whoever invited you has")

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
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known
	}
	status, ok := errors.AsType[wire.Status](err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code := api.CodeRefused
	if status.Retryable() {
		code = api.CodeFailed
	}
	refused := api.Errorf(code, "%s: %v", doing, status)
	switch status {
	case wire.StatusUsed:
		return refused.WithHint("ask for a new one: each serves a limited number of times")
	case wire.StatusExpired:
		return refused.WithHint("ask for a new one")
	case wire.StatusNameTaken:
		return refused.WithHint("choose another name with --as; the invitation is still good")
	case wire.StatusBadName:
		return refused.WithHint("choose a name within the rule with --as; the invitation is still good")
	case wire.StatusNotFound:
		return refused.WithHint("the rendezvous node does not know it: check the link, or ask for a new one")
	case wire.StatusFull:
		return refused.WithHint("try again later")
	}
	return refused
}

// Orgs lists the organizations that the node is in.
func (n *Node) Orgs(context.Context) ([]api.OrgSummary, error) {
	var all []api.OrgSummary
	for _, o := range n.all() {
		summary, err := o.summary()
		if err != nil {
			return nil, err
		}
		all = append(all, summary)
	}
	return all, nil
}

func (o *organization) summary() (api.OrgSummary, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	summary := api.OrgSummary{
		Org: o.org.String(), Name: state.OrgName(), Member: o.member.String(), MemberName: self.Name, Role: self.Role.String(),
		Members: len(state.Members()), RollSize: o.roll.Size(),
	}
	err := o.countLocked(&summary)
	return summary, err
}
