package web

import (
	"context"
	"slices"
	"time"

	"muster.example/node/api"
)

// askingFor is how long the page waits for the rendezvous node to say who applies.
const askingFor = 2 * time.Second

func requestRoutes() []route {
	return []route{
		{"GET /o/{org}/requests", requests},
		{"POST /o/{org}/requests", answerRequest},
	}
}

// requestsScreen is what waits for an answer of this account.
type requestsScreen struct {
	Asking     []api.Contact // introduced themselves
	Readmitted []api.Contact // have a new device by an admin's word
	Groups     []api.Group   // invited to
	Applies    bool          // this account may hear who applies to join
	Applicants []applicant
	Unasked    *api.Error // why it is not known who applies
}

// applicant is somebody who applies to join.
type applicant struct {
	api.Applicant
	Vouched bool // by this account
}

// MayVouch reports whether a vouch would count.
func (a applicant) MayVouch() bool { return !a.Vouched && a.Why == "" }

func requests(v *visit) (answer, error) {
	var s requestsScreen
	all, err := v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	for _, c := range all {
		switch c.State {
		case api.ContactAsks:
			s.Asking = append(s.Asking, c)
		case api.ContactReadmitted:
			s.Readmitted = append(s.Readmitted, c)
		}
	}
	groups, err := v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s.Groups = slices.DeleteFunc(groups, func(g api.Group) bool { return g.Standing != "invited" || g.Closed })
	if s.Applies, err = v.vouches(); err != nil {
		return answer{}, err
	}
	if s.Applies {
		s.askWhoApplies(v)
	}
	return show("requests", "requests.title", s)
}

// vouches reports whether this account may say who joins: an admin may, and members where the policy lets them vouch.
func (v *visit) vouches() (bool, error) {
	if v.Admin() {
		return true, nil
	}
	if v.Org.Role == "guest" {
		return false, nil
	}
	needed, err := v.policy("vouches")
	return needed != "" && needed != "0", err
}

// policy returns a value of the organization's policy, empty if it has none.
func (v *visit) policy(key string) (string, error) {
	policy, err := v.backend().Policy(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	for _, s := range policy.Settings {
		if s.Key == key {
			return s.Value, err
		}
	}
	return "", err
}

func (s *requestsScreen) askWhoApplies(v *visit) {
	ctx, cancel := context.WithTimeout(v.ctx(), askingFor)
	defer cancel()
	all, err := v.backend().Applications(ctx, api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		s.Unasked = api.AsError(err)
	}
	for _, a := range all {
		own := slices.ContainsFunc(a.Vouchers, func(p api.Person) bool { return p.Member == v.Org.Member })
		s.Applicants = append(s.Applicants, applicant{a, own})
	}
}

// answerRequest answers one request, and leads back to the others.
func answerRequest(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	do := f.text("do")
	notice := "requests.done." + do
	switch do {
	case "accept", "decline", "block":
		notice = "member.done." + do
		err = v.stand(do, f.text("member"), f)
	case "join", "leave":
		request := api.GroupRequest{Org: v.Org.Org, Do: api.GroupDo(do), Group: f.text("group")}
		_, err = v.backend().ChangeGroup(v.ctx(), request)
	case "vouch":
		var result api.VouchResult
		result, err = v.backend().Vouch(v.ctx(), api.VouchRequest{Org: v.Org.Org, Applicant: f.text("applicant")})
		if result.Admitted {
			notice = "requests.done.admitted"
		}
	case "refuse":
		_, err = v.backend().DeclineApplicant(v.ctx(), api.VouchRequest{Org: v.Org.Org, Applicant: f.text("applicant")})
	default:
		err = api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	if err != nil {
		return v.again(err, requests)
	}
	return goOn(v.In("requests"), notice)
}
