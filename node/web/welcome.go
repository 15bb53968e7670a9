package web

import "muster.example/node/api"

func welcomeRoutes() []route {
	return []route{
		{"GET /welcome", welcome},
		{"GET /welcome/join", welcome},
		{"POST /welcome/join", join},
		{"GET /welcome/giveup", welcome},
		{"POST /welcome/giveup", giveUp},
		{"GET /welcome/create", welcome},
		{"POST /welcome/create", createOrg},
		{"/unlock", func(*visit) (answer, error) { return goOn("/", "") }}, // a second tab, after the first one unlocked
	}
}

// welcome shows how to begin, or what is under way.
func welcome(v *visit) (answer, error) {
	status, err := v.backend().Status(v.ctx())
	if err != nil {
		return answer{}, err
	}
	title := "welcome.title"
	if len(v.Orgs) > 0 {
		title = "welcome.more"
	}
	return show("welcome", title, status)
}

func join(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	joined, err := v.backend().Join(v.ctx(), api.JoinRequest{Invitation: f.text("invitation"), As: f.text("as"), Text: f.text("text"), Wait: f.on("wait")})
	if err != nil {
		return v.again(err, welcome)
	}
	return v.joined(joined)
}

// joined leads on from a joining: to the inbox, or to what is under way, and by the words that are to be written down.
func (v *visit) joined(joined api.JoinResult) (answer, error) {
	after, notice := "/o/"+joined.Org+"/", "welcome.joined"
	if joined.State != api.JoinMember {
		after, notice = "/welcome", "welcome."+string(joined.State)
	}
	v.server.slips.add(slip{Kind: slipRecovery, OrgName: joined.OrgName, Card: joined.Card, Words: joined.RecoveryWords, After: after})
	return v.begun(after, notice)
}

// giveUp ends a joining that waits.
func giveUp(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().GiveUp(v.ctx(), api.GiveUpRequest{Org: f.text("org")}); err != nil {
		return v.again(err, welcome)
	}
	return goOn("/welcome", "welcome.gaveup")
}

func createOrg(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	name := f.text("name")
	made, err := v.backend().CreateOrg(v.ctx(), api.CreateOrgRequest{
		Claim: f.text("claim"), Name: name, As: f.text("founder"), Here: f.text("where") == "here",
	})
	if err != nil {
		return v.again(err, welcome)
	}
	after := "/o/" + made.Org + "/"
	v.server.slips.add(slip{Kind: slipRecovery, OrgName: name, Card: made.Card, Words: made.RecoveryWords, After: after})
	v.server.slips.add(slip{Kind: slipRoot, OrgName: name, Words: made.RootWords, After: after})
	return v.begun(after, "welcome.created")
}

// begun leads on to words that are to be written down, or, where there are none, to a page.
func (v *visit) begun(after, notice string) (answer, error) {
	if v.Slips() {
		after = "/welcome/words"
	}
	return goOn(after, notice)
}
