package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"muster.example/internal/bundle"
	"muster.example/internal/keys"
	"muster.example/node/api"
)

// courier is a house that writes bundles, and takes them in.
type courier struct {
	*house
	carrying api.Carrying
	items    []string // each in a file of its own, if files are split
	asked    []api.BundleRequest
	taken    []string
	imports  map[string]api.BundleImport // by what a file holds
	kept     string
}

func (c *courier) Carrying(context.Context) ([]api.Carrying, error) {
	return []api.Carrying{{Org: "other"}, c.carrying}, nil
}

func (c *courier) Groups(context.Context, api.GroupsQuery) ([]api.Group, error) {
	return []api.Group{{Group: "crewid", Name: "Crew", MayWrite: true}}, nil
}

// ExportBundle writes the items that no earlier file holds, by the tags that it is told.
func (c *courier) ExportBundle(_ context.Context, r api.BundleRequest, open func(uint64) (io.Writer, error)) (api.BundleWritten, error) {
	c.asked = append(c.asked, r)
	if c.refuse != nil {
		return api.BundleWritten{}, c.refuse
	}
	key, err := bundle.NewKey(keys.OrgID{1}, []byte("founding"))
	if err != nil {
		return api.BundleWritten{}, err
	}
	part, had := uint64(0), ""
	if r.Resume != nil {
		part, had = r.Resume.Part-1, string(r.Resume.Tags)
	}
	var w *bundle.Writer
	next := func() error {
		part++
		out, err := open(part)
		if err == nil {
			w = bundle.NewWriter(out, key, [16]byte{1}, 0)
		}
		return err
	}
	if err := next(); err != nil {
		return api.BundleWritten{}, err
	}
	begun := r.Resume == nil
	for _, text := range c.items {
		item := bundle.Item{Kind: bundle.KindCarried, Body: []byte(text)}
		tag := w.Tag(item)
		if strings.Contains(had, string(tag[:])) {
			continue
		}
		if !begun || r.Split > 0 && w.Items() > 0 {
			begun = true
			if err := next(); err != nil {
				return api.BundleWritten{}, err
			}
		}
		if err := w.Put(item); err != nil {
			return api.BundleWritten{}, err
		}
	}
	return api.BundleWritten{Bundle: "b1", Org: "org", Parts: int(part), Messages: 2, Carried: 3, Receivers: 4, Unsealed: 5, TooLarge: 1, Left: 1}, nil
}

func (c *courier) BundleKept(_ context.Context, r api.BundleKeptRequest) (api.BundleKept, error) {
	c.kept = r.Bundle
	return api.BundleKept{Messages: 2}, c.refuse
}

func (c *courier) ImportBundle(_ context.Context, r api.BundleImportRequest, in io.Reader) (api.BundleImport, error) {
	data, err := io.ReadAll(in)
	c.taken = append(c.taken, r.Org+string(data))
	if err != nil {
		return api.BundleImport{}, err
	}
	if got, ok := c.imports[string(data)]; ok {
		c.orgs[0].Unread += got.Opened
		return got, nil
	}
	return api.BundleImport{}, api.Errorf(api.CodeUsage, "this is not a bundle of an organization of this device")
}

func newCourier() *courier {
	h := full()
	h.orgs = []api.OrgSummary{org}
	return &courier{house: h, carrying: api.Carrying{Org: "org", Envelopes: 7, Bytes: 3 << 20, Oldest: day, Receipts: 2, Pending: 4,
		For: api.List[api.CarryingFor]{{Member: "meidmeid", Name: "Me", Messages: 1}, {Member: "bobidbob", Name: hostile, Messages: 2, Carried: 3}}}}
}

// The page says what waits and for whom, in every language, and what others wrote is only text. [API-163] [API-180]
func TestBundlesPageSaysWhatWaits(t *testing.T) {
	c := newCourier()
	h := newHouse(t, c)
	p := get(t, h, "/o/org/bundles")
	for _, want := range []string{"your other devices", "2 messages", "3 envelopes", "7 envelopes", "3.0 MiB", "Receipts on their way back", "Crew", "One file"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	if strings.Contains(p.Body.String(), hostile) {
		t.Error("a name is shown as it came")
	}
	c.carrying = api.Carrying{Org: "org"}
	if p = get(t, h, "/o/org/bundles"); !strings.Contains(p.text(), "Nothing waits.") {
		t.Errorf("with nothing: %s", p.text())
	}
	for _, language := range []string{"de", "ar"} {
		if p := ask(t, h, "GET", "/o/org/bundles", language, nil); p.Code != http.StatusOK {
			t.Errorf("%s: %d", language, p.Code)
		}
	}
}

// A bundle is one file unless it is split, and its messages are carried only when the person says so. [API-160] [API-161]
func TestBundleIsSavedAndKept(t *testing.T) {
	c := newCourier()
	c.items = []string{"one", "two"}
	h := newHouse(t, c)
	if p := post(t, h, "/o/org/bundles", "whom=members"); p.Code != http.StatusBadRequest || !strings.Contains(p.text(), "Nobody is chosen") {
		t.Errorf("for nobody: %d %s", p.Code, p.text())
	}
	if p := post(t, h, "/o/org/bundles", "whom=all&split=1"); p.Code != http.StatusBadRequest {
		t.Errorf("of no size: %d", p.Code)
	}
	if p := get(t, h, "/o/org/bundles/export"); p.Header().Get("Location") != "/o/org/bundles" {
		t.Errorf("before one was begun: %v", p.Header())
	}
	if p := post(t, h, "/o/org/bundles", "whom=members&member=crewid&names=Bo,+Cy"); p.Header().Get("Location") != "/o/org/bundles/export" {
		t.Fatalf("%d %s", p.Code, p.Body)
	}
	if p := get(t, h, "/o/org/bundles/export"); !strings.Contains(p.text(), "Crew , Bo , Cy") || strings.Contains(p.text(), "They are on the stick") {
		t.Errorf("begun: %s", p.text())
	}
	p := post(t, h, "/o/org/bundles/export", "file=1")
	if diff := cmp.Diff([]api.BundleRequest{{Org: "org", For: api.List[string]{"crewid", "Bo", "Cy"}}}, c.asked); diff != "" {
		t.Error(diff)
	}
	name := p.Header().Get("Content-Disposition")
	if o, err := bundle.ReadOutline(p.Body); err != nil || len(o.Tags) != 2 || !strings.Contains(name, `filename="muster-2`) || !strings.Contains(name, `.muster"`) {
		t.Errorf("%v, %d items, %s", err, len(o.Tags), name)
	}
	p = get(t, h, "/o/org/bundles/export")
	for _, want := range []string{"Save it again", "They are on the stick", "2 messages", "Of others 3 envelopes", "for 4 devices", "5 parts of messages are not in it", "larger than a file may be", "left for another bundle"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	if p = get(t, h, "/o/org/bundles"); c.kept != "" || !strings.Contains(p.text(), "not said to be on the stick yet") {
		t.Errorf("kept %q: %s", c.kept, p.text())
	}
	if p = post(t, h, "/o/org/bundles/kept", "bundle=b1"); c.kept != "b1" || p.Header().Get("Location") != "/o/org/bundles?notice=bundles.kept" {
		t.Errorf("kept %q: %v", c.kept, p.Header())
	}
	if p = post(t, h, "/o/org/bundles/export", "file=1"); p.Code != http.StatusNotFound {
		t.Errorf("once it is forgotten: %d", p.Code)
	}
}

// Each file of a bundle that is split is made when the browser asks for it, and holds what those before do not. [API-160]
func TestBundleIsSavedInSeveralFiles(t *testing.T) {
	c := newCourier()
	c.items = []string{"one", "two", "three"}
	h := newHouse(t, c)
	post(t, h, "/o/org/bundles", "whom=all&split=8M")
	save := func(number int) string {
		t.Helper()
		p := post(t, h, "/o/org/bundles/export", fmt.Sprintf("file=%d", number))
		if name := p.Header().Get("Content-Disposition"); p.Code != http.StatusOK || !strings.Contains(name, fmt.Sprintf("-%d.muster", number)) {
			t.Fatalf("file %d: %d %s", number, p.Code, name)
		}
		return p.Body.String()
	}
	says := func(want string) {
		t.Helper()
		if p := get(t, h, "/o/org/bundles/export"); !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	first := save(1)
	if p := post(t, h, "/o/org/bundles/export", "file=3"); p.Code != http.StatusNotFound {
		t.Errorf("a file before its turn: %d", p.Code)
	}
	says("save the next file")
	second, again := save(2), save(2)
	if second != again || second == first || c.asked[1].Resume.Part != 1 || len(c.asked[1].Resume.Tags) != 12 {
		t.Errorf("file 2 is %q and then %q, asked for by %+v", second, again, c.asked[1].Resume)
	}
	if third := save(3); third == second || len(c.asked[3].Resume.Tags) != 24 {
		t.Errorf("file 3 is %q", third)
	}
	says("That was the last file.")
	if p := post(t, h, "/o/org/bundles/export", "file=4"); p.Code != http.StatusNotFound {
		t.Errorf("a file after the last: %d", p.Code)
	}
	save(1) // from the beginning: what was saved of the later files counts no more
	says("Save file 2")
}

// slowWriter is a browser that goes away.
type slowWriter struct{ *httptest.ResponseRecorder }

func (slowWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

// What the browser did not take whole is not counted as saved; what cannot begin says why.
func TestBundleThatBreaksOff(t *testing.T) {
	c := newCourier()
	c.items = []string{"one"}
	h := newHouse(t, c)
	post(t, h, "/o/org/bundles", "whom=all")
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("it is not cut")
			}
		}()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/o/org/bundles/export", strings.NewReader("file=1"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(slowWriter{httptest.NewRecorder()}, r)
	}()
	if p := get(t, h, "/o/org/bundles/export"); strings.Contains(p.text(), "Save it again") || !strings.Contains(p.text(), "Save the file") {
		t.Errorf("after it was cut: %s", p.text())
	}
	c.refuse = api.Errorf(api.CodeNotFound, "there is no member or group %q", "Bo")
	if p := post(t, h, "/o/org/bundles/export", "file=1"); p.Code != http.StatusNotFound || !strings.Contains(p.text(), "There is no member or group “Bo”.") {
		t.Errorf("refused: %d %s", p.Code, p.text())
	}
	c.refuse = nil
	if p := post(t, h, "/o/org/bundles/drop", ""); p.Header().Get("Location") != "/o/org/bundles" {
		t.Errorf("%v", p.Header())
	}
}

// sendBundles posts files as browsers do.
func sendBundles(t *testing.T, app http.Handler, files ...string) page {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, content := range files {
		file, err := w.CreateFormFile("bundle", content+".muster")
		if err == nil {
			_, err = file.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Close() //nolint:errcheck // a buffer
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/o/org/bundles/import", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	recorder := httptest.NewRecorder()
	app.ServeHTTP(recorder, r)
	root, err := html.Parse(strings.NewReader(recorder.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return page{ResponseRecorder: recorder, root: root}
}

// Of several files each says what came of it, damage with its place; one that is none hinders no other. [API-162]
func TestBundlesAreTakenIn(t *testing.T) {
	c := newCourier()
	c.imports = map[string]api.BundleImport{
		"good": {Org: "org", Maker: hostile, Made: day, Part: 2, Whole: true, Opened: 3, Carried: 2, Receipts: 1, Bars: 1, Behind: true},
		"bad": {Org: "other", OrgName: "Harbour", Maker: "rendezvous node", Unopened: 1, Damage: 70, Malformed: 2,
			Damaged: api.List[api.BundleDamage]{{From: 1024, To: 4096}, {From: 9000, To: 9999, Cut: true}}},
		"empty": {Org: "org", Whole: true},
		"short": {Org: "org"},
	}
	h := newHouse(t, c)
	p := sendBundles(t, h, "good", "none", "bad", "empty", "short")
	for _, want := range []string{"3 new messages came.", "good.muster", "3 envelopes for you were opened.", "2 envelopes for others are carried on", "1 receipt for what you sent.",
		"1 device is barred", "newer entries of the roll", "File 2 of it", "This is no bundle of an organization of this device.", "Made by a rendezvous node",
		"Of the organization Harbour", "1 for you does not open.", "Damaged from byte 1024 to byte 4096.", "Cut off at byte 9000.", "70 damaged places", "Nothing new.",
		"The file ends before its end.", "write a bundle for the way back"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	if diff := cmp.Diff([]string{"good", "none", "bad", "empty", "short"}, c.taken); diff != "" || strings.Contains(p.Body.String(), hostile) {
		t.Errorf("taken: %s", diff)
	}
	if p := sendBundles(t, h); p.Code != http.StatusBadRequest || !strings.Contains(p.text(), "No file of a bundle was chosen.") {
		t.Errorf("without a file: %d %s", p.Code, p.text())
	}
	if p := ask(t, h, "POST", "/o/org/bundles/import", "en", url.Values{"bundle": {"x"}}); p.Code != http.StatusBadRequest {
		t.Errorf("another form: %d", p.Code)
	}
}
