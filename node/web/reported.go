package web

import (
	"net/url"

	"muster.example/node/api"
)

// reportsScreen are the reports that this account got, the newest first.
type reportsScreen struct {
	Threads []api.Thread
	Next    string
}

func reports(v *visit) (answer, error) {
	page, err := v.backend().Threads(v.ctx(), api.ThreadsQuery{
		Org: v.Org.Org, Reports: true, Cursor: v.query("after"), Limit: inboxPage,
	})
	if err != nil {
		return answer{}, err
	}
	s := reportsScreen{Threads: page.Threads}
	if page.Next != "" {
		s.Next = v.In("admin", "reports") + "?" + url.Values{"after": {page.Next}}.Encode()
	}
	return show("reports", "admin.reports", s)
}
