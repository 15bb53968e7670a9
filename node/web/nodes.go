package web

import (
	"strings"

	"muster.example/node/api"
)

// nodesScreen is who orders the roll and who did, how the node is, and a form to move it.
type nodesScreen struct {
	Nodes  []api.RendezvousNode // that serve, the one that orders the roll first
	Terms  []api.RendezvousTerm // the newest first
	Health *api.NodeHealth      // of the one now; nil: it did not say
	Here   []api.Here           // nodes in this program, the one now or one that is needed still
	Moved  *api.MoveResult      // just now
}

func nodes(v *visit) (answer, error) { return v.nodes(nil) }

func (v *visit) nodes(moved *api.MoveResult) (answer, error) {
	result, err := v.backend().Rendezvous(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := nodesScreen{Moved: moved, Nodes: result.Nodes}
	if health, err := v.backend().RendezvousHealth(v.ctx(), api.AdminQuery{Org: v.Org.Org}); err == nil {
		s.Health = &health
	}
	if s.Here, err = v.nodesHere(); err != nil {
		return answer{}, err
	}
	for i := range result.Terms {
		s.Terms = append(s.Terms, result.Terms[len(result.Terms)-1-i])
	}
	return show("nodes", "admin.nodes", s)
}

// nodesHere returns how rendezvous nodes of the organization in this program are.
func (v *visit) nodesHere() (all []api.Here, err error) {
	status, err := v.backend().Status(v.ctx())
	if err != nil {
		return nil, err
	}
	for _, o := range status.Orgs {
		for _, node := range o.Rendezvous {
			if o.Org == v.Org.Org && node.Here != nil {
				all = append(all, *node.Here)
			}
		}
	}
	return all, nil
}

// nodeRequest is what the forms of the page ask for.
type nodeRequest struct {
	do    string // move, add, remove or to: the words of the question
	claim string // of move and add
	node  string // of remove and to
}

// nodeForm reads a form of the page.
func nodeForm(f form) (r nodeRequest, err error) {
	r = nodeRequest{do: f.text("do"), node: f.text("node")}
	if r.do == "" {
		r.do = "move"
	}
	switch r.do {
	case "move", "add":
		r.node, r.claim = "", strings.Join(strings.Fields(f.text("claim")), "")
		if !strings.HasPrefix(r.claim, "muster:claim/") {
			err = api.Errorf(api.CodeUsage, "this is no claim link").WithHint("paste the whole line, from muster:claim/ on")
		}
	case "remove", "to":
		if r.node == "" {
			err = api.Errorf(api.CodeUsage, "no rendezvous node is named")
		}
	default:
		err = api.Errorf(api.CodeUsage, "the page of nodes does not do that")
	}
	return r, err
}

// changeNodes says what a change of the rendezvous nodes means, and then makes it.
func changeNodes(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	r, err := nodeForm(f)
	if err != nil {
		return v.again(err, nodes)
	}
	if !f.on("sure") {
		return ask(question{
			Do: r.do, Area: "nodes", About: v.Org.Name, ID: v.Org.Org, Rooted: true, Grave: r.do == "move", Action: v.r.URL.Path,
			Back: v.In("admin", "nodes"), Hidden: map[string]string{"do": r.do, "claim": r.claim, "node": r.node, "sure": "1"},
		})
	}
	if r.do == "move" || r.do == "to" {
		result, err := v.backend().MoveRendezvous(v.ctx(), api.MoveRequest{
			Org: v.Org.Org, Claim: r.claim, To: r.node, RootWords: f.rootWords(),
		})
		if err != nil {
			return v.again(err, nodes)
		}
		return v.nodes(&result)
	}
	_, err = v.backend().ChangeNodes(v.ctx(), api.NodesRequest{Org: v.Org.Org, Claim: r.claim, Remove: r.node, RootWords: f.rootWords()})
	if err != nil {
		return v.again(err, nodes)
	}
	return v.nodes(nil)
}
