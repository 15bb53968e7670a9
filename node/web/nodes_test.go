package web_test

import (
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// The page of nodes lists those that serve, and adds, removes and moves by question and answer.
func TestNodesAreChangedOnThePage(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	page := "/o/org/admin/nodes"
	p := get(t, app, page)
	checkPage(t, p)
	for _, want := range []string{"Orders the roll", "Serves beside it", "answers in 7 ms", "further-key", "Add a node"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, c := range []struct {
		form, asks string
		want       any
	}{
		{"do=add&claim=muster:claim/ab+cd", "Add a rendezvous node", api.NodesRequest{Org: "org", Claim: "muster:claim/abcd"}},
		{"do=remove&node=further-key", "Take a rendezvous node away", api.NodesRequest{Org: "org", Remove: "further-key"}},
		{"do=to&node=further-key", "Move the duty", api.MoveRequest{Org: "org", To: "further-key"}},
	} {
		asked := post(t, app, page, c.form)
		if checkPage(t, asked); !strings.Contains(asked.Body.String(), c.asks) {
			t.Errorf("%s is not asked about", c.form)
		}
		if done := post(t, app, page, c.form+"&sure=1"); done.Code != http.StatusOK {
			t.Errorf("%s is answered by %d", c.form, done.Code)
		}
		if diff := gocmp.Diff(c.want, o.last(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.form, diff)
		}
	}
	for _, bad := range []string{"do=add&claim=x", "do=remove", "do=burn&node=x"} {
		if p := post(t, app, page, bad); p.Code == http.StatusOK {
			t.Errorf("%s is answered by %d", bad, p.Code)
		}
	}
}
