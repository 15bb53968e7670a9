package web

import "muster.example/node/api"

func nearbyRoutes() []route {
	return []route{
		{"GET /welcome/nearby", nearbyJoin},
		{"POST /welcome/nearby", nearbyJoinStep},
		{"GET /o/{org}/nearby", nearbyHere},
		{"POST /o/{org}/nearby", nearbyStep},
	}
}

// nearbyScreen is how far a meeting is. A code is shown this once.
type nearbyScreen struct {
	api.Meeting
	Made   *api.MeetingCode
	Action string // where the forms lead
	Join   bool   // the page for who joins
}

// nearbyJoin is the page for who joins by a code.
func nearbyJoin(v *visit) (answer, error) { return nearbyPage(v, "/welcome/nearby", true) }

// nearbyHere is the page of an organization: to invite by a code, and to exchange cards.
func nearbyHere(v *visit) (answer, error) { return nearbyPage(v, v.In("nearby"), false) }

func nearbyPage(v *visit, action string, join bool) (answer, error) {
	said, err := v.backend().Meeting(v.ctx(), api.MeetingQuery{})
	if err != nil {
		return answer{}, err
	}
	mine := said.Kind == api.MeetInvitation && !said.Host
	if said.State != api.MeetingNone && mine != join {
		said = api.Meeting{State: api.MeetingNone}
	}
	title := "nearby.title"
	if join {
		title = "nearby.join"
	}
	return show("nearby", title, nearbyScreen{Meeting: said, Action: action, Join: join})
}

// nearbyJoinStep enters a code, or answers.
func nearbyJoinStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "enter":
		_, err = v.backend().VisitMeeting(v.ctx(), api.VisitRequest{Code: f.text("code"), Kind: api.MeetInvitation})
	case "no":
		_, err = v.backend().AnswerMeeting(v.ctx(), api.AnswerRequest{No: true})
	case "yes":
		var result api.AnswerResult
		result, err = v.backend().AnswerMeeting(v.ctx(), api.AnswerRequest{As: f.text("as"), Text: f.text("text")})
		if err == nil && result.Joined != nil {
			return v.joined(*result.Joined)
		}
	default:
		err = api.Errorf(api.CodeUsage, "the form is not understood")
	}
	if err != nil {
		return v.again(err, nearbyJoin)
	}
	return goOn("/welcome/nearby", "")
}

// nearbyStep shows a code, enters one, or answers.
func nearbyStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	var made api.MeetingCode
	switch f.text("do") {
	case "invite":
		made, err = v.backend().MeetToInvite(v.ctx(), api.InviteRequest{Org: v.Org.Org})
	case "card":
		made, err = v.backend().MeetToExchange(v.ctx(), api.CardRequest{Org: v.Org.Org})
	case "enter":
		_, err = v.backend().VisitMeeting(v.ctx(), api.VisitRequest{Code: f.text("code"), Kind: api.MeetCard})
	case "no":
		_, err = v.backend().AnswerMeeting(v.ctx(), api.AnswerRequest{No: true})
	case "yes":
		_, err = v.backend().AnswerMeeting(v.ctx(), api.AnswerRequest{})
	default:
		err = api.Errorf(api.CodeUsage, "the form is not understood")
	}
	if err != nil {
		return v.again(err, nearbyHere)
	}
	if made.Code == "" {
		return goOn(v.In("nearby"), "")
	}
	a, err := nearbyHere(v)
	if err != nil {
		return answer{}, err
	}
	s := a.screen.Data.(nearbyScreen)
	s.Made = &made
	a.screen.Data = s
	return a, nil
}
