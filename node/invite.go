package node

import (
	"context"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// inviteFor is how long an invitation is good for unless the request says otherwise.
const inviteFor = 7 * 24 * time.Hour

// longestInvitation is how long one is good for at most.
const longestInvitation = 366 * 24 * time.Hour

// Invite makes an invitation, puts it on the roll and returns its link. While no rendezvous node can be reached it is kept, and
// put on the roll as soon as one can: until then nobody can join by it.
func (n *Node) Invite(ctx context.Context, request api.InviteRequest) (api.InviteResult, error) {
	o, wish, err := n.wish(request)
	if err != nil {
		return api.InviteResult{}, err
	}
	state, err := o.issue(ctx, wish)
	if err != nil {
		return api.InviteResult{}, err
	}
	return o.invited(wish, state)
}

// wish reads what invitation is asked for, and makes its key. The organization's rules are not asked.
func (n *Node) wish(request api.InviteRequest) (*organization, store.Wish, error) {
	o, err := n.oneOrganization(request.Org)
	if err == nil {
		err = o.mayAct()
	}
	if err != nil {
		return nil, store.Wish{}, err
	}
	wish := store.Wish{Org: o.org, Name: request.Name, Apply: request.Apply, Since: o.now().UnixMilli()}
	role, life := membership.RoleMember, inviteFor
	if request.Open && !request.Apply {
		role = membership.RoleGuest
	}
	if request.Role != "" {
		if role, err = membership.ParseRole(request.Role); err != nil {
			return nil, wish, api.Errorf(api.CodeUsage, "%v", err).WithHint("roles are admin, member, desk and guest")
		}
	}
	wish.Role, wish.Uses = uint8(role), max(request.Uses, 1)
	if request.Open {
		if life = longestInvitation; request.Uses == 0 {
			wish.Uses = membership.MaxUses
		}
		if role == membership.RoleAdmin || role == membership.RoleDesk && !request.Apply || request.Name != "" {
			return nil, wish, api.Errorf(api.CodeUsage, "a published link makes no %s without a look", role).
				WithHint("publish one for guests or members, or one to apply: --apply")
		}
	}
	switch {
	case wish.Uses > membership.MaxUses:
		return nil, wish, api.Errorf(api.CodeUsage, "at most %d can join by one invitation", membership.MaxUses)
	case request.Apply && (role != membership.RoleMember && role != membership.RoleDesk || request.Name != ""):
		return nil, wish, api.Errorf(api.CodeUsage, "one applies to be a member or desk, under a name of one's choice")
	}
	if request.ExpiresIn != 0 {
		life = time.Duration(request.ExpiresIn) * time.Second
	}
	if life <= 0 || life > longestInvitation {
		return nil, wish, api.Errorf(api.CodeUsage, "an invitation is good for between a second and a year")
	}
	wish.Expires = o.now().Add(life).Unix()
	if request.Name != "" {
		if err := membership.CheckName(request.Name); err != nil {
			return nil, wish, badName("the name", request.Name, err)
		}
	}
	wish.Seed = keys.Generate().Seed()
	return o, wish, nil
}

// invitation returns what the link of a wish holds.
func (o *organization) invitation(wish store.Wish) (membership.Invitation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := o.roll.Size()
	root, err := o.roll.Root(size)
	return membership.Invitation{
		Org: o.org, OrgName: o.roll.State().OrgName(), Seed: wish.Seed, Size: size, Root: root,
		Nodes: []membership.NodeAddress{{Key: o.at.Key, Addresses: o.node.shownAt(o.at)}},
	}, err
}

// invited answers with an invitation and its link.
func (o *organization) invited(wish store.Wish, state api.InvitationState) (api.InviteResult, error) {
	invitation, err := o.invitation(wish)
	return api.InviteResult{
		Invitation: invitation.Link(), State: state, Expires: time.Unix(wish.Expires, 0).UTC(), Uses: wish.Uses, Org: o.org.String(),
		OrgName: invitation.OrgName, Role: membership.Role(wish.Role).String(), Name: wish.Name, Apply: wish.Apply,
	}, err
}
