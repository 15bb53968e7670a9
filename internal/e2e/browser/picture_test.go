//go:build browser

package browser

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// picture takes a picture of what the window shows, for the tour: into the folder that MUSTER_PICTURES names, if it names one.
// The page is at rest on it: all images are there, nothing is announced, no field has a cursor.
func (b *tab) picture(name string) {
	b.t.Helper()
	b.act("going to the top", "() => { scrollTo(0, 0); return true }")
	b.pictureHere(name)
}

// pictureHere is picture, of where the page has been moved to.
func (b *tab) pictureHere(name string) {
	b.t.Helper()
	b.act("coming to rest", "() => { document.activeElement?.blur(); return true }")
	b.until("the page is at rest", "!document.querySelector('.toast') && [...document.images].every((i) => i.complete || i.loading === 'lazy')")
	var taken []byte
	b.do("taking a picture", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		taken, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	shown, err := png.Decode(bytes.NewReader(taken))
	if err != nil {
		b.t.Fatal(err)
	}
	dir := os.Getenv("MUSTER_PICTURES")
	if dir == "" {
		return
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, fewColours(shown)); err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("%s.png has %d bytes", name, out.Len())
}

// fewColours returns a picture with its 256 most frequent colours, each a mean of those that are nearly alike. A page has few,
// and a picture with a palette is a third as large.
func fewColours(from image.Image) *image.Paletted {
	type shade struct{ count, r, g, b int }
	key := func(c color.RGBA) [3]uint8 { return [3]uint8{c.R >> 3, c.G >> 3, c.B >> 3} }
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	shades := make(map[[3]uint8]shade)
	bounds := from.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			s := shades[key(c)]
			shades[key(c)] = shade{s.count + 1, s.r + int(c.R), s.g + int(c.G), s.b + int(c.B)}
		}
	}
	var all []shade
	for _, s := range shades {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b shade) int {
		return cmp.Or(b.count-a.count, a.r-b.r, a.g-b.g, a.b-b.b)
	})
	var palette color.Palette
	for _, s := range all[:min(len(all), 256)] {
		half := s.count / 2
		palette = append(palette, color.RGBA{uint8((s.r + half) / s.count), uint8((s.g + half) / s.count), uint8((s.b + half) / s.count), 255})
	}
	to := image.NewPaletted(bounds, palette)
	nearest := make(map[color.RGBA]uint8)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(palette.Index(c))
				nearest[c] = index
			}
			to.SetColorIndex(x, y, index)
		}
	}
	return to
}

// A picture with many shades keeps what is frequent as it is, and the rest nearly.
func TestPicturesHaveFewColours(t *testing.T) {
	white := color.RGBA{R: 255, G: 255, B: 255, A: 255}
	from := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		from.SetRGBA(i%64, i/64, white)
		if i%2 == 1 {
			from.SetRGBA(i%64, i/64, color.RGBA{R: uint8(i / 16), G: uint8(i / 16), B: 40, A: 255})
		}
	}
	to := fewColours(from)
	if len(to.Palette) > 256 {
		t.Errorf("%d colours", len(to.Palette))
	}
	for i := range 64 * 64 {
		got, want := color.RGBAModel.Convert(to.At(i%64, i/64)).(color.RGBA), from.RGBAAt(i%64, i/64)
		if d := int(got.R) - int(want.R); d > 8 || d < -8 || want == white && got != white {
			t.Fatalf("%v became %v", want, got)
		}
	}
}
