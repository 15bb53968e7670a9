package web

import (
	"strconv"
	"strings"

	"muster.example/node/api"
)

func ssoRoutes() []route {
	return []route{
		{"GET /welcome/sso", ssoJoin},
		{"POST /welcome/sso", ssoJoinStep},
		{"GET /o/{org}/admin/sso", admins(ssoAdmin)},
		{"POST /o/{org}/admin/sso", admins(ssoAdminStep)},
	}
}

// ssoWait is for how many seconds a page waits for a login before it says that it still does.
const ssoWait = 10

// ssoScreen is a joining by a login: what is asked, or the login that is under way.
type ssoScreen struct {
	Login *api.SSOLogin // nil: none yet
	Still bool          // it was asked, and is not made yet
}

func ssoJoin(*visit) (answer, error) { return show("sso", "sso.title", ssoScreen{}) }

// ssoJoinStep begins a login in this browser, or joins once it was made.
func ssoJoinStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "begin":
		address := strings.Join(strings.Fields(f.text("url")), "")
		login, err := v.backend().BeginSSO(v.ctx(), api.SSORequest{URL: address, As: f.text("as"), Browser: true})
		if err != nil {
			return v.again(err, ssoJoin)
		}
		return show("sso", "sso.title", ssoScreen{Login: &login})
	case "finish":
		result, err := v.backend().FinishSSO(v.ctx(), api.SSOFinishRequest{ID: f.text("id"), Wait: ssoWait})
		switch {
		case err != nil:
			return v.again(err, ssoJoin)
		case result.Joined == nil:
			return show("sso", "sso.title", ssoScreen{Login: result.Login, Still: true})
		}
		return v.joined(*result.Joined)
	}
	return v.again(api.Errorf(api.CodeUsage, "the form is not understood"), ssoJoin)
}

// ssoAdminScreen is which enrolment keys the roll names, with a form to name one, and what the end of one would do.
type ssoAdminScreen struct {
	api.AdminSSO
	Ending  *api.SSOEndResult // what was asked about
	Suspend string            // with what the end was asked
	Spans   []string          // days that can be chosen, and all
}

var ssoSpans = []string{"0", "1", "7", "30", "-1"}

func ssoAdmin(v *visit) (answer, error) { return ssoAdminWith(v, nil, "") }

func ssoAdminWith(v *visit, ending *api.SSOEndResult, suspend string) (answer, error) {
	sso, err := v.backend().SSO(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	return show("ssoadmin", "admin.sso", ssoAdminScreen{AdminSSO: sso, Ending: ending, Suspend: suspend, Spans: ssoSpans})
}

// ssoAdminStep names a key or changes what it may do, says what the end of one would do, or ends it.
func ssoAdminStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "set":
		daily, err := strconv.ParseUint(f.text("daily"), 10, 32)
		if err != nil {
			return v.again(api.Errorf(api.CodeUsage, "%q is no number of people", f.text("daily")), ssoAdmin)
		}
		request := api.SSOSetRequest{
			Org: v.Org.Org, Key: f.text("key"), Issuer: f.text("issuer"), Client: f.text("client"), URL: f.text("url"), Claim: f.text("claim"),
			Role: f.text("role"), Daily: daily, Pin: f.text("pin"), RootWords: f.rootWords(),
		}
		if request.Claim == "" {
			request.Claim = "-"
		}
		if request.Pin == "" {
			request.Pin = "-"
		}
		if _, err := v.backend().SetSSO(v.ctx(), request); err != nil {
			return v.again(err, ssoAdmin)
		}
		return goOn(v.In("admin", "sso"), "sso.set")
	case "end":
		return ssoEnd(v, f)
	}
	return v.again(api.Errorf(api.CodeUsage, "the form is not understood"), ssoAdmin)
}

// ssoEnd says whom the end of a key would suspend, and then ends it.
func ssoEnd(v *visit, f form) (answer, error) {
	days, err := strconv.ParseInt(f.text("suspend"), 10, 16)
	if err != nil || days < -1 {
		return v.again(api.Errorf(api.CodeUsage, "there is no such choice"), ssoAdmin)
	}
	request := api.SSOEndRequest{Org: v.Org.Org, Key: f.text("key"), Suspend: days, Check: !f.on("sure"), RootWords: f.rootWords()}
	if days > 0 {
		request.Suspend = days * 24 * 3600
	}
	result, err := v.backend().EndSSO(v.ctx(), request)
	switch {
	case err != nil:
		return v.again(err, ssoAdmin)
	case request.Check:
		return ssoAdminWith(v, &result, f.text("suspend"))
	}
	return goOn(v.In("admin", "sso"), "sso.ended")
}
