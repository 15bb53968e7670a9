package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster.example/node/api"
)

// adminMembersScreen is the list of accounts as the roll has them.
type adminMembersScreen struct {
	Members        []api.AdminMember
	All            bool // removed ones too
	Search         string
	Found          int
	Earlier, Later string
}

func adminMembers(v *visit) (answer, error) {
	s := adminMembersScreen{All: v.query("show") == "all", Search: strings.TrimSpace(v.query("q"))}
	all, err := v.backend().AdminMembers(v.ctx(), api.AdminQuery{Org: v.Org.Org, All: s.All})
	if err != nil {
		return answer{}, err
	}
	wanted := strings.ToLower(s.Search)
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), wanted) }
	all = slices.DeleteFunc(all, func(m api.AdminMember) bool {
		return !has(m.Name) && !slices.ContainsFunc(m.Formerly, has) && !strings.HasPrefix(m.Member, wanted) && m.Role != wanted
	})
	s.Found = len(all)
	at, _ := strconv.Atoi(v.query("from")) // what is no number is the beginning
	at = min(max(at, 0), len(all))
	end := min(at+directoryPage, len(all))
	s.Members = all[at:end]
	if at > 0 {
		s.Earlier = s.address(v, max(at-directoryPage, 0))
	}
	if end < len(all) {
		s.Later = s.address(v, end)
	}
	return show("adminmembers", "admin.members", s)
}

func (s adminMembersScreen) address(v *visit, from int) string {
	query := url.Values{"from": {strconv.Itoa(from)}, "q": {s.Search}}
	if s.All {
		query.Set("show", "all")
	}
	return v.In("admin", "members") + "?" + query.Encode()
}

// adminMemberScreen is one account, and what an admin can decide about it.
type adminMemberScreen struct {
	api.AdminMember
	Own bool
}

// Decisions are what can be decided about the account as it stands.
func (s adminMemberScreen) Decisions() (all []api.Decision) {
	if s.Removed {
		return nil
	}
	if s.Role != "guest" { // who stays one, and has a name that is for desks alone
		all = append(all, api.DecideRole, api.DecideRename)
	}
	if s.Suspended {
		all = append(all, api.DecideReinstate)
	} else {
		all = append(all, api.DecideSuspend)
	}
	if s.Role != "guest" {
		all = append(all, api.DecideReadmit)
	}
	return append(all, api.DecideRemove)
}

func adminMember(v *visit) (answer, error) {
	m, err := v.accountOf(v.path("member"))
	if err != nil {
		return answer{}, err
	}
	return show("adminmember", "member.title", adminMemberScreen{m, m.Member == v.Org.Member})
}

// accountOf finds an account by its id.
func (v *visit) accountOf(id string) (api.AdminMember, error) {
	all, err := v.backend().AdminMembers(v.ctx(), api.AdminQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return api.AdminMember{}, err
	}
	for _, m := range all {
		if m.Member == id {
			return m, nil
		}
	}
	return api.AdminMember{}, api.Errorf(api.CodeNotFound, "there is no such member")
}

// askDecision says what a decision does, and asks what it needs.
func askDecision(v *visit) (answer, error) {
	m, err := v.accountOf(v.path("member"))
	if err != nil {
		return answer{}, err
	}
	do := api.Decision(v.path("do"))
	s := adminMemberScreen{m, m.Member == v.Org.Member}
	if do != api.DecideBar && !slices.Contains(s.Decisions(), do) { // it was decided, here or elsewhere, while one looked at it
		return goOn(v.In("admin", "members", m.Member), "")
	}
	q := question{
		Do: string(do), Area: "decide", About: m.Name, ID: m.Member, Rooted: true, Action: v.r.URL.Path,
		Back: v.In("admin", "members", m.Member), Grave: do == api.DecideRemove || do == api.DecideBar,
		Own: s.Own && do != api.DecideRename && do != api.DecideRole,
	}
	switch do {
	case api.DecideRole:
		q.Choices = slices.DeleteFunc(slices.Clone(memberRoles), func(r string) bool { return r == "guest" || r == m.Role })
	case api.DecideRename:
		q.Naming, q.Name = true, m.Name
	case api.DecideReadmit:
		q.Line = "request"
	case api.DecideBar:
		device := v.device()
		if !slices.ContainsFunc(m.Devices, func(d api.AdminDevice) bool { return d.Device == device }) {
			return answer{}, api.Errorf(api.CodeNotFound, "the member has no such device")
		}
		q.Hidden, q.Facts = map[string]string{"device": device}, []fact{{"decide.device", device}}
	}
	return ask(q)
}

// device is the device that the address or the form names.
func (v *visit) device() string {
	if v.r.PostForm.Has("device") {
		return v.r.PostForm.Get("device")
	}
	return v.query("device")
}

// decide signs a decision, and leads back to the member.
func decide(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	do := api.Decision(v.path("do"))
	if do == api.DecideRevoke {
		return notFound(v)
	}
	request := api.DecideRequest{
		Org: v.Org.Org, Do: do, Member: v.path("member"), Role: f.text("role"), Name: f.text("name"), Device: f.text("device"),
		Request: strings.Join(strings.Fields(f.text("request")), ""), RootWords: f.rootWords(),
	}
	if do == api.DecideBar {
		request.Member = ""
	}
	request.Check = do == api.DecideReadmit && !f.on("compared")
	result, err := v.backend().Decide(v.ctx(), request)
	if err != nil {
		return v.again(err, askDecision)
	}
	if request.Check && !result.Already {
		return compareCodes(v, request, result)
	}
	return goOn(v.In("admin", "members", v.path("member")), "decide.done."+string(do))
}

// compareCodes has the admin make sure that a request is the member's before it is signed.
func compareCodes(v *visit, request api.DecideRequest, result api.DecideResult) (answer, error) {
	return ask(question{
		Do: "compare", Area: "decide", About: result.Member.Name, ID: result.Member.Member, Grave: true, Rooted: true,
		Own:    result.Member.Member == v.Org.Member,
		Action: v.r.URL.Path, Back: v.In("admin", "members", v.path("member")),
		Hidden: map[string]string{"request": request.Request, "compared": "1"},
		Facts:  []fact{{"decide.code", result.Code}, {"decide.newdevice", result.Device}},
	})
}
