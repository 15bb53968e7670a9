package web_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/web"
)

// dressed is a backend of an organization with a skin.
type dressed struct {
	crowd
	skin api.SkinResult
}

func (d *dressed) Skin(context.Context, api.SkinQuery) (api.SkinResult, error) { return d.skin, nil }

func (d *dressed) SetOwnSkin(ctx context.Context, r api.SkinRequest) (api.SkinResult, error) {
	d.crowd.Backend.SetOwnSkin(ctx, r)
	return d.skin, d.refuse
}

func newDressed(t *testing.T) (*dressed, http.Handler) {
	t.Helper()
	d := &dressed{crowd: crowd{org: api.OrgSummary{Org: "org", Name: "Lighthouse", Member: "meidmeid", MemberName: "Me", Role: "admin"}}}
	s, err := web.New(web.Config{Backend: d})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

var bold = api.Skin{
	Font: "serif", Background: "image", Light: api.Palette{Accent: "#ffff00", Text: "#767676", Surface: "#ffffff", Rail: "#777777"},
	Dark: api.Palette{Rail: "#010203"},
}

// The pages of a skin show in every language, bare and with all chosen.
func TestPagesOfSkins(t *testing.T) {
	for _, language := range []string{"en", "de", "ar"} {
		for name, skin := range map[string]api.SkinResult{
			"bare": {}, "dressed": {Skin: bold, Official: bold, Own: bold, Image: "abc"},
		} {
			d, app := newDressed(t)
			d.skin = skin
			for _, address := range []string{"look", "admin/skin", "look?font=mono&own=light.text&light.text=%23000000"} {
				p := ask(t, app, "GET", "/o/org/"+address, language, nil)
				if p.Code != http.StatusOK || strings.Contains(p.Body.String(), "<no value>") {
					t.Errorf("%s %s: %d", name, address, p.Code)
				}
				checkPage(t, p)
				checkHarmless(t, p)
			}
		}
	}
}

var (
	assigned = regexp.MustCompile(`^--([a-z-]+): (#[0-9a-f]{6});$`)
	address  = regexp.MustCompile(`url\("([^"]*)"\)`)
)

// styleOf reads a style of the app: its colours by name.
func styleOf(t *testing.T, app http.Handler, at string) (colours map[string]string, text string) {
	t.Helper()
	p := get(t, app, at)
	if p.Code != http.StatusOK || !strings.HasPrefix(p.Header().Get("Content-Type"), "text/css") {
		t.Fatalf("%s: %d %s", at, p.Code, p.Body)
	}
	colours = make(map[string]string)
	for line := range strings.Lines(p.Body.String()) {
		if m := assigned.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			colours[m[1]] = m[2]
		}
	}
	return colours, p.Body.String()
}

// A skin is worn by pages of the organization alone, as a style that a browser keeps until it changes.
func TestSkinIsWorn(t *testing.T) {
	d, app := newDressed(t)
	worn := func() string { return attribute(get(t, app, "/o/org/look").find("link", "skin"), "href") }
	before := worn()
	d.skin = api.SkinResult{Skin: bold, Image: "abc"}
	after := worn()
	if before == after || !strings.HasPrefix(after, "/o/org/skin.css?v=") {
		t.Errorf("%q, then %q", before, after)
	}
	if p := get(t, app, after); !strings.Contains(p.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("kept: %v", p.Header())
	}
	if p := get(t, app, before); strings.Contains(p.Header().Get("Cache-Control"), "immutable") {
		t.Error("an old address names the new skin for ever")
	}
	if get(t, app, "/preferences").find("link", "skin").Data != "" {
		t.Error("a page of no organization wears a skin")
	}
	colours, text := styleOf(t, app, after)
	if colours["skin-text"] != "#767676" || colours["skin-on-rail"] != "#000000" || colours["skin-dark-rail"] != "#010203" {
		t.Errorf("%v", colours)
	}
	if colours["skin-accent"] == "#ffff00" || membership.Contrast("#767676", membership.Colour(colours["skin-soft"])) < membership.MinContrast || colours["skin-quiet"] != "#767676" {
		t.Errorf("what cannot be read on white stays: %v", colours)
	}
	if m := address.FindAllStringSubmatch(text, -1); len(m) != 1 || m[0][1] != "/o/org/skin.png?v=abc" {
		t.Errorf("addresses: %v", m)
	}
	if !strings.Contains(text, "Georgia") || !strings.Contains(text, "background: var(--surface)") {
		t.Errorf("font and panel: %s", text)
	}
}

// Whatever values a skin holds, its style has no more than words of this program and colours.
func TestStyleOfAHostileSkin(t *testing.T) {
	d, app := newDressed(t)
	evil := `#000;}*{background:url(//evil)}`
	d.skin.Skin = api.Skin{
		Font: evil, Background: evil, Light: api.Palette{Accent: evil, Text: evil, Surface: evil, Rail: evil},
		Dark: api.Palette{Accent: "red", Text: "#ffffff", Surface: "#fffffe", Rail: "</style>"},
	}
	for _, at := range []string{"/o/org/skin.css", "/o/org/look.css?font=" + "x%7D&own=light.text&light.text=%23000%3B%7D"} {
		colours, text := styleOf(t, app, at)
		if strings.Contains(text, "evil") || strings.Contains(text, "url") || strings.Contains(text, "<") || strings.Contains(text, "x}") {
			t.Errorf("%s: %s", at, text)
		}
		for name, colour := range colours {
			if name == "skin-text" && colour != api.DefaultLight.Text || name == "skin-dark-surface" && colour != api.DefaultDark.Surface {
				t.Errorf("%s: %s is %s", at, name, colour)
			}
		}
	}
}

// A preview says that text cannot be read before anybody saves it.
func TestPreviewOfUnreadableText(t *testing.T) {
	_, app := newDressed(t)
	_, text := styleOf(t, app, "/o/org/look.css?own=light.text&light.text=%23eeeeee&dark.text=%23000000")
	if !strings.Contains(text, ".unreadable.light") || strings.Contains(text, ".unreadable.dark") {
		t.Error(text)
	}
}

// sendForm posts a form as browsers send one with a file.
func sendForm(t *testing.T, app http.Handler, at string, image []byte, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		w.WriteField(fields[i], fields[i+1])
	}
	file, err := w.CreateFormFile("image", "tile.svg")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(image)
	w.Close()
	r := httptest.NewRequestWithContext(t.Context(), "POST", at, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	answer := httptest.NewRecorder()
	app.ServeHTTP(answer, r)
	return answer
}

// The forms send what was chosen, and nothing that was not.
func TestFormsOfSkins(t *testing.T) {
	d, app := newDressed(t)
	fields := []string{
		"font", "mono", "background", "", "own", "light.text", "light.text", "#112233", "light.surface", "#ffffff", "dark.text", "#ffffff",
	}
	want := api.SkinRequest{Org: "org", Skin: api.Skin{Font: "mono", Light: api.Palette{Text: "#112233"}}}
	check := func(what string, want api.SkinRequest, answer *httptest.ResponseRecorder, to string) {
		t.Helper()
		if diff := gocmp.Diff(any(want), d.last(t)); diff != "" || answer.Header().Get("Location") != to {
			t.Errorf("%s: %d %s\n%s", what, answer.Code, answer.Header(), diff)
		}
	}
	check("own", want, sendForm(t, app, "/o/org/look", nil, fields...), "/o/org/look?notice=look.done")
	check("organization", want, sendForm(t, app, "/o/org/admin/skin", nil, fields...), "/o/org/admin/skin?notice=skin.done")
	want.Image, want.Skin.Background = []byte("bytes"), "image"
	check("image", want, sendForm(t, app, "/o/org/look", want.Image, fields...), "/o/org/look?notice=look.done")
	back := append([]string{"do", "back"}, fields...)
	check("back", api.SkinRequest{Org: "org"}, sendForm(t, app, "/o/org/look", want.Image, back...), "/o/org/look?notice=look.backdone")

	d.refuse = api.Errorf(api.CodeUsage, "cannot be read well").WithHint("further apart")
	answer := sendForm(t, app, "/o/org/look", nil, fields...)
	if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "cannot be read well") ||
		!strings.Contains(answer.Body.String(), `value="#112233"`) {
		t.Errorf("refused: %d %s", answer.Code, answer.Body)
	}
	d.org.Role = "member"
	if p := get(t, app, "/o/org/admin/skin"); p.Code != http.StatusForbidden {
		t.Errorf("a member sees the admins' form: %d", p.Code)
	}
}

// The style that all pages have says the same of the program's colours as the API.
func TestProgramsColours(t *testing.T) {
	_, app := newDressed(t)
	sheet := get(t, app, regexp.MustCompile(`/static/[0-9a-f]+/app\.css`).FindString(get(t, app, "/o/org/look").Body.String())).Body.String()
	for prefix, p := range map[string]api.Palette{"--skin-": api.DefaultLight, "--skin-dark-": api.DefaultDark} {
		for name, value := range map[string]string{"accent": p.Accent, "surface": p.Surface, "text": p.Text, "rail": p.Rail} {
			if want := fmt.Sprintf("var(%s%s, %s)", prefix, name, value); !strings.Contains(sheet, want) {
				t.Errorf("the style lacks %s", want)
			}
		}
	}
}

// The page says that text can be read exactly where the roll's rule takes it: of each of many colours the first surface that is
// refused, and its neighbour that is taken, are found by the rule and shown to the page. [ROLL-151]
func TestPreviewAgreesWithTheRoll(t *testing.T) {
	_, app := newDressed(t)
	random := rand.New(rand.NewPCG(1, 2))
	part := func() byte { return byte(random.UintN(256)) }
	seen := map[bool]int{}
	// Counted with powers instead of the roll's table, these come out on the other side of the limit.
	for _, pair := range [][2]membership.Colour{{"#e5af2e", "#950c08"}, {"#3f0000", "#a3729d"}, {"#4fa1d6", "#311195"}, {"#504e70", "#64de03"}} {
		seen[agrees(t, app, pair[0], pair[1])]++
	}
	for range 1000 {
		text := membership.ColourOf([3]byte{part(), part(), part()})
		surface := [3]byte{part(), part(), part()}
		for i := range surface { // along one part at a time, so that some pair lies on each side of the limit
			near := surface
			before := false
			for value := range 256 {
				near[i] = byte(value)
				readable := membership.Contrast(text, membership.ColourOf(near)) >= membership.MinContrast
				if value > 0 && readable != before {
					for _, v := range []int{value - 1, value} {
						near[i] = byte(v)
						seen[agrees(t, app, text, membership.ColourOf(near))]++
					}
					near[i] = byte(value)
				}
				before = readable
			}
		}
		seen[agrees(t, app, text, membership.ColourOf([3]byte{part(), part(), part()}))]++
	}
	if seen[true] < 500 || seen[false] < 500 {
		t.Errorf("only %d readable and %d unreadable pairs were tried", seen[true], seen[false])
	}
}

// agrees holds what the page says of text on a surface against the roll's rule, and returns what that says.
func agrees(t *testing.T, app http.Handler, text, surface membership.Colour) (readable bool) {
	t.Helper()
	readable = membership.Contrast(text, surface) >= membership.MinContrast
	fields := url.Values{"for": {"org"}, "own": {"light.text", "light.surface"}, "light.text": {string(text)}, "light.surface": {string(surface)}}
	_, style := styleOf(t, app, "/o/org/look.css?"+fields.Encode())
	if says := !strings.Contains(style, ".unreadable.light"); says != readable {
		t.Errorf("%s on %s, contrast %d: the page says %v", text, surface, membership.Contrast(text, surface), says)
	}
	return readable
}
