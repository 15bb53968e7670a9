package node

import (
	"context"
	"slices"
	"strings"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
)

// Groups lists groups: those that this account has to do with, or all that it can see.
func (n *Node) Groups(_ context.Context, query api.GroupsQuery) ([]api.Group, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Group
	for _, o := range named {
		o.mu.Lock()
		for _, g := range o.groupsLocked() {
			if query.All || !g.Closed && (o.inGroupLocked(g) || slices.Contains(g.Applied, o.member)) {
				all = append(all, o.groupLocked(g))
			}
		}
		o.mu.Unlock()
	}
	return all, nil
}

// ShowGroup shows one group.
func (n *Node) ShowGroup(_ context.Context, query api.GroupQuery) (api.Group, error) {
	o, id, err := n.findGroup(query.Org, query.Group)
	if err != nil {
		return api.Group{}, err
	}
	return o.describeGroup(id), nil
}

// ChangeGroup does something about a group. It returns when the own roll holds it.
func (n *Node) ChangeGroup(ctx context.Context, request api.GroupRequest) (api.GroupResult, error) {
	o, id, err := n.groupOf(request)
	if err != nil {
		return api.GroupResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.GroupResult{}, err
	}
	events, err := o.groupEvents(request, id)
	if err != nil {
		return api.GroupResult{}, err
	}
	already := true
	for _, event := range events {
		so, err := o.decide(ctx, event, nil)
		if err != nil {
			return api.GroupResult{}, err
		}
		already = already && so
	}
	if id.IsZero() {
		id = o.newestGroup(request.Name)
	}
	return api.GroupResult{Group: o.describeGroup(id), Already: already}, nil
}

// groupOf finds the organization and the group of a request; a new group has no id yet.
func (n *Node) groupOf(request api.GroupRequest) (*organization, keys.GroupID, error) {
	if request.Do == api.GroupCreate {
		o, err := n.oneOrganization(request.Org)
		return o, keys.GroupID{}, err
	}
	return n.findGroup(request.Org, request.Group)
}

// findGroup finds the one group of a name, name@org or id.
func (n *Node) findGroup(org, name string) (in *organization, id keys.GroupID, err error) {
	candidates, err := n.organizationsNamed(org)
	if err != nil {
		return nil, id, err
	}
	missing := error(api.Errorf(api.CodeNotFound, "no group %q", name).WithHint("`muster group list --all` lists the groups"))
	for _, o := range candidates {
		o.mu.Lock()
		plain := name
		if at := strings.LastIndexByte(name, '@'); at > 0 && (name[at+1:] == o.roll.State().OrgName() || name[at+1:] == o.org.String()) {
			plain = name[:at]
		}
		g, err := o.findGroupLocked(plain)
		o.mu.Unlock()
		switch {
		case err != nil:
			missing = err
		case in != nil:
			return nil, id, api.Errorf(api.CodeUsage, "%q is a group of more than one organization", name).
				WithHint("write name@organization, or use --org")
		default:
			in, id = o, g.ID
		}
	}
	if in == nil {
		return nil, id, missing
	}
	return in, id, nil
}

// groupEvents returns the events that a request takes.
func (o *organization) groupEvents(request api.GroupRequest, id keys.GroupID) (events []membership.Event, err error) {
	members, unknown, ok := o.find(request.Members)
	if !ok {
		return nil, api.Errorf(api.CodeNotFound, "no member %q", unknown).
			WithHint("`muster contacts --all` lists the members; names are told apart by their ids")
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	members = slices.Compact(members)
	admission, writers, err := groupTerms(request)
	if err != nil {
		return nil, err
	}
	one := func(event membership.Event) { events = append(events, event) }
	switch request.Do {
	case api.GroupCreate:
		one(o.newGroup(request.Name, admission, writers, members))
		return events, nil
	case api.GroupJoin:
		one(membership.Event{GroupJoin: &membership.GroupJoin{Group: id}})
		return events, nil
	case api.GroupLeave:
		if !o.hasToDoWith(id, o.member) {
			return nil, nil
		}
		one(membership.Event{GroupLeave: &membership.GroupLeave{Group: id}})
		return events, nil
	case api.GroupClose:
		one(membership.Event{GroupClose: &membership.GroupClose{Group: id}})
		return events, nil
	case api.GroupEdit:
		one(membership.Event{GroupEdit: &membership.GroupEdit{Group: id, Name: request.Name, Admission: admission, Writers: writers}})
		return events, nil
	}
	if len(members) == 0 {
		return nil, api.Errorf(api.CodeUsage, "nobody is named")
	}
	if request.Do == api.GroupInvite {
		for part := range slices.Chunk(members, membership.MaxInvited) {
			one(membership.Event{GroupInvite: &membership.GroupInvite{Group: id, Members: part}})
		}
		return events, nil
	}
	for _, m := range members {
		if request.Do == api.GroupRemove && !o.hasToDoWith(id, m) {
			continue
		}
		if err := o.mayBeNamed(request, id, m); err != nil {
			return nil, err
		}
		switch request.Do {
		case api.GroupAdmit:
			one(membership.Event{GroupAdmit: &membership.GroupAdmit{Group: id, Member: m}})
		case api.GroupRemove:
			one(membership.Event{GroupRemove: &membership.GroupRemove{Group: id, Member: m}})
		case api.GroupModerator, api.GroupNoModerator:
			one(membership.Event{GroupModerator: &membership.GroupModerator{
				Group: id, Member: m, Moderator: request.Do == api.GroupModerator,
			}})
		default:
			return nil, api.Errorf(api.CodeUsage, "there is nothing %q to do about a group", request.Do)
		}
	}
	return events, nil
}

// hasToDoWith reports whether a member is in a group, is invited to it, or has applied.
func (o *organization) hasToDoWith(id keys.GroupID, member keys.MemberID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, _ := o.roll.State().Group(id)
	return slices.Contains(g.Invited, member) || slices.Contains(g.Applied, member) ||
		slices.ContainsFunc(g.Members, func(m membership.GroupMember) bool { return m.Member == member })
}

// mayBeNamed says which member a request names in vain: whoever is to be admitted has to have applied or to be in the group, and
// a moderator is in it.
func (o *organization) mayBeNamed(request api.GroupRequest, id keys.GroupID, member keys.MemberID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, _ := o.roll.State().Group(id)
	in := slices.ContainsFunc(g.Members, func(m membership.GroupMember) bool { return m.Member == member })
	switch {
	case in || request.Do == api.GroupRemove:
	case request.Do != api.GroupAdmit:
		return api.Errorf(api.CodeNotFound, "%s is not in the group", o.personText(member)).
			WithHint("`muster group show` lists who is")
	case !slices.Contains(g.Applied, member):
		return api.Errorf(api.CodeNotFound, "%s has not applied to the group", o.personText(member)).
			WithHint("`muster group show` lists who has; `muster group invite` asks others in")
	}
	return nil
}

// newGroup makes the event of a new group. What is not said is the narrow way: by invitation, and everybody in it writes.
func (o *organization) newGroup(name string, admission group.Admission, writers group.Writers, invited []keys.MemberID) membership.Event {
	if admission == 0 {
		admission = group.Invited
	}
	if writers == 0 {
		writers = group.Everybody
	}
	return membership.Event{Group: &membership.NewGroup{
		Name: name, Admission: admission, Writers: writers, Listed: admission != group.Invited, Invited: invited,
	}}
}

// groupTerms reads how somebody becomes a member of a group, and who writes there; zero for what is not said.
func groupTerms(request api.GroupRequest) (admission group.Admission, writers group.Writers, err error) {
	admissions := map[string]group.Admission{"": 0, "open": group.Open, "moderated": group.Moderated, "invited": group.Invited}
	sets := map[string]group.Writers{"": 0, "everybody": group.Everybody, "moderators": group.Moderators}
	admission, known := admissions[request.Admission]
	if !known {
		return 0, 0, api.Errorf(api.CodeUsage, "%q is no way into a group", request.Admission).WithHint("it is open, moderated or invited")
	}
	if writers, known = sets[request.Writers]; !known {
		return 0, 0, api.Errorf(api.CodeUsage, "%q does not say who writes", request.Writers).WithHint("everybody or moderators")
	}
	return admission, writers, nil
}

// newestGroup returns the group of a name that this account created last.
func (o *organization) newestGroup(name string) (newest keys.GroupID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	created := uint64(0)
	for _, g := range o.roll.State().Groups() {
		if g.Creator == o.member && g.Name == name && g.Created >= created {
			newest, created = g.ID, g.Created
		}
	}
	return newest
}

func (o *organization) describeGroup(id keys.GroupID) api.Group {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, _ := o.roll.State().Group(id)
	return o.groupLocked(g)
}

// groupLocked describes a group. Callers hold mu.
func (o *organization) groupLocked(g membership.Group) api.Group {
	state := o.roll.State()
	described := api.Group{
		Org: o.org.String(), OrgName: state.OrgName(), Group: g.ID.String(), Name: g.Name, Listed: g.Listed, Closed: g.Closed,
		Conversation: envelope.InGroup(g.ID).ID(o.org).String(), Admission: g.Admission.String(), Writers: g.Writers.String(),
		MayWrite: state.MayWriteIn(g.ID, o.member), Standing: "none", Archived: state.GroupArchived(g.ID),
		Invited: o.peopleLocked(g.Invited), Applied: o.peopleLocked(g.Applied),
	}
	switch {
	case slices.Contains(g.Invited, o.member):
		described.Standing = "invited"
	case slices.Contains(g.Applied, o.member):
		described.Standing = "applied"
	}
	for _, m := range g.Members {
		described.Members = append(described.Members, api.GroupMember{
			Member: m.Member.String(), Name: o.memberNameLocked(m.Member), Moderator: m.Moderator,
		})
		switch {
		case m.Member == o.member && m.Moderator:
			described.Standing = "moderator"
		case m.Member == o.member:
			described.Standing = "member"
		}
	}
	return described
}
