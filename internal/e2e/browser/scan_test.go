//go:build browser

package browser

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/image/math/f64"

	scaling "golang.org/x/image/draw"

	"muster.example/node/api"
)

// savePicture saves the QR code that a page shows, as a person would, and returns its path.
func savePicture(t *testing.T, b *tab) string {
	t.Helper()
	await(t, "the QR code is drawn", func(context.Context) bool {
		return read[bool](b, "document.querySelector('img.qr')?.complete && document.querySelector('img.qr').naturalWidth > 0")
	})
	data, err := base64.StdEncoding.DecodeString(read[string](b, `fetch(document.querySelector('img.qr').src).then((r) => r.arrayBuffer()).then((a) => btoa(String.fromCharCode(...new Uint8Array(a))))`))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// film writes what a camera sees that is held before a picture, a little aslant: grey frames in the form of YUV4MPEG2.
func film(t *testing.T, picture string) string {
	t.Helper()
	data, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	code, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	const width, height = 640, 480
	frame := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(frame, frame.Bounds(), image.NewUniform(color.Gray{Y: 170}), image.Point{}, draw.Src)
	scale := 400 / float64(code.Bounds().Dx())
	scaling.BiLinear.Transform(frame, f64.Aff3{scale, -0.04 * scale, 130, 0.04 * scale, scale, 35}, code, code.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	fmt.Fprintf(&out, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", width, height)
	for range 5 {
		out.WriteString("FRAME\n")
		out.Write(frame.Pix)
		out.Write(bytes.Repeat([]byte{128}, width*height/2)) // no colour
	}
	path := filepath.Join(t.TempDir(), "camera.y4m")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An invitation that one page draws is read by others: by one from a picture that was saved, by another with its camera. A safety
// number too. Where a browser reads codes by itself, it is made forget how: most browsers never could.
func TestCodesAreRead(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada, in := open(t, people[0]), "/o/"+muster[[]api.OrgSummary](people[0], "org", "list")[0].Org+"/"
	ada.goTo(in + "admin/invitations")
	ada.fill("#uses", "2")
	ada.click("main form[method=post] button")
	ada.see("The link is shown this once")
	link := read[string](ada, "document.getElementById('link').textContent")
	invitation := savePicture(t, ada)

	blank := filepath.Join(t.TempDir(), "blank.png")
	var empty bytes.Buffer
	if err := png.Encode(&empty, image.NewGray(image.Rect(0, 0, 300, 300))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blank, empty.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	filled := func(b *tab, id string) bool {
		return read[string](b, fmt.Sprintf("document.getElementById(%q).value", id)) != ""
	}
	for _, c := range []struct{ name, by string }{{"Cy", "picture"}, {"Di", "camera"}} {
		p := startPerson(t, c.name)
		var camera []chromedp.ExecAllocatorOption
		if c.by == "camera" {
			camera = append(camera, chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true),
				chromedp.Flag("use-file-for-fake-video-capture", film(t, invitation)))
		}
		b := open(t, p, camera...)
		b.goTo("/welcome")
		evalOnce[any](b, "delete window.BarcodeDetector")
		if loaded := read[bool](b, "performance.getEntriesByType('resource').some((r) => r.name.endsWith('/decode.js'))"); loaded {
			t.Error("the decoder is loaded before anybody reads a code")
		}
		if c.by == "camera" {
			b.click(`button[data-scan="invitation"]`)
		} else {
			b.do("choosing a picture", chromedp.SetUploadFiles(`input[data-picture="invitation"]`, []string{blank}, chromedp.ByQuery))
			b.see("No QR code was found")
			b.look("welcome-nocode")
			b.do("choosing a picture", chromedp.SetUploadFiles(`input[data-picture="invitation"]`, []string{invitation}, chromedp.ByQuery))
		}
		await(t, "the "+c.by+" is read", func(context.Context) bool { return filled(b, "invitation") })
		if got := read[string](b, "document.getElementById('invitation').value"); got != link {
			t.Fatalf("the %s says %q, and the page that made it %q", c.by, got, link)
		}
		b.fill("#as", c.name)
		b.click(`form[action="/welcome/join"] button:not([type])`)
		await(t, c.name+" is a member", func(ctx context.Context) bool {
			orgs, err := p.client.Orgs(ctx)
			return err == nil && len(orgs) == 1
		})
	}

	ids := make(map[string]string)
	for _, c := range muster[[]api.Contact](people[0], "contacts", "--all") {
		ids[c.Name] = c.Member
	}
	bo := open(t, people[1])
	bo.goTo(in + "people/" + muster[[]api.OrgSummary](people[0], "org", "list")[0].Member)
	number := savePicture(t, bo)
	ada.goTo(in + "people/" + ids["Bo"])
	evalOnce[any](ada, "delete window.BarcodeDetector")
	ada.do("choosing a picture", chromedp.SetUploadFiles(`input[data-picture="payload"]`, []string{number}, chromedp.ByQuery))
	await(t, "the safety number is read", func(context.Context) bool { return filled(ada, "payload") })
	ada.click(`form:has(#payload) button:not([type])`)
	await(t, "the safety number is compared", func(ctx context.Context) bool {
		known, err := people[0].client.Verification(ctx, api.VerifyQuery{Member: ids["Bo"]})
		return err == nil && known.Verified
	})
	if strings.Contains(read[string](ada, "location.href"), "muster:") {
		t.Error("the address holds what was read")
	}
}
