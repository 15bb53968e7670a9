package web

import (
	"strconv"

	"muster.example/node/api"
)

// guestsScreen asks which guests are meant, and shows whom that would remove.
type guestsScreen struct {
	Hours      []string
	Planned    *api.DismissResult // nil: nothing was asked yet
	Invitation string
}

// More is how many guests are not named.
func (s guestsScreen) More() int { return s.Planned.Count - len(s.Planned.Guests) }

// dismissHours are the times that can be chosen.
var dismissHours = []string{"1", "6", "24", "168"}

func guests(v *visit) (answer, error) {
	return show("guests", "admin.guests", guestsScreen{Hours: dismissHours})
}

// dismiss shows whom a dismissal would remove, and then removes just those.
func dismiss(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.DismissRequest{Org: v.Org.Org, Invitation: f.text("invitation"), RootWords: f.rootWords(), Check: !f.on("sure")}
	if request.Check {
		hours, err := strconv.ParseInt(f.text("hours"), 10, 32)
		if err != nil || hours <= 0 {
			return v.again(api.Errorf(api.CodeUsage, "it is not said since when they joined"), guests)
		}
		request.Since = hours * 3600
	} else {
		// The positions that were shown: who joined meanwhile is not removed unseen.
		from, errFrom := strconv.ParseUint(f.text("from"), 10, 64)
		to, errTo := strconv.ParseUint(f.text("to"), 10, 64)
		if errFrom != nil || errTo != nil || to == 0 {
			return v.again(api.Errorf(api.CodeUsage, "it is not said which guests are meant"), guests)
		}
		request.From, request.To = from, to
	}
	result, err := v.backend().Dismiss(v.ctx(), request)
	switch {
	case err != nil:
		return v.again(err, guests)
	case request.Check:
		return show("guests", "admin.guests", guestsScreen{Hours: dismissHours, Planned: &result, Invitation: request.Invitation})
	}
	return goOn(v.In("admin", "guests"), "guests.done")
}
