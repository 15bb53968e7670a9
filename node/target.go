package node

import (
	"errors"
	"slices"
	"strings"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
)

// deskName is what a guest calls the desk that hears them.
const deskName = "desk"

// target is where a message is to go: to members one by one, or to a place as a whole.
type target struct {
	members []keys.MemberID
	place   envelope.Place // zero if members are named
}

// target finds what the recipients of a request stand for: members, one group, or the desk. Without any, an answer goes to
// the whole conversation.
func (n *Node) target(request api.SendRequest) (*organization, target, error) {
	switch {
	case len(request.To) == 0 && request.Reply == "":
		return nil, target{}, api.Errorf(api.CodeUsage, "nobody is named")
	case len(request.To) == 0:
		return n.conversationOf(request.Org, request.Reply)
	}
	if len(request.To) == 1 {
		if o, at, err := n.placeNamed(request.Org, request.To[0]); o != nil || err != nil {
			return o, at, err
		}
	}
	o, members, err := n.resolve(request.Org, request.To)
	if err != nil {
		return nil, target{}, n.groupAmong(request, err)
	}
	if len(members) == 1 {
		if place, ok := o.deskWith(members[0]); ok {
			return o, target{place: place}, nil
		}
	}
	return o, target{members: members}, nil
}

// conversationOf returns the whole conversation of a message.
func (n *Node) conversationOf(org, message string) (*organization, target, error) {
	o, record, err := n.findMessage(org, message)
	if err != nil {
		return nil, target{}, err
	}
	if record.Message.Report { // who sent it is asked back alone
		return o, target{members: []keys.MemberID{record.Message.Member}}, nil
	}
	place := placeOf(*record.Message)
	if other := o.other(place); !other.IsZero() {
		return o, target{members: []keys.MemberID{other}}, nil
	}
	return o, target{place: place}, nil
}

// placeNamed returns the group of a name, or the desk; nil if no group has it, or a member has.
func (n *Node) placeNamed(org, name string) (*organization, target, error) {
	candidates, err := n.organizationsNamed(org)
	if err != nil {
		return nil, target{}, err
	}
	var in *organization
	var place envelope.Place
	for _, o := range candidates {
		found, err := o.findPlace(name)
		switch {
		case err != nil:
			return nil, target{}, err
		case found.IsZero():
		case in != nil:
			return nil, target{}, api.Errorf(api.CodeUsage, "%q is there in more than one organization", name).
				WithHint("write name@organization, or use --org")
		default:
			in, place = o, found
		}
	}
	return in, target{place: place}, nil
}

// groupAmong says why a name among several stands for nobody, if it is that of a group.
func (n *Node) groupAmong(request api.SendRequest, cause error) error {
	if len(request.To) < 2 {
		return cause
	}
	for _, name := range request.To {
		if o, _, err := n.placeNamed(request.Org, name); err == nil && o != nil {
			return api.Errorf(api.CodeUsage, "%q is a group: a message goes to one group, or to members", name).WithHint("send it once to each")
		}
	}
	return cause
}

// deskWith returns the place where this account and a member meet if one of them is a guest and the other hears guests.
func (o *organization) deskWith(member keys.MemberID) (envelope.Place, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	other, _ := state.Member(member)
	switch {
	case self.Role == membership.RoleGuest && other.Role == membership.RoleDesk:
		return envelope.AtDesk(o.member), true
	case self.Role == membership.RoleDesk && other.Role == membership.RoleGuest:
		return envelope.AtDesk(member), true
	}
	return envelope.Place{}, false
}

// findPlace returns the group that a name or id stands for here, or the desk for a guest; zero if it is none.
func (o *organization) findPlace(name string) (envelope.Place, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	if at := strings.LastIndexByte(name, '@'); at > 0 && (name[at+1:] == state.OrgName() || name[at+1:] == o.org.String()) {
		name = name[:at]
	}
	if self, _ := state.Member(o.member); self.Role == membership.RoleGuest && name == deskName {
		return envelope.AtDesk(o.member), nil
	}
	if _, member := o.findLocked(name); member {
		return envelope.Place{}, nil
	}
	found, err := o.findGroupLocked(name)
	if known, ok := errors.AsType[*api.Error](err); ok && known.Code == api.CodeNotFound {
		return envelope.Place{}, nil
	}
	return envelope.InGroup(found.ID), err
}

// findGroupLocked finds a group by id or name; of those with one name, that which this account has to do with. Callers
// hold mu.
func (o *organization) findGroupLocked(name string) (membership.Group, error) {
	if id, err := keys.ParseID[keys.Group](name); err == nil && !o.guestLocked() {
		if g, ok := o.roll.State().Group(id); ok {
			return g, nil
		}
	}
	var found []membership.Group
	for _, g := range o.groupsLocked() {
		if strings.EqualFold(g.Name, name) && !g.Closed {
			found = append(found, g)
		}
	}
	if mine := slices.DeleteFunc(slices.Clone(found), func(g membership.Group) bool { return !o.inGroupLocked(g) }); len(mine) > 0 {
		found = mine
	}
	switch len(found) {
	case 0:
		return membership.Group{}, api.Errorf(api.CodeNotFound, "no group %q", name).WithHint("`muster group list --all` lists the groups")
	case 1:
		return found[0], nil
	}
	return membership.Group{}, api.Errorf(api.CodeUsage, "%q is the name of more than one group", name).
		WithHint("`muster group list --json` gives their ids")
}

// inGroupLocked reports whether this account is in a group, or invited to it. Callers hold mu.
func (o *organization) inGroupLocked(g membership.Group) bool {
	return slices.Contains(g.Invited, o.member) ||
		slices.ContainsFunc(g.Members, func(m membership.GroupMember) bool { return m.Member == o.member })
}
