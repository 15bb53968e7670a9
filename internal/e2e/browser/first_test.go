//go:build browser

package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/node/api"
)

// A person who has never seen it founds an organization: a passphrase, a claim link, words written down and checked.
func TestFirstRun(t *testing.T) {
	claim := startRendezvous(t)
	p := &person{t: t, name: "Ada", dir: filepath.Join(t.TempDir(), "node")}
	p.login = start(t, loginLink, "muster", "start", "--dir", p.dir, "--unlock-in-browser")
	b := open(t, p)
	b.expect("the server responded with a status of 4") // refusals are shown with their status
	b.see("passphrase")
	b.look("unlock-new")
	b.fill("#passphrase", "lantern quarry velvet otter plumb")
	b.fill("#again", "lantern quarry velvet otter plumb")
	b.click("main form button")

	b.see("claim link")
	b.look("welcome")
	b.fill("#claim", "muster:claim/x")
	b.fill("#orgname", "Lighthouse")
	b.fill("#founder", "Ada")
	b.click(`form[action="/welcome/create"] button:not([type])`)
	b.until("the refusal is shown", "document.getElementById('refusal')")
	if typed := read[string](b, "document.getElementById('orgname').value"); typed != "Lighthouse" {
		t.Errorf("what was typed became %q", typed)
	}
	b.fill("#claim", claim)
	b.click(`form[action="/welcome/create"] button:not([type])`)

	for i, name := range []string{"words-root", "words-recovery"} {
		b.until("the words are shown", "document.querySelectorAll('ol.words li').length === 24")
		b.axe(name) // no picture of words
		words := read[[]string](b, "[...document.querySelectorAll('ol.words li')].map((w) => w.textContent)")
		at := read[string](b, "location.pathname + decodeURIComponent(location.search.replace(/notice=[a-z.]*/, ''))")
		for _, word := range words {
			if strings.Contains(strings.TrimPrefix(at, "/welcome/words"), word) {
				t.Errorf("the address of the words, %s, holds one", at)
			}
		}
		b.click(`a[href="/welcome/check"]`)
		b.until("three words are asked for", "document.querySelectorAll('main input[name=word]').length === 3")
		if i == 0 {
			b.axe("words-check")
		}
		for _, id := range read[[]string](b, "[...document.querySelectorAll('main input[name=word]')].map((w) => w.id)") {
			var number int
			if _, err := fmt.Sscanf(id, "word-%d", &number); err != nil {
				t.Fatal(err)
			}
			b.fill("#"+id, words[number-1])
		}
		b.click(`form[action="/welcome/check"] button`)
	}
	b.until("the inbox is open", "location.pathname.startsWith('/o/')")
	b.see("Nothing here.")
}

// Strangers ask first: one is let in, one is shut out and told nothing. Then a group.
func TestStrangersAndAGroup(t *testing.T) {
	claim := startRendezvous(t)
	var people []*person
	for _, name := range []string{"Ada", "Bo", "Cy"} {
		people = append(people, startPerson(t, name))
	}
	ada, bo, cy := people[0], people[1], people[2]
	org := muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--claim", claim, "--as", "Ada").Org
	muster[any](ada, "admin", "policy", "set", "contact.member.member=introduction", "contact.admin.member=introduction", "contact.member.admin=introduction")
	link := muster[api.InviteResult](ada, "invite", "--uses", "2").Invitation
	muster[any](bo, "join", link, "--as", "Bo")
	muster[any](cy, "join", link, "--as", "Cy")
	muster[any](bo, "introduce", "Ada", "Bo here. See https://evil.example")
	muster[any](cy, "introduce", "Ada", "<b>Cy</b> here")
	in := "/o/" + org + "/"

	b := open(t, ada)
	b.goTo(in + "requests")
	b.see("Bo here")
	b.see("<b>Cy</b> here")
	b.look("requests")
	if links := read[int](b, "document.querySelectorAll('blockquote a').length"); links > 0 {
		t.Errorf("a stranger's text has %d links", links)
	}
	b.clickIn("ul.requests > li", "Bo here", "button[value=accept]")
	await(t, "Bo has leave", func(context.Context) bool { return stateOf(t, ada, "Bo") == api.ContactAcquainted })
	b.goTo(in + "requests")
	b.clickIn("ul.requests > li", "Cy", "button[value=block]")
	await(t, "Cy is blocked", func(context.Context) bool { return stateOf(t, ada, "Cy") == api.ContactBlocked })

	b.goTo(in + "groups/new")
	b.look("group-new")
	muster[any](ada, "group", "create", "Crew", "Bo")
	other := open(t, bo)
	other.goTo(in + "requests")
	other.see("Crew")
	other.click(`button[value=join]`)
	await(t, "Bo is in the group", func(context.Context) bool {
		for _, g := range muster[[]api.Group](bo, "group", "list") {
			if g.Name == "Crew" && g.Standing == "member" {
				return true
			}
		}
		return false
	})
	muster[any](ada, "send", "Crew", "-s", "Ropes", "-m", "At six.")
	other.goTo(in)
	other.see("At six.")
}

func stateOf(t *testing.T, p *person, name string) api.ContactState {
	t.Helper()
	for _, c := range muster[[]api.Contact](p, "contacts", "--all") {
		if c.Name == name {
			return c.State
		}
	}
	return ""
}

// Every page fits a phone and pleases axe-core, in both themes and from right to left.
func TestEveryPage(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada := people[0]
	org := muster[[]api.OrgSummary](ada, "org", "list")[0]
	bo := muster[[]api.OrgSummary](people[1], "org", "list")[0].Member
	group := muster[api.GroupResult](ada, "group", "create", "Crew", "Bo").Group.Group
	muster[any](people[1], "send", "Ada", "-s", "Tides", "-m", "High at **six**.\n\n> when?\n\n| a | b |\n|---|---|\n| 1 | 2 |")
	muster[any](people[1], "send", "Ada", "-s", strings.Repeat("Long", 60), "-m", strings.Repeat("W", 4000))
	b := open(t, ada)
	for name, path := range map[string]string{
		"page-people": "people", "page-directory": "people?show=all", "page-member": "people/" + bo, "page-groups": "groups", "page-group": "groups/" + group,
		"page-presence": "presence", "page-drafts": "drafts", "page-devices": "devices", "page-safety": "safety", "page-settings": "settings", "page-inbox": "",
	} {
		b.goTo("/o/" + org.Org + "/" + path)
		b.look(name)
	}
	for name, path := range map[string]string{"page-preferences": "/preferences", "page-recover": "/recover", "page-welcome": "/welcome", "page-leave": "/leave?to=https%3A%2F%2Fxn--pple-43d.example"} {
		b.goTo(path)
		b.look(name)
	}
	b.goTo("/preferences")
	b.choose("#language", "ar")
	b.click("main form button")
	b.until("lines begin on the right", "document.documentElement.dir === 'rtl'")
	b.goTo("/o/" + org.Org + "/")
	b.look("page-inbox-arabic")
	b.goTo("/o/" + org.Org + "/people/" + bo)
	b.look("page-member-arabic")
}
