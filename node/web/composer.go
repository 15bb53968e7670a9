package web

import (
	"cmp"
	"html/template"
	"net/http"
	"strings"

	"muster.example/node/api"
	"muster.example/node/web/richtext"
)

func composerRoutes() []route {
	return []route{
		{"GET /o/{org}/compose", compose},
		{"POST /o/{org}/send", send},
		{"GET /o/{org}/drafts", drafts},
		{"POST /o/{org}/drafts/drop", dropDraft},
		{"POST /preview", preview},
	}
}

// composer is the form in which a message is written.
type composer struct {
	Action string // where it is sent to
	Small  bool   // an answer below a thread: without recipients and subject
	Draft  api.Draft
	Reply  string
	Thread string        // id of the thread that is answered in
	People []api.Contact // whom one can write to, to choose from
	Groups []api.Group
	Quoted []api.Message // what is forwarded
	Undo   int

	Archived bool // what is sent to those who are named goes to the archive
}

// fill completes a composer: with the draft of an answer in this thread, if there is one.
func (c *composer) fill(v *visit, thread string) error {
	c.Undo = undoSeconds
	all, err := v.backend().Drafts(v.ctx(), api.DraftsQuery{Org: v.Org.Org})
	if err != nil {
		return err
	}
	for _, d := range all {
		if thread != "" && d.Thread == thread && len(d.Forward) == 0 {
			c.Draft = d
			return nil
		}
	}
	return nil
}

// compose shows an empty message, or a draft, an answer or something to forward.
func compose(v *visit) (answer, error) {
	c := composer{Action: v.In("send"), Undo: undoSeconds, Reply: v.query("reply")}
	if id := v.query("draft"); id != "" {
		found, err := v.backend().Drafts(v.ctx(), api.DraftsQuery{Org: v.Org.Org, ID: id})
		if err != nil {
			return answer{}, err
		}
		if len(found) > 0 {
			c.Draft, c.Reply = found[0], found[0].Reply
		}
	}
	for _, to := range v.r.URL.Query()["to"] {
		c.Draft.To = append(c.Draft.To, to)
	}
	c.heedArchive(v)
	if forward := v.r.URL.Query()["forward"]; len(forward) > 0 {
		c.Draft.Forward = forward
	}
	for _, id := range c.Draft.Forward {
		m, err := v.backend().Read(v.ctx(), api.ReadRequest{Org: v.Org.Org, ID: id})
		if err != nil {
			return answer{}, err
		}
		c.Quoted = append(c.Quoted, m)
	}
	var err error
	if c.People, err = v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org, All: true}); err != nil {
		return answer{}, err
	}
	if c.Groups, err = v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org}); err != nil {
		return answer{}, err
	}
	return show("compose", "compose.title", c)
}

// send sends what was written. What fails stays a draft.
func send(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.SendRequest{
		Org: v.Org.Org, To: recipients(f), Subject: f.text("subject"), Text: f.text("text"), Reply: f.text("reply"),
		Attachments: f.all("attachment"), Forward: f.all("forward"), Draft: f.text("draft"), Undo: undoSeconds,
	}
	if request.Mentions, err = mentions(v, request.Text); err != nil {
		return answer{}, err
	}
	sent, err := v.backend().Send(v.ctx(), request)
	if err != nil {
		return answer{}, err
	}
	notice := "compose.sent"
	if len(sent.Refused) > 0 {
		notice = "compose.partly"
	}
	if request.Reply != "" { // it stands in its thread, which its id names too
		return goOn(v.At(cmp.Or(f.text("thread"), sent.ID), sent.ID), notice)
	}
	return goOn(v.In("m", sent.ID), notice)
}

// recipients are the names in the field, separated by commas, and those that were chosen.
func recipients(f form) (to []string) {
	for _, name := range append(strings.Split(f.text("to"), ","), f.all("member")...) {
		if name = strings.TrimSpace(name); name != "" {
			to = append(to, name)
		}
	}
	return to
}

// mentions finds the members whom a text mentions: @ and a name as the roll has it. Of two names that begin alike the longer
// is meant.
func mentions(v *visit, text string) (ids []string, err error) {
	if !strings.Contains(text, "@") {
		return nil, nil
	}
	people, err := v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return nil, err
	}
	for _, part := range strings.Split(text, "@")[1:] {
		best := -1
		for i, p := range people {
			if strings.HasPrefix(part, p.Name) && p.Name != "" && (best < 0 || len(p.Name) > len(people[best].Name)) {
				best = i
			}
		}
		if best >= 0 && len(ids) < maxMentions {
			ids = append(ids, people[best].Member)
		}
	}
	return ids, nil
}

// maxMentions is how many members a message can mention. [HIST-1]
const maxMentions = 64

func drafts(v *visit) (answer, error) {
	all, err := v.backend().Drafts(v.ctx(), api.DraftsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	return show("drafts", "drafts.title", all)
}

func dropDraft(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().DropDraft(v.ctx(), api.DropDraftRequest{Org: v.Org.Org, ID: f.text("id")}); err != nil {
		return answer{}, err
	}
	return goOn(v.In("drafts"), "drafts.dropped")
}

// preview answers with what a text will look like.
func preview(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><title>.</title><div id="preview">` + richtext.Render(f.text("text")) + template.HTML(`</div>`))) //nolint:errcheck // the browser has gone
	}}, nil
}
