package web

import (
	"net/http"
	"slices"

	"muster.example/node/api"
)

func preferenceRoutes() []route {
	return []route{
		{"GET /preferences", func(v *visit) (answer, error) { return show("preferences", "preferences.title", themes) }},
		{"POST /preferences", setPreferences},
	}
}

// setPreferences keeps language, theme and what keys do in the browser.
func setPreferences(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	chosen, theme, pressed := f.text("language"), f.text("theme"), f.text("keys")
	known := slices.ContainsFunc(languages, func(l language) bool { return l.Tag == chosen })
	if chosen != "" && !known || theme != "" && !slices.Contains(themes, theme) || pressed != "" && pressed != keysOff {
		return answer{}, api.Errorf(api.CodeUsage, "there is no such choice")
	}
	return answer{write: func(w http.ResponseWriter) {
		keep(w, languageCookie, chosen)
		keep(w, themeCookie, theme)
		keep(w, keysCookie, pressed)
		http.Redirect(w, v.r, "/preferences?notice=preferences.kept", http.StatusSeeOther)
	}}, nil
}
