package web

import (
	"slices"
	"strconv"
	"time"

	"muster.example/node/api"
)

// invitationsScreen is a form for a new invitation, and those that there are.
type invitationsScreen struct {
	Roles       []string // that this account may invite for
	Lives       []string
	Invitations []api.AdminInvitation
	All         bool // used up and expired ones too
}

// lives are how long an invitation can be chosen to last, in days.
var lives = []string{"1", "7", "30", "365"}

func invitations(v *visit) (answer, error) {
	roles, err := v.invites()
	if err != nil {
		return answer{}, err
	}
	if len(roles) == 0 && !v.Admin() {
		return answer{}, api.Errorf(api.CodeRefused, "the policy lets you invite nobody")
	}
	s := invitationsScreen{Roles: roles, Lives: lives, All: v.query("show") == "all"}
	s.Invitations, err = v.backend().AdminInvitations(v.ctx(), api.AdminQuery{Org: v.Org.Org, All: s.All})
	if err != nil {
		return answer{}, err
	}
	slices.Reverse(s.Invitations) // the newest first
	return show("invitations", "admin.invitations", s)
}

// madeScreen is a new invitation. Its link is shown this once.
type madeScreen struct {
	api.InviteResult
	Picture string // address of its QR code, for a while
}

func invite(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request, err := f.invitation()
	if err != nil {
		return v.again(err, invitations)
	}
	request.Org = v.Org.Org
	made, err := v.backend().Invite(v.ctx(), request)
	if err != nil {
		return v.again(err, invitations)
	}
	return show("made", "invite.made", madeScreen{made, v.In("admin", "invitations", v.server.shelf.put(made.Invitation), "qr.png")})
}

// invitation reads the form. What is left empty is the node's to choose.
func (f form) invitation() (api.InviteRequest, error) {
	request := api.InviteRequest{Role: f.text("role"), Name: f.text("name"), Open: f.on("open"), Apply: f.on("apply")}
	if uses := f.text("uses"); uses != "" && !request.Open {
		n, err := strconv.ParseUint(uses, 10, 32)
		if err != nil || n == 0 {
			return request, api.Errorf(api.CodeUsage, "%q is no number of people", uses).WithHint("an invitation is used at least once")
		}
		request.Uses = n
	}
	if days := f.text("days"); days != "" && !request.Open {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 {
			return request, api.Errorf(api.CodeUsage, "%q is no number of days", days)
		}
		request.ExpiresIn = int64(time.Duration(n) * 24 * time.Hour / time.Second)
	}
	return request, nil
}

// invitationPicture answers with the QR code of an invitation that was just made.
func invitationPicture(v *visit) (answer, error) {
	link, ok := v.server.shelf.get(v.path("key"))
	if !ok {
		return answer{}, api.Errorf(api.CodeNotFound, "this picture is not kept any more")
	}
	return picture(link)
}

// askRevoke says what it means to take an invitation back.
func askRevoke(v *visit) (answer, error) {
	key := v.path("key")
	all, err := v.backend().AdminInvitations(v.ctx(), api.AdminQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return answer{}, err
	}
	for _, i := range all {
		if i.Key == key && (v.Admin() || own(i)) {
			return ask(question{
				Do: string(api.DecideRevoke), Area: "decide", About: i.By.Name, ID: i.By.Member, Rooted: true, Grave: true,
				Action: v.r.URL.Path, Back: v.In("admin", "invitations"), Facts: []fact{{"invite.key", key}},
			})
		}
	}
	if !v.Admin() {
		return answer{}, api.Errorf(api.CodeRefused, "this page is for admins")
	}
	return answer{}, api.Errorf(api.CodeNotFound, "there is no such invitation")
}

// own reports whether an invitation is one of this device's, which nobody else knows of yet.
func own(i api.AdminInvitation) bool {
	return i.State == api.InvitationWaiting || i.State == api.InvitationRefused
}

func revoke(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if !v.Admin() {
		if _, err := askRevoke(v); err != nil {
			return answer{}, err
		}
	}
	_, err = v.backend().Decide(v.ctx(), api.DecideRequest{
		Org: v.Org.Org, Do: api.DecideRevoke, Key: v.path("key"), RootWords: f.rootWords(),
	})
	if err != nil {
		return v.again(err, askRevoke)
	}
	return goOn(v.In("admin", "invitations"), "decide.done.revoke")
}
