package web

import (
	"time"

	"muster.example/node/api"
)

func recoverRoutes() []route {
	return []route{
		{"GET /recover", recoverScreen},
		{"POST /recover", comeBack},
		{"GET /recover/lost", lostScreen},
		{"POST /recover/lost", lost},
	}
}

func recoverScreen(v *visit) (answer, error) {
	status, err := v.backend().Status(v.ctx())
	if err != nil {
		return answer{}, err
	}
	return show("recover", "recover.title", status)
}

func lostScreen(v *visit) (answer, error) { return show("lost", "lost.title", nil) }

// comeBack makes this computer a device of the account again.
func comeBack(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.ReturnRequest{Card: f.text("card"), Words: f.text("words"), First: f.on("first")}
	if f.on("bar") {
		request.Bar = api.List[string]{"all"}
	}
	if request.Since, err = localTime(f.text("since")); err != nil {
		return v.again(err, recoverScreen)
	}
	back, err := v.backend().Return(v.ctx(), request)
	if err != nil {
		return v.again(err, recoverScreen)
	}
	return goOn("/o/"+back.Org+"/devices", "recover.done")
}

// lost makes the request of somebody who lost words too.
func lost(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	made, err := v.backend().Lost(v.ctx(), api.LostRequest{Card: f.text("card"), As: f.text("as")})
	if err != nil {
		return v.again(err, lostScreen)
	}
	v.server.slips.add(slip{Kind: slipRecovery, Card: made.Card, Words: made.RecoveryWords, After: "/recover"})
	return v.begun("/recover", "lost.made")
}

// localTime reads a field of the kind datetime-local: a time on this computer, which is the reader's. None is the zero time.
func localTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, api.Errorf(api.CodeUsage, "this is not understood as a time").WithHint("write it like 2026-05-01 12:00")
}
