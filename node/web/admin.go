package web

import (
	"slices"
	"strings"

	"muster.example/node/api"
)

func adminRoutes() []route {
	return []route{
		{"GET /o/{org}/admin/{$}", adminHome},
		{"GET /o/{org}/admin/members", admins(adminMembers)},
		{"GET /o/{org}/admin/members/{member}", admins(adminMember)},
		{"GET /o/{org}/admin/members/{member}/{do}", admins(askDecision)},
		{"POST /o/{org}/admin/members/{member}/{do}", admins(decide)},
		{"GET /o/{org}/admin/invitations", invitations},
		{"POST /o/{org}/admin/invitations", invite},
		{"GET /o/{org}/admin/invitations/{key}/qr.png", invitationPicture},
		{"GET /o/{org}/admin/invitations/{key}/revoke", within(askRevoke)},
		{"POST /o/{org}/admin/invitations/{key}/revoke", within(revoke)},
		{"GET /o/{org}/admin/applications", admins(applications)},
		{"GET /o/{org}/admin/applications/{id}/{do}", admins(askApplication)},
		{"POST /o/{org}/admin/applications/{id}/{do}", admins(answerApplication)},
		{"GET /o/{org}/admin/guests", admins(guests)},
		{"POST /o/{org}/admin/guests", admins(dismiss)},
		{"GET /o/{org}/admin/policy", within(policyPage)},
		{"POST /o/{org}/admin/policy", admins(setPolicy)},
		{"GET /o/{org}/admin/reports", admins(reports)},
		{"GET /o/{org}/admin/roll", within(rollPage)},
		{"GET /o/{org}/admin/roll/export", within(exportRoll)},
		{"GET /o/{org}/admin/archive", within(archivePage)},
		{"POST /o/{org}/admin/archive", admins(setArchive)},
		{"GET /o/{org}/admin/nodes", admins(nodes)},
		{"POST /o/{org}/admin/nodes", admins(changeNodes)},
	}
}

// admins keeps a page to admins. The node refuses others too: so they are not led to what it would refuse.
func admins(do func(*visit) (answer, error)) func(*visit) (answer, error) {
	return func(v *visit) (answer, error) {
		if !v.Admin() {
			return answer{}, api.Errorf(api.CodeRefused, "this page is for admins")
		}
		return do(v)
	}
}

// within keeps a page to those who belong to the organization: a guest sees only the desk.
func within(do func(*visit) (answer, error)) func(*visit) (answer, error) {
	return func(v *visit) (answer, error) {
		if v.Org.Role == "guest" {
			return answer{}, api.Errorf(api.CodeRefused, "this page is for members")
		}
		return do(v)
	}
}

// adminHome leads to the first page that one may see.
func adminHome(v *visit) (answer, error) {
	if v.Admin() {
		return goOn(v.In("admin", "members"), v.query("notice"))
	}
	return goOn(v.In("admin", "policy"), "")
}

// AdminPages are the pages about the organization that the person may see.
func (v *visit) AdminPages() (pages []section) {
	names := []string{"policy", "archive", "roll"}
	if v.Admin() {
		names = []string{"members", "invitations", "applications", "guests", "reports", "policy", "archive", "roll", "nodes", "sso"}
	} else if roles, err := v.invites(); err == nil && len(roles) > 0 {
		names = append([]string{"invitations"}, names...)
	}
	for _, name := range names {
		address := v.In("admin", name)
		pages = append(pages, section{Title: "admin." + name, Address: address, Here: v.Here(address)})
	}
	return pages
}

// invites returns the roles for which the policy lets this account invite, in their order.
func (v *visit) invites() ([]string, error) {
	may, err := v.policy("invite." + v.Org.Role)
	if err != nil {
		return nil, err
	}
	given := strings.Split(may, ",")
	return slices.DeleteFunc(slices.Clone(memberRoles), func(role string) bool { return !slices.Contains(given, role) }), nil
}

// question is a decision before it is signed: what it will do, what it needs to know, and a button.
type question struct {
	Do      string // key of its words: ask.DO, what.DO and done.DO, after Area
	Area    string
	About   string // a name that others chose
	ID      string // beside it
	Grave   bool   // it cannot be taken back
	Own     bool   // about the own account: the root key alone may
	Rooted  bool   // the root key may sign it
	Action  string
	Back    string
	Hidden  map[string]string // that go along
	Facts   []fact
	Choices []string // for a field role
	Name    string   // for a field name, as it is now
	Naming  bool
	Line    string // name of a field for a line such as muster:again/…
}

// fact is something that the person holds against what they know.
type fact struct{ Title, Value string } // Title is a key

// ask shows a question.
func ask(q question) (answer, error) { return show("question", q.Area+".ask."+q.Do, q) }

// rootWords are the organization's root words, if they were typed: kept nowhere, and never shown again.
func (f form) rootWords() string { return strings.Join(strings.Fields(f.text("root_words")), " ") }
