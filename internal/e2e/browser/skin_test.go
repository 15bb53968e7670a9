//go:build browser

package browser

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"muster.example/node/api"
)

// dressed waits until an element has a style.
func (b *tab) dressed(selector, property, want string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s of %s is %q", property, selector, want), fmt.Sprintf("(() => { const e = document.querySelector(%s); return e && getComputedStyle(e).getPropertyValue(%s) === %s })()",
		quoted(selector), quoted(property), quoted(want)))
}

// An admin dresses the inbox, a member revises it and goes back. The skin is the hardest to read that the rules let pass.
func TestSkins(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada, bo := open(t, people[0]), open(t, people[1])
	in := "/o/" + muster[[]api.OrgSummary](people[0], "org", "list")[0].Org + "/"

	bo.goTo(in)
	bo.dressed("html", "color", "rgb(28, 35, 38)")
	evalOnce[bool](bo, "window.musterStays = true")
	ada.goTo(in + "admin/skin")
	ada.choose("#font", "serif")
	ada.choose("#background", "waves")
	for part, colour := range map[string]string{
		"light.text": "#767676", "light.surface": "#ffffff", "light.accent": "#ffff00", "light.rail": "#777777",
		"dark.text": "#00ff00", "dark.surface": "#5c0050", "dark.accent": "#5c0050", "dark.rail": "#ff00ff",
	} {
		ada.choose(`[id="`+part+`"]`, colour)
	}
	ada.dressed(".preview.light", "color", "rgb(118, 118, 118)")
	ada.click("form[data-skin] button:not([name])")
	ada.see("Everybody sees it")
	ada.dressed("html", "color", "rgb(118, 118, 118)")
	ada.dressed(".rail", "background-color", "rgb(119, 119, 119)")
	ada.look("skin-admin")

	bo.dressed("html", "color", "rgb(118, 118, 118)") // the page that he has open, by itself
	bo.dressed(".rail", "background-color", "rgb(119, 119, 119)")
	if !read[bool](bo, "window.musterStays === true && document.querySelectorAll('link#skin').length === 1") {
		t.Error("Bo's page was loaded anew, or wears two skins")
	}
	for _, page := range []string{"", "look", "people", "groups", "presence", "compose", "drafts", "requests"} {
		bo.goTo(in + page)
		bo.dressed("html", "color", "rgb(118, 118, 118)")
		bo.look("skin-extreme-" + page)
	}
	bo.goTo("/preferences")
	bo.dressed("html", "color", "rgb(28, 35, 38)") // no organization's page

	bo.goTo(in + "look")
	bo.choose(`[id="light.text"]`, "#dddddd")
	bo.see("choose them further apart")
	bo.click("form[data-skin] button:not([name])")
	bo.expect("status of 400") // the refusal is shown
	bo.until("the refusal is shown", "document.getElementById('refusal')?.innerText.includes('4.5 to 1')")
	bo.choose(`[id="light.text"]`, "#220044")
	bo.choose("#font", "mono")
	tile := filepath.Join(t.TempDir(), "tile.png")
	writeTile(t, tile)
	bo.do("giving an image", chromedp.SetUploadFiles("#image", []string{tile}, chromedp.ByQuery))
	bo.click("form[data-skin] button:not([name])")
	bo.see("Saved.")
	bo.dressed("html", "color", "rgb(34, 0, 68)")
	bo.dressed(".rail", "background-color", "rgb(119, 119, 119)")
	if read[int](bo, "fetch(getComputedStyle(document.querySelector('main')).backgroundImage.slice(5, -2)).then((r) => r.status)") != 200 {
		t.Error("the image is not served")
	}
	bo.look("skin-revised")

	bo.click("form[data-skin] button[name=do]")
	bo.see("It looks as the organization has it.")
	bo.dressed("html", "color", "rgb(118, 118, 118)")
	muster[api.SkinResult](people[0], "admin", "skin", "set", "font=", "light.text=", "light.surface=", "background=dots")
	if got := muster[api.SkinResult](people[0], "admin", "skin"); got.Official.Font != "" || got.Official.Light.Accent != "#ffff00" {
		t.Errorf("set by the command line: %+v", got.Official)
	}
}

func writeTile(t *testing.T, name string) {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for x := range 400 {
		for y := range 300 {
			picture.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x * y / 90), A: 255})
		}
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, picture); err != nil {
		t.Fatal(err)
	}
}
