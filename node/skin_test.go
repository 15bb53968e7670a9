package node

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/membership"
	"muster.example/node/api"
)

// noisy returns a picture that hardly compresses.
func noisy(width, height int) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range picture.Pix {
		picture.Pix[i] = byte(random.Uint32())
	}
	return picture
}

func encoded(t *testing.T, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever picture a person gives becomes a tile that fits, in bytes of our own.
func TestImagesOfSkinsAreMadeSmall(t *testing.T) {
	plain := image.NewPaletted(image.Rect(0, 0, 40, 20), color.Palette{color.White, color.RGBA{R: 200, A: 255}})
	for name, data := range map[string][]byte{
		"png":   encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, noisy(700, 300)) }),
		"jpeg":  encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, noisy(300, 700), nil) }),
		"gif":   encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, noisy(300, 300), nil) }),
		"plain": encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, plain) }),
		"thin":  encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, noisy(4000, 1)) }),
	} {
		small, err := smallImage(append(data, "<script>trailer</script>"...), maxOwnImage)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		config, err := png.DecodeConfig(bytes.NewReader(small))
		if err != nil || len(small) > maxOwnImage || config.Width > 128 || config.Height > 128 || bytes.Contains(small, []byte("trailer")) {
			t.Errorf("%s: %d bytes, %+v, %v", name, len(small), config, err)
		}
		if name == "plain" && (config.Width != 40 || config.Height != 20) {
			t.Errorf("a small picture is %d by %d now", config.Width, config.Height)
		}
		if _, err := cleanImage(small); err != nil {
			t.Errorf("%s: what we made we do not show: %v", name, err)
		}
	}
	header := func(width, height int) []byte { // a picture that says how large it is, and is not there
		whole := encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, plain, nil) })
		whole[6], whole[7], whole[8], whole[9] = byte(width), byte(width>>8), byte(height), byte(height>>8)
		return whole
	}
	for name, data := range map[string][]byte{
		"none": nil, "text": []byte("<svg/>"), "cut": []byte("\x89PNG\r\n\x1a\n"), "huge": header(65535, 65535), "empty": header(0, 0),
		"large": make([]byte, maxImageBytes+1),
	} {
		if _, err := smallImage(data, maxOwnImage); api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, image.NewGray(image.Rect(0, 0, maxTile+1, 1))) })
	if _, err := cleanImage(large); err == nil {
		t.Error("a tile of another device may have any size")
	}
}

// Own parts take the place of the organization's, one by one, and give it back. [API-55]
func TestOwnPartsOfASkin(t *testing.T) {
	org := newRoll(t, "Ann")
	org.SetSkin(org.Founder.Device(), membership.Skin{
		Font: membership.FontSerif, Background: membership.BackgroundDots,
		Light: &membership.Palette{Accent: "#aa0000", Text: "#000000", Surface: "#eeeeee"},
	})
	o := newDevice(t, org, org.Members[1])
	official := api.Skin{Font: "serif", Background: "dots", Light: api.Palette{Accent: "#aa0000", Text: "#000000", Surface: "#eeeeee"}}
	ask := func() api.SkinResult {
		t.Helper()
		result, err := o.node.Skin(t.Context(), api.SkinQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	check := func(what string, got, want api.Skin) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	check("at first", ask().Skin, official)

	own := api.Skin{Font: "mono", Light: api.Palette{Text: "#112233", Rail: "#0000FF"}, Background: "image"}
	picture := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, noisy(100, 100)) })
	if _, err := o.node.SetOwnSkin(t.Context(), api.SkinRequest{Skin: own, Image: picture}); err != nil {
		t.Fatal(err)
	}
	own.Light.Rail = "#0000ff"
	result := ask()
	check("own", result.Own, own)
	check("official", result.Official, official)
	check("shown", result.Skin, api.Skin{
		Font: "mono", Background: "image",
		Light: api.Palette{Accent: "#aa0000", Text: "#112233", Surface: "#eeeeee", Rail: "#0000ff"},
	})
	if _, err := o.node.SkinImage(t.Context(), api.SkinQuery{}); err != nil || result.Image == "" {
		t.Errorf("the own image: %q, %v", result.Image, err)
	}
	own.Font = ""
	if _, err := o.node.SetOwnSkin(t.Context(), api.SkinRequest{Skin: own}); err != nil { // the image stays
		t.Fatal(err)
	}
	if again := ask(); again.Image != result.Image || again.Skin.Font != "serif" {
		t.Errorf("a part was given back: %+v", again)
	}

	for name, wrong := range map[string]api.SkinRequest{
		"text like the organization's surface": {Skin: api.Skin{Light: api.Palette{Text: "#dddddd"}}},
		"surface like the program's text":      {Skin: api.Skin{Dark: api.Palette{Surface: "#ffffff"}}},
		"font":                                 {Skin: api.Skin{Font: "url(//evil)"}},
		"background":                           {Skin: api.Skin{Background: "url(//evil)"}},
		"colour":                               {Skin: api.Skin{Dark: api.Palette{Accent: "red;}"}}},
		"image without its background":         {Image: picture},
	} {
		if _, err := o.node.SetOwnSkin(t.Context(), wrong); api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("after refusals", ask().Own, own)

	if _, err := o.node.SetOwnSkin(t.Context(), api.SkinRequest{}); err != nil {
		t.Fatal(err)
	}
	check("given back", ask().Skin, official)
	if _, err := o.node.SetOwnSkin(t.Context(), api.SkinRequest{Skin: api.Skin{Background: "image"}}); err == nil {
		t.Error("the background of an image that was given back")
	}
}

// An own colour that cannot be read with a newer skin of the organization rests, and what no version knows is not shown.
func TestOwnPartsThatDoNotFit(t *testing.T) {
	official := api.Skin{Light: api.Palette{Surface: "#000000", Text: "#ffffff"}}
	own := api.Skin{Light: api.Palette{Text: "#222222", Accent: "#00ff00"}}
	want := api.Palette{Surface: "#000000", Text: "#ffffff", Accent: "#00ff00"}
	if got := mergeSkin(official, own).Light; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	org := newRoll(t)
	o := newDevice(t, org, org.Founder)
	for _, value := range []string{"{", `{"skin":{"font":"wingdings"}}`, `{"skin":{"light":{"text":"red"}}}`, `{"skin":{"background":"image"}}`} {
		if err := o.choose(settingSkin, value); err != nil {
			t.Fatal(err)
		}
		if got, err := o.node.Skin(t.Context(), api.SkinQuery{}); err != nil || got.Skin != (api.Skin{}) {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
}

// An image of the roll that is damaged, or too large to be ours, is not shown.
func TestDamagedImageOfTheRoll(t *testing.T) {
	org := newRoll(t)
	org.SetSkin(org.Root, membership.Skin{Font: membership.FontMono, Background: membership.BackgroundImage, Image: []byte("\x89PNG\r\n\x1a\nno")})
	o := newDevice(t, org, org.Founder)
	got, err := o.node.Skin(t.Context(), api.SkinQuery{})
	if err != nil || got.Skin != (api.Skin{Font: "mono"}) || got.Image != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := o.node.SkinImage(t.Context(), api.SkinQuery{}); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("its image: %v", err)
	}
}

// What the roll says of a skin is one line, of what it sets.
func TestSkinText(t *testing.T) {
	for want, skin := range map[string]membership.Skin{
		"as the program has it":           {},
		"font=serif, dark rail=#123456":   {Font: membership.FontSerif, Dark: &membership.Palette{Rail: "#123456"}},
		"background=image, an image of 9": {Background: membership.BackgroundImage, Image: make([]byte, 9)},
	} {
		if got := skinText(skin); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Whoever watches is told when the skin to be shown is another, by the organization's decision or one's own, and only then.
// [API-55]
func TestWatchersAreToldOfASkin(t *testing.T) {
	org := newRoll(t, "Ann")
	o := newDevice(t, org, org.Members[1])
	ctx, stop := context.WithCancel(t.Context())
	events := o.node.hub.watch(ctx, "")
	told := func() (skins int) {
		for {
			select {
			case event := <-events:
				if event.Kind == api.EventSkin && event.Org == org.ID.String() {
					skins++
				}
			default:
				return skins
			}
		}
	}
	adopt := func() {
		t.Helper()
		if err := o.adopt(newPage(org, o.roll.Size())); err != nil {
			t.Fatal(err)
		}
	}
	choose := func(skin api.Skin) {
		t.Helper()
		if _, err := o.node.SetOwnSkin(t.Context(), api.SkinRequest{Skin: skin}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"a member joins", func() { org.Join("Bo"); adopt() }, 0},
		{"the organization chooses", func() { org.SetSkin(org.Founder.Device(), membership.Skin{Font: membership.FontSerif}); adopt() }, 1},
		{"it chooses the same", func() { org.SetSkin(org.Founder.Device(), membership.Skin{Font: membership.FontSerif}); adopt() }, 0},
		{"the person revises", func() { choose(api.Skin{Font: "mono"}) }, 1},
		{"they revise nothing more", func() { choose(api.Skin{Font: "mono"}) }, 0},
		{"they go back", func() { choose(api.Skin{}) }, 1},
	} {
		step.do()
		if got := told(); got != step.want {
			t.Errorf("%s: told %d times, want %d", step.name, got, step.want)
		}
	}
	stop()
}
