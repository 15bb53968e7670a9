package web

import (
	"muster.example/node/api"
	"muster.example/node/web/richtext"
)

func leaveRoutes() []route { return []route{{"GET /leave", leave}} }

// leave shows where a link in a message leads, and what is suspicious about it, before anything is asked of anybody.
func leave(v *visit) (answer, error) {
	target, ok := richtext.Inspect(v.query("to"))
	if !ok {
		return answer{}, api.Errorf(api.CodeUsage, "this is no link to a place on the web")
	}
	return show("leave", "link.title", target)
}
