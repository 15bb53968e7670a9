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

// recoverySeries is how many recovery keys are derived when the words are made: one for each organization that a person
// can join before the words have to be entered again.
const recoverySeries = 64

// joinWait bounds the whole of a create or join.
const joinWait = time.Minute

// CreateOrg founds an organization on the rendezvous node that issued the claim.
func (n *Node) CreateOrg(ctx context.Context, request api.CreateOrgRequest) (api.CreateOrgResult, error) {
	claim, err := rvproto.ParseClaim(request.Claim)
	if err != nil {
		return api.CreateOrgResult{}, api.Errorf(api.CodeUsage, "%v", err).
			WithHint("the rendezvous node prints a claim link when it first runs; `muster-rendezvous claim` makes one more")
	}
	for what, name := range map[string]string{"the organization's name": request.Name, "your name": request.As} {
		if err := membership.CheckName(name); err != nil {
			return api.CreateOrgResult{}, api.Errorf(api.CodeRefused, "%s cannot be %q: %v", what, name, err)
		}
	}
	n.joining.Lock()
	defer n.joining.Unlock()
	ctx, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()

	person, err := n.nextRecovery()
	if err != nil {
		return api.CreateOrgResult{}, err
	}
	rootSeed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		return api.CreateOrgResult{}, err
	}
	root, self := rootSeed.Key(0), keys.Generate()
	found := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: request.Name, Root: root.Public(), Member: request.As, Recovery: person.key, Policy: membership.DefaultPolicy(),
	}}, self, &root)
	org := membership.OrgOf(found)
	rendezvous := membership.SignEvent(membership.Event{Org: org, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: 1,
	}}, self, nil)
	at := store.Node{Key: claim.Node, Addresses: claim.Addresses}
	o, err := n.enter(ctx, entry{
		org: org, member: membership.MemberOf(org, found), self: self, at: at, person: person,
		admit: func(ctx context.Context, client *rvclient.Client) error {
			return client.Claim(ctx, claim.Token, found, rendezvous)
		},
	})
	if err != nil {
		return api.CreateOrgResult{}, refusal("founding the organization", err)
	}
	return api.CreateOrgResult{
		Org: org.String(), Member: o.member.String(), Device: o.device.String(),
		RecoveryWords: person.words, RootWords: rootSeed.Words(),
	}, nil
}

// Join joins the organization that issued an invitation.
func (n *Node) Join(ctx context.Context, request api.JoinRequest) (api.JoinResult, error) {
	invitation, err := membership.ParseInvitation(request.Invitation)
	if err != nil {
		return api.JoinResult{}, api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole link, from muster:join/ on")
	}
	if err := membership.CheckName(request.As); err != nil {
		return api.JoinResult{}, api.Errorf(api.CodeRefused, "your name cannot be %q: %v", request.As, err)
	}
	n.joining.Lock()
	defer n.joining.Unlock()
	ctx, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	if already, ok := n.joined(invitation.Org); ok {
		return already, nil
	}
	person, err := n.nextRecovery()
	if err != nil {
		return api.JoinResult{}, err
	}
	var joined *organization
	for _, node := range invitation.Nodes {
		if joined, err = n.joinAt(ctx, node, invitation, request.As, person); err == nil {
			break
		}
		if _, answered := errors.AsType[wire.Status](err); answered {
			break
		}
	}
	if err != nil {
		return api.JoinResult{}, refusal("joining", err)
	}
	return api.JoinResult{
		Org: joined.org.String(), OrgName: joined.name(), Member: joined.member.String(), Device: joined.device.String(),
		RecoveryWords: person.words,
	}, nil
}

// joined answers a join to an organization that this device is in already.
func (n *Node) joined(org keys.OrgID) (api.JoinResult, bool) {
	n.mu.Lock()
	o, ok := n.organizations[org]
	n.mu.Unlock()
	if !ok {
		return api.JoinResult{}, false
	}
	return api.JoinResult{Org: org.String(), OrgName: o.name(), Member: o.member.String(), Device: o.device.String()}, true
}

// joinAt joins at one rendezvous node: it reads the roll on the strength of the invitation, checks it against what the
// invitation says of it, and only then hands in the join event.
func (n *Node) joinAt(ctx context.Context, node membership.NodeAddress, invitation membership.Invitation, name string, person recovery) (*organization, error) {
	self, key := keys.Generate(), invitation.Key()
	at := store.Node{Key: node.Key, Addresses: node.Addresses}
	var event membership.SignedEvent
	makeEvent := func(roll *membership.Roll) membership.SignedEvent {
		return membership.SignEvent(membership.Event{Org: invitation.Org, Counter: 1, At: roll.Size(), Join: &membership.Join{
			Invitation: key.Public(), Name: name, Recovery: person.key,
		}}, self, &key)
	}
	e := entry{org: invitation.Org, self: self, at: at, person: person}
	e.admit = func(ctx context.Context, client *rvclient.Client) error {
		page, err := client.View(ctx, key, 0)
		if err != nil {
			return err
		}
		roll := membership.NewRoll(invitation.Org)
		if _, _, err := extend(roll, page, node.Key); err != nil {
			return err
		}
		if err := roll.Compare(invitation.Size, invitation.Root); err != nil {
			return fmt.Errorf("the rendezvous node shows another roll than whoever invited you has: %w", err)
		}
		event = makeEvent(roll)
		return client.SubmitJoin(ctx, key, event)
	}
	e.memberOf = func() keys.MemberID { return membership.MemberOf(invitation.Org, event) }
	return n.enter(ctx, e)
}

// entry is what it takes to enter an organization.
type entry struct {
	org      keys.OrgID
	member   keys.MemberID
	memberOf func() keys.MemberID // instead of member, once admitted
	self     keys.PrivateKey
	at       store.Node
	person   recovery
	admit    func(ctx context.Context, client *rvclient.Client) error
}

// enter has a rendezvous node admit this device, verifies the roll that says so, and stores and runs the organization.
// Nothing is stored before.
func (n *Node) enter(ctx context.Context, e entry) (o *organization, err error) {
	local, err := n.config.NewHost(e.self)
	if err != nil {
		return nil, fmt.Errorf("making the libp2p host: %w", err)
	}
	defer func() {
		if err != nil {
			local.Close()
		}
	}()
	client := &rvclient.Client{Host: local, Node: e.at.Key, Addresses: e.at.Addresses, Org: e.org}
	if err := client.Connect(ctx); err != nil {
		return nil, fmt.Errorf("connecting to the rendezvous node: %w", err)
	}
	if err := e.admit(ctx, client); err != nil {
		return nil, err
	}
	if e.memberOf != nil {
		e.member = e.memberOf()
	}
	page, err := client.Fetch(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("fetching the roll: %w", err)
	}
	roll := membership.NewRoll(e.org)
	_, entries, err := extend(roll, page, e.at.Key)
	if err != nil {
		return nil, err
	}
	if member, ok := roll.State().MemberOf(e.self.Public()); !ok || member != e.member {
		return nil, errors.New("the rendezvous node says that it admitted this device, and the roll does not hold it")
	}
	o, err = n.settle(e, entries, page.Checkpoint)
	if err != nil {
		return nil, err
	}
	signed, err := o.currentPrekey(time.Now())
	if err != nil {
		return nil, err
	}
	// Published before the answer, so that others can seal to this device at once.
	if err := client.PutPrekey(ctx, signed); err != nil {
		return nil, fmt.Errorf("publishing the prekey: %w", err)
	}
	o.local = local
	if err := n.add(ctx, o); err != nil {
		return nil, err
	}
	o.await(ctx, sendWait, func() bool { return o.connection() != nil })
	return o, nil
}

// settle stores the organization, its roll and the recovery key that it uses up.
func (n *Node) settle(e entry, entries []membership.Entry, note []byte) (*organization, error) {
	kept := store.Organization{Org: e.org, Member: e.member, Identity: e.self.Seed(), Node: e.at, Joined: time.Now().UnixMilli()}
	for start := 0; start < len(entries); start += entriesPerUpdate {
		err := n.store.Update(func(tx *store.Tx) error {
			for i := start; i < min(start+entriesPerUpdate, len(entries)); i++ {
				if err := tx.PutEntry(e.org, uint64(i), entries[i].Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("storing the roll: %w", err)
		}
	}
	err := n.store.Update(func(tx *store.Tx) error {
		if err := tx.PutCheckpoint(e.org, store.Checkpoint{Note: note, Seen: time.Now().UnixMilli()}); err != nil {
			return err
		}
		profile := e.person.profile
		profile.Used++
		if err := tx.PutProfile(profile); err != nil {
			return err
		}
		return tx.PutOrganization(kept)
	})
	if err != nil {
		return nil, fmt.Errorf("storing the organization: %w", err)
	}
	return n.openOrganization(kept)
}

// recovery is the recovery key that the next organization gets.
type recovery struct {
	key     keys.PublicKey
	words   []string // only when they were made just now
	profile store.Profile
}

// nextRecovery returns the next recovery key of the person's series, making the words the first time.
func (n *Node) nextRecovery() (recovery, error) {
	var profile store.Profile
	err := n.store.View(func(tx *store.Tx) (err error) {
		profile, err = tx.Profile()
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return recovery{}, err
	}
	if len(profile.Recovery) == 0 {
		seed, err := keys.NewRecoverySeed(rand.Reader)
		if err != nil {
			return recovery{}, err
		}
		for index := range uint32(recoverySeries) {
			profile.Recovery = append(profile.Recovery, seed.Key(index).Public())
		}
		return recovery{key: profile.Recovery[0], words: seed.Words(), profile: profile}, nil
	}
	if int(profile.Used) >= len(profile.Recovery) {
		return recovery{}, api.Errorf(api.CodeFailed, "this device is in %d organizations, and has no recovery key left for another", profile.Used)
	}
	return recovery{key: profile.Recovery[profile.Used], profile: profile}, nil
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
