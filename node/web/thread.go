package web

import (
	"net/url"
	"slices"

	"muster.example/node/api"
)

// threadPage is how many messages of a thread are shown at once.
const threadPage = 50

// undoSeconds is for how long a person can take back what they sent or deleted.
const undoSeconds = 8

func threadRoutes() []route {
	return []route{
		{"GET /o/{org}/t/{thread}", thread},
		{"GET /o/{org}/m/{id}", message},
		{"POST /o/{org}/m/{id}/{act}", act},
	}
}

// threadScreen is one thread with a place to answer in.
type threadScreen struct {
	api.ThreadPage
	Earlier  string // address of the page before
	Later    string // address of the page behind
	Unhide   string // address of this page with what blocked members wrote
	At       string // id of the message that was led to
	Composer composer
	Editing  string // id of the message that is being edited
	Emoji    []string
}

// emoji are those that are offered beside a message.
var emoji = []string{"👍", "❤️", "😀", "🎉", "🙏", "👀"}

func thread(v *visit) (answer, error) {
	page, err := v.backend().Thread(v.ctx(), api.ThreadQuery{
		Org: v.Org.Org, Thread: v.path("thread"), Before: v.query("before"), After: v.query("after"), Around: v.query("at"),
		Limit: threadPage, Hidden: v.query("hidden") != "",
	})
	if err != nil {
		return answer{}, err
	}
	s := threadScreen{ThreadPage: page, Editing: v.query("edit"), Emoji: emoji, At: v.query("at")}
	s.turn(v)
	if len(page.Messages) > 0 {
		last := page.Messages[len(page.Messages)-1]
		s.Composer = composer{Action: v.In("send"), Reply: last.ID, Small: true, Thread: page.Thread.Thread}
	}
	if err := s.Composer.fill(v, page.Thread.Thread); err != nil {
		return answer{}, err
	}
	// What is on the screen is read. A refresh by a script says nothing of the person.
	if page.Thread.Unread > 0 && v.r.Header.Get("Muster-Live") == "" {
		if err := markShown(v, page.Messages); err != nil {
			return answer{}, err
		}
	}
	return show("thread", "thread.title", s)
}

// turn sets where the pages beside this one are.
func (s *threadScreen) turn(v *visit) {
	address := func(name, value string) string {
		query := url.Values{name: {value}}
		if v.query("hidden") != "" {
			query.Set("hidden", "1")
		}
		return v.r.URL.Path + "?" + query.Encode()
	}
	if s.ThreadPage.Earlier != "" {
		s.Earlier = address("before", s.ThreadPage.Earlier)
	}
	if s.ThreadPage.Later != "" {
		s.Later = address("after", s.ThreadPage.Later)
	}
	query := v.r.URL.Query()
	query.Set("hidden", "1")
	query.Del("notice")
	s.Unhide = v.r.URL.Path + "?" + query.Encode()
}

// At returns the address of a message in its thread, which is opened there.
func (v *visit) At(thread, message string) string {
	return v.In("t", thread) + "?" + url.Values{"at": {message}}.Encode() + "#m-" + message[:min(len(message), 8)]
}

// markShown marks received messages as read.
func markShown(v *visit, messages []api.Message) error {
	var ids []string
	for _, m := range messages {
		if m.Unread {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := v.backend().Mark(v.ctx(), api.MarkRequest{Org: v.Org.Org, IDs: ids})
	return err
}

// message shows one message by itself, with all that is known of it.
func message(v *visit) (answer, error) {
	m, err := v.backend().Read(v.ctx(), api.ReadRequest{Org: v.Org.Org, ID: v.path("id")})
	if err != nil {
		return answer{}, err
	}
	return show("message-page", "message.title", m)
}

// act does something to a message, and leads back to its thread.
func act(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	id, notice := v.path("id"), ""
	switch v.path("act") {
	case "edit":
		_, err = v.backend().Edit(v.ctx(), api.EditRequest{Org: v.Org.Org, ID: id, Text: f.text("text")})
	case "delete":
		_, err = v.backend().Delete(v.ctx(), api.DeleteRequest{Org: v.Org.Org, IDs: []string{id}, Undo: undoSeconds})
		notice = "message.deleted"
	case "react":
		_, err = v.backend().React(v.ctx(), api.ReactRequest{Org: v.Org.Org, ID: id, Emoji: f.text("emoji"), Off: f.on("off")})
	case "report":
		_, err = v.backend().ReportMessages(v.ctx(), api.ReportRequest{Org: v.Org.Org, IDs: []string{id}, Text: f.text("text"), Admins: f.on("admins")})
		notice = "message.reported"
	case "again":
		_, err = v.backend().SendAgain(v.ctx(), api.AgainRequest{Org: v.Org.Org, ID: id})
		notice = "message.again.sent"
	case "undo":
		return undo(v, id, f)
	default:
		return notFound(v)
	}
	if err != nil {
		return answer{}, err
	}
	return goOn(backTo(f, v.In("m", id)), notice)
}

// undo takes back a message, which is then written on, or a deletion.
func undo(v *visit, id string, f form) (answer, error) {
	done, err := v.backend().Undo(v.ctx(), api.UndoRequest{Org: v.Org.Org, ID: id})
	if err != nil {
		return answer{}, err
	}
	if done.Draft != nil {
		return goOn(v.In("compose")+"?"+url.Values{"draft": {done.Draft.ID}}.Encode(), "message.unsent")
	}
	return goOn(backTo(f, v.In("m", id)), "message.undeleted")
}

// resendable reports whether a sent message came back from some device and may go there again.
func resendable(m api.Message) bool {
	return slices.ContainsFunc(m.Delivery, func(p api.Progress) bool {
		return p.Returned > 0 && p.Reason != api.ReasonErased && p.Reason != api.ReasonRemoved
	})
}

// doubtful reports whether the author's clock cannot have been right.
func doubtful(m api.Message) bool { return m.IsTimeDoubtful() }
