package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"muster.example/node/api"
)

func skinRoutes() []route {
	return []route{
		{"GET /o/{org}/skin.css", skinStyle},
		{"GET /o/{org}/skin.png", skinImage},
		{"GET /o/{org}/look.css", previewStyle},
		{"GET /o/{org}/look", ownLook},
		{"POST /o/{org}/look", setOwnLook},
		{"GET /o/{org}/admin/skin", orgSkin},
		{"POST /o/{org}/admin/skin", setOrgSkin},
	}
}

// Worn returns the address of the organization's skin, which changes whenever that does; empty if it cannot be told.
func (v *visit) Worn() string {
	result, err := v.backend().Skin(v.ctx(), api.SkinQuery{Org: v.Org.Org})
	if err != nil {
		v.server.log.Debug("the skin cannot be told", "error", err)
		return ""
	}
	return v.In("skin.css") + "?v=" + hashOf(skinCSS(result.Skin, v.tile(result)))
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// tile returns the address of the image behind the inbox, empty if there is none.
func (v *visit) tile(result api.SkinResult) string {
	if result.Image == "" {
		return ""
	}
	return "/o/" + url.PathEscape(v.Org.Org) + "/skin.png?v=" + url.QueryEscape(result.Image)
}

// skinStyle answers with the style of the skin, which is made here from values that were looked at one by one.
func skinStyle(v *visit) (answer, error) {
	result, err := v.backend().Skin(v.ctx(), api.SkinQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	style := skinCSS(result.Skin, v.tile(result))
	return keptFile("text/css; charset=utf-8", []byte(style), v.query("v") == hashOf(style)), nil
}

// skinImage answers with the image behind the inbox, which the node has encoded itself.
func skinImage(v *visit) (answer, error) {
	image, err := v.backend().SkinImage(v.ctx(), api.SkinQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	return keptFile("image/png", image, v.query("v") == hashOf(string(image))), nil
}

// keptFile answers with a file that a browser may keep if its address says which one it is.
func keptFile(kind string, data []byte, keep bool) answer {
	return answer{write: func(w http.ResponseWriter) {
		header := w.Header()
		header.Set("Content-Type", kind)
		header.Set("Content-Length", strconv.Itoa(len(data)))
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		if keep {
			header.Set("Cache-Control", "private, max-age=31536000, immutable")
		} else {
			header.Set("Cache-Control", "no-store")
		}
		w.Write(data) //nolint:errcheck // the browser has gone
	}}
}

// lookScreen is a form for a skin: the person's own parts of it, or the organization's.
type lookScreen struct {
	Org         bool     // the organization's own
	Chosen      api.Skin // the parts that are chosen
	Shown       api.Skin // what is shown with them
	Fonts       []string
	Backgrounds []string
	Palettes    []lookPalette
	Style       string // address of the style of the preview
}

// lookPalette is the part of the form about one theme.
type lookPalette struct {
	Theme string
	Parts []lookPart
}

// lookPart is one colour of the form.
type lookPart struct {
	Key, Name, Value string
	Own              bool
}

func ownLook(v *visit) (answer, error) { return lookOf(v, false) }
func orgSkin(v *visit) (answer, error) {
	if !v.Admin() {
		return answer{}, api.Errorf(api.CodeRefused, "only an admin may do this")
	}
	return lookOf(v, true)
}

// lookOf shows the form: as things are, or as the address or a refused form says.
func lookOf(v *visit, org bool) (answer, error) {
	result, err := v.backend().Skin(v.ctx(), api.SkinQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := lookScreen{Org: org, Chosen: result.Own, Fonts: api.SkinFonts, Backgrounds: api.SkinBackgrounds}
	title, below := "look.title", result.Official
	if org {
		title, s.Chosen, below = "skin.title", result.Official, api.Skin{}
	}
	switch {
	case v.Refusal != nil:
		s.Chosen = skinIn(v.r.PostForm)
	case v.r.URL.Query().Has("font"): // the preview without scripts
		s.Chosen = skinIn(v.r.URL.Query())
	}
	s.Shown = over(below, s.Chosen)
	s.Palettes = palettesOf(s.Shown, s.Chosen)
	fields := url.Values{}
	for _, part := range s.Chosen.Parts() {
		fields.Set(part.Key, *part.Value)
		fields.Add("own", part.Key)
	}
	if org {
		fields.Set("for", "org")
	}
	s.Style = v.In("look.css") + "?" + fields.Encode()
	return show("look", title, s)
}

// palettesOf lays the colours out for the form: each with the value that is shown.
func palettesOf(shown, chosen api.Skin) (all []lookPalette) {
	full := shown
	fillPalette(&full.Light, api.DefaultLight)
	fillPalette(&full.Dark, api.DefaultDark)
	values, own := full.Parts()[2:], chosen.Parts()[2:]
	for i, theme := range []string{"light", "dark"} {
		p := lookPalette{Theme: theme}
		for j, name := range []string{"accent", "surface", "text", "rail"} {
			at := 4*i + j
			p.Parts = append(p.Parts, lookPart{Key: own[at].Key, Name: name, Value: *values[at].Value, Own: *own[at].Value != ""})
		}
		all = append(all, p)
	}
	return all
}

// over returns a skin with chosen parts in the place of its own.
func over(below, chosen api.Skin) api.Skin {
	parts := below.Parts()
	for i, part := range chosen.Parts() {
		if *part.Value != "" {
			*parts[i].Value = *part.Value
		}
	}
	return below
}

// skinIn reads the fields of the form. A colour counts only if its box is ticked: a field of colours is never empty.
func skinIn(fields url.Values) (s api.Skin) {
	for i, part := range s.Parts() {
		if i < 2 || slices.Contains(fields["own"], part.Key) {
			*part.Value = fields.Get(part.Key)
		}
	}
	return s
}

// previewStyle answers with the style of the preview, for the fields of the form.
func previewStyle(v *visit) (answer, error) {
	result, err := v.backend().Skin(v.ctx(), api.SkinQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	below := result.Official
	if v.query("for") == "org" {
		below = api.Skin{}
	}
	style := previewCSS(over(below, skinIn(v.r.URL.Query())), v.tile(result))
	return keptFile("text/css; charset=utf-8", []byte(style), false), nil
}

func setOwnLook(v *visit) (answer, error) {
	request, err := v.skinRequest()
	if err == nil {
		_, err = v.backend().SetOwnSkin(v.ctx(), request)
	}
	if err != nil {
		return v.again(err, ownLook)
	}
	if request.Skin == (api.Skin{}) {
		return goOn(v.In("look"), "look.backdone")
	}
	return goOn(v.In("look"), "look.done")
}

func setOrgSkin(v *visit) (answer, error) {
	request, err := v.skinRequest()
	if err == nil {
		_, err = v.backend().SetOrgSkin(v.ctx(), request)
	}
	if err != nil {
		return v.again(err, orgSkin)
	}
	return goOn(v.In("admin", "skin"), "skin.done")
}

// skinRequest reads the form, with the image if one was given.
func (v *visit) skinRequest() (request api.SkinRequest, err error) {
	request.Org = v.Org.Org
	if err := v.r.ParseMultipartForm(maxForm); err != nil && err != http.ErrNotMultipart {
		return request, api.Errorf(api.CodeUsage, "the form is not understood, or holds more than 8 MiB")
	}
	f, err := v.form()
	if err != nil || f.text("do") == "back" {
		return request, err
	}
	request.Skin = skinIn(v.r.PostForm)
	if v.r.MultipartForm == nil || len(v.r.MultipartForm.File["image"]) == 0 {
		return request, nil
	}
	file, err := v.r.MultipartForm.File["image"][0].Open()
	if err != nil {
		return request, err
	}
	defer file.Close()
	image, err := io.ReadAll(file)
	if len(image) > 0 { // a browser sends an empty file for none
		request.Image, request.Skin.Background = image, "image" // whoever gives an image wants it shown
	}
	return request, err
}
