package web

import (
	"muster.example/node/api"
)

// applications are those of people who would join, for an admin.
func applications(v *visit) (answer, error) {
	var s requestsScreen
	s.askWhoApplies(v)
	return show("applications", "admin.applications", s)
}

func askApplication(v *visit) (answer, error) {
	do := v.path("do")
	if do != "vouch" && do != "decline" {
		return notFound(v)
	}
	all, err := v.backend().Applications(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	for _, a := range all {
		if a.ID == v.path("id") {
			return ask(question{
				Do: do, Area: "apply", About: a.Name, ID: a.ID, Rooted: true, Grave: do == "decline",
				Action: v.r.URL.Path, Back: v.In("admin", "applications"),
			})
		}
	}
	return answer{}, api.Errorf(api.CodeNotFound, "this application is not waiting any more")
}

func answerApplication(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.VouchRequest{Org: v.Org.Org, Applicant: v.path("id"), RootWords: f.rootWords()}
	do, notice := v.path("do"), ""
	switch do {
	case "vouch":
		var result api.VouchResult
		result, err = v.backend().Vouch(v.ctx(), request)
		notice = "requests.done.vouch"
		if result.Admitted {
			notice = "requests.done.admitted"
		}
	case "decline":
		_, err = v.backend().DeclineApplicant(v.ctx(), request)
		notice = "requests.done.refuse"
	default:
		return notFound(v)
	}
	if err != nil {
		return v.again(err, askApplication)
	}
	return goOn(v.In("admin", "applications"), notice)
}
