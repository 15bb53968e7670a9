package web_test

import (
	"bytes"
	"context"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/localapi/localapitest"
	"muster.example/node/web"
	"muster.example/node/web/hostiletest"
)

// gallery is a backend with one message that bears files.
type gallery struct {
	localapitest.Backend
	files []hostiletest.File
}

func (g *gallery) Orgs(context.Context) ([]api.OrgSummary, error) {
	return []api.OrgSummary{{Org: "org", Name: "Lighthouse", Member: "meidmeid", MemberName: "Me"}}, nil
}

func (g *gallery) Attachment(_ context.Context, _ string, index int) (api.Attachment, io.ReadCloser, error) {
	if index >= len(g.files) {
		return api.Attachment{}, nil, api.Errorf(api.CodeNotFound, "no file %d", index)
	}
	f := g.files[index]
	return api.Attachment{Name: f.Name, Size: int64(len(f.Content))}, io.NopCloser(bytes.NewReader(f.Content)), nil
}

func (g *gallery) Read(context.Context, api.ReadRequest) (api.Message, error) {
	m := api.Message{ID: "messageid", From: "Bo", FromMember: "boidboid", Text: "See."}
	for _, f := range g.files {
		m.Attachments = append(m.Attachments, api.Attachment{Name: f.Name, Size: int64(len(f.Content))})
	}
	return m, nil
}

func getFile(t *testing.T, files []hostiletest.File, address string) page {
	t.Helper()
	app, err := web.New(web.Config{Backend: &gallery{files: files}})
	if err != nil {
		t.Fatal(err)
	}
	return get(t, app, address)
}

// A picture is answered as what it is, written anew; anything else with 415, which no browser shows.
func TestPicturesOfMessages(t *testing.T) {
	for _, f := range hostiletest.Files() {
		t.Run(f.Name, func(t *testing.T) {
			w := getFile(t, []hostiletest.File{f}, "/o/org/m/messageid/image/0")
			header := w.Header()
			if header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("the browser may guess what it is")
			}
			if !f.Picture || f.Broken {
				if w.Code != http.StatusUnsupportedMediaType || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
					t.Errorf("answered %d %s", w.Code, header.Get("Content-Type"))
				}
				return
			}
			if kind := header.Get("Content-Type"); w.Code != http.StatusOK || kind != "image/png" && kind != "image/jpeg" {
				t.Errorf("answered %d %s", w.Code, kind)
			}
			if policy := header.Get("Content-Security-Policy"); policy != "sandbox; default-src 'none'" {
				t.Errorf("the policy is %q", policy)
			}
			if header.Get("Cache-Control") != "no-store" {
				t.Error("a browser may keep it on its disk")
			}
		})
	}
	for _, address := range []string{"1", "-1", "x", "99999999999999999999"} {
		if w := getFile(t, hostiletest.Files()[:1], "/o/org/m/messageid/image/"+address); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered %d", address, w.Code)
		}
	}
}

// A page shows only what begins as a picture, with its name and its measures, and every file as one to be saved.
func TestPicturesOnThePage(t *testing.T) {
	for _, f := range hostiletest.Files() {
		t.Run(f.Name, func(t *testing.T) {
			body := getFile(t, []hostiletest.File{f}, "/o/org/m/messageid").Body.String()
			if shown := strings.Contains(body, "<img "); shown != f.Picture {
				t.Errorf("it is shown: %v", shown)
			}
			if f.Picture && (!strings.Contains(body, `alt="`+f.Name+`"`) || !strings.Contains(body, ` width="`) || !strings.Contains(body, `loading="lazy"`)) {
				t.Errorf("no name or no measures: %s", body)
			}
			if !strings.Contains(body, `href="/o/org/m/messageid/files/0" download`) {
				t.Error("it cannot be saved")
			}
		})
	}
}

// Whatever a file is called, it is saved as a plain name, and no header or markup is made by it.
func TestHostileNamesOfFiles(t *testing.T) {
	for _, name := range hostiletest.Names {
		w := getFile(t, []hostiletest.File{{Name: name, Content: hostiletest.PNG(1, 1)}}, "/o/org/m/messageid/files/0")
		header := w.Header().Get("Content-Disposition")
		if w.Code != http.StatusOK || !strings.HasPrefix(header, `attachment; filename="`) || strings.ContainsAny(header, "\r\n\x00<>/\\") || strings.Count(header, `"`) != 2 {
			t.Errorf("%q is answered %d %q", name, w.Code, header)
		}
		if kind := w.Header().Get("Content-Type"); kind != "application/octet-stream" {
			t.Errorf("%q has the type %s", name, kind)
		}
		if _, err := png.Decode(w.Body); err != nil {
			t.Errorf("%q is not whole: %v", name, err)
		}
		page := getFile(t, []hostiletest.File{{Name: name}}, "/o/org/m/messageid")
		checkPage(t, page)
		checkHarmless(t, page)
	}
}
