package web

import (
	"slices"
	"strings"

	"muster.example/node/api"
)

func groupRoutes() []route {
	return []route{
		{"GET /o/{org}/groups", groups},
		{"GET /o/{org}/groups/new", newGroup},
		{"POST /o/{org}/groups/new", createGroup},
		{"GET /o/{org}/groups/{group}", oneGroup},
		{"POST /o/{org}/groups/{group}", changeGroup},
	}
}

// groupsScreen are the groups that this account can see.
type groupsScreen struct {
	Invited, Own, Others, Closed []api.Group
	Creates                      bool // the policy lets this account create one
}

func groups(v *visit) (answer, error) {
	all, err := v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return answer{}, err
	}
	may, err := v.policy("groups")
	if err != nil {
		return answer{}, err
	}
	s := groupsScreen{Creates: slices.Contains(strings.Split(may, ","), v.Org.Role)}
	for _, g := range all {
		part := &s.Own
		switch {
		case g.Closed:
			part = &s.Closed
		case g.Standing == "invited":
			part = &s.Invited
		case g.Standing == "none":
			part = &s.Others
		}
		*part = append(*part, g)
	}
	return show("groups", "groups.title", s)
}

// terms are the ways into a group and who writes there.
type terms struct {
	Ways, Writing []string
}

var groupTerms = terms{[]string{"invited", "moderated", "open"}, []string{"everybody", "moderators"}}

// newGroupScreen is the form for a new group.
type newGroupScreen struct {
	terms
	Choices []api.Contact
}

func newGroup(v *visit) (answer, error) {
	choices, err := v.choices()
	if err != nil {
		return answer{}, err
	}
	return show("newgroup", "groups.new", newGroupScreen{groupTerms, choices})
}

func createGroup(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	result, err := v.backend().ChangeGroup(v.ctx(), api.GroupRequest{
		Org: v.Org.Org, Do: api.GroupCreate, Name: f.text("name"), Admission: f.text("admission"), Writers: f.text("writers"),
		Members: f.named(),
	})
	if err != nil {
		return v.again(err, newGroup)
	}
	return goOn(v.In("groups", result.Group.Group), "groups.done.create")
}

// groupScreen is one group, and what this account can do about it.
type groupScreen struct {
	terms
	api.Group
	Manages bool // a moderator or an admin
	Admin   bool
	In      bool
	Choices []api.Contact // whom one could invite
}

// moderators is how many the group has.
func (s groupScreen) moderators() (n int) {
	for _, m := range s.Members {
		if m.Moderator {
			n++
		}
	}
	return n
}

// Only reports whether this account is the only moderator, and so cannot leave the others.
func (s groupScreen) Only() bool {
	return s.Standing == "moderator" && s.moderators() == 1 && len(s.Members) > 1
}

// Spares reports whether a moderator can be one no more: the last one only by an admin's word.
func (s groupScreen) Spares() bool { return s.Admin || s.moderators() > 1 }

func oneGroup(v *visit) (answer, error) {
	g, err := v.backend().ShowGroup(v.ctx(), api.GroupQuery{Org: v.Org.Org, Group: v.path("group")})
	if err != nil {
		return answer{}, err
	}
	s := groupScreen{terms: groupTerms, Group: g, Admin: v.Admin()}
	s.In = g.Standing == "moderator" || g.Standing == "member"
	s.Manages = !g.Closed && (g.Standing == "moderator" || s.Admin)
	if s.Manages {
		if s.Choices, err = v.choices(); err != nil {
			return answer{}, err
		}
		s.Choices = slices.DeleteFunc(s.Choices, func(c api.Contact) bool { return s.has(c.Member) })
	}
	return show("group", "groups.one", s)
}

// has reports whether somebody is in the group, or invited to it.
func (s groupScreen) has(member string) bool {
	return slices.ContainsFunc(s.Members, func(m api.GroupMember) bool { return m.Member == member }) ||
		slices.ContainsFunc(s.Invited, func(p api.Person) bool { return p.Member == member })
}

// changeGroup does something about a group, and leads back to it.
func changeGroup(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.GroupRequest{Org: v.Org.Org, Do: api.GroupDo(f.text("do")), Group: v.path("group")}
	switch request.Do {
	case api.GroupJoin, api.GroupLeave:
	case api.GroupInvite, api.GroupAdmit, api.GroupRemove, api.GroupModerator, api.GroupNoModerator:
		request.Members = f.named()
	case api.GroupEdit:
		err = v.edits(&request, f)
	case api.GroupClose:
		if !f.on("sure") {
			err = api.Errorf(api.CodeUsage, "a group is closed for good").WithHint("tick the box if that is what you want")
		}
	default:
		err = api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	if err == nil {
		_, err = v.backend().ChangeGroup(v.ctx(), request)
	}
	if err != nil {
		return v.again(err, oneGroup)
	}
	if request.Do == api.GroupLeave || request.Do == api.GroupClose { // the group may be none of ours to see any more
		return goOn(v.In("groups"), "groups.done."+string(request.Do))
	}
	return goOn(v.r.URL.Path, "groups.done."+string(request.Do))
}

// edits puts into a request what is not as it was: the rules refuse to say anew what is so.
func (v *visit) edits(request *api.GroupRequest, f form) error {
	was, err := v.backend().ShowGroup(v.ctx(), api.GroupQuery{Org: v.Org.Org, Group: request.Group})
	if err != nil {
		return err
	}
	changed := func(field *string, name, before string) {
		if now := f.text(name); now != before {
			*field = now
		}
	}
	changed(&request.Name, "name", was.Name)
	changed(&request.Admission, "admission", was.Admission)
	changed(&request.Writers, "writers", was.Writers)
	if request.Name == "" && request.Admission == "" && request.Writers == "" {
		return api.Errorf(api.CodeUsage, "nothing was changed")
	}
	return nil
}
