//go:build browser

package browser

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"muster.example/node/api"
)

// The people of the tour.
const (
	adaName, boName, cyName, linaName = "Ada Moreno", "Bo Lindqvist", "Cy Okafor", "Lina Haddad"
)

// The tour of docs/tour.md: each page that it shows, with what a small organization would have there. `make pictures` writes
// the pictures.
func TestTour(t *testing.T) {
	h := newHarbour(t)
	b := open(t, h.ada)
	b.size(1120, 740)
	in := "/o/" + h.org + "/"

	b.goTo(in)
	b.see("High water")
	b.see("Fuel receipts")
	b.picture("inbox")
	b.dark(true)
	b.picture("dark")
	b.dark(false)
	b.size(390, 740)
	b.picture("phone")
	b.size(1120, 740)

	b.clickIn(".threads li", "Charts for Saturday", "a")
	b.see("I print two copies")
	b.act("loading pictures", "() => { for (const i of document.images) i.loading = 'eager'; return true }")
	b.until("what is read counts as read, by itself", "document.querySelector('#sidebar .count').textContent === '5'")
	b.size(1120, 1010)
	b.picture("thread")
	b.size(1120, 740)

	b.goTo(in + "compose")
	b.fill("#to", linaName)
	b.fill("#subject", "Saturday")
	b.fill("#text", "We sail at **six**, from the *north* pier.\n\n- bring oilskins\n- Bo has the charts")
	b.click("[data-show-preview]")
	b.until("the preview is there", "document.querySelector('[data-preview] strong')")
	b.see("Draft saved")
	b.picture("compose")

	b.goTo(in + "requests")
	b.see("lighthouse museum")
	b.picture("requests")
	b.goTo(in + "people?show=all")
	b.see(cyName)
	b.picture("people")
	b.goTo(in + "groups/" + h.crew)
	b.see(linaName)
	b.picture("group")
	b.goTo(in + "people/" + h.bo)
	b.see("sixty digits")
	b.act("showing the number", "() => { document.getElementById('safety-title').scrollIntoView(); scrollBy(0, -20); return true }")
	b.pictureHere("safety")
	b.goTo(in + "devices")
	b.picture("devices")
	b.goTo(in + "admin/")
	b.see(linaName)
	b.picture("admin")

	b.goTo("/preferences")
	b.choose("#language", "ar")
	b.click("main form button")
	b.until("lines begin on the right", "document.documentElement.dir === 'rtl'")
	b.goTo(in)
	b.picture("arabic")
	b.goTo("/preferences")
	b.choose("#language", "en")
	b.click("main form button")
	b.until("lines begin on the left", "document.documentElement.dir === 'ltr'")

	b.goTo(in + "admin/skin")
	b.choose("#font", "serif")
	b.choose("#background", "waves")
	for part, colour := range map[string]string{
		"light.accent": "#8a3b12", "light.surface": "#fffaf2", "light.text": "#2b2117", "light.rail": "#4a2511",
		"dark.accent": "#f0b37e", "dark.surface": "#1d1712", "dark.text": "#f3e8dc", "dark.rail": "#120d09",
	} {
		b.choose(`[id="`+part+`"]`, colour)
	}
	b.dressed(".preview.light", "color", "rgb(43, 33, 23)")
	b.click("form[data-skin] button:not([name])")
	b.see("Everybody sees it")
	b.dressed("html", "color", "rgb(43, 33, 23)")
	b.goTo(in + "admin/skin") // without what was said of saving
	b.size(1120, 960)
	b.picture("skin")
	b.size(1120, 740)
	b.goTo(in + "look")
	b.choose("#font", "readable")
	b.choose(`[id="light.accent"]`, "#0b5d4e")
	b.choose(`[id="light.rail"]`, "#0f3d36")
	b.click("form[data-skin] button:not([name])")
	b.see("Saved.")
	b.dressed(".rail", "background-color", "rgb(15, 61, 54)")
	b.goTo(in)
	b.size(1120, 600)
	b.picture("look")
	b.size(1120, 740)

	eve := open(t, startPerson(t, "Eve"))
	eve.size(1120, 740)
	eve.see("Create an organization")
	eve.picture("first")
}

// dark shows the page as on a system that is dark, or light.
func (b *tab) dark(dark bool) {
	b.t.Helper()
	theme := map[bool]string{true: "dark", false: "light"}[dark]
	b.do("choosing a theme", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}))
}

// harbour is a small organization in the middle of its week.
type harbour struct {
	ada           *person
	org, bo, crew string
}

func newHarbour(t *testing.T) harbour {
	t.Helper()
	claim := startRendezvous(t)
	var people []*person
	for _, name := range []string{adaName, boName, cyName, linaName} {
		people = append(people, startPerson(t, name))
	}
	ada, bo, cy, lina := people[0], people[1], people[2], people[3]
	h := harbour{ada: ada, org: muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--claim", claim, "--as", adaName).Org}
	invitation := muster[api.InviteResult](ada, "invite", "--uses", "3").Invitation
	for _, p := range people[1:] {
		muster[any](p, "join", invitation, "--as", p.name)
	}
	h.bo = muster[[]api.OrgSummary](bo, "org", "list")[0].Member
	for _, p := range []*person{bo, lina} {
		meet(t, p, ada)
	}
	meet(t, bo, lina)
	muster[any](bo, "verify", adaName, "--confirm")

	h.crew = muster[api.GroupResult](ada, "group", "create", "Harbour crew", boName, linaName).Group.Group
	for _, p := range []*person{bo, lina} {
		await(t, p.name+" is invited", func(context.Context) bool { return standing(p, "Harbour crew") == "invited" })
		muster[any](p, "group", "join", "Harbour crew")
		await(t, p.name+" is in the group", func(context.Context) bool { return standing(p, "Harbour crew") == "member" })
	}
	for _, p := range people {
		muster[any](p, "presence", "share", "everybody")
	}
	h.talk(t, bo, lina)
	muster[any](cy, "introduce", adaName, "Hello Ada, I keep the lighthouse museum. May I ask about the old lens?")
	await(t, "Cy asks", func(context.Context) bool { return stateOf(t, ada, cyName) == api.ContactAsks })
	return h
}

// talk fills the inbox.
func (h harbour) talk(t *testing.T, bo, lina *person) {
	t.Helper()
	said := func(p *person, args ...string) string {
		t.Helper()
		id := muster[api.SendResult](p, append([]string{"send"}, args...)...).ID
		await(t, "a message has come", func(ctx context.Context) bool {
			_, err := h.ada.client.Thread(ctx, api.ThreadQuery{Org: h.org, Thread: id})
			return err == nil
		})
		return id
	}
	chart := filepath.Join(t.TempDir(), "north-pier.png")
	writeChart(t, chart)
	receipts := filepath.Join(t.TempDir(), "receipts.csv")
	if err := os.WriteFile(receipts, []byte("date,litres,price\n2026-10-04,120,198.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said(lina, adaName, "-s", "Welcome aboard", "-m", "Thank you for the tour of the lamp room. I start on the night watch on Monday.")
	fuel := said(lina, adaName, "-s", "Fuel receipts", "-m", "All of October. Two are still missing, I ask the pump.", "-a", receipts)
	if _, err := h.ada.client.Tag(t.Context(), api.TagRequest{Org: h.org, IDs: []string{fuel}, Tag: "Accounts"}); err != nil {
		t.Fatal(err)
	}
	said(bo, "Harbour crew", "-s", "Night watch", "-m", "I take Tuesday and Thursday. Who takes the weekend?")
	charts := said(bo, adaName, "-s", "Charts for Saturday", "-m", "The new chart of the **north pier**. Mind the shoal east of the beacon.", "-a", chart)
	answer := said(h.ada, "--reply", charts, "-m", "Thank you! I print two copies, one for each boat.")
	await(t, "Bo has the answer", func(ctx context.Context) bool {
		_, err := bo.client.Read(ctx, api.ReadRequest{ID: answer})
		return err == nil
	})
	muster[any](bo, "react", answer, "👍")
	await(t, "the reaction has come", func(ctx context.Context) bool {
		m, err := h.ada.client.Read(ctx, api.ReadRequest{Org: h.org, ID: answer})
		return err == nil && len(m.Reactions) == 1
	})
	said(lina, "Harbour crew", "-s", "Open day", "-m", "The school brings forty children on the ninth. I need two people at the stairs.")
	said(bo, adaName, "-s", "High water", "-m", "Saturday at 06:12, 4.1 m. We should be out by six.")
}

// meet lets one introduce themselves to the other, who accepts.
func meet(t *testing.T, one, other *person) {
	t.Helper()
	muster[any](one, "introduce", other.name, "It is "+one.name+".")
	await(t, one.name+" asks "+other.name, func(context.Context) bool { return stateOf(t, other, one.name) == api.ContactAsks })
	muster[any](other, "accept", one.name)
	await(t, one.name+" may write", func(context.Context) bool { return stateOf(t, one, other.name) == api.ContactAcquainted })
}

// standing is where a person stands in a group, empty if they know none of the name.
func standing(p *person, group string) string {
	p.t.Helper()
	for _, g := range muster[[]api.Group](p, "group", "list") {
		if g.Name == group {
			return g.Standing
		}
	}
	return ""
}

// writeChart draws a shore with its depths.
func writeChart(t *testing.T, name string) {
	t.Helper()
	depths := color.Palette{
		color.RGBA{0xe9, 0xdc, 0xb5, 255}, color.RGBA{0xb5, 0xc9, 0x9a, 255}, color.RGBA{0xbf, 0xdf, 0xea, 255}, color.RGBA{0x9f, 0xcd, 0xe0, 255},
		color.RGBA{0x82, 0xb9, 0xd3, 255}, color.RGBA{0x63, 0xa3, 0xc4, 255}, color.RGBA{0x3b, 0x6f, 0x8f, 255},
	}
	chart := image.NewPaletted(image.Rect(0, 0, 480, 240), depths)
	for x := range 480 {
		for y := range 240 {
			u, v := float64(x)/80, float64(y)/80
			depth := v*1.9 + math.Sin(u*1.3)*.5 + math.Sin(u*2.9+v*2)*.3 - math.Exp(-((u-4.2)*(u-4.2)+(v-1.8)*(v-1.8))*3)*2.2
			index := uint8(min(max(depth*1.3, 0), 5))
			if edge := depth*1.3 - math.Floor(depth*1.3); edge < .04 && depth > 0 {
				index = 6
			}
			chart.SetColorIndex(x, y, index)
		}
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, chart); err != nil {
		t.Fatal(err)
	}
}
