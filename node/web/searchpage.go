package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"muster.example/node/api"
)

// foundPage is how many messages a page of a search lists.
const foundPage = 50

func searchRoutes() []route {
	return []route{{"GET /o/{org}/search", searchPage}}
}

// searchScreen is what is looked for, and what was found.
type searchScreen struct {
	Text, From, Tag string
	Since, Until    string // days, as a field of a date has them
	Files           bool
	Tags            []string
	People          []api.Contact // to choose from
	Asked           bool
	Page            api.SearchPage
	More            string // address of the next page
	Bad             *api.Error
}

func searchPage(v *visit) (answer, error) {
	s := searchScreen{
		Text: strings.TrimSpace(v.query("q")), From: strings.TrimSpace(v.query("from")), Tag: v.query("tag"),
		Since: v.query("since"), Until: v.query("until"), Files: v.query("files") != "",
	}
	if err := s.choices(v); err != nil {
		return answer{}, err
	}
	s.Asked = s.Text != "" || s.From != "" || s.Tag != "" || s.Since != "" || s.Until != "" || s.Files
	if s.Asked {
		s.find(v)
	}
	return show("search", "search.title", s)
}

// choices reads what the form offers.
func (s *searchScreen) choices(v *visit) (err error) {
	tags, err := v.backend().Tags(v.ctx(), api.TagsQuery{Org: v.Org.Org})
	if err != nil {
		return err
	}
	for _, t := range tags {
		s.Tags = append(s.Tags, t.Tag)
	}
	if s.Tag != "" && !slices.Contains(s.Tags, s.Tag) {
		s.Tags = append(s.Tags, s.Tag)
	}
	s.People, err = v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org})
	return err
}

// find asks the node. What it refuses, such as half a word in quotes while it is typed, is said beside the form.
func (s *searchScreen) find(v *visit) {
	query := api.SearchQuery{
		Org: v.Org.Org, Text: s.Text, From: s.From, Tag: s.Tag, Attachment: s.Files, Cursor: v.query("after"), Limit: foundPage,
	}
	var err error
	if query.After, err = dayOf(s.Since, 0); err == nil {
		query.Before, err = dayOf(s.Until, 1)
	}
	if err == nil {
		s.Page, err = v.backend().Search(v.ctx(), query)
	}
	if err != nil {
		s.Bad = api.AsError(err)
		return
	}
	if s.Page.Next != "" {
		s.More = s.address(v)
	}
}

// dayOf is when a day begins here, so many days later; zero for no day.
func dayOf(day string, later int) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, time.Local)
	if err != nil {
		return time.Time{}, api.Errorf(api.CodeUsage, "%q is no day such as 2026-12-31", day)
	}
	return t.AddDate(0, 0, later), nil
}

// address returns the address of the next page.
func (s *searchScreen) address(v *visit) string {
	query := url.Values{"after": {s.Page.Next}}
	for name, value := range map[string]string{"q": s.Text, "from": s.From, "tag": s.Tag, "since": s.Since, "until": s.Until} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.Files {
		query.Set("files", "1")
	}
	return v.In("search") + "?" + query.Encode()
}
