package web

import (
	"strings"

	"muster.example/node/api"
)

// nodesScreen is who orders the roll and who did, and a form to move it.
type nodesScreen struct {
	Terms []api.RendezvousTerm // the newest first
	Moved *api.MoveResult      // just now
}

func nodes(v *visit) (answer, error) { return v.nodes(nil) }

func (v *visit) nodes(moved *api.MoveResult) (answer, error) {
	result, err := v.backend().Rendezvous(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := nodesScreen{Moved: moved}
	for i := range result.Terms {
		s.Terms = append(s.Terms, result.Terms[len(result.Terms)-1-i])
	}
	return show("nodes", "admin.nodes", s)
}

// moveNode says what a move means, and then moves the organization to another node.
func moveNode(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	claim := strings.Join(strings.Fields(f.text("claim")), "")
	if !strings.HasPrefix(claim, "muster:claim/") {
		return v.again(api.Errorf(api.CodeUsage, "this is no claim link").WithHint("paste the whole line, from muster:claim/ on"), nodes)
	}
	if !f.on("sure") {
		return ask(question{
			Do: "move", Area: "nodes", About: v.Org.Name, ID: v.Org.Org, Rooted: true, Grave: true, Action: v.r.URL.Path,
			Back: v.In("admin", "nodes"), Hidden: map[string]string{"claim": claim, "sure": "1"},
		})
	}
	result, err := v.backend().MoveRendezvous(v.ctx(), api.MoveRequest{Org: v.Org.Org, Claim: claim, RootWords: f.rootWords()})
	if err != nil {
		return v.again(err, nodes)
	}
	return v.nodes(&result)
}
