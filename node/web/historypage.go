package web

import (
	"cmp"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster.example/node/api"
)

func historyRoutes() []route {
	return []route{
		{"GET /o/{org}/settings/history", historyPage},
		{"GET /o/{org}/settings/history/keep", historyPage},
		{"POST /o/{org}/settings/history/keep", keepHistory},
		{"GET /o/{org}/settings/history/export", historyPage},
		{"POST /o/{org}/settings/history/export", exportHistory},
		{"GET /o/{org}/settings/history/import", historyPage},
		{importPattern, importMail},
	}
}

// historyScreen is what the page shows.
type historyScreen struct {
	Now           api.Retention // as it is
	Asked         *api.Retention
	Conversations []api.Conversation
	Choices       []string // for how long
}

// retentionChoices are those that a list offers; the one that was chosen is added.
var retentionChoices = []string{"forever", "1m", "3m", "6m", "12m", "24m", "36m", "60m", "120m"}

// months returns how many months a choice like 12m stands for; 0 for one that is none.
func months(keep string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(keep, "m"))
	if err != nil {
		return 0
	}
	return n
}

func historyPage(v *visit) (answer, error) { return showHistory(v, nil) }

// showHistory shows how long history is kept, or asks whether what a choice removes may go.
func showHistory(v *visit, asked *api.Retention) (answer, error) {
	kept, err := v.backend().Retention(v.ctx(), api.RetentionQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	if len(kept) == 0 {
		return notFound(v)
	}
	s := historyScreen{Now: kept[0], Asked: asked, Choices: retentionChoices}
	known := false
	for _, choice := range s.Choices {
		known = known || choice == s.Now.Keep
	}
	if !known {
		s.Choices = append(append([]string{}, s.Choices...), s.Now.Keep)
	}
	if asked != nil {
		return show("keephistory", "history.question", s)
	}
	if s.Conversations, err = v.backend().Conversations(v.ctx(), api.ConversationsQuery{Org: v.Org.Org}); err != nil {
		return answer{}, err
	}
	return show("history", "history.title", s)
}

// keepHistory chooses for how long history is kept, once the person has said yes to what goes.
func keepHistory(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.RetentionRequest{Org: v.Org.Org, Keep: f.text("keep"), Erase: f.on("erase")}
	all, err := v.backend().SetRetention(v.ctx(), request)
	if err != nil {
		return v.again(err, historyPage)
	}
	if len(all) > 0 && !all[0].Chosen {
		return showHistory(v, &all[0])
	}
	return goOn(v.In("settings", "history"), "settings.kept")
}

// exportHistory answers with the history as a zip file.
func exportHistory(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.ExportRequest{Org: v.Org.Org, Conversations: f.all("conversation"), Format: f.text("format"), NoFiles: !f.on("files"), Zip: true}
	if since := f.text("since"); since != "" {
		if request.Since, err = time.ParseInLocation(time.DateOnly, since, time.Local); err != nil {
			return v.again(api.Errorf(api.CodeUsage, "%q is no day such as 2026-12-31", since), historyPage)
		}
	}
	return answer{write: func(w http.ResponseWriter) {
		begun := false
		err := v.backend().Export(v.ctx(), request, func(start api.ExportStart) io.Writer {
			begun = true
			header := w.Header()
			header.Set("Content-Type", cmp.Or(start.Type, "application/zip"))
			header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
			header.Set("Content-Disposition", disposition(start.Name+".zip"))
			return &paced{w, http.NewResponseController(w)}
		})
		switch {
		case err != nil && !begun:
			a, err := v.again(err, historyPage)
			if err != nil {
				v.server.fail(w, v, err)
				return
			}
			v.server.look.render(w, a.status, v, a.screen)
		case err != nil:
			panic(http.ErrAbortHandler) // cut, so that the browser sees that it is not whole
		}
	}}, nil
}
