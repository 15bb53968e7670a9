package web

import (
	"slices"

	"muster.example/node/api"
)

func presenceRoutes() []route {
	return []route{
		{"GET /o/{org}/presence", presence},
		{"POST /o/{org}/presence", setPresence},
	}
}

// presenceScreen is what the own account shows, and to whom.
type presenceScreen struct {
	api.OwnPresence
	States, Shares, Grains []string
	Choices                []api.Contact
	Others                 string // names of those it is shared with who are not among the choices
}

// Shows reports whether somebody is among those named.
func (s presenceScreen) Shows(name string) bool { return slices.Contains(s.Members, name) }

func presence(v *visit) (answer, error) {
	result, err := v.backend().Presence(v.ctx(), api.PresenceQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := presenceScreen{
		States: []string{string(api.PresenceOnline), string(api.PresenceAway), string(api.PresenceInvisible)},
		Shares: []string{api.ShareNobody, api.ShareMembers, api.ShareContacts, api.ShareEverybody},
		Grains: []string{api.SeenNone, api.SeenDay, api.SeenHour, api.SeenExact},
	}
	if len(result.Own) > 0 {
		s.OwnPresence = result.Own[0]
	}
	if s.Choices, err = v.choices(); err != nil {
		return answer{}, err
	}
	for _, name := range s.Members {
		if !slices.ContainsFunc(s.Choices, func(c api.Contact) bool { return c.Name == name }) {
			if s.Others != "" {
				s.Others += ", "
			}
			s.Others += name
		}
	}
	return show("presence", "presence.title", s)
}

// setPresence says whether the person is there, or who may see that.
func setPresence(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "state":
		request := api.SetPresenceRequest{Org: v.Org.Org, State: api.PresenceState(f.text("state"))}
		_, err = v.backend().SetPresence(v.ctx(), request)
	case "share":
		typing := f.on("typing")
		request := api.SharePresenceRequest{Org: v.Org.Org, Share: f.text("share"), LastSeen: f.text("seen"), Typing: &typing}
		if request.Share == api.ShareMembers { // who is ticked below another choice is not meant
			request.Members = f.named()
		}
		_, err = v.backend().SharePresence(v.ctx(), request)
	default:
		err = api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	if err != nil {
		return v.again(err, presence)
	}
	return goOn(v.In("presence"), "presence.done")
}
