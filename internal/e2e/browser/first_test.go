//go:build browser

package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// A person who has never seen it founds an organization: a passphrase, a claim link, words written down and checked.
func TestFirstRun(t *testing.T) {
	claim := startRendezvous(t)
	b := openNew(t)
	b.choosePassphrase()

	b.see("Create an organization")
	b.look("welcome")
	b.click("#creating > summary")
	b.see("Claim link of the server")
	b.click("#where-server")
	unspoilt := b.effort
	b.fill("#claim", "muster:claim/x")
	b.next("#orgname", "Lighthouse")
	b.next("#founder", "Ada")
	typed := b.effort
	b.click(`form[action="/welcome/create"] button:not([type])`)
	b.until("the refusal is shown", "document.getElementById('refusal')")
	if kept := read[string](b, "document.getElementById('orgname').value"); kept != "Lighthouse" {
		t.Errorf("what was typed became %q", kept)
	}
	b.effort = unspoilt
	b.paste("#claim", claim)
	b.effort.fields, b.effort.keys = b.effort.fields+typed.fields-unspoilt.fields-1, b.effort.keys+typed.keys-unspoilt.keys-len("muster:claim/x")
	b.click(`form[action="/welcome/create"] button:not([type])`)

	b.writeDown("words-root")
	b.writeDown("words-recovery")
	b.until("the inbox is open", "location.pathname.startsWith('/o/')")
	b.see("Nothing here.")
	t.Logf("founding an organization takes %v", b.effort)
}

// A person who has never seen it joins an organization by a link that they were given.
func TestFirstRunByInvitation(t *testing.T) {
	ada := organization(t, "Ada")[0]
	b := openNew(t)
	b.choosePassphrase()
	b.paste("#invitation", muster[api.InviteResult](ada, "invite").Invitation)
	b.next("#as", "Bo")
	b.click(`form[action="/welcome/join"] button:not([type])`)
	b.writeDown("words-joined")
	b.until("the inbox is open", "location.pathname.startsWith('/o/')")
	b.see("Nothing here.")
	t.Logf("joining an organization takes %v", b.effort)
}

// openNew opens the app of a node that has never run.
func openNew(t *testing.T) *tab {
	t.Helper()
	b, _ := openNewOf(t)
	return b
}

// openNewOf is openNew, and returns whose node it is.
func openNewOf(t *testing.T) (*tab, *person) {
	t.Helper()
	p := &person{t: t, dir: filepath.Join(t.TempDir(), "node")}
	node := program.New(t, "a new node", program.Path("muster"), "start", "--dir", p.dir, "--unlock-in-browser")
	node.Start()
	p.login = node.Says(program.LoginLink)
	b := open(t, p)
	b.expect("the server responded with a status of 4") // refusals are shown with their status
	b.see("passphrase")
	b.arrived()
	return b, p
}

func (b *tab) choosePassphrase() {
	b.t.Helper()
	b.look("unlock-new")
	b.fill("#passphrase", "lantern quarry velvet otter plumb")
	b.next("#again", "lantern quarry velvet otter plumb")
	b.click("main form button")
}

// writeDown writes the words down that are shown, and answers for three of them.
func (b *tab) writeDown(name string) {
	b.t.Helper()
	b.until("the words are shown", "document.querySelectorAll('ol.words li').length === 24")
	b.axe(name) // no picture of words
	words := read[[]string](b, "[...document.querySelectorAll('ol.words li')].map((w) => w.textContent)")
	b.effort.copied += len(words)
	at := read[string](b, "location.pathname + decodeURIComponent(location.search.replace(/notice=[a-z.]*/, ''))")
	for _, word := range words {
		if strings.Contains(strings.TrimPrefix(at, "/welcome/words"), word) {
			b.t.Errorf("the address of the words, %s, holds one", at)
		}
	}
	b.click(`a[href="/welcome/check"]`)
	b.until("three words are asked for", "document.querySelectorAll('main input[name=word]').length === 3")
	b.axe(name + "-check")
	enter := b.fill
	for _, id := range read[[]string](b, "[...document.querySelectorAll('main input[name=word]')].map((w) => w.id)") {
		var number int
		if _, err := fmt.Sscanf(id, "word-%d", &number); err != nil {
			b.t.Fatal(err)
		}
		enter("#"+id, words[number-1])
		enter = b.next
	}
	b.click(`form[action="/welcome/check"] button`)
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
