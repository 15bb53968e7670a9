package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// An export that breaks off, that is given up, or whose files would lie elsewhere leaves nothing, and nothing that was there is touched.
func TestBrokenExportLeavesNothing(t *testing.T) {
	part := func(name, text string) string {
		return fmt.Sprintf("--b\r\nContent-Disposition: attachment; filename=%q\r\n\r\n%s\r\n", name, text)
	}
	for name, c := range map[string]struct {
		body string
		zip  bool
		cut  bool // in the middle of the answer
		stop bool // the person interrupts
	}{
		"cut between two files":        {body: part("a", "1"), cut: true},
		"cut within a file":            {body: part("a", "1") + strings.TrimSuffix(part("b", "22222"), "22\r\n"), cut: true},
		"without an end":               {body: part("a", "1")},
		"a zip file that is cut":       {body: "PK", zip: true, cut: true},
		"a file above":                 {body: part("../evil", "1") + "--b--\r\n"},
		"a file at an absolute path":   {body: part(filepath.Join(os.TempDir(), "muster-evil"), "1") + "--b--\r\n"},
		"a file twice":                 {body: part("a", "1") + part("a", "2") + "--b--\r\n"},
		"a file without a name":        {body: "--b\r\n\r\n1\r\n--b--\r\n"},
		"interrupted after some bytes": {body: part("a", "1"), stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "multipart/mixed; boundary=b")
				_, _ = io.WriteString(w, c.body)
				switch {
				case c.stop:
					_ = http.NewResponseController(w).Flush()
					cancel()
					<-r.Context().Done()
				case c.cut:
					panic(http.ErrAbortHandler)
				}
			}))
			defer server.Close()
			client := apiclient.NewWeb(strings.TrimPrefix(server.URL, "http://"), "token")
			defer client.Close()
			dir := filepath.Join(t.TempDir(), "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
			_, err := a.export(ctx, client, api.ExportRequest{Format: "json", Zip: c.zip}, filepath.Join(dir, "out"))
			if err == nil {
				t.Error("it succeeds")
			}
			for _, look := range []string{dir, filepath.Dir(dir)} {
				left, err := os.ReadDir(look)
				if err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != "in" {
					t.Errorf("left in %s: %v, %v", look, left, err)
				}
			}
			if _, err := os.Lstat(filepath.Join(os.TempDir(), "muster-evil")); err == nil {
				t.Error("a file lies elsewhere")
			}
		})
	}
}

// What is there is not overwritten, be it a file, a folder or a link to nowhere.
func TestExportOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file.zip"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	for _, name := range []string{"link", "file.zip", "empty"} {
		if _, err := a.export(t.Context(), nil, api.ExportRequest{}, filepath.Join(dir, name)); api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
