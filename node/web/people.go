package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster.example/node/api"
)

// directoryPage is how many people a page lists.
const directoryPage = 100

func peopleRoutes() []route {
	return []route{
		{"GET /o/{org}/people", people},
		{"GET /o/{org}/people/{member}", member},
		{"POST /o/{org}/people/{member}", standWith},
		{"GET /o/{org}/people/{member}/qr.png", safetyPicture},
	}
}

// acquaintance is a member with what they show of their presence.
type acquaintance struct {
	api.Contact
	Presence seen
}

// seen is what a member shows of their presence, empty if nothing is known.
type seen struct {
	State api.PresenceState
	At    time.Time // last seen, by the minute or the hour
	Day   string    // last seen, where they tell no more than the day
}

// seenAs describes a presence. Midnight UTC stands for the day. [API-40]
func seenAs(p api.Presence) seen {
	switch {
	case p.LastSeen.IsZero():
		return seen{State: p.State}
	case p.LastSeen.UTC().Truncate(24 * time.Hour).Equal(p.LastSeen):
		return seen{State: p.State, Day: p.LastSeen.UTC().Format(time.DateOnly)}
	}
	return seen{State: p.State, At: p.LastSeen}
}

// peopleScreen is the list of contacts, or the directory.
type peopleScreen struct {
	People       []acquaintance
	All          bool // the directory
	Search, Role string
	Roles        []string
	Found        int
	Newcomers    []api.Newcomer // whom the roll does not confirm yet, below the end of the list [API-186]
	Earlier      string         // addresses of the pages before and after, empty at the ends
	Later        string
}

var memberRoles = []string{"admin", "member", "desk", "guest"}

func people(v *visit) (answer, error) {
	s := peopleScreen{
		All: v.query("show") == "all", Search: strings.TrimSpace(v.query("q")), Role: v.query("role"), Roles: memberRoles,
	}
	all, err := v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return answer{}, err
	}
	all = slices.DeleteFunc(all, func(c api.Contact) bool { return !s.lists(c) })
	s.Found = len(all)
	at, _ := strconv.Atoi(v.query("from")) // what is no number is the beginning
	at = min(max(at, 0), len(all))
	end := min(at+directoryPage, len(all))
	if at > 0 {
		s.Earlier = s.address(v, max(at-directoryPage, 0))
	}
	if end < len(all) {
		s.Later = s.address(v, end)
	}
	if end == len(all) {
		s.Newcomers = v.newcomers()
	}
	shown := v.presences()
	for _, c := range all[at:end] {
		s.People = append(s.People, acquaintance{c, shown[c.Member]})
	}
	return show("people", "people.title", s)
}

// lists reports whether somebody is in the list that was asked for.
func (s peopleScreen) lists(c api.Contact) bool {
	if !s.All && c.State == api.ContactMember || s.Role != "" && c.Role != s.Role {
		return false
	}
	wanted := strings.ToLower(s.Search)
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), wanted) }
	return has(c.Name) || slices.ContainsFunc(c.Formerly, has) || strings.HasPrefix(c.Member, wanted)
}

// address returns the address of the list from somebody on.
func (s peopleScreen) address(v *visit, from int) string {
	query := url.Values{"from": {strconv.Itoa(from)}}
	for name, value := range map[string]string{"q": s.Search, "role": s.Role} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.All {
		query.Set("show", "all")
	}
	return v.In("people") + "?" + query.Encode()
}

// presences returns what members show, by their ids. Without an answer nothing is shown: the page has more to say.
func (v *visit) presences() map[string]seen {
	shown := make(map[string]seen)
	result, err := v.backend().Presence(v.ctx(), api.PresenceQuery{Org: v.Org.Org})
	if err != nil {
		v.server.log.Debug("the app shows no presence", "error", err)
	}
	for _, p := range result.Members {
		shown[p.Member] = seenAs(p)
	}
	return shown
}

// newcomers returns whom the roll does not confirm yet. Without an answer nobody is shown, as above.
func (v *visit) newcomers() []api.Newcomer {
	status, err := v.status()
	if err != nil {
		v.server.log.Debug("the app shows no newcomers", "error", err)
	}
	return status.Newcomers
}

// named are the members that a form names: those that are ticked, and those in the field, separated by commas.
func (f form) named() (members []string) {
	for _, name := range append(f.all("member"), strings.Split(f.text("names"), ",")...) {
		if name = strings.TrimSpace(name); name != "" {
			members = append(members, name)
		}
	}
	return members
}

// choices are whom a form offers to tick: those with whom one has to do, who are no guests.
func (v *visit) choices() ([]api.Contact, error) {
	all, err := v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org})
	return slices.DeleteFunc(all, func(c api.Contact) bool {
		return c.Role == "guest" || c.Role == "" || c.State == api.ContactBlocked
	}), err
}
