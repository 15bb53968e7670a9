package web

import (
	"net/url"

	"muster.example/node/api"
)

// inboxPage is how many threads a page lists.
const inboxPage = 50

func inboxRoutes() []route {
	return []route{
		{"GET /o/{org}/{$}", inbox},
		{"POST /o/{org}/mark", mark},
		{"POST /o/{org}/tag", tag},
	}
}

// inboxScreen is the list of threads.
type inboxScreen struct {
	Threads []api.Thread
	Tags    []api.Tag
	Filter  inboxFilter
	Next    string // address of the next page, empty at the end
}

// inboxFilter narrows the list. It stands in the address.
type inboxFilter struct {
	Show, Tag, In string // Show is unread, sent, or empty
}

// address returns the inbox's address with the filter.
func (f inboxFilter) address(v *visit, cursor string) string {
	query := url.Values{}
	for name, value := range map[string]string{"show": f.Show, "tag": f.Tag, "in": f.In, "after": cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return v.In("")
	}
	return v.In("") + "?" + query.Encode()
}

func inbox(v *visit) (answer, error) {
	s := inboxScreen{Filter: inboxFilter{Show: v.query("show"), Tag: v.query("tag"), In: v.query("in")}}
	page, err := v.backend().Threads(v.ctx(), api.ThreadsQuery{
		Org: v.Org.Org, Conversation: s.Filter.In, Tag: s.Filter.Tag, Cursor: v.query("after"), Limit: inboxPage,
		Unread: s.Filter.Show == "unread", Sent: s.Filter.Show == "sent",
	})
	if err != nil {
		return answer{}, err
	}
	if s.Threads = page.Threads; page.Next != "" {
		s.Next = s.Filter.address(v, page.Next)
	}
	if s.Tags, err = v.backend().Tags(v.ctx(), api.TagsQuery{Org: v.Org.Org}); err != nil {
		return answer{}, err
	}
	return show("inbox", "inbox.title", s)
}

// mark marks threads or messages as read, or as not read.
func mark(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	_, err = v.backend().Mark(v.ctx(), api.MarkRequest{
		Org: v.Org.Org, IDs: f.all("id"), Threads: f.all("thread"), Unread: f.on("unread"),
	})
	if err != nil {
		return answer{}, err
	}
	return goOn(v.In(""), "")
}

// tag puts a tag on messages or threads, or takes it off.
func tag(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	_, err = v.backend().Tag(v.ctx(), api.TagRequest{
		Org: v.Org.Org, IDs: f.all("id"), Threads: f.all("thread"), Tag: f.text("tag"), Off: f.on("off"),
	})
	if err != nil {
		return answer{}, err
	}
	return goOn(backTo(f, v.In("")), "")
}

// backTo returns where a form says that the person came from, or where they go if it says nothing that can be. lead holds it
// against the rules for addresses.
func backTo(f form, otherwise string) string {
	if back := f.text("back"); back != "" {
		return back
	}
	return otherwise
}
